import multiprocessing as mp
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.pool import ThreadPool


def square(x):
    return x * x


def sum_of_squares(x):
    with ProcessPoolExecutor(1) as executor:
        processes = sum(executor.map(square, range(x)))
    with ThreadPoolExecutor(2) as executor, ThreadPool(2) as pool:
        assert sum(executor.map(square, range(x))) == sum(pool.map(square, range(x))) == processes
    with mp.Pool(1) as pool:  # workers of an executor may have children
        assert sum(pool.map(square, range(x))) == processes
    return processes, mp.current_process().daemon


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with ProcessPoolExecutor(1) as executor:
        print(list(executor.map(sum_of_squares, [3, 4])))
