import multiprocessing as mp
import multiprocessing.pool
import pickle
import re
import sys
from multiprocessing.pool import ApplyResult, AsyncResult, IMapIterator, MapResult, Pool, ThreadPool


def without_address(value):
    return re.sub("0x[0-9a-f]+", "0x", repr(value))


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(2) as pool:
        print(type(pool), type(pool).__mro__, isinstance(pool, Pool), isinstance(pool, ThreadPool))
        print(without_address(pool), type(pool) is Pool is multiprocessing.pool.Pool)
        one, many = pool.apply_async(abs, (-1,)), pool.map_async(abs, [-1])
        lazy, unordered = pool.imap(abs, [-1]), pool.imap_unordered(abs, [-1])
        chunks = pool.imap(abs, [-1], 2)
        for each in (one, many, lazy, unordered, chunks):
            kinds = (AsyncResult, ApplyResult, MapResult, IMapIterator)
            print(without_address(each), type(each), [isinstance(each, kind) for kind in kinds])
            print(type(each).__module__, type(each).__qualname__, type(each).__doc__)
        print(one.get(), many.get(), list(lazy), list(unordered), list(chunks))
        try:
            pickle.dumps(pool)
        except NotImplementedError as error:
            print(error)
    print(without_address(pool))
