import sys
from multiprocessing.pool import ThreadPool


def depth(n):
    return 0 if n == 0 else 1 + depth(n - 1)


def without_end(n):
    return without_end(n + 1)


with ThreadPool(1) as pool:
    print(pool.map(abs, [-1]), depth(900))
    try:
        without_end(0)
    except RecursionError as error:
        print(error)
sys.setrecursionlimit(100)
print(depth(70))
