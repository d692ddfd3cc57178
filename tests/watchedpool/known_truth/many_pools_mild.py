# wanted: many-pools
import sys
import time
from multiprocessing import get_context

CHANGED = sys.argv[1:] == ["changed"]


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    if CHANGED:
        with get_context("spawn").Pool(2) as pool:
            for _ in range(5):
                pool.map(nap, [0.3] * 2, chunksize=1)
        return
    for _ in range(5):
        with get_context("spawn").Pool(2) as pool:
            pool.map(nap, [0.3] * 2, chunksize=1)


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
