# wanted: transfer-out
import sys
import time
from multiprocessing import Pool

CHANGED = sys.argv[1:] == ["changed"]


SECONDS = 0.15


class Big:
    """Takes long to pickle."""

    def __reduce__(self):
        time.sleep(0 if CHANGED else SECONDS)
        return bytes, (10,)


def work(number):
    time.sleep(0.05)
    return Big()


def main():
    with Pool(3) as pool:
        for _ in pool.imap_unordered(work, range(15)):
            pass


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
