import multiprocessing as mp
import sys


def square(x):
    return x * x


def power(base, exponent):
    return base**exponent


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(2) as pool:
        for chunksize in (None, 1, 3, 100):
            print(pool.map(square, range(20), chunksize))
            print(pool.starmap(power, zip(range(5), range(5), strict=True), chunksize))
        print(pool.map(square, []), pool.starmap(power, []), pool.map(square, iter([7])))
        print(pool.map(square, (x for x in range(3))), pool.map(str, "abc"))
        try:
            pool.map(square, range(3), chunksize="two")
        except TypeError as error:
            print(error)
