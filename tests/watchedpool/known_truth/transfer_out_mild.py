# wanted: transfer-out
import sys
import time
from multiprocessing import Pool

CHANGED = sys.argv[1:] == ["changed"]


def work(number):
    time.sleep(0.05)
    return bytes(10 if CHANGED else 40_000_000)


def main():
    with Pool(2) as pool:
        for _ in pool.imap_unordered(work, range(20)):
            pass


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
