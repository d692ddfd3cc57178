# wanted: unended
import sys
import time
from multiprocessing import Pool

CHANGED = sys.argv[1:] == ["changed"]


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    with Pool(2) as pool:
        results = [pool.apply_async(nap, (each,)) for each in [0.1, 0.1, 0.1, 60]]
        for result in results[:3]:
            result.get()


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
