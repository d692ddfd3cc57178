import gc
import multiprocessing as mp
import sys
import warnings


def square(x):
    return x * x


def use_a_pool(workers):
    pool = mp.Pool(workers)
    return sum(pool.map(square, range(10)))


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    warnings.simplefilter("ignore")
    rounds, workers = (30, 4) if sys.argv[1] == "fork" else (4, 2)
    print(sum(use_a_pool(workers) for _ in range(rounds)))
    gc.collect()
    print(mp.active_children())
