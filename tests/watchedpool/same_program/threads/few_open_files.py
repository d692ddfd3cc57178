# only posix

import resource
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from threading import Barrier, Lock

resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
barrier = Barrier(40)
lock = Lock()


def read(_):
    barrier.wait(60)  # so that each thread has a task
    with lock, open(__file__) as file:
        return len(file.readlines()) > 5


with ThreadPoolExecutor(40) as executor:
    print(sum(executor.map(read, range(40))))
with ThreadPool(40) as pool:
    print(sum(pool.map(read, range(40), chunksize=1)))
