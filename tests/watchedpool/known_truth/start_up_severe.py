# wanted: start-up
import sys
import time
from multiprocessing import get_context

CHANGED = sys.argv[1:] == ["changed"]


if __name__ != "__main__" and not CHANGED:
    time.sleep(1.2)  # a slow import


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    with get_context("fork" if CHANGED else "spawn").Pool(4) as pool:
        for _ in pool.imap_unordered(nap, [0.1] * 24):
            pass


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
