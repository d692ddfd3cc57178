# wanted: callback
import sys
import time
from concurrent.futures import ProcessPoolExecutor, wait

CHANGED = sys.argv[1:] == ["changed"]


def store(future):
    time.sleep(0 if CHANGED else 0.1)


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    with ProcessPoolExecutor(4) as pool:
        futures = [pool.submit(nap, 0.1) for _ in range(16)]
        for future in futures:
            future.add_done_callback(store)
        wait(futures)


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
