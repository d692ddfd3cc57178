import multiprocessing as mp
import os
import sys


def worker(_):
    return os.getpid()


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(1, maxtasksperchild=1) as pool:
        print(len(set(pool.map(worker, range(3), chunksize=1))))
    with mp.Pool(1, maxtasksperchild=2) as pool:
        print(len(set(pool.imap(worker, range(4)))))
    with mp.Pool(1, maxtasksperchild=2) as pool:
        print(len(set(pool.map(worker, range(6), chunksize=3))))
