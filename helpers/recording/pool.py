"""WatchedPool: a multiprocessing.Pool that records what its workers do.

Standard library only until a timeline is asked for: a spawned worker imports what the main script
imports, and must not wait for numpy.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from multiprocessing.pool import TERMINATE, AsyncResult, Pool, ThreadPool, mapstar, starmapstar
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from helpers.recording.queues import ResultQueue, TaskQueue
from helpers.recording.recorder import Call, Recorder
from helpers.workers import nap

if TYPE_CHECKING:
    from helpers.recording.bar import WatchedBar
    from helpers.timeline import Timeline

# What we use of the standard library that it does not document. A test tells what has moved.
PRIVATE = {
    "_setup_queues": "makes the queues and the four names below; ThreadPool overrides it, too",
    "_inqueue": "from where workers take their tasks",
    "_outqueue": "where workers put their results",
    "_reader": "of a queue between processes, the end that reads; a pool closes what it needs not",
    "_writer": "the other end",
    "_rlock": "its lock for readers, which a pool holds when it ends",
    "_wlock": "its lock for writers",
    "_quick_put": "sends a task to the workers, from a thread of the pool",
    "_quick_get": "receives a result, in another thread of the pool",
    "_map_async": "what map, starmap and both with _async call",
    "_check_running": "what Pool asks before it takes tasks",
    "_processes": "how many workers there are to be",
    "_pool": "the workers",
    "_worker_handler": "the thread that replaces workers; its `_state` tells it to stop",
    "_change_notifier": "wakes that thread",
    "_taskqueue": "from where a thread of the pool sends tasks",
    "_cache": "what waits for results",
    "_index": "how many results of imap have come",
    "_set_length": "tells who waits for results of imap how many there will be",
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

    def timeline(self, bar: "WatchedBar | None" = None) -> "Timeline":
        """Return what has happened until now, while tasks run or after the pool has ended.

        bar: with it, `shown` is the moment when the bar on the screen had counted the task.
        """
        return self._recorder.timeline(bar)

    def warm_up(self, look: Callable[[], object] = lambda: None) -> None:
        """Wait until every worker has run a task, and forget that: no start-up is left to measure.

        look: is called now and then meanwhile; what it raises ends the waiting.
        """
        while self.timeline().workers < self._processes:
            naps = self.map_async(nap, [0.02] * self._processes, chunksize=1)
            while not naps.ready():
                look()
                naps.wait(0.1)
        self.forget()

    def forget(self) -> None:
        """Drop what was recorded; the next task that is submitted is row 0, at time 0."""
        self._recorder.forget()

    def apply_async(
        self,
        func: Callable,
        args: tuple = (),
        kwds: dict[str, Any] | None = None,
        callback: Callable | None = None,
        error_callback: Callable | None = None,
    ) -> "WatchedResult":
        """As Pool.apply_async."""
        marked = self.mark(func, size=1)
        callbacks = _noting_callbacks(marked.call, callback, error_callback)
        result = super().apply_async(marked, args, kwds or {}, *callbacks)
        return WatchedResult(result, marked.call)

    def imap(self, func: Callable, iterable: Iterable, *args: Any, **kwargs: Any) -> Iterator:
        """As Pool.imap: takes chunksize too, and what later Pythons add."""
        marked = self.mark(func)
        return _noting_results(super().imap(marked, iterable, *args, **kwargs), marked.call)

    def imap_unordered(
        self, func: Callable, iterable: Iterable, *args: Any, **kwargs: Any
    ) -> Iterator:
        """As Pool.imap_unordered: takes chunksize too, and what later Pythons add."""
        marked = self.mark(func, unordered=True)
        results = super().imap_unordered(marked, iterable, *args, **kwargs)
        return _noting_results(results, marked.call)

    def mark(self, func: Callable, **call: Any) -> "Marked":
        """Begin a call that runs `func`, and return it with its mark. Every submission does."""
        self._check_running()
        return Marked(func, self._recorder.call(**call))

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
        folder = self._recorder.folder
        self._inqueue = TaskQueue(self._inqueue, folder)
        self._outqueue = ResultQueue(self._outqueue, folder)
        # Not methods: the threads that call them must not keep a pool alive that nobody holds.
        self._quick_put = partial(_send, self._quick_put)
        self._quick_get = partial(_receive, self._quick_get, self._recorder)

    def _map_async(
        self,
        func: Callable,
        iterable: Iterable,
        mapper: Callable,
        chunksize: int | None = None,
        callback: Callable | None = None,
        error_callback: Callable | None = None,
    ) -> "WatchedResult":
        self._check_running()
        items = iterable if hasattr(iterable, "__len__") else list(iterable)  # as Pool does
        marked = self.mark(func, size=len(items))
        callbacks = _noting_callbacks(marked.call, callback, error_callback)
        result = super()._map_async(marked, items, mapper, chunksize, *callbacks)
        return WatchedResult(result, marked.call)


class WatchedPool(_Watched, Pool):
    """A `multiprocessing.Pool` that records what its workers do: ask it for its `timeline()`.

    It takes what `multiprocessing.pool.Pool` takes, and behaves as it does.
    """

    def end(self) -> None:
        """Kill the workers and end the threads, in any state; who takes from imap finds no more."""
        self._worker_handler._state = TERMINATE
        self._change_notifier.put(None)
        self._worker_handler.join()  # no worker is replaced from here on
        # A kernel that shuts down kills workers, too. Who is killed keeps the lock that it had, and
        # `terminate` would wait for it. (Windows needs no lock for writers.)
        locks = list(filter(None, [self._inqueue._rlock, self._outqueue.queue._wlock]))
        for lock in locks:
            lock.acquire(timeout=0.5)  # so that we kill nobody within a message
        for process in self._pool:
            process.kill()
        for process in self._pool:
            process.join()
        for lock in locks:
            lock.acquire(False)
            lock.release()
        self._taskqueue.put(None)  # what its thread no longer says if it could start no worker
        self.terminate()
        for results in list(self._cache.values()):
            if hasattr(results, "_set_length"):  # `terminate` leaves those waiting who wait
                results._set_length(results._index)


class WatchedThreadPool(_Watched, ThreadPool):
    """A `multiprocessing.pool.ThreadPool` that records what its threads do, as `WatchedPool`."""


class WatchedResult:
    """An AsyncResult that notes when it was fetched; all else it leaves to the pool's own."""

    def __init__(self, result: AsyncResult, call: Call) -> None:
        """Watch who fetches `result`, which is of the tasks of `call`."""
        self._result = result
        self._call = call

    def get(self, timeout: float | None = None) -> Any:
        """As AsyncResult.get."""
        try:
            result = self._result.get(timeout)
        except Exception as error:
            self._call.show_failed(error)
            raise
        self._call.show_all()
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._result, name)


