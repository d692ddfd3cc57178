# The interpreter waits for what was submitted when the main module has ended.

import multiprocessing as mp
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures import thread as module


def square(x):
    return x * x


def at_shutdown(x):
    while not module._shutdown:
        time.sleep(0.001)
    return x * x


def say(future):
    print(future.result(), flush=True)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    processes, threads = ProcessPoolExecutor(1), ThreadPoolExecutor(1)
    for x in range(3):
        processes.submit(square, x)
        threads.submit(at_shutdown, x).add_done_callback(say)
    print("end of main", flush=True)
