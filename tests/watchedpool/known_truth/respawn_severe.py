# wanted: respawn
import sys
import time
from multiprocessing import get_context

CHANGED = sys.argv[1:] == ["changed"]


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    with get_context("spawn").Pool(2, maxtasksperchild=None if CHANGED else 1) as pool:
        for _ in pool.imap_unordered(nap, [0.1] * 12):
            pass


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
