import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

jobs, results, rate = queue.Queue(maxsize=2), queue.Queue(), threading.Semaphore(2)


def produce(count):
    for x in range(count):
        jobs.put(x)
    jobs.put(None)
    return count


def consume():
    for x in iter(jobs.get, None):
        with rate:
            results.put(x * x)
    jobs.put(None)


def stream():
    for x in range(5):
        requested.append(x)
        yield x


with ThreadPoolExecutor(3) as executor:
    futures = [executor.submit(produce, 10), executor.submit(consume), executor.submit(consume)]
    print([each.result() for each in futures], sorted(results.queue))
requested = []
with ThreadPool(2) as pool:
    print(list(pool.imap(abs, stream())), requested)
    requested.clear()
    print(pool.map(abs, stream()), requested)
with ThreadPoolExecutor(2) as executor:
    requested.clear()
    results = executor.map(abs, stream())
    print(requested, next(results), list(results))
