"""WatchedPool: a multiprocessing.Pool that records what its workers do.

A pool's own queues are wrapped when it makes them: the workers' ends write down when each task
started and finished; the parent's ends number the tasks, and note when a result is delivered.
Nothing else of the pool changes.

Standard library only until a timeline is asked for: a spawned worker imports what the main script
imports, and must not wait for numpy.
"""

import os
import sys
import weakref
from collections.abc import Callable, Iterator
from multiprocessing.pool import (
    TERMINATE,
    ApplyResult,
    IMapIterator,
    MapResult,
    Pool,
    ThreadPool,
    _helper_reraises_exception,
    _PoolCache,
)
from time import sleep
from types import TracebackType
from typing import TYPE_CHECKING, Any

from watchedpool import clock
from watchedpool.recording.calls import BeforeMethod, Call
from watchedpool.recording.lanes import Lanes
from watchedpool.recording.queues import ResultQueue, TaskQueue, is_chunk, without_frame
from watchedpool.recording.recorder import Recorder

if TYPE_CHECKING:
    from watchedpool.recording.bar import WatchedBar
    from watchedpool.timeline import Timeline

# What we use of the standard library that it does not document. A test reports what has moved.
PRIVATE = {
    "_setup_queues": "makes the queues and the four names below; ThreadPool overrides it, too",
    "_inqueue": "where workers take their tasks",
    "_outqueue": "where workers put their results",
    "_reader": "of a queue between processes, the end that reads; a pool closes what it needs not",
    "_writer": "the other end",
    "_rlock": "its lock for readers, which a pool holds when it ends",
    "_wlock": "its lock for writers",
    "_quick_put": "sends a task to the workers, from a thread of the pool",
    "_quick_get": "receives a result, in another thread of the pool",
    "_cache": "what waits for results, by the number of its call; a _PoolCache",
    "_processes": "how many workers there are to be",
    "_pool": "the workers",
    "_result_handler": "the thread that receives results",
    "_worker_handler": "the thread that replaces workers; its `_state` stops it",
    "_change_notifier": "wakes that thread",
    "_taskqueue": "where a thread of the pool takes the tasks that it sends",
    "_index": "how many results of imap have come",
    "_set_length": "sets how many results an iterator of imap will have",
    "_value": "the results of map, a list that is as long as there are tasks",
    "_set": "takes a result",
    "_chunksize": "how many tasks of map go into one message",
    "_number_left": "how many messages of map have not come back",
    "_callback": "what is called with a result",
    "_error_callback": "what is called with an exception",
    "_helper_reraises_exception": "what is sent in place of a task when an iterable has failed",
}


class _Watched:
    """What WatchedPool and WatchedThreadPool add to their pool."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Start the workers. Raises what Pool raises: ValueError for fewer than one worker."""
        self._recorder = Recorder()
        try:
            super().__init__(*args, **kwargs)
        except BaseException:
            self._recorder.close()
            raise
        self._cache.__class__ = WatchedCache

    def timeline(self, bar: "WatchedBar | None" = None) -> "Timeline":
        """Return what has happened until now, while tasks run or after the pool has ended.

        bar: with it, `delivered` is the moment when the bar on the screen had counted the task.
        """
        return self._recorder.timeline(bar)

    def warm_up(self, check: Callable[[], object] = lambda: None) -> None:
        """Wait until every worker has run a task, and forget that: no start-up is left to measure.

        check: is called now and then meanwhile; what it raises ends the waiting.
        """

        def run_naps() -> None:
            naps = self.map_async(sleep, [0.02] * self._processes, chunksize=1)
            while not naps.ready():
                check()
                naps.wait(0.1)

        self._recorder.warm_up(self._processes, run_naps)

    def forget(self) -> None:
        """Drop what was recorded; the next task that is submitted is row 0, at time 0."""
        self._recorder.forget()

    def terminate(self) -> None:
        """As Pool.terminate. The timeline stays, the folder it was recorded in goes."""
        super().terminate()
        self._recorder.close()

    def join(self) -> None:
        """As Pool.join. The timeline stays, the folder it was recorded in goes."""
        super().join()
        self._recorder.close()

    @property
    def processes(self) -> list[Any]:
        """The workers, as Process objects; a pool of threads has such, too."""
        return list(self._pool)

    def _setup_queues(self) -> None:
        super()._setup_queues()
        if is_watched(self):  # by the command `watchedpool`, too
            self._recorder = self._quick_put.recorder
        else:
            watch_queues(self, self._recorder)


class WatchedPool(_Watched, Pool):
    """A `multiprocessing.Pool` that records what its workers do: ask it for its `timeline()`.

    It takes what `multiprocessing.pool.Pool` takes, and behaves as it does.
    """


class WatchedThreadPool(_Watched, ThreadPool):
    """A `multiprocessing.pool.ThreadPool` that records what its threads do, as `WatchedPool`."""


