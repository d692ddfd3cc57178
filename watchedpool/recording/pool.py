"""WatchedPool: a multiprocessing.Pool that records what its workers do.

A pool's own queues are wrapped when it makes them: the workers' ends write down when each task
started and finished; the parent's ends note when each message went and came. Nothing else of the
pool changes.

Standard library only until a timeline is asked for: a spawned worker imports what the main script
imports, and must not wait for numpy.
"""

import os
import sys
import weakref
from collections.abc import Callable
from multiprocessing.pool import (
    TERMINATE,
    ApplyResult,
    IMapIterator,
    IMapUnorderedIterator,
    MapResult,
    Pool,
    ThreadPool,
    _helper_reraises_exception,
    _PoolCache,
)
from time import sleep
from typing import TYPE_CHECKING, Any

from watchedpool import clock
from watchedpool.recording.calls import AskingMethod
from watchedpool.recording.lanes import Lanes
from watchedpool.recording.messages import (
    HAS_CALLBACK,
    HAS_ERROR_CALLBACK,
    Items,
    Iteration,
)
from watchedpool.recording.queues import ResultQueue, TaskQueue, without_frame
from watchedpool.recording.recorder import Recorder
from watchedpool.recording.workers import PoolWorkers

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
    "_map_async": "makes a MapResult; a parameter of that, `length`, is the number of tasks",
    "_job": "the number of a call",
    "_pool": "the workers",
    "_result_handler": "the thread that receives results",
    "_worker_handler": "the thread that replaces workers; its `_state` stops it",
    "_change_notifier": "wakes that thread",
    "_taskqueue": "where a thread of the pool takes the tasks that it sends",
    "_index": "how many results of imap have come",
    "_set_length": "sets how many results an iterator of imap will have",
    "_items": "of imap, the results that have come; its consumer takes the left one",
    "_chunksize": "how many tasks of map go into one message",
    "_popen": "of a process; its `returncode` is its exit code, once that is known",
    "_ctx": "what makes the workers",
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
            self._recorder = self._inqueue.recorder
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
    threads = isinstance(pool, ThreadPool)
    lanes = recorder.threads if threads else Lanes(recorder.folder)
    recorder.kind = type(pool).__name__
    recorder.start_method = "" if threads else pool._ctx.get_start_method()
    pool._inqueue = TaskQueue(pool._inqueue, lanes, recorder)
    pool._outqueue = ResultQueue(pool._outqueue, lanes, recorder)
    pool._quick_put = _watched_put(pool._quick_put, recorder)
    pool._quick_get = _watched_get(pool._quick_get, recorder, weakref.ref(pool))
    pool._pool = PoolWorkers(pool._pool)
    pool._pool.log = recorder.worker_log
    recorder.worker_log.workers = weakref.ref(pool._pool)
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
        if not is_watched(waiting._pool):
            return
        messages = waiting._pool._inqueue.recorder.messages
        kind = type(waiting)
        if kind in (IMapIterator, IMapUnorderedIterator):
            name = "imap" if kind is IMapIterator else "imap_unordered"
            waiting._items = Items(waiting._items)
            waiting._items.iteration = messages.iterate(name, job)
            return
        flags = HAS_CALLBACK * bool(waiting._callback)
        flags += HAS_ERROR_CALLBACK * bool(waiting._error_callback)
        frame = sys._getframe(2)  # ours is called by ApplyResult's __init__
        if kind is ApplyResult:
            blocking = frame.f_back and frame.f_back.f_code is Pool.apply.__code__
            name = "apply" if blocking else "apply_async"
            waiting._watched_call = messages.submit(name, number=job, flags=flags)
        elif kind is MapResult:
            tasks, chunksize = map(frame.f_locals.get, ("length", "chunksize"))
            if tasks and type(chunksize) is int and chunksize > 0:  # it may be anything
                waiting._watched_call = messages.submit(
                    "map", tasks, number=job, chunksize=chunksize, flags=flags
                )
        if not isinstance(vars(ApplyResult)["get"], AskingMethod):
            waiting.__class__ = _WATCHED_RESULTS.get(kind, kind)


class _WatchedApplyResult(ApplyResult):
    __doc__ = ApplyResult.__doc__
    get = AskingMethod(ApplyResult.get)


class _WatchedMapResult(MapResult):
    __doc__ = MapResult.__doc__
    get = AskingMethod(ApplyResult.get)


_WATCHED_RESULTS = {ApplyResult: _WatchedApplyResult, MapResult: _WatchedMapResult}
for _base, _class in _WATCHED_RESULTS.items():
    _class.__name__, _class.__qualname__ = _base.__name__, _base.__qualname__
    _class.__module__ = _base.__module__


def _watched_put(put: Callable, recorder: Recorder) -> Callable[[tuple | None], None]:
    """Return what sends a message of a pool, as `put`, and notes when.

    A thread of the pool calls it; it must not keep a pool alive that nobody holds.
    """
    messages, now = recorder.messages, clock.now
    note, current = messages.sent.append, None
    iteration: Iteration | None = None  # of imap in chunks

    def watched_put(message: tuple | None) -> None:
        nonlocal current, iteration
        if message is None:
            put(None)
            return
        job, i, func, args, _ = message
        if job != current:
            current, iteration = job, messages.begin(job, func, args)
        if func is not _helper_reraises_exception:
            note(now())
            if iteration is not None:
                iteration.tasks += len(args[0][1])
        try:
            put(message)
        except Exception as error:  # it cannot be pickled: the consumer will get this error
            error.__traceback__ = without_frame(error)
            messages.fail(job, i, error)
            messages.arrived.fromlist([job, i, now()])
            raise

    return watched_put


def _watched_get(
    get: Callable, recorder: Recorder, pool: Callable[[], Pool | None]
) -> Callable[[], tuple | None]:
    """Return what receives a message for a pool, as `get`, and notes when.

    pool: returns the pool, or None if it has gone.
    """
    messages, now = recorder.messages, clock.now
    note = messages.arrived.fromlist

    def watched_get() -> tuple | None:
        try:
            message = get()
        except Exception as error:  # it cannot be unpickled
            error.__traceback__ = without_frame(error)
            raise
        if message is None:
            # Every result has come: nothing is left to record. (Windows removes no open file.)
            if os.name == "posix" and not getattr(pool(), "_cache", None):
                recorder.close()
            recorder.ended = recorder.ended or now()
            return None
        job, i, result = message
        note([job, i, now()])
        if not result[0]:
            messages.fail(job, i, result[1])
        return message

    return watched_get
