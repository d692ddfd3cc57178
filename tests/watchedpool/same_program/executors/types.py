import multiprocessing as mp
import re
import sys
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor


def without_address(value):
    return re.sub("0x[0-9a-f]+", "0x", repr(value))


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    for kind in (ProcessPoolExecutor, ThreadPoolExecutor):
        with kind(1) as executor:
            print(type(executor), type(executor) is kind, isinstance(executor, Executor))
            print(without_address(executor), type(executor).__mro__)
            future = executor.submit(abs, -1)
            print(type(future), isinstance(future, Future), type(future).__qualname__)
            print(future.result(), without_address(future), future.done(), future.running())
            future = executor.submit(abs, "one")
            print(future.exception(), without_address(future), hash(future) == hash(future))
            print(Future.result.__qualname__, future.result.__name__)
