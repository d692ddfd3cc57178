# wanted: unsent
import sys
import time
from multiprocessing import Pool

CHANGED = sys.argv[1:] == ["changed"]


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    with Pool(2) as pool:
        try:
            pool.map(nap, [0.1, 0.1, lambda: 0.1, 0.1], chunksize=1)
        except Exception:
            pass


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
