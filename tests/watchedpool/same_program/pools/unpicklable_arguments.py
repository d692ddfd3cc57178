import multiprocessing as mp
import sys
import threading
import traceback


def square(x):
    return x * x


class Refuses:
    def __reduce__(self):
        raise ValueError("I stay here")


def attempt(call, *args):
    seen = []
    try:
        for result in call(*args):
            seen.append(result)
    except Exception:
        traceback.print_exc(file=sys.stdout)
    print(seen)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(2) as pool:
        for call in (pool.map, pool.imap):
            attempt(call, lambda x: x, [1, 2])
            attempt(call, square, [1, threading.Lock()], 1)
            attempt(call, square, [Refuses(), 2], 1)
            attempt(call, square, [2, Refuses(), 3], 5)
        attempt(pool.apply, square, ((x for x in "ab"),))
        failed = []
        result = pool.apply_async(square, (Refuses(),), error_callback=failed.append)
        result.wait()
        print(failed, result.successful())
        attempt(pool.map, square, [4, 5])