def watch_queues(pool: Pool, recorder: Recorder) -> Pool:
    """Watch a pool that has just made its queues; what it does goes into `recorder`.

    The pool's `_cache`, which it makes later, has to become a WatchedCache.
    """
    lanes = recorder.threads if isinstance(pool, ThreadPool) else Lanes(recorder.folder)
    pool._inqueue = TaskQueue(pool._inqueue, lanes)
    pool._outqueue = ResultQueue(pool._outqueue, lanes)
    pool._quick_put = _Sender(pool, recorder)
    pool._quick_get = _Receiver(pool, recorder)
    return pool


def is_watched(pool: Pool) -> bool:
    """Return whether a pool has watched queues. A subclass may make queues of its own."""
    return isinstance(pool._inqueue, TaskQueue)


def end_pool(pool: Pool) -> None:
    """Kill the workers and end the threads of a pool, watched or not, whatever state it is in.

    Iterators of imap end where they are. (Threads cannot be killed: a ThreadPool is terminated.)
    """
    if isinstance(pool, ThreadPool):
        pool.terminate()
        return
    pool._worker_handler._state = TERMINATE
    pool._change_notifier.put(None)
    pool._worker_handler.join()  # no worker is replaced from here on
    # A kernel that shuts down kills workers, too. A killed worker never releases the lock that it
    # holds, and `terminate` would wait for it. (Windows needs no lock for writers.)
    outqueue = getattr(pool._outqueue, "queue", pool._outqueue)
    locks = list(filter(None, [pool._inqueue._rlock, outqueue._wlock]))
    for lock in locks:
        lock.acquire(timeout=0.5)  # so that no worker is killed within a message
    for process in pool._pool:
        process.kill()
    for process in pool._pool:
        process.join()
    for lock in locks:
        lock.acquire(False)
        lock.release()
    if not pool._result_handler.is_alive():  # a callback raised an exception: `terminate` would too
        pool._cache.clear()
    pool._taskqueue.put(None)  # its thread does not do so if it could start no worker
    pool.terminate()
    for results in list(pool._cache.values()):
        if hasattr(results, "_set_length"):  # `terminate` leaves its consumer waiting
            results._set_length(results._index)


class WatchedCache(_PoolCache):
    """What waits for a pool's results, by the number of its call.

    Whatever a call returns is entered here when it is made, before anybody can ask for a result.
    """

    def __setitem__(self, job: int, waiting: Any) -> None:
        super().__setitem__(job, waiting)
        sender = waiting._pool._quick_put  # a program may have put another in its place
        if is_watched(waiting._pool) and isinstance(sender, _Sender):
            recorder = sender.recorder
            if type(waiting) is ApplyResult:
                waiting._watched_call = Call(recorder, 1)
            elif type(waiting) is MapResult:
                waiting._watched_recorder = recorder  # how many tasks there are is not known yet
            else:
                recorder.reserve(0)
                waiting._times_forgotten = recorder.times_forgotten
            if not isinstance(vars(ApplyResult)["get"], BeforeMethod):
                waiting.__class__ = _WATCHED_RESULTS.get(type(waiting), type(waiting))


def asking(method: Callable) -> BeforeMethod:
    """Return `get` of AsyncResult as one that notes who asks."""
    return BeforeMethod(method, Call.ask)


class TaskValues:
    """`_value` of MapResult, a list that is as long as there are tasks: rows are reserved with it.

    Without `watching`, only results of our own pools have it.
    """

    def __get__(self, result: MapResult, owner: type) -> Any:
        return vars(result)["_value"]

    def __set__(self, result: MapResult, value: Any) -> None:
        vars(result)["_value"] = value
        if recorder := vars(result).pop("_watched_recorder", None):
            result._watched_call = Call(recorder, len(value))


class _WatchedApplyResult(ApplyResult):
    __doc__ = ApplyResult.__doc__
    get = asking(ApplyResult.get)


class _WatchedMapResult(MapResult):
    __doc__ = MapResult.__doc__
    get = asking(ApplyResult.get)
    _value = TaskValues()


_WATCHED_RESULTS = {ApplyResult: _WatchedApplyResult, MapResult: _WatchedMapResult}
for _base, _class in _WATCHED_RESULTS.items():
    _class.__name__, _class.__qualname__ = _base.__name__, _base.__qualname__
    _class.__module__ = _base.__module__


def _receive(waiting: ApplyResult, last: int, succeeded: bool) -> None:
    """Note that a message came back, or could not be sent; `last` is the task that ran last."""
    call = waiting._watched_call
    if not succeeded and call.failed is None:
        call.failed = last
    if getattr(waiting, "_number_left", 1) > 1:  # of map, which waits for all messages
        return
    if waiting._callback if call.failed is None else waiting._error_callback:
        call.ask()
    call.arrive()


