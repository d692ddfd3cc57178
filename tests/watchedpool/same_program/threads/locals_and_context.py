import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

name = contextvars.ContextVar("name", default="nobody")
local = threading.local()


def prepare():
    local.count = 0


def count(_):
    local.count += 1
    return local.count, name.get()


name.set("main")
context = contextvars.copy_context()
with ThreadPool(1, prepare) as pool, ThreadPoolExecutor(1, initializer=prepare) as executor:
    print(pool.map(count, range(3)), list(executor.map(count, range(3))))
    print(executor.submit(context.run, count, 0).result())
print(vars(local))
