"""WatchedPool: a multiprocessing.Pool that records what its workers do.

Standard library only until a timeline is asked for: a spawned worker imports what the main script
imports, and must not wait for numpy.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from multiprocessing.pool import AsyncResult, Pool
from typing import TYPE_CHECKING, Any

from helpers.recording.lanes import WatchedItem
from helpers.recording.recorder import Call, Recorder
from helpers.workers import nap

if TYPE_CHECKING:
    from helpers.recording.bar import WatchedBar
    from helpers.timeline import Timeline


class WatchedPool(Pool):
    """A `multiprocessing.Pool` that records what its workers do: ask it for its `timeline()`.

    It takes what `multiprocessing.pool.Pool` takes, and behaves as it does.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Start the workers. Raises what Pool raises: ValueError for fewer than one worker."""
        self._recorder = Recorder()
        super().__init__(*args, **kwargs)

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

    def apply(self, func: Callable, args: tuple = (), kwds: dict[str, Any] | None = None) -> Any:
        """As Pool.apply."""
        return self.apply_async(func, args, kwds).get()

    def apply_async(
        self,
        func: Callable,
        args: tuple = (),
        kwds: dict[str, Any] | None = None,
        callback: Callable | None = None,
        error_callback: Callable | None = None,
    ) -> "_Result":
        """As Pool.apply_async."""
        self._check_running()
        call, watched = self._watched(partial(func, **kwds) if kwds else func, star=True)
        item = next(call.numbered([args]))
        callbacks = _noting(call, callback, error_callback, index=0)
        return _Result(super().apply_async(watched, (item,), {}, *callbacks), call, index=0)

    def map(self, func: Callable, iterable: Iterable, chunksize: int | None = None) -> list:
        """As Pool.map."""
        return self.map_async(func, iterable, chunksize).get()

    def map_async(
        self,
        func: Callable,
        iterable: Iterable,
        chunksize: int | None = None,
        callback: Callable | None = None,
        error_callback: Callable | None = None,
    ) -> "_Result":
        """As Pool.map_async."""
        return self._map(False, func, iterable, chunksize, callback, error_callback)

    def starmap(self, func: Callable, iterable: Iterable, chunksize: int | None = None) -> list:
        """As Pool.starmap."""
        return self.starmap_async(func, iterable, chunksize).get()

    def starmap_async(
        self,
        func: Callable,
        iterable: Iterable,
        chunksize: int | None = None,
        callback: Callable | None = None,
        error_callback: Callable | None = None,
    ) -> "_Result":
        """As Pool.starmap_async."""
        return self._map(True, func, iterable, chunksize, callback, error_callback)

    def imap(self, func: Callable, iterable: Iterable, *args: Any, **kwargs: Any) -> "_Results":
        """As Pool.imap: takes chunksize too, and what later Pythons add."""
        self._check_running()
        call, watched = self._watched(func)
        results = super().imap(watched, call.numbered(iterable), *args, **kwargs)
        return _Results(results, call, paired=False)

    def imap_unordered(
        self, func: Callable, iterable: Iterable, *args: Any, **kwargs: Any
    ) -> "_Results":
        """As Pool.imap_unordered: takes chunksize too, and what later Pythons add."""
        self._check_running()
        call, watched = self._watched(func, paired=True)
        results = super().imap_unordered(watched, call.numbered(iterable), *args, **kwargs)
        return _Results(results, call, paired=True)

    def terminate(self) -> None:
        """As Pool.terminate. The timeline stays, the folder it was recorded in goes."""
        super().terminate()
        self._recorder.close()

    def join(self) -> None:
        """As Pool.join. The timeline stays, the folder it was recorded in goes."""
        super().join()
        self._recorder.close()

    def _watched(
        self, func: Callable, star: bool = False, paired: bool = False
    ) -> tuple[Call, WatchedItem]:
        call = self._recorder.call()
        return call, WatchedItem(func, call.folder, call.first, star, paired)

    def _map(
        self,
        star: bool,
        func: Callable,
        iterable: Iterable,
        chunksize: int | None,
        callback: Callable | None,
        error_callback: Callable | None,
    ) -> "_Result":
        self._check_running()
        call, watched = self._watched(func, star)
        items = call.numbered(iterable)
        if hasattr(iterable, "__len__"):
            items = _Sized(items, len(iterable))
        callbacks = _noting(call, callback, error_callback)
        return _Result(super().map_async(watched, items, chunksize, *callbacks), call)


class _Result:
    """An AsyncResult that notes when it was fetched; all else it leaves to the pool's own."""

    def __init__(self, result: AsyncResult, call: Call, index: int | None = None) -> None:
        self._result = result
        self._call = call
        self._index = index  # of the only task, if there can be but one

    def get(self, timeout: float | None = None) -> Any:
        try:
            result = self._result.get(timeout)
        except Exception as error:
            self._call.show_failed(error, self._index)
            raise
        self._call.show_all()
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._result, name)


class _Results:
    """An iterator over results that notes when each was taken."""

    def __init__(self, results: Iterator, call: Call, paired: bool) -> None:
        self._results = results
        self._call = call
        self._paired = paired
        self._taken = 0

    def __iter__(self) -> "_Results":
        return self

    def __next__(self) -> Any:
        try:
            result = next(self._results)
        except Exception as error:
            self._fail(error)
            raise
        return self._take(result)

    def next(self, timeout: float | None = None) -> Any:
        try:
            result = self._results.next(timeout)
        except Exception as error:
            self._fail(error)
            raise
        return self._take(result)

    def _take(self, result: Any) -> Any:
        index, result = result if self._paired else (self._taken, result)
        self._taken += 1
        self._call.show(index)
        return result

    def _fail(self, error: Exception) -> None:
        index = None if self._paired else self._taken
        if self._call.show_failed(error, index) is not None:
            self._taken += 1


class _Sized:
    """An iterable that knows its length, so that Pool.map can deal it out without a copy."""

    def __init__(self, items: Iterator, length: int) -> None:
        self._items = items
        self._length = length

    def __iter__(self) -> Iterator:
        return self._items

    def __len__(self) -> int:
        return self._length


def _noting(
    call: Call,
    callback: Callable | None,
    error_callback: Callable | None,
    index: int | None = None,
) -> tuple[Callable | None, Callable | None]:
    """Return the callbacks so that to call them is to show the tasks of `call`."""

    def shown(result: Any) -> None:
        call.show_all()
        callback(result)

    def failed(error: BaseException) -> None:
        call.show_failed(error, index)
        error_callback(error)

    return callback and shown, error_callback and failed
