# wanted: few-tasks
import sys
import time
from multiprocessing import Pool

CHANGED = sys.argv[1:] == ["changed"]


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    with Pool(6) as pool:
        pool.map(nap, [0.5] * 6 if CHANGED else [0.75] * 4, chunksize=1)


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
