import multiprocessing as mp
import sys
import traceback

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(1) as pool:
        try:
            pool.apply(print, (pool,))
        except NotImplementedError:
            traceback.print_exc(file=sys.stdout)
        try:
            pool.map(str, [1], error_callback=print)
        except TypeError:
            traceback.print_exc(file=sys.stdout)
