# wanted: unsent
import sys
import time
from concurrent.futures import ProcessPoolExecutor

CHANGED = sys.argv[1:] == ["changed"]


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    with ProcessPoolExecutor(2) as pool:
        futures = [pool.submit(lambda: 1) for _ in range(4)]
        for future in futures:
            future.exception()


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
