import multiprocessing as mp
import sys
import traceback


def square(x):
    return x * x


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(2) as pool:
        for chunksize in (1, 3, 100):
            print(list(pool.imap(square, range(10), chunksize)))
            print(sorted(pool.imap_unordered(square, range(10), chunksize)))
        results = pool.imap(square, iter(range(3)))
        print(results.next(timeout=60), next(results), next(results, None), next(results, None))
        print([list(pool.imap(square, [])), list(pool.imap_unordered(square, [], 5))])
        for wrong in (0, -1):
            try:
                pool.imap(square, range(3), wrong)
            except ValueError:
                traceback.print_exc(file=sys.stdout)
