import multiprocessing as mp
import queue
import sys
import threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor


class Counting(ProcessPoolExecutor):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.submitted = 0

    def submit(self, fn, /, *args, **kwargs):
        self.submitted += 1
        future = super().submit(fn, *args, **kwargs)
        future.number = self.submitted
        return future


class Prioritized(ThreadPoolExecutor):
    """The recipe that replaces the queue."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._work_queue = queue.LifoQueue()


class Bounded(ThreadPoolExecutor):
    """The recipe that limits how many tasks wait."""

    def __init__(self, bound, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.semaphore = threading.BoundedSemaphore(bound)

    def submit(self, fn, /, *args, **kwargs):
        self.semaphore.acquire()
        future = super().submit(fn, *args, **kwargs)
        future.add_done_callback(lambda _: self.semaphore.release())
        return future


class Inline(Executor):
    """Runs at once: for tests."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def square(x):
    return x * x


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with Counting(2) as executor:
        print(list(executor.map(square, range(8), chunksize=2)), executor.submitted)
        print(executor.submit(square, 3).number, type(executor).__mro__)
    for make in (lambda: Prioritized(1), lambda: Bounded(2, 3), Inline):
        with make() as executor:
            print(list(executor.map(square, range(8))), executor.submit(square, x=2).exception())
