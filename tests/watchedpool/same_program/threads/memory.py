import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool


class Item:
    pass


class Failure(Exception):
    pass


def same(item):
    return item


def fail(item):
    raise Failure


def alive(references):
    gc.collect()
    return sum(each() is not None for each in references)


with ThreadPool(1) as pool, ThreadPoolExecutor(1) as executor:
    for call in (pool.map, pool.imap, executor.map):
        for function in (same, fail):
            for chunksize in (1, 3):
                items = [Item() for _ in range(6)]
                references = [weakref.ref(item) for item in items]
                try:
                    results = list(call(function, items, chunksize=chunksize))
                    print(alive(references), end=" ")
                    del results
                except Failure as error:
                    references.append(weakref.ref(error))
                pool.apply(int)  # a worker keeps what it did last until it has something else
                executor.submit(int).result()
                del items
                print(call.__qualname__, function.__name__, chunksize, alive(references))
