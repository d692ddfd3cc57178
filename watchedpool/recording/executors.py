"""Executors of concurrent.futures that record what their workers do. Standard library only.

An executor's own queues are wrapped when it has made them, as those of a pool are: functions,
arguments, results and exceptions travel as they are.
"""

import queue
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures import _base as futures
from concurrent.futures.process import (
    _CallItem,
    _ExceptionWithTraceback,
    _process_chunk,
    _ResultItem,
)
from functools import partial, wraps
from multiprocessing.util import register_after_fork
from threading import get_ident
from time import perf_counter
from typing import Any

from watchedpool import clock
from watchedpool.recording.lanes import Lane, Lanes
from watchedpool.recording.messages import ASKED, SENT, Call
from watchedpool.recording.queues import (
    note_result_bytes,
    note_task_bytes,
    without_our_frames,
)
from watchedpool.recording.recorder import Recorder
from watchedpool.recording.workers import ExecutorThreads, ExecutorWorkers

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
    "_processes": "of an executor of processes, by number",
    "_threads": "of an executor of threads",
    "_mp_context": "what makes the processes",
    "_exception": "of a future: what its task raised",
    "_yield_finished_futures": "what as_completed takes its futures from",
}


def watch_executor(executor: Executor, recorder: Recorder) -> Any:
    """Watch an executor of processes or threads that was just made.

    Return what lasts as long as its workers do.
    """
    recorder.kind, recorder.worker_log.most = type(executor).__name__, executor._max_workers
    if isinstance(executor, ProcessPoolExecutor):
        recorder.start_method = executor._mp_context.get_start_method()
        workers = executor._processes = ExecutorWorkers(executor._processes)
        workers.log = recorder.worker_log
        calls = CallQueue(executor._call_queue, recorder.folder)
        calls.recorder, calls.workers = recorder, workers
        executor._call_queue = calls
        executor._result_queue = _ResultQueue(executor._result_queue, recorder.folder)
        executor._work_ids = _WorkIds(executor._pending_work_items, calls, recorder)
        return calls
    executor._threads = ExecutorThreads(executor._threads)
    executor._threads.log = recorder.worker_log
    executor._work_queue = _WorkQueue(recorder)
    return executor._work_queue


class FutureCall(Call):
    """The tasks of a future: one, or a chunk of `map`.

    lanes: of the threads that run tasks, where it is threads.
    """

    __slots__ = ("_lane", "recorder", "workers")

    def __init__(self, recorder: Recorder, call: Call, workers: Any = None) -> None:
        super().__init__(call.calls, call.at)
        self.recorder, self.workers = recorder, workers
        self._lane: Lane | None = None  # of the thread that runs this one

    def start(self) -> None:
        """Write down that a thread starts the task now."""
        if self.workers is None:
            self._lane = self.recorder.threads[get_ident()]
            self._lane.start_task(self.number)

    def arrive(self, future: Future) -> None:
        """Note that the future is done; for a thread, that is the end of its task."""
        if self._lane:
            self._lane.finish_task()
            self._lane.free_worker()
            self._lane = None
        super().arrive()
        if error := future._exception:
            self.recorder.messages.fail(self.number, 0, error)
            if self.workers and isinstance(error, futures.BrokenExecutor):
                self.workers.look()


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
        waiter = vars(args[1]) if len(args) > 1 else {}
        asked = waiter.get("_watched_asked", clock.now())
        for future in original(*args, **kwargs):
            if call := vars(future).get("_watched_call"):
                call.calls[call.at + ASKED] = call.calls[call.at + ASKED] or asked
            popped = [future]
            del future  # as_completed promises to keep no reference while its consumer works
            yield popped.pop()
            waiter["_watched_asked"] = asked = clock.now()

    return yield_finished_futures


def _chunk_in(fn: Callable, args: tuple) -> tuple | None:
    """Return the items of a task that is a chunk of `map`; None for others."""
    return args[0] if isinstance(fn, partial) and fn.func is _process_chunk else None


