# only fork

import multiprocessing


def square(x):
    return x * x


pool = multiprocessing.Pool(2)  # no guard, and never closed
print(pool.map(square, range(10)))
print(sorted(each.name for each in multiprocessing.active_children()))
