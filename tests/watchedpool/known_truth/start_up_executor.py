# wanted: start-up
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

CHANGED = sys.argv[1:] == ["changed"]


if __name__ != "__main__" and not CHANGED:
    time.sleep(0.8)  # a slow import


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    with ProcessPoolExecutor(2, get_context("fork" if CHANGED else "spawn")) as pool:
        for future in as_completed([pool.submit(nap, 0.1) for _ in range(12)]):
            future.result()


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
