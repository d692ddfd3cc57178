import multiprocessing as mp
import sys
import traceback
from concurrent.futures import ProcessPoolExecutor


def power(base, exponent=2):
    return base**exponent


def broken():
    yield 1
    raise KeyError("no more")


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with ProcessPoolExecutor(max_workers=2) as executor:
        for chunksize in (1, 3, 100):
            print(list(executor.map(power, range(10), chunksize=chunksize)))
            print(list(executor.map(power, range(4), (3, 1, 2), chunksize=chunksize)))
        print(list(executor.map(power, [])), list(executor.map(power, [2], timeout=60)))
        print(executor.submit(power, 3).result(), executor.submit(power, 2, exponent=5).result(60))
        print([executor.submit(power, x).result() for x in range(3)])
        futures = {executor.submit(power, x): x for x in range(4)}
        print({x: future.result() for future, x in futures.items()})
        results = executor.map(power, range(100))
        print(next(results), next(results), type(results).__name__)
        results.close()
        for wrong in (lambda: executor.map(power, [1], chunksize=0), lambda: executor.map(abs, 5)):
            try:
                wrong()
            except (TypeError, ValueError):
                traceback.print_exc(file=sys.stdout)
        try:
            executor.map(power, broken())
        except KeyError:
            traceback.print_exc(file=sys.stdout)
