# wanted: broken-off
import sys
import time
from multiprocessing import Pool

CHANGED = sys.argv[1:] == ["changed"]


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    with Pool(4) as pool:
        for number, _ in enumerate(pool.imap(nap, [0.1] * 20)):
            if number == 15:
                break


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
