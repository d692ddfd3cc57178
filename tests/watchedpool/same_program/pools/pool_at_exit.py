# A pool that is made when the main module has ended.

import atexit
import multiprocessing as mp
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool


def square(x):
    return x * x


def use_pools():
    with ThreadPool(2) as pool:
        print("threads", pool.map(square, range(4)), flush=True)
    try:
        ThreadPoolExecutor().submit(square, 1)
    except RuntimeError as error:
        print(error, flush=True)


def in_a_thread():
    threading.main_thread().join()
    with ThreadPool(2) as pool:
        print("thread", pool.map(square, range(4)), list(pool.imap(square, [5], 2)), flush=True)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    atexit.register(use_pools)
    with mp.Pool(1) as pool:
        print(pool.map(square, range(2)), flush=True)
    threading.Thread(target=in_a_thread).start()
