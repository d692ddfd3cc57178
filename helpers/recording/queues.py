"""The two queues of a pool, watched: what a worker takes, and what it gives back.

Standard library only: a worker that starts afresh unpickles these queues. To a task the pool's
message adds the task's number, and to a result, too; the message itself, with function, arguments,
result or exception, travels as it is, and no call of ours stands in a worker's traceback.
"""

from multiprocessing.pool import mapstar, starmapstar
from threading import get_ident
from typing import Any

from helpers.recording.lanes import Lane, lane


class Lanes(dict[int, Lane]):
    """The lane of each worker, by its thread: to ask for one opens it, where the worker runs.

    `lane` asks the system each time which process this is: that would be twice a task.
    """

    def __init__(self, folder: str) -> None:
        """Open lanes in `folder`."""
        self.folder = folder

    def __missing__(self, worker: int) -> Lane:
        self[worker] = lane(self.folder)
        return self[worker]


class WatchedQueue:
    """A queue of a pool, in front of the real one; what it does not do itself, that one does."""

    def __init__(self, queue: Any, folder: str) -> None:
        """Watch `queue` into lanes of `folder`."""
        self.queue = queue
        self.lanes = Lanes(folder)
        if hasattr(queue, "_writer"):  # a pool of processes closes the ends that it does not use
            self._reader, self._writer = queue._reader, queue._writer
            self._rlock = queue._rlock

    def put(self, message: Any) -> None:
        """Hand over a message."""
        self.queue.put(message)


class TaskQueue(WatchedQueue):
    """Where workers take their tasks: notes when each began."""

    def get(self, block: bool = True) -> Any:
        """Return the next message: for a worker, or for the pool, which does not wait."""
        if not block:
            return self.queue.get(block=False)
        message = self.queue.get()
        if message is None:
            return None
        number, task = message
        job, i, func, args, kwds = task
        if func is mapstar or func is starmapstar:  # map, and imap in chunks
            ((func_of_items, items),) = args
            if len(items) > 1:
                args = ((func_of_items, self.lanes[get_ident()].take_each(number, items)),)
                return job, i, func, args, kwds
        self.lanes[get_ident()].take(number)
        return task


class ResultQueue(WatchedQueue):
    """Where workers put their results: notes when each task ended."""

    def put(self, message: Any) -> None:
        """Hand over a result, with the number of its task: of a chunk, the last that ran."""
        if message is None:
            self.queue.put(None)
        else:
            here = self.lanes[get_ident()]
            here.put_down()
            self.queue.put((here.task, message))
