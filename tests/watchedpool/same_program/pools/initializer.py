import multiprocessing as mp
import os
import sys


def prepare(number, *, text="text"):
    global prepared
    prepared = number, text
    print("prepared", prepared, flush=True)


def use(x):
    return x, prepared, mp.current_process().daemon, len(mp.active_children()), os.getppid() > 1


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(1, initializer=prepare, initargs=(5,)) as pool:
        print(pool.map(use, range(3)))
