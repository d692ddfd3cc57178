# wanted: killed
import sys
import time
import os
from multiprocessing import Pool

CHANGED = sys.argv[1:] == ["changed"]


def work(number):
    time.sleep(0.1)
    if number == 3:
        os.kill(os.getpid(), 9)
    return number


def main():
    with Pool(2) as pool:
        results = [pool.apply_async(work, (number,)) for number in range(8)]
        for number, result in enumerate(results):
            if number != 3:
                result.get()


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
