# wanted: one-at-a-time
import sys
import time
from concurrent.futures import ProcessPoolExecutor

CHANGED = sys.argv[1:] == ["changed"]


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    with ProcessPoolExecutor(3) as pool:
        if CHANGED:
            list(pool.map(nap, [0.1] * 15))
        else:
            for _ in range(15):
                pool.submit(nap, 0.1).result()


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
