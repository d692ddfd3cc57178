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
        jobs = [0.3, 0.25, 0.2, 0.15, 0.1] * 9
        for _ in pool.imap_unordered(nap, sorted(jobs, reverse=True)):
            pass


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
