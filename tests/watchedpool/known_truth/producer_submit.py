# wanted: producer
import sys
import time
from concurrent.futures import ProcessPoolExecutor

CHANGED = sys.argv[1:] == ["changed"]


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    with ProcessPoolExecutor(3) as pool:
        futures = []
        for _ in range(15):
            time.sleep(0 if CHANGED else 0.08)
            futures.append(pool.submit(nap, 0.1))
        for future in futures:
            future.result()


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
