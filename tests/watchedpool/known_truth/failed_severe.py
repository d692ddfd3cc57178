# wanted: failed
import sys
import time
from concurrent.futures import ProcessPoolExecutor

CHANGED = sys.argv[1:] == ["changed"]


def work(number):
    time.sleep(0.1)
    raise ValueError(number)


def main():
    with ProcessPoolExecutor(2) as pool:
        for number in range(8):
            pool.submit(work, number)


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
