# wanted: order
import sys
import time
from concurrent.futures import ProcessPoolExecutor

CHANGED = sys.argv[1:] == ["changed"]


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    with ProcessPoolExecutor(4) as pool:
        for _ in pool.map(nap, [1.0] + [0.1] * 30):
            pass


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
