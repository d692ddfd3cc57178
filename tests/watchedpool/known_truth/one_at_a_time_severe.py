# wanted: one-at-a-time
import sys
import time
from multiprocessing import Pool

CHANGED = sys.argv[1:] == ["changed"]


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    with Pool(4) as pool:
        if CHANGED:
            pool.map(nap, [0.1] * 16, chunksize=1)
        else:
            for _ in range(16):
                pool.apply(nap, (0.1,))


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
