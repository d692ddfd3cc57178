"""When the tasks of a call are delivered: when somebody asks for its result, and it has arrived.

A call is one of `apply` or `map` of a pool, or one task of an executor. Its result, an AsyncResult
or a Future, keeps its class. Standard library only.
"""

from collections.abc import Callable
from typing import Any

from watchedpool.recording.recorder import Recorder


class Call:
    """The tasks of a call. They are rows of the recorder from `first` on."""

    __slots__ = ("_arrived", "_asked", "_recorder", "_tasks", "failed", "first")

    def __init__(self, recorder: Recorder, tasks: int) -> None:
        """Reserve a row per task."""
        self.first, self._tasks, self._recorder = recorder.reserve(tasks), tasks, recorder
        self.failed: int | None = None  # the number of the task that failed first
        self._asked = self._arrived = False

    def ask(self) -> None:
        """Note that somebody waits for the result, or has it."""
        self._asked = True
        if self._arrived:
            self._deliver()

    def arrive(self) -> None:
        """Note that the result has arrived, or its exception."""
        self._arrived = True
        if self._asked:
            self._deliver()

    def _deliver(self) -> None:
        if self.failed is not None:  # the others will never be delivered
            self._recorder.deliver(self.failed)
        elif self._tasks == 1:
            self._recorder.deliver(self.first)
        else:
            self._recorder.deliver_all(self.first, self._tasks)


class BeforeMethod:
    """A method of results, in the place of theirs: to look it up does something first.

    What is then called is the original itself, so no call of ours stands in the traceback of an
    exception that it raises.
    """

    def __init__(self, method: Callable, notice: Callable[[Any], None]) -> None:
        """notice: is called with the `_watched_call` of a result that has one."""
        self._method, self._notice = method, notice

    def __get__(self, result: Any, owner: type | None = None) -> Any:
        if result is None:
            return self._method
        if call := vars(result).get("_watched_call"):
            self._notice(call)
        return self._method.__get__(result, owner)
