# wanted: drain
import sys
import time
from multiprocessing import Pool

CHANGED = sys.argv[1:] == ["changed"]


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    jobs = [0.4, 0.1, 0.1, 0.1] * 5
    with Pool(4) as pool:
        if CHANGED:
            pool.map(nap, jobs, chunksize=1)
        else:
            for _ in range(5):
                pool.map(nap, [0.4, 0.1, 0.1, 0.1], chunksize=1)


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
