"""Executors of concurrent.futures that record what their workers do. Standard library only.

An executor's own queues are wrapped when it has made them, as those of a pool are: functions,
arguments, results and exceptions travel as they are.
"""

import queue
import sys
import weakref
from array import array
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
from typing import Any, NamedTuple

from watchedpool import clock
from watchedpool.recording.lanes import Lane, Lanes
from watchedpool.recording.messages import ARRIVED, ASKED, SENT, Messages, row_of_call
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
    recorder.worker_log.messages = recorder.messages
    recorder.kind, recorder.worker_log.most = type(executor).__name__, executor._max_workers
    if isinstance(executor, ProcessPoolExecutor):
        recorder.start_method = executor._mp_context.get_start_method()
        workers = executor._processes = ExecutorWorkers(executor._processes)
        workers.log = recorder.worker_log
        recorder.worker_log.workers = weakref.ref(workers)
        calls = CallQueue(executor._call_queue, recorder.folder)
        calls.recorder, calls.workers = recorder, weakref.ref(workers)
        executor._call_queue = calls
        executor._result_queue = _ResultQueue(executor._result_queue, recorder.folder)
        executor._work_ids = _WorkIds(executor._pending_work_items, calls, recorder)
        return calls
    executor._threads = ExecutorThreads(executor._threads)
    executor._threads.log = recorder.worker_log
    executor._work_queue = _WorkQueue(recorder)
    return executor._work_queue


class FutureCall(NamedTuple):
    """What the `_watched_call` of a future is: the first two as that of an AsyncResult."""

    calls: array
    at: int
    number: int
    messages: Messages
    threads: Lanes | None = None  # of those that run tasks
    processes: weakref.ref[ExecutorWorkers] | None = None


def note_arrival(future: Future) -> None:
    """Note that a future is done; for a thread, that is the end of its task."""
    calls, at, number, messages, threads, processes = future._watched_call
    # A thread may cancel another task than its own.
    if threads and (lane := threads.get(get_ident())) and lane.running == number:
        lane.finish_task()
        lane.free_worker()
    calls[at + ARRIVED] = calls[at + ARRIVED] or clock.now()
    error = future._exception
    if error is not None:
        messages.fail(number, 0, error)
        if isinstance(error, futures.BrokenExecutor) and processes and (there := processes()):
            there.look()


def watched_set_running(original: Callable) -> Callable:
    """Return a method as `original`, which a thread calls just before it runs the task."""

    @wraps(original)
    def set_running_or_notify_cancel(future: Future) -> bool:
        runs = original(future)
        if runs and (call := future.__dict__.get("_watched_call")) and call[4] is not None:
            call[4][get_ident()].start_task(call[2])
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
                calls, at = call[:2]
                calls[at + ASKED] = calls[at + ASKED] or asked
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
        self._messages, self._threads = recorder.messages, recorder.threads
        self._recorder = recorder
        self._rows: dict[tuple[str, bool], array] = {}  # by function, and whether it is `map`

    def put(self, item: Any, *args: Any, **kwargs: Any) -> None:
        if item is not None:
            # The caller of `submit` is in concurrent.futures itself: its `map`.
            caller = sys._getframe(1).f_back
            mapped = caller is not None and caller.f_code.co_filename == futures.__file__
            messages = self._messages
            function = messages.number_of_function(_function_of(item))
            row = self._rows.get((function, mapped))
            if row is None:
                kind = "executor.map" if mapped else "submit"
                row = self._rows[function, mapped] = row_of_call(kind, 1, function=function)
            calls, at = messages.add(row)
            item.future._watched_call = calls, at, int(calls[at]), messages, self._threads, None
        else:  # the executor is shut down
            self._recorder.ended = self._recorder.ended or clock.now()
        queue.SimpleQueue.put(self, item, *args, **kwargs)


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
        call = FutureCall(*call, work_id, messages, None, self._calls.workers)
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
    workers: weakref.ref[ExecutorWorkers]  # a future must not keep processes

    def __init__(self, queue: Any, folder: str) -> None:
        """Watch `queue`: in the parent, or where a worker begins."""
        super().__init__(queue, folder)
        self.waiting: dict[int, FutureCall] = {}  # to be sent
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

    def close(self) -> None:
        """Close the real queue: the executor is shut down."""
        self.recorder.ended = self.recorder.ended or clock.now()
        self._queue.close()

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
        ended = isinstance(item, _ResultItem) and not _was_interrupted(item)
        if ended:
            self._here.finish_task()
        try:
            self._queue.put(item)
        except BaseException as error:  # it cannot be pickled, for one
            error.__traceback__ = without_our_frames(error)
            raise
        if ended:
            self._here.free_worker()


def _function_of(item: Any) -> Callable:
    """Return what a thread will call."""
    if sys.version_info < (3, 14):
        return item.fn
    return item.task[0] if isinstance(item.task, tuple) else item.task


def _was_interrupted(item: _ResultItem) -> bool:
    """Return whether Ctrl-C cut this task short: then it has no finish."""
    wrapped = item.exception
    return isinstance(wrapped, _ExceptionWithTraceback) and isinstance(
        wrapped.exc, KeyboardInterrupt
    )
