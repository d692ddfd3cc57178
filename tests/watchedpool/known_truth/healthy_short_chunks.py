# wanted: nothing
import sys
import time
from multiprocessing import Pool

CHANGED = sys.argv[1:] == ["changed"]


def spin(loops):
    total = 0
    for number in range(loops):
        total += number * number
    return total


def main():
    with Pool(2) as pool:
        for _ in pool.imap_unordered(spin, [20_000] * 800, chunksize=20):
            pass


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
