# wanted: killed
import sys
import time
import os
from concurrent.futures import ProcessPoolExecutor

CHANGED = sys.argv[1:] == ["changed"]


def work(number):
    time.sleep(0.1)
    if number == 3:
        os.kill(os.getpid(), 9)
    return number


def main():
    with ProcessPoolExecutor(2) as pool:
        futures = [pool.submit(work, number) for number in range(8)]
        for future in futures:
            future.exception()


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
