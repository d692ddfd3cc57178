import traceback
from multiprocessing.pool import ThreadPool


def broken():
    yield 1
    raise KeyError("no more")


with ThreadPool(1) as pool:
    for call in (pool.map, pool.imap, pool.imap_unordered):
        for chunksize in (1, 5):
            try:
                for result in call(abs, broken(), chunksize):
                    print(result)
            except KeyError:
                print(traceback.format_exc())
    print(pool.map(abs, [-1, -2]))
