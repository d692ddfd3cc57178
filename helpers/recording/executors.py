"""Executors of concurrent.futures that record what their workers do. Standard library only."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, as_completed
from concurrent.futures.process import _process_chunk
from functools import partial
from typing import TYPE_CHECKING, Any

from helpers.recording.lanes import run_watched
from helpers.recording.recorder import Call, Recorder

if TYPE_CHECKING:
    from helpers.recording.bar import WatchedBar
    from helpers.timeline import Timeline

# What we use of concurrent.futures.process that it does not document. A test tells what has moved.
PRIVATE = {"_process_chunk": "what map has a worker call: with the function, and a chunk of items"}


class Watching(Executor):
    """What an executor gains by inheriting from this first: ask it for its `timeline()`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take what the executor takes."""
        self._recorder = Recorder()
        super().__init__(*args, **kwargs)

    def timeline(self, bar: "WatchedBar | None" = None) -> "Timeline":
        """Return what has happened until now; for `bar`, see `WatchedPool.timeline`."""
        return self._recorder.timeline(bar)

    def submit(self, fn: Callable, /, *args: Any, **kwargs: Any) -> Future:
        """As Executor.submit. A chunk of `map` is as many tasks as it has items."""
        chunked = isinstance(fn, partial) and fn.func is _process_chunk
        call = self._recorder.call(size=len(args[0]) if chunked else 1)
        watch = partial(run_watched, self._recorder.folder, call.first)
        fn = partial(_process_chunk, partial(watch, *fn.args)) if chunked else partial(watch, fn)
        future = super().submit(fn, *args, **kwargs)
        future.call, future.__class__ = call, WatchedFuture
        return future

    def shutdown(self, wait: bool = True, **kwargs: Any) -> None:
        """As Executor.shutdown. The timeline stays."""
        super().shutdown(wait, **kwargs)
        if wait:
            self._recorder.close()


class WatchedFuture(Future):
    """A Future that notes when its result was fetched, or a callback told of it."""

    call: Call

    def result(self, timeout: float | None = None) -> Any:
        """As Future.result."""
        try:
            return super().result(timeout)
        finally:
            self.note()

    def add_done_callback(self, fn: Callable) -> None:
        """As Future.add_done_callback."""
        super().add_done_callback(lambda future: (future.note(), fn(future)))

    def note(self) -> None:
        """Note that the consumer has the result, if there is one."""
        if self.done():
            self.call.show_all()


def noting_completed(fs: Iterable[Future], timeout: float | None = None) -> Iterator[Future]:
    """As as_completed, which tells of each future as it completes."""
    for future in as_completed(fs, timeout):
        if isinstance(future, WatchedFuture):
            future.note()
        yield future
