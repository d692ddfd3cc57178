"""A method of results that notes who calls it. Standard library only."""

from collections.abc import Callable
from typing import Any


class BeforeMethod:
    """A method of results, in the place of theirs: to look it up does something first.

    What is then called is the original itself, so no call of ours stands in the traceback of an
    exception that it raises.
    """

    def __init__(self, method: Callable, notice: Callable[[Any, Any], None]) -> None:
        """notice: is called with the `_watched_call` of a result that has one, and the result."""
        self._method, self._notice = method, notice

    def __get__(self, result: Any, owner: type | None = None) -> Any:
        if result is None:
            return self._method
        if call := result.__dict__.get("_watched_call"):
            self._notice(call, result)
        return self._method.__get__(result, owner)