class ResultIterator:
    """An iterator over results, as imap returns, that notes when each was taken."""

    def __init__(self, results: Iterator, call: Call) -> None:
        """Watch who takes from `results`, which are of the tasks of `call`."""
        self._results = results
        self._call = call

    def __iter__(self) -> "ResultIterator":
        return self

    def next(self, timeout: float | None = None) -> Any:
        """As the `next` of what imap returns: raises TimeoutError of multiprocessing."""
        try:
            result = self._results.next(timeout)
        except Exception as error:
            self._call.show_failed(error)
            raise
        self._call.shown[next(self._call.rows)] = perf_counter()
        return result

    __next__ = next


def _noting_each(results: Iterator, call: Call) -> Iterator:
    """Yield results that came in chunks, as the generator of Pool does; note when each is taken."""
    shown = call.shown
    try:
        for result, row in zip(results, call.rows, strict=False):
            shown[row] = perf_counter()
            yield result
    except Exception as error:
        call.show_failed(error)
        raise


def _noting_results(results: Iterator, call: Call) -> Iterator:
    watch = ResultIterator if hasattr(results, "next") else _noting_each
    return watch(results, call)


class Marked(NamedTuple):
    """A function on its way to `_send`, where the mark comes off."""

    func: Callable
    call: Call


def _send(put: Callable, task: tuple | None) -> None:
    """Put a task of the pool, with its number in front; a task of none of ours has none."""
    if task is None:
        put(None)
        return
    job, i, func, args, kwds = task
    number, length = None, 1
    if func is mapstar or func is starmapstar:
        ((marked, items),) = args
        args, length = ((marked.func, items),), len(items)
    elif isinstance(func, Marked):
        marked, func = func, func.func
    else:  # by which the pool tells that an iterable failed
        put((None, task))
        return
    number = marked.call.send(length)
    try:
        put((number, (job, i, func, args, kwds)))
    except Exception as error:  # it cannot be pickled: the consumer will get this error
        marked.call.fail(error, number)
        raise


def _receive(get: Callable, recorder: Recorder) -> tuple | None:
    """Get a result for the pool, and note what it tells of its task."""
    message = get()
    if message is None:
        return None
    number, result = message
    call = None if number is None else recorder.call_of(number)
    if call:
        _, chunk, (succeeded, value) = result
        if succeeded:
            call.arrive(chunk, number)
        else:
            call.fail(value, number)
    return result


def _noting_callbacks(
    call: Call, callback: Callable | None, error_callback: Callable | None
) -> tuple[Callable | None, Callable | None]:
    """Return the callbacks so that to call them is to show the tasks of `call`."""

    def shown(result: Any) -> None:
        call.show_all()
        callback(result)

    def failed(error: BaseException) -> None:
        call.show_failed(error)
        error_callback(error)

    return callback and shown, error_callback and failed
