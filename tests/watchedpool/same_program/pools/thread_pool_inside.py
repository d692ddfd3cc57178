import multiprocessing as mp
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool


def fetch(x):
    return x * x


def with_threads(x):
    with ThreadPool(2) as pool:
        squares = pool.map(fetch, range(x))
    with ThreadPoolExecutor(2) as executor:
        assert list(executor.map(fetch, range(x))) == squares
    return squares, mp.current_process().name[-2:], type(pool).__name__


def with_processes(x):
    with mp.Pool(1) as pool:
        return pool.apply(fetch, (x,))


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(1) as pool:
        print(pool.map(with_threads, range(5), chunksize=2))
        try:
            print(pool.map(with_processes, [1]))
        except AssertionError:
            traceback.print_exc(file=sys.stdout)
        pool.close()
        pool.join()  # a worker that is terminated leaves the semaphores of its own pool
