# wanted: nothing
import sys
import time
from multiprocessing import get_context

CHANGED = sys.argv[1:] == ["changed"]


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    with get_context("spawn").Pool(2) as pool:
        pool.map(nap, [0] * 2, chunksize=1)
        pool.map(nap, [0.1] * 80, chunksize=1)


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
