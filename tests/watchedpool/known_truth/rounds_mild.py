# wanted: rounds
import sys
import time
from multiprocessing import Pool

CHANGED = sys.argv[1:] == ["changed"]


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    with Pool(4) as pool:
        for _ in range(4):
            pool.map(nap, [0.2] * 8, chunksize=1)
            time.sleep(0 if CHANGED else 0.15)  # prepares the next
        pool.map(nap, [0.2] * 8, chunksize=1)


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
