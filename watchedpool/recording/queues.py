"""The two queues of a pool, watched: what a worker takes, and what it gives back.

Standard library only: a worker that starts afresh unpickles these queues. Messages travel as they
are: the number of a call and of a message, which the pool gives them, say whose task it is. No call
of ours stands in a worker's traceback.
"""

import os
from collections.abc import Callable
from multiprocessing.pool import _helper_reraises_exception, mapstar, starmapstar
from threading import get_ident
from time import perf_counter
from types import TracebackType
from typing import Any

from watchedpool.recording.lanes import Lane, Lanes

_HERE = os.path.dirname(__file__)


class WatchedQueue:
    """A queue of a pool, in front of the real one; what it does not do itself, that one does."""

    def __init__(self, queue: Any, lanes: Lanes, recorder: Any = None) -> None:
        """Watch `queue`, and write into `lanes`. recorder: in the parent."""
        self.queue, self.lanes, self.recorder = queue, lanes, recorder
        if hasattr(queue, "_writer"):  # a pool of processes closes the ends that it does not use
            self._reader, self._writer = queue._reader, queue._writer
            self._rlock = queue._rlock

    def __reduce__(self) -> tuple:
        return type(self), (self.queue, self.lanes)


class TaskQueue(WatchedQueue):
    """Where workers take their tasks: writes down when each began."""

    def put(self, message: Any) -> None:
        """Put a message into the real queue."""
        self.queue.put(message)

    @property
    def get(self) -> Callable[..., Any]:
        """What a worker looks up when it begins, and then calls for each message."""
        return _watched_get(self.queue, self.lanes)


class ResultQueue(WatchedQueue):
    """Where workers put their results: writes down when each task ended."""

    @property
    def put(self) -> Callable[[Any], None]:
        """What a worker looks up when it begins, and then calls with each result."""
        return _watched_put(self.queue, self.lanes)


def _watched_get(queue: Any, lanes: Lanes) -> Callable[..., Any]:
    begun, take = perf_counter(), queue.get
    here: Lane | None = None

    def get(block: bool = True) -> Any:
        nonlocal here
        if not block:  # the parent, which empties the queue of a pool of threads
            return take(block=False)
        if here is None:
            here = lanes.open(begun)
            note_task_bytes(queue, here)
        try:
            message = take()
        except BaseException as error:  # a worker cannot find the function, for one
            error.__traceback__ = without_our_frames(error)
            raise
        if message is None:
            return None
        job, i, func, args, kwds = message
        if func is mapstar or func is starmapstar:
            ((func_of_items, items),) = args
            return job, i, func, ((func_of_items, here.start_each(job, i, items)),), kwds
        if func is not _helper_reraises_exception:
            here.start_task(job, i)
        return message

    return get


def _watched_put(queue: Any, lanes: Lanes) -> Callable[[Any], None]:
    give = queue.put
    here: Lane | None = None

    def put(message: Any) -> None:
        nonlocal here
        if message is None:  # the parent: nothing more will come
            give(None)
            return
        if here is None:
            here = lanes[get_ident()]
            note_result_bytes(queue, here)
        here.finish_task()
        try:
            give(message)
        except BaseException as error:  # it cannot be pickled, for one
            error.__traceback__ = without_our_frames(error)
            raise
        here.free_worker()

    return put


def note_task_bytes(queue: Any, lane: Lane) -> None:
    """Have a queue between processes note in `lane` how long each message is that comes."""
    if reader := getattr(queue, "_reader", None):
        receive = reader.recv_bytes

        def recv_bytes(*maxlength: int) -> bytes:
            message = receive(*maxlength)
            lane.task_bytes = len(message)
            return message

        reader.recv_bytes = recv_bytes


def note_result_bytes(queue: Any, lane: Lane) -> None:
    """Have a queue between processes note in `lane` how long each message is that goes."""
    if writer := getattr(queue, "_writer", None):
        send = writer.send_bytes

        def send_bytes(message: Any) -> None:
            lane.result_bytes = len(message)
            send(message)

        writer.send_bytes = send_bytes


def without_frame(error: BaseException) -> TracebackType | None:
    """Return the traceback of an error without its outermost frame, which is one of ours."""
    return error.__traceback__ and error.__traceback__.tb_next


def without_our_frames(error: BaseException) -> TracebackType | None:
    """Return the traceback of an error without the frames of this package."""
    frames, trace = [], error.__traceback__
    while trace:
        if not trace.tb_frame.f_code.co_filename.startswith(_HERE):
            frames.append(trace)
        trace = trace.tb_next
    for outer, inner in zip(frames, [*frames[1:], None], strict=False):
        outer.tb_next = inner
    return frames[0] if frames else None


def is_chunk(func: Callable) -> bool:
    """Return whether a message is a chunk, with the user's function and items as its argument."""
    return func is mapstar or func is starmapstar
