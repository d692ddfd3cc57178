"""Executors of concurrent.futures that record what their workers do. Standard library only.

An executor's own queues are wrapped when it has made them, as those of a pool are: functions,
arguments, results and exceptions travel as they are.
"""

import queue
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import (
    _CallItem,
    _ExceptionWithTraceback,
    _process_chunk,
    _ResultItem,
)
from functools import partial, wraps
from threading import get_ident
from typing import Any

from watchedpool.recording.calls import Call
from watchedpool.recording.lanes import Lane, Lanes
from watchedpool.recording.queues import without_frame
from watchedpool.recording.recorder import Recorder

# What we use of concurrent.futures that it does not document. A test reports what has moved.
PRIVATE = {
    "_max_workers": "how many workers there are to be",
    "_process_chunk": "what map has a worker call: with the function, and a chunk of items",
    "_work_ids": "the numbers of the tasks that wait to be sent, of an executor of processes",
    "_pending_work_items": "those tasks, by number; each has its `future`, `fn` and `args`",
    "_call_queue": "where workers take their tasks, as _CallItem",
    "_result_queue": "where workers put their results, as _ResultItem",
    "_invoke_callbacks": "of a future: called when it is done, in the thread that ran the task",
    "_work_queue": "where threads take their tasks; each has its `future`",
    "_yield_finished_futures": "what as_completed takes its futures from",
}


def watch_executor(executor: Executor, recorder: Recorder) -> Any:
    """Watch an executor of processes or threads that was just made.

    Return what lasts as long as its workers do.
    """
    recorder.workers = executor._max_workers
    if isinstance(executor, ProcessPoolExecutor):
        calls = CallQueue(executor._call_queue, recorder.folder)
        executor._call_queue = calls
        executor._result_queue = _ResultQueue(executor._result_queue, recorder.folder)
        executor._work_ids = _WorkIds(executor._pending_work_items, calls, recorder)
        return calls
    executor._work_queue = _WorkQueue(recorder)
    return executor._work_queue


class FutureCall(Call):
    """The tasks of a future: one, or a chunk of `map`.

    lanes: of the threads that run tasks, where it is threads.
    """

    __slots__ = ("_lane", "_lanes")

    def __init__(self, recorder: Recorder, tasks: int = 1, lanes: Lanes | None = None) -> None:
        super().__init__(recorder, tasks)
        self._lanes = lanes
        self._lane: Lane | None = None  # of the thread that runs this one

    def start(self) -> None:
        """Write down that a thread starts the task now."""
        if self._lanes is not None:
            self._lane = self._lanes[get_ident()]
            self._lane.start_task(self.first)

    def arrive(self) -> None:
        """Note that the future is done; for a thread, that is the end of its task."""
        if self._lane:
            self._lane.finish_task()
        super().arrive()


def watched_set_running(original: Callable) -> Callable:
    """Return a method as `original`, which a thread calls just before it runs the task."""

    @wraps(original)
    def set_running_or_notify_cancel(future: Future) -> bool:
        runs = original(future)
        if runs and (call := future.__dict__.get("_watched_call")):
            call.start()
        return runs

    return set_running_or_notify_cancel


def watched_finished_futures(original: Callable) -> Callable:
    """Return a function as `original`, from which as_completed takes its futures.

    Each is delivered with it.
    """

    @wraps(original)
    def yield_finished_futures(*args: Any, **kwargs: Any) -> Iterator[Future]:
        for future in original(*args, **kwargs):
            if call := vars(future).get("_watched_call"):
                call.ask()
            popped = [future]
            del future  # as_completed promises to keep no reference while its consumer works
            yield popped.pop()

    return yield_finished_futures


def _chunk_in(fn: Callable, args: tuple) -> tuple | None:
    """Return the items of a task that is a chunk of `map`; None for others."""
    return args[0] if isinstance(fn, partial) and fn.func is _process_chunk else None


class _WorkQueue(queue.SimpleQueue):
    """Where threads take their tasks: watches the future of each."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder, self._lanes = recorder, recorder.threads

    def put(self, item: Any, *args: Any, **kwargs: Any) -> None:
        if item is not None:
            item.future._watched_call = FutureCall(self._recorder, lanes=self._lanes)
        super().put(item, *args, **kwargs)


class _WorkIds(queue.Queue):
    """The numbers of tasks that wait to be sent to processes: watches the future of each."""

    def __init__(self, items: dict[int, Any], calls: "CallQueue", recorder: Recorder) -> None:
        super().__init__()
        self._items, self._calls, self._recorder = items, calls, recorder

    def put(self, work_id: int, *args: Any, **kwargs: Any) -> None:
        item = self._items[work_id]
        chunk = _chunk_in(item.fn, item.args)
        call = FutureCall(self._recorder, 1 if chunk is None else len(chunk))
        item.future._watched_call = call
        self._calls.numbers[work_id] = call.first
        super().put(work_id, *args, **kwargs)


class _ProcessQueue:
    """A queue between an executor and its processes, in front of the real one.

    What it does not do itself, that one does.
    """

    def __init__(self, queue: Any, folder: str) -> None:
        self._queue, self._lanes = queue, Lanes(folder)

    def __reduce__(self) -> tuple:
        return type(self), (self._queue, self._lanes.folder)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)


class CallQueue(_ProcessQueue):
    """Where processes take their tasks: writes down when each began."""

    def __init__(self, queue: Any, folder: str) -> None:
        super().__init__(queue, folder)
        self.numbers: dict[int, int] = {}

    def put(self, item: _CallItem | None, *args: Any, **kwargs: Any) -> None:
        """Put a task into the real queue, with its number."""
        if item is not None:
            item.watched_number = self.numbers.pop(item.work_id)
        self._queue.put(item, *args, **kwargs)

    def get(self, *args: Any, **kwargs: Any) -> _CallItem | None:
        """Return the next task, for a worker; write down that it starts."""
        try:
            item = self._queue.get(*args, **kwargs)
        except Exception as error:
            error.__traceback__ = without_frame(error)
            raise
        if item is not None:
            here, number = self._lanes[get_ident()], item.watched_number
            chunk = _chunk_in(item.fn, item.args)
            if chunk is None:
                here.start_task(number)
            else:
                item.args = (here.start_each(number, chunk),)
        return item


class _ResultQueue(_ProcessQueue):
    """Where processes put their results: writes down when each task ended."""

    def put(self, item: Any) -> None:
        if isinstance(item, _ResultItem) and not _was_interrupted(item):
            self._lanes[get_ident()].finish_task()
        try:
            self._queue.put(item)
        except Exception as error:  # it cannot be pickled
            error.__traceback__ = without_frame(error)
            raise


def _was_interrupted(item: _ResultItem) -> bool:
    """Return whether Ctrl-C cut this task short: then it has no finish."""
    wrapped = item.exception
    return isinstance(wrapped, _ExceptionWithTraceback) and isinstance(
        wrapped.exc, KeyboardInterrupt
    )
