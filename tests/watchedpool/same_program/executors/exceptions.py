import multiprocessing as mp
import sys
import traceback
from concurrent.futures import ProcessPoolExecutor


class Coded(Exception):
    def __init__(self, code, text):
        super().__init__(code, text)


class Broken(Exception):
    """Cannot be unpickled."""

    def __init__(self, code, text):
        super().__init__(f"{code}: {text}")


def inner(x):
    if x == 1:
        raise Coded(x, "one")
    if x == 2:
        try:
            {}[x]
        except KeyError as error:
            raise OSError(5, "from a key") from error
    if x == 3:
        sys.exit("leaves")
    if x == 4:
        raise KeyboardInterrupt
    if x == 5:
        raise StopIteration(x)
    if x == 6:
        raise Broken(x, "six")
    return x


def outer(x):
    return inner(x)


def attempt(call, *args, **kwargs):
    try:
        print(call(*args, **kwargs))
    except BaseException as error:
        traceback.print_exc(file=sys.stdout)
        print(error.args, type(error.__cause__))


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with ProcessPoolExecutor(1) as executor:
        for x in range(6):
            attempt(executor.submit(outer, x).result)
            attempt(list, executor.map(outer, [0, x], chunksize=2))
            future = executor.submit(outer, x)
            print(repr(future.exception()))
        attempt(executor.submit(outer, 6).result)
        attempt(executor.submit, outer, 0)