class _End:
    """The parent's end of a watched queue. A thread of the pool calls it.

    It must not keep a pool alive that nobody holds.
    """

    def __init__(self, pool: Pool, recorder: Recorder) -> None:
        self._pool = weakref.ref(pool)
        self._cache: dict[int, Any] | None = None
        self.recorder = recorder

    def _waiting(self, job: int) -> Any:
        """Return what waits for the results of a call; None if the pool has gone."""
        if self._cache is None:  # the pool makes it after its queues
            pool = self._pool()
            if pool is None:
                return None
            self._cache, self.recorder.workers = pool._cache, pool._processes
        return self._cache.get(job)


class _Sender(_End):
    """Sends a pool's tasks to the workers, each with its number in front."""

    def __init__(self, pool: Pool, recorder: Recorder) -> None:
        super().__init__(pool, recorder)
        self._put = pool._quick_put
        # Of the call whose tasks are being sent: it may have a million.
        self._job: int | None = None
        self._first: int | None = None  # the number of its first task, once all are numbered
        self._chunksize = 0
        self._in_chunks = False
        self._times_forgotten: int | None = None  # when it began; None if the pool has gone

    def __call__(self, task: tuple | None) -> None:
        if task is None:
            self._put(None)
            return
        job, i, func, args, _ = task
        if job != self._job:
            self._begin_call(job, func)
        if func is _helper_reraises_exception:
            number = None
        elif self._first is not None:
            number = self._first + i * self._chunksize
        elif self._times_forgotten == self.recorder.times_forgotten:
            number = self.recorder.reserve(len(args[0][1]) if self._in_chunks else 1)
        else:
            number = None
        try:
            self._put((number, task))
        except Exception as error:  # it cannot be pickled: the consumer will get this error
            error.__traceback__ = without_frame(error)
            if getattr(error, "__notes__", None):  # from Python 3.14: where in our tuple it was
                error.__notes__.pop()
            if number is None or not self._report_unsent(job, i, number, error):
                raise

    def _begin_call(self, job: int, func: Callable) -> None:
        waiting = self._waiting(job)
        call = getattr(waiting, "_watched_call", None)
        self._job, self._first = job, call.first if call else None
        self._chunksize = getattr(waiting, "_chunksize", 0)
        self._in_chunks = is_chunk(func)
        self._times_forgotten = getattr(waiting, "_times_forgotten", None)
        if waiting is not None and not call:
            waiting._watched_in_chunks = self._in_chunks

    def _report_unsent(self, job: int, i: int, number: int, error: Exception) -> bool:
        """Give the consumer the error itself; return False if the pool must do so."""
        waiting = self._waiting(job)
        if isinstance(waiting, IMapIterator):  # as the pool would do it
            pool = sys._getframe(2)
            trace = TracebackType(error.__traceback__, pool, pool.f_lasti, pool.f_lineno)
            error.__traceback__ = trace
            waiting._set(i, _Delivery(self.recorder, number, (False, error), False))
            return True
        if waiting is not None:
            _receive(waiting, number, succeeded=False)
        return False


class _Receiver(_End):
    """Receives results for a pool, and notes those that arrive for apply and map."""

    def __init__(self, pool: Pool, recorder: Recorder) -> None:
        super().__init__(pool, recorder)
        self._get = pool._quick_get

    def __call__(self) -> tuple | None:
        try:
            message = self._get()
        except Exception as error:  # it cannot be unpickled
            error.__traceback__ = without_frame(error)
            raise
        if message is None:
            # Every result has come: nothing is left to record. (Windows removes no open file.)
            if not self._cache and os.name == "posix":
                self.recorder.close()
            return None
        last, its_own = message
        job, i, result = its_own
        waiting = self._waiting(job)
        if last is None or waiting is None:
            return its_own
        if isinstance(waiting, ApplyResult):
            # Of map, only what is the last, or fails, means anything for delivery.
            if not result[0] or getattr(waiting, "_number_left", 1) == 1:
                _receive(waiting, last, succeeded=result[0])
            return its_own
        if hasattr(waiting, "_watched_in_chunks"):
            result = _Delivery(self.recorder, last, result, waiting._watched_in_chunks)
        return job, i, result


class _Delivery:
    """A result on its way to an iterator of imap, which takes it apart when it is delivered."""

    __slots__ = ("_in_chunks", "_last", "_recorder", "_result")

    def __init__(self, recorder: Recorder, last: int, result: tuple, in_chunks: bool) -> None:
        self._recorder = recorder
        self._last = last
        self._result = result
        self._in_chunks = in_chunks

    def __iter__(self) -> Iterator:
        succeeded, value = self._result
        if succeeded and self._in_chunks:
            return iter((True, self._each(value)))
        self._recorder.deliver(self._last)
        return iter(self._result)

    def _each(self, values: list) -> Iterator:
        """Yield the values of a chunk, and note each when it is taken.

        One by one, unlike the tasks: a slow consumer may follow a fast one.
        """
        first, delivered = self._recorder.rows
        begin = self._last + 1 - len(values) - first
        if begin < 0:  # forgotten
            yield from values
            return
        now = clock.now
        for row, value in enumerate(values, begin):
            delivered[row] = now()
            yield value
