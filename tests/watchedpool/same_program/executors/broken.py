import multiprocessing as mp
import os
import sys
import traceback
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool


def leave(code):
    os._exit(code)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with ProcessPoolExecutor(1) as executor:
        print(executor.submit(abs, -1).result())
        try:
            executor.submit(leave, 3).result()
        except BrokenProcessPool as error:
            traceback.print_exc(file=sys.stdout)
            print(isinstance(error, BrokenExecutor), error.__cause__)
        try:
            executor.submit(abs, -1)
        except BrokenProcessPool:
            traceback.print_exc(file=sys.stdout)
    with ProcessPoolExecutor(1) as executor:
        print(list(executor.map(abs, range(-3, 0))))
