import multiprocessing
import multiprocessing.dummy
import sys
from multiprocessing import Pool as ImportedPool
from multiprocessing import get_context
from multiprocessing.pool import Pool, ThreadPool

if __name__ == "__main__":
    method = sys.argv[1]
    print(multiprocessing.get_start_method(allow_none=True))
    multiprocessing.set_start_method(method)
    context = get_context(method)
    with context.Pool(1) as pool, Pool(1, context=context) as other:
        print(pool.map(abs, [-1]), other.map(abs, [-2]), pool._ctx is context)
        print([type(each).__name__ for each in pool._pool], pool._pool[0].name)
    with ImportedPool(1) as pool, multiprocessing.Pool(processes=1) as other:
        print(pool.map(abs, [-1]), other.map(abs, [-2]), type(pool) is type(other))
    with multiprocessing.dummy.Pool(2) as pool, ThreadPool() as other:
        print(pool.map(abs, [-1]), other.map(abs, [-2]), type(pool), type(other))
    print(multiprocessing.get_start_method())
    try:
        multiprocessing.set_start_method(method)
    except RuntimeError as error:
        print(error)
