import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from multiprocessing.pool import ThreadPool


def walk(depth):
    if depth == 0:
        return [threading.current_thread() is not threading.main_thread()]
    return [*executor.submit(walk, depth - 1).result(), depth]


def call_back(value):
    more.append(pool.apply_async(abs, (value - 3,)))


with ThreadPoolExecutor(5) as executor:
    print(walk(4))
    pending, count = {executor.submit(abs, -3)}, 0
    while pending:
        for future in as_completed(list(pending)):
            pending.remove(future)
            count += 1
            pending |= {executor.submit(abs, x) for x in range(future.result())}
    print(count)
more = []
with ThreadPool(2) as pool:
    pool.apply_async(abs, (-1,), callback=call_back).wait()
    print(more[0].get())
