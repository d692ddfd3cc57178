import multiprocessing as mp
import sys
import traceback


def square(x):
    return x * x


def broken():
    yield 1
    yield 2
    raise KeyError("no more")


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
        attempt(pool.map, square, broken())
        attempt(pool.imap, square, broken())
        attempt(pool.imap_unordered, square, (1 / x for x in [0]))
        attempt(pool.imap, square, broken(), 5)
        attempt(pool.map, square, 5)
        attempt(pool.imap, square, None)
        attempt(pool.starmap, divmod, [1, 2])
        attempt(pool.map, square, range(3))
