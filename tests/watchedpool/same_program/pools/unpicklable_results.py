import multiprocessing as mp
import sys
import threading
import traceback


def square(x):
    return (lambda: x) if x == 2 else x * x


def lock(_):
    return threading.Lock()


class Odd(Exception):
    def __reduce__(self):
        raise ValueError("I stay here")

    def __repr__(self):
        return "Odd()"


def fail(x):
    raise Odd(x)


def attempt(call, *args):
    seen = []
    try:
        for result in call(*args):
            seen.append(result)
    except Exception as error:
        print(type(error), repr(error)[:60])
        print(len(traceback.format_exc().split("line ")), error.__cause__)
    print(seen)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(2) as pool:
        for call in (pool.map, pool.imap):
            attempt(call, square, [1, 2, 3], 1)
            attempt(call, square, [1, 2, 3], 5)
            attempt(call, lock, [1], 1)
            attempt(call, fail, [1], 1)
        try:
            pool.map(fail, [1, 2])
        except Exception:
            traceback.print_exc(file=sys.stdout)
        print(pool.map(square, [4, 5]))
