"""The two queues of a pool, watched: what a worker takes, and what it gives back.

Standard library only: a worker that starts afresh unpickles these queues. A message carries the
number of its task beside the pool's own message, which travels as it is, with its function,
arguments, result or exception. No call of ours stands in a worker's traceback.
"""

from collections.abc import Callable
from multiprocessing.pool import mapstar, starmapstar
from threading import get_ident
from types import TracebackType
from typing import Any

from watchedpool.recording.lanes import Lanes


class WatchedQueue:
    """A queue of a pool, in front of the real one; what it does not do itself, that one does."""

    def __init__(self, queue: Any, lanes: Lanes) -> None:
        """Watch `queue`, and write into `lanes`."""
        self.queue, self.lanes = queue, lanes
        if hasattr(queue, "_writer"):  # a pool of processes closes the ends that it does not use
            self._reader, self._writer = queue._reader, queue._writer
            self._rlock = queue._rlock

    def put(self, message: Any) -> None:
        """Put a message into the real queue."""
        self.queue.put(message)


class TaskQueue(WatchedQueue):
    """Where workers take their tasks: writes down when each began."""

    def get(self, block: bool = True) -> Any:
        """Return the next message: for a worker, or for the pool, which does not wait."""
        if not block:
            return self.queue.get(block=False)
        try:
            message = self.queue.get()
        except Exception as error:  # a worker cannot find the function, for one
            error.__traceback__ = without_frame(error)
            raise
        if message is None:
            return None
        number, its_own = message
        here = self.lanes[get_ident()]
        here.last = None
        if number is None:
            return its_own
        if is_chunk(its_own[2]):
            job, i, func, ((func_of_items, items),), kwds = its_own
            items = here.start_each(number, items)
            return job, i, func, ((func_of_items, items),), kwds
        here.start_task(number)
        return its_own


class ResultQueue(WatchedQueue):
    """Where workers put their results: writes down when each task ended."""

    def put(self, message: Any) -> None:
        """Put a result, with the number of its task: of a chunk, the last that ran."""
        if message is None:
            self.queue.put(None)
        else:
            here = self.lanes[get_ident()]
            here.finish_task()
            self.queue.put((here.last, message))


def without_frame(error: BaseException) -> TracebackType | None:
    """Return the traceback of an error without its outermost frame, which is one of ours."""
    return error.__traceback__ and error.__traceback__.tb_next


def is_chunk(func: Callable) -> bool:
    """Return whether a message is a chunk, with the user's function and items as its argument."""
    return func is mapstar or func is starmapstar
