# wanted: unended
import sys
import time
from multiprocessing import Pool, TimeoutError

CHANGED = sys.argv[1:] == ["changed"]


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    with Pool(2) as pool:
        try:
            pool.map_async(nap, [60] * 4, chunksize=1).get(timeout=0.7)
        except TimeoutError:
            pass


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
