# only fork

import multiprocessing
import sys
import traceback

pool = multiprocessing.Pool(1)


def later(x):
    return x


for call in (pool.apply_async, pool.map_async):
    result = call(later, [1])
    try:
        print(result.get(timeout=0.3))
    except multiprocessing.TimeoutError:
        traceback.print_exc(file=sys.stdout)
print(pool.map(abs, [-1, -2]))
