import multiprocessing as mp
import sys


def increment(x):
    return x + 1


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(2) as pool:
        print(sum(pool.map(increment, range(20_000))))
        print(sum(pool.imap_unordered(increment, range(20_000), chunksize=64)))
        print(sum(pool.imap(increment, range(2_000))))
