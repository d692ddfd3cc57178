# wanted: order
import sys
import time
from multiprocessing import Pool

CHANGED = sys.argv[1:] == ["changed"]


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    with Pool(4) as pool:
        for _ in pool.imap(nap, [1.5] + [0.1] * 45):
            pass


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
