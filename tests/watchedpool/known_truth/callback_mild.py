# wanted: callback
import sys
import time
from multiprocessing import Pool

CHANGED = sys.argv[1:] == ["changed"]


def store(result):
    time.sleep(0 if CHANGED else 0.06)


def nap(seconds):
    time.sleep(seconds)
    return seconds


def main():
    with Pool(4) as pool:
        results = [pool.apply_async(nap, (0.1,), callback=store) for _ in range(16)]
        for result in results:
            result.wait()


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
