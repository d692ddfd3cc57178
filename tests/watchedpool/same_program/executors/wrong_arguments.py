import multiprocessing as mp
import sys
import traceback
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor


class Mine(ThreadPoolExecutor):
    def __init__(self, workers):
        super().__init__(workers, thread_name_prefix="mine")


def attempt(call, *args, **kwargs):
    try:
        print(call(*args, **kwargs))
    except Exception:
        traceback.print_exc(file=sys.stdout)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    for kind in (ProcessPoolExecutor, ThreadPoolExecutor):
        attempt(kind, 0)
        attempt(kind, 1, initializer="no function")
        attempt(kind, 1, wrong=True)
        with kind(1) as executor:
            attempt(executor.submit)
    attempt(Mine, 0)
