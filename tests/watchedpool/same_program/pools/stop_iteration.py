import multiprocessing as mp
import sys
import traceback


def stop(x):
    if x == 2:
        raise StopIteration(x)
    return x


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(1) as pool:
        print(pool.map(stop, range(6), chunksize=6))
        print(pool.map(stop, range(6), chunksize=3))
        print(list(pool.imap(stop, range(6), chunksize=3)))
        print(list(pool.imap(stop, range(6))))
        try:
            print(pool.apply(stop, (2,)))
        except StopIteration:
            traceback.print_exc(file=sys.stdout)
