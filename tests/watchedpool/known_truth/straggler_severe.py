# wanted: straggler
import sys
import time
from multiprocessing import Pool

CHANGED = sys.argv[1:] == ["changed"]


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    jobs = [0.1] * 20 + [1.2]
    with Pool(4) as pool:
        pool.map(nap, sorted(jobs, reverse=CHANGED), chunksize=1)


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
