import multiprocessing as mp
import sys
import traceback
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, ThreadPoolExecutor


def prepare(number):
    global prepared
    prepared = number


def fail():
    raise KeyError("at the start")


def use(x):
    return x, prepared


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    for kind in (ProcessPoolExecutor, ThreadPoolExecutor):
        with kind(1, initializer=prepare, initargs=(5,)) as executor:
            print(list(executor.map(use, range(3))))
        with kind(1, initializer=fail) as executor:
            future = executor.submit(abs, -1)
            try:
                future.result()
            except BrokenExecutor:
                traceback.print_exc(file=sys.stdout)
            try:
                executor.submit(abs, -1)
            except BrokenExecutor:
                traceback.print_exc(file=sys.stdout)
