import multiprocessing as mp
import os
import sys


def leave(code):
    os._exit(code)


def exit_quietly(code):
    sys.exit(code)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(2) as pool:
        for task in (leave, exit_quietly):
            result = pool.apply_async(task, (3,))
            try:
                print(result.get(timeout=0.3))
            except mp.TimeoutError:
                print("lost", result.ready())
        print(pool.map(abs, range(-5, 0), chunksize=1))
