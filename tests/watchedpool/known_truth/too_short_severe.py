# wanted: too-short
import sys
import time
from multiprocessing import Pool

CHANGED = sys.argv[1:] == ["changed"]


def square(number):
    return number * number


def main():
    with Pool(2) as pool:
        for _ in pool.imap_unordered(square, range(40_000), chunksize=2000 if CHANGED else 1):
            pass


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
