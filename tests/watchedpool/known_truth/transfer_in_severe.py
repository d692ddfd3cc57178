# wanted: transfer-in
import sys
import time
from multiprocessing import Pool

CHANGED = sys.argv[1:] == ["changed"]


SECONDS = 0.08


class Big:
    """Takes long to pickle."""

    def __reduce__(self):
        time.sleep(0 if CHANGED else SECONDS)
        return bytes, (10,)


def work(data):
    time.sleep(0.03)
    return len(data)


def main():
    with Pool(3) as pool:
        for _ in pool.imap_unordered(work, [Big() for _ in range(15)]):
            pass


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
