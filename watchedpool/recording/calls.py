"""Methods of results that note when they are looked up. Standard library only.

What is then called is the original itself, so no call of ours stands in the traceback of an
exception that it raises.
"""

from collections.abc import Callable
from types import MethodType
from typing import Any

from watchedpool import clock
from watchedpool.recording.messages import ASKED


class AskingMethod:
    """A method in the place of the result's own: who looks it up waits for the result, or has it.

    The result has a `_watched_call`: a table of calls, and where in it its row begins.
    """

    __slots__ = ("_method",)

    def __init__(self, method: Callable) -> None:
        """method: the original."""
        self._method = method

    def __get__(self, result: Any, owner: type | None = None) -> Any:
        if result is None:
            return self._method
        if call := result.__dict__.get("_watched_call"):
            calls, at = call[0], call[1] + ASKED
            if not calls[at]:  # the first time counts
                calls[at] = clock.now()
        return MethodType(self._method, result)


class NoticedMethod:
    """A method in the place of the result's own: to look it up does something first."""

    __slots__ = ("_method", "_notice")

    def __init__(self, method: Callable, notice: Callable[[Any], None]) -> None:
        """method: the original. notice: is called with a result that has a `_watched_call`."""
        self._method, self._notice = method, notice

    def __get__(self, result: Any, owner: type | None = None) -> Any:
        if result is None:
            return self._method
        if "_watched_call" in result.__dict__:
            self._notice(result)
        return MethodType(self._method, result)
