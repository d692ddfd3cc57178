# exits 1

import multiprocessing as mp
import sys


def divide(x):
    return 1 / x


def main():
    with mp.Pool(2) as pool:
        for result in pool.imap(divide, [1, 2, 0]):
            print(result)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    main()
