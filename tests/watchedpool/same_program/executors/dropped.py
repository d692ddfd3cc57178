import gc
import multiprocessing as mp
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor


def square(x):
    return x * x


def use(kind, workers):
    executor = kind(workers)
    return sum(executor.map(square, range(10)))


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    processes = []
    print(sum(use(ThreadPoolExecutor, 7) for _ in range(50)))
    print(sum(use(ProcessPoolExecutor, 2) for _ in range(3)))
    gc.collect()
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            thread.join()
    for process in mp.active_children():
        process.join()
    print(threading.active_count(), mp.active_children())
