# wanted: transfer-in
import sys
import time
from multiprocessing import Pool

CHANGED = sys.argv[1:] == ["changed"]


def work(data):
    time.sleep(0.05)
    return len(data)


def main():
    data = bytes(10 if CHANGED else 30_000_000)
    with Pool(2) as pool:
        for _ in pool.imap_unordered(work, [data] * 24):
            pass


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
