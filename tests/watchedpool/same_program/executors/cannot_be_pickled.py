import multiprocessing as mp
import sys
import threading
import traceback
from concurrent.futures import ProcessPoolExecutor


class Refuses:
    def __init__(self, here=True):
        self.here = here

    def __reduce__(self):
        if self.here:
            raise ValueError("I stay here")
        return Refuses, (False,)


class Breaks:
    def __reduce__(self):
        return fail, ("when it arrives",)


def fail(text):
    raise ValueError(text)


def make(_):
    return lambda: 1


def lock(_):
    return threading.Lock()


def attempt(call, *args, **kwargs):
    try:
        print(call(*args, **kwargs))
    except Exception:
        traceback.print_exc(file=sys.stdout)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with ProcessPoolExecutor(1) as executor:
        attempt(executor.submit(lambda: 1).result)
        attempt(executor.submit(abs, Refuses()).result)
        attempt(executor.submit(abs, threading.Lock()).result)
        attempt(list, executor.map(abs, [1, Refuses()], chunksize=2))
        attempt(executor.submit(make, 1).result)
        attempt(list, executor.map(lock, [1, 2], chunksize=2))
        attempt(executor.submit(Refuses, True).result)
        print(executor.submit(abs, -1).result())
    with ProcessPoolExecutor(1) as executor:
        attempt(executor.submit(abs, Breaks()).result)  # the worker dies
