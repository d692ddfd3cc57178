import gc
import tracemalloc
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.pool import AsyncResult, Pool, ThreadPool

gc.disable()
tracemalloc.start()
with ThreadPool(1) as pool, ThreadPoolExecutor(1) as executor:
    results = [pool.apply_async(abs, (-1,)), executor.submit(abs, -1)]
    for kind in (AsyncResult, Future, Pool, ThreadPoolExecutor):
        print(kind.__name__, sum(isinstance(each, kind) for each in gc.get_objects()))
    del results
gc.collect()
del pool, executor
gc.collect()
for kind in (AsyncResult, Future, Pool, ThreadPoolExecutor):
    print(kind.__name__, sum(isinstance(each, kind) for each in gc.get_objects()))
print(gc.garbage, gc.isenabled(), tracemalloc.is_tracing())
tracemalloc.stop()
