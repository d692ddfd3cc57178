# wanted: respawn
import sys
import time
from multiprocessing import Pool

CHANGED = sys.argv[1:] == ["changed"]


def load():
    time.sleep(0.05)


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    with Pool(2, maxtasksperchild=None if CHANGED else 2, initializer=load) as pool:
        for _ in pool.imap_unordered(nap, [0.1] * 16):
            pass


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
