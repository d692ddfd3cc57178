# wanted: too-short
import sys
import time
from multiprocessing import Pool

CHANGED = sys.argv[1:] == ["changed"]


def square(number):
    return number * number


def main():
    with Pool(2) as pool:
        pool.map(square, range(20_000), chunksize=1000 if CHANGED else 1)


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
