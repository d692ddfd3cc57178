# wanted: many-pools
import sys
import time
from multiprocessing import Pool

CHANGED = sys.argv[1:] == ["changed"]


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    if CHANGED:
        with Pool(4) as pool:
            for _ in range(30):
                pool.map(nap, [0.001] * 4, chunksize=1)
        return
    for _ in range(30):
        with Pool(4) as pool:
            pool.map(nap, [0.001] * 4, chunksize=1)


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
