# As in joblib's MemmappingPool and in torch.multiprocessing.Pool: queues with their own pickler.

import io
import multiprocessing as mp
import multiprocessing.connection
import multiprocessing.pool
import multiprocessing.reduction
import sys
import traceback


class Pickler(multiprocessing.reduction.ForkingPickler):
    pass


class PicklingQueue:
    def __init__(self, context):
        self._reader, self._writer = context.Pipe(duplex=False)
        self._rlock = context.Lock()
        self._wlock = None if sys.platform == "win32" else context.Lock()

    def __getstate__(self):
        multiprocessing.context.assert_spawning(self)
        return self._reader, self._writer, self._rlock, self._wlock

    def __setstate__(self, state):
        self._reader, self._writer, self._rlock, self._wlock = state

    def get(self):
        with self._rlock:
            return self._reader.recv()

    def put(self, value):
        buffer = io.BytesIO()
        Pickler(buffer, 5).dump(value)
        if self._wlock is None:
            self._writer.send_bytes(buffer.getvalue())
        else:
            with self._wlock:
                self._writer.send_bytes(buffer.getvalue())


class PicklingPool(multiprocessing.pool.Pool):
    def _setup_queues(self):
        self._inqueue = PicklingQueue(self._ctx)
        self._outqueue = PicklingQueue(self._ctx)
        self._quick_put = self._inqueue.put
        self._quick_get = self._outqueue._reader.recv


def divide(dividend, divisor=1):
    return dividend / divisor


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    pool = PicklingPool(2, context=mp.get_context())
    print(pool.map(divide, range(10)), pool.starmap(divide, [(4, 2)]), pool.apply(divide, (6, 3)))
    print(list(pool.imap(divide, range(10), 3)), sorted(pool.imap_unordered(divide, range(10))))
    try:
        pool.map(divide, ["one"])
    except TypeError:
        traceback.print_exc(file=sys.stdout)
    pool.close()
    pool.join()
