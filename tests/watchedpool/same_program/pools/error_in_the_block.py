# exits 1

import multiprocessing as mp
import sys


def square(x):
    return x * x


def main():
    with mp.Pool(2) as pool:
        print(pool.map(square, range(5)))
        raise LookupError("in the block")


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    main()