class _WorkQueue(queue.SimpleQueue):
    """Where threads take their tasks: watches the future of each."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def put(self, item: Any, *args: Any, **kwargs: Any) -> None:
        if item is not None:
            messages = self._recorder.messages
            function = messages.number_of_function(_function_of(item))
            # The caller of `submit` is in concurrent.futures itself: its `map`.
            caller = sys._getframe(1).f_back
            within = caller and caller.f_code.co_filename == futures.__file__
            kind = "executor.map" if within else "submit"
            call = messages.submit(kind, function=function)
            item.future._watched_call = FutureCall(self._recorder, call)
        super().put(item, *args, **kwargs)


class _WorkIds(queue.Queue):
    """The numbers of tasks that wait to be sent to processes: watches the future of each."""

    def __init__(self, items: dict[int, Any], calls: "CallQueue", recorder: Recorder) -> None:
        super().__init__()
        self._items, self._calls, self._recorder = items, calls, recorder

    def put(self, work_id: int, *args: Any, **kwargs: Any) -> None:
        item, messages = self._items[work_id], self._recorder.messages
        chunk = _chunk_in(item.fn, item.args)
        if chunk is None:
            function = messages.number_of_function(item.fn)
            call = messages.submit("submit", number=work_id, function=function)
        else:
            function = messages.number_of_function(item.fn.args[0])
            call = messages.submit("executor.map", len(chunk), number=work_id, function=function)
        call = FutureCall(self._recorder, call, self._calls.workers)
        item.future._watched_call = self._calls.waiting[work_id] = call
        super().put(work_id, *args, **kwargs)


class _ProcessQueue:
    """A queue between an executor and its processes, in front of the real one.

    What it does not do itself, that one does.
    """

    def __init__(self, queue: Any, folder: str) -> None:
        self._queue, self._lanes = queue, Lanes(folder)
        self._here: Lane | None = None  # of this worker

    def __reduce__(self) -> tuple:
        return type(self), (self._queue, self._lanes.folder)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)


class CallQueue(_ProcessQueue):
    """Where processes take their tasks: writes down when each began."""

    recorder: Recorder
    workers: ExecutorWorkers

    def __init__(self, queue: Any, folder: str) -> None:
        """Watch `queue`: in the parent, or where a worker begins."""
        super().__init__(queue, folder)
        self.waiting: dict[int, Call] = {}  # to be sent
        self.note_begin()
        register_after_fork(self, CallQueue.note_begin)

    def note_begin(self) -> None:
        """Note that a worker begins here."""
        self._begun = perf_counter()

    def put(self, item: _CallItem | None, *args: Any, **kwargs: Any) -> None:
        """Put a task into the real queue, and note when."""
        if item is not None:
            call = self.waiting.pop(item.work_id)
            call.calls[call.at + SENT] = clock.now()
        self._queue.put(item, *args, **kwargs)

    def get(self, *args: Any, **kwargs: Any) -> _CallItem | None:
        """Return the next task, for a worker; write down that it starts."""
        if self._here is None:
            self._here = self._lanes.open(self._begun)
            note_task_bytes(self._queue, self._here)
            self._queue._recv_bytes = self._queue._reader.recv_bytes
        try:
            item = self._queue.get(*args, **kwargs)
        except BaseException as error:
            error.__traceback__ = without_our_frames(error)
            raise
        if item is not None:
            chunk = _chunk_in(item.fn, item.args)
            if chunk is None:
                self._here.start_task(item.work_id)
            else:
                item.args = (self._here.start_each(item.work_id, 0, chunk),)
        return item


class _ResultQueue(_ProcessQueue):
    """Where processes put their results: writes down when each task ended."""

    def put(self, item: Any) -> None:
        if self._here is None:
            self._here = self._lanes[get_ident()]
            note_result_bytes(self._queue, self._here)
        if isinstance(item, _ResultItem) and not _was_interrupted(item):
            self._here.finish_task()
        try:
            self._queue.put(item)
        except BaseException as error:  # it cannot be pickled, for one
            error.__traceback__ = without_our_frames(error)
            raise
        self._here.free_worker()


def _function_of(item: Any) -> Callable:
    """Return what a thread will call."""
    if hasattr(item, "fn"):
        return item.fn
    return item.task[0] if isinstance(item.task, tuple) else item.task  # from Python 3.14


def _was_interrupted(item: _ResultItem) -> bool:
    """Return whether Ctrl-C cut this task short: then it has no finish."""
    wrapped = item.exception
    return isinstance(wrapped, _ExceptionWithTraceback) and isinstance(
        wrapped.exc, KeyboardInterrupt
    )
