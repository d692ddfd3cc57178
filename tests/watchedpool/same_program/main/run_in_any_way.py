# exits 1

"""Prints what differs between `python file`, `python -m module`, a folder, a zip file..."""

import atexit
import multiprocessing
import pickle
import sys
import threading

print("begin", __name__, __file__, __package__, __spec__ and __spec__.name, __doc__, flush=True)


def square(x):
    return x * x


class Noisy:
    def __del__(self):
        print("deleted", flush=True)


def after_main():
    threading.main_thread().join()
    print(sys.modules["__main__"].__dict__ is globals(), pickle.loads(pickle.dumps(square))(2))


def fail():
    raise LookupError("for the last line")


if __name__ == "__main__":
    print(sys.argv, sys.path[0], sorted(globals()), type(__loader__).__name__, __cached__)
    print(sys.modules["__main__"].__dict__ is globals())
    noisy = Noisy()
    atexit.register(print, "at exit")
    threading.Thread(target=after_main).start()
    if "threads" in sys.argv:
        from multiprocessing.pool import ThreadPool as Pool
    else:
        Pool = multiprocessing.Pool
    with Pool(1) as pool:
        print(pool.map(square, range(4)), flush=True)
    fail()
