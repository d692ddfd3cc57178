# wanted: nothing
import sys
import time
from concurrent.futures import ThreadPoolExecutor

CHANGED = sys.argv[1:] == ["changed"]


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(nap, [0.1] * 80))


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
