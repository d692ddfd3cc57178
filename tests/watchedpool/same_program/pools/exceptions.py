import multiprocessing as mp
import sys
import traceback


class TwoArguments(Exception):
    def __init__(self, code, text):
        super().__init__(code, text)
        self.code = code


def inner(x):
    if x == 3:
        raise TwoArguments(x, "three")
    if x == 4:
        try:
            {}[x]
        except KeyError as error:
            raise OSError(5, "from a key") from error
    if x == 5:
        error = ValueError("with a note")
        error.add_note("look here")
        raise error
    if x == 6:
        raise ExceptionGroup("many", [ValueError(1), TypeError(2)])
    return x


def outer(x):
    return inner(x)


def attempt(call, *args):
    seen = []
    try:
        for result in call(*args):
            seen.append(result)
    except Exception as error:
        traceback.print_exc(file=sys.stdout)
        print(error.args, type(error.__cause__), error.__cause__)
    print(seen)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(2) as pool:
        for x in range(3, 7):
            attempt(pool.map, outer, [1, x, 2])
            attempt(pool.imap, outer, [1, x, 2])
        attempt(pool.imap, outer, [1, 3, 2], 2)
        attempt(pool.starmap, outer, [(1,), (1, 2)], 1)
        results = pool.imap(outer, [1, 3, 2])
        print(next(results))
        try:
            next(results)
        except TwoArguments as error:
            print(error.code)
        print(next(results))
        print(sorted(map(str, pool.imap_unordered(str, range(3)))))
