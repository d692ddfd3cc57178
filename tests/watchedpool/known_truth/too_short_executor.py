# wanted: too-short
import sys
import time
from concurrent.futures import ProcessPoolExecutor

CHANGED = sys.argv[1:] == ["changed"]


def square(number):
    return number * number


def main():
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(square, range(4_000), chunksize=200 if CHANGED else 1))


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
