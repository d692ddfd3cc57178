from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import thread as module
from multiprocessing.pool import Pool, ThreadPool

calls = []
original_init, original_result = ThreadPoolExecutor.__init__, Future.result
original_setup = ThreadPool._setup_queues


def init(self, *args, **kwargs):
    calls.append("init")
    original_init(self, *args, **kwargs)


def result(self, timeout=None):
    calls.append("result")
    return original_result(self, timeout)


def setup(self):
    calls.append("setup")
    original_setup(self)


ThreadPoolExecutor.__init__, Future.result, ThreadPool._setup_queues = init, result, setup
with ThreadPoolExecutor(1) as executor, ThreadPool(1) as pool:
    print(executor.submit(abs, -1).result(), pool.map(abs, [-1]), calls)


class Hooked(module._WorkItem):
    def run(self, *args):
        calls.append("run")
        super().run(*args)


module._WorkItem = Hooked
with ThreadPoolExecutor(1) as executor:
    print(executor.submit(abs, -2).result(), calls, issubclass(ThreadPool, Pool))
