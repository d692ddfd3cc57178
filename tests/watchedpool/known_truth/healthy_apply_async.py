# wanted: nothing
import sys
import time
from multiprocessing import Pool

CHANGED = sys.argv[1:] == ["changed"]


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    with Pool(3) as pool:
        for result in [pool.apply_async(nap, (0.1,)) for _ in range(30)]:
            result.get()


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
