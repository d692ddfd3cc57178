"""The two queues of a pool, watched: what a worker takes, and what it gives back.

Standard library only: a worker that starts afresh unpickles these queues. To a task the pool's
message adds the task's number, and to a result, too; the message itself, with function, arguments,
result or exception, travels as it is, and no call of ours stands in a worker's traceback.
"""

from multiprocessing.pool import mapstar, starmapstar
from typing import Any

from helpers.recording.lanes import lane


class WatchedQueue:
    """A queue of a pool, in front of the real one; what it does not do itself, that one does."""

    def __init__(self, queue: Any, folder: str) -> None:
        """Watch `queue` into lanes of `folder`."""
        self.queue, self.folder = queue, folder
        if hasattr(queue, "_writer"):  # a pool of processes closes the ends that it does not use
            self._reader, self._writer = queue._reader, queue._writer
            self._rlock = queue._rlock

    def get(self, **options: Any) -> Any:
        """Return the next message."""
        return self.queue.get(**options)

    def put(self, message: Any) -> None:
        """Hand over a message."""
        self.queue.put(message)


class TaskQueue(WatchedQueue):
    """Where workers take their tasks: notes when each began."""

    def get(self, **options: Any) -> Any:
        """Return the next message for a worker. With options, it is for the pool that ends."""
        message = self.queue.get(**options)
        if message is None or options:
            return message
        number, (job, i, func, args, kwds) = message
        here = lane(self.folder)
        if func is mapstar or func is starmapstar:  # map, and imap in chunks
            ((func_of_items, items),) = args
            args = ((func_of_items, here.take_each(number, items)),)
        else:
            here.take(number)
        return job, i, func, args, kwds


class ResultQueue(WatchedQueue):
    """Where workers put their results: notes when each task ended."""

    def put(self, message: Any) -> None:
        """Hand over a result, with the number of its task: of a chunk, the last that ran."""
        if message is None:
            self.queue.put(None)
        else:
            here = lane(self.folder)
            here.put_down()
            self.queue.put((here.task, message))
