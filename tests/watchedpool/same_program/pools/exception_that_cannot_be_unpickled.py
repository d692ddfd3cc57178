# exits 1

import multiprocessing as mp
import sys
import traceback


class TwoArguments(Exception):
    def __init__(self, code, text):
        super().__init__(f"{code}: {text}")


def fail(x):
    raise TwoArguments(x, "oh")


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(1) as pool:
        result = pool.apply_async(fail, (1,))
        for thread in (pool._result_handler,):
            thread.join()  # it ends, with a traceback on stderr
        try:
            result.get(timeout=0.01)
        except mp.TimeoutError:
            traceback.print_exc(file=sys.stdout)
