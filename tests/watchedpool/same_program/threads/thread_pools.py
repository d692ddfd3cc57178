import threading
import traceback
from multiprocessing.dummy import Pool as DummyPool
from multiprocessing.pool import ThreadPool


def divide(dividend, divisor=1):
    return dividend / divisor


def name(_):
    return threading.current_thread().name.partition(" ")[0]


def lock(_):
    return threading.Lock()


for make in (ThreadPool, DummyPool):
    pool = make(2)
    print(type(pool), type(pool).__mro__, len(pool._pool))
    print(
        pool.map(divide, range(10)), pool.map(divide, range(10), 3), pool.starmap(divide, [(1, 2)])
    )
    print(list(pool.imap(divide, range(10), 4)), sorted(pool.imap_unordered(divide, range(10))))
    print(pool.apply(divide, (6, 3)), pool.map(lambda x: -x, [1, 2]), len(pool.map(lock, [1, 2])))
    print(len(set(pool.map(name, range(1)))))
    for call in (pool.map, pool.imap):
        try:
            list(call(divide, [1, "two"], 1))
        except TypeError:
            print(traceback.format_exc())
    failed = []
    pool.map_async(divide, [1, "two"], error_callback=failed.append).wait()
    print(failed)
    pool.close()
    pool.join()
print([each.name for each in threading.enumerate() if not each.daemon])
