# wanted: failed
import sys
import time
from multiprocessing import Pool

CHANGED = sys.argv[1:] == ["changed"]


def work(number):
    time.sleep(0.1)
    return 10 // (number - 3)


def main():
    with Pool(2) as pool:
        results = [pool.apply_async(work, (number,)) for number in range(8)]
        pool.close()
        pool.join()


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
