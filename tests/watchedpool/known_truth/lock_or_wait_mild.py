# wanted: lock-or-wait
import sys
import time
from multiprocessing import Lock, Pool

CHANGED = sys.argv[1:] == ["changed"]


def keep(given):
    global lock
    lock = given


def work(number):
    time.sleep(0.06)
    if CHANGED:
        time.sleep(0.06)
        return
    with lock:
        time.sleep(0.06)


def main():
    with Pool(4, initializer=keep, initargs=(Lock(),)) as pool:
        for _ in pool.imap_unordered(work, range(20)):
            pass


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
