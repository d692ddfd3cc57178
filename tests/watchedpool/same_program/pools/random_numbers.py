import multiprocessing as mp
import random
import sys


def number(seed):
    random.seed(seed)
    return random.random()


def inherited(_):
    return random.randrange(1000)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    random.seed(3)
    with mp.Pool(1) as pool:
        print(random.random(), pool.map(number, range(3)), random.random())
        if sys.argv[1] == "fork":
            print(pool.map(inherited, range(3), 2))
