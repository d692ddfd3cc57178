# wanted: nothing
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed

CHANGED = sys.argv[1:] == ["changed"]


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    with ProcessPoolExecutor(4) as pool:
        for future in as_completed([pool.submit(nap, 0.1) for _ in range(40)]):
            future.result()


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
