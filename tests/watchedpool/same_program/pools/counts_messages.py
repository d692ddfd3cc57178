# A subclass that looks at what its own queues carry.

import multiprocessing as mp
import multiprocessing.pool
import sys


class CountingPool(multiprocessing.pool.Pool):
    def _setup_queues(self):
        super()._setup_queues()
        self.sent = self.received = 0
        put, get = self._quick_put, self._quick_get

        def counting_put(task):
            self.sent += task is not None
            put(task)

        def counting_get():
            result = get()
            self.received += result is not None
            return result

        self._quick_put, self._quick_get = counting_put, counting_get


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    pool = CountingPool(2)
    print(pool.map(abs, range(-10, 0), chunksize=2), list(pool.imap(abs, [-1, -2])))
    pool.close()
    pool.join()
    print(pool.sent, pool.received)
