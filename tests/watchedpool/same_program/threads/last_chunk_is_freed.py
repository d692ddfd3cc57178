# A worker that has nothing to do keeps nothing of what it did.

import gc
import time
import weakref
from contextlib import suppress
from multiprocessing.pool import ThreadPool


class Item:
    pass


def fail(item):
    raise LookupError


with ThreadPool(1) as pool:
    items = [Item() for _ in range(4)]
    references = [weakref.ref(item) for item in items]
    with suppress(LookupError):
        pool.map(fail, items, chunksize=4)
    del items
    for _ in range(100):
        gc.collect()
        if not any(each() for each in references):
            break
        time.sleep(0.01)
    print(sum(each() is not None for each in references))
