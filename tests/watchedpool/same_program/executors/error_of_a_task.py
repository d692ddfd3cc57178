# exits 1

import multiprocessing as mp
import sys
from concurrent.futures import ProcessPoolExecutor


def divide(x):
    return 1 / x


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with ProcessPoolExecutor(2) as executor:
        for result in executor.map(divide, [1, 2, 0]):
            print(result)
