# wanted: producer
import sys
import time
from multiprocessing import Pool

CHANGED = sys.argv[1:] == ["changed"]


def read(count):
    for _ in range(count):
        time.sleep(0 if CHANGED else 0.1)
        yield 0.1


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    with Pool(4) as pool:
        for _ in pool.imap_unordered(nap, read(24)):
            pass


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
