"""Exercise: a question that checks its answer. It measures within limits, then judges."""

import copy
import dis
import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from math import isclose
from numbers import Integral, Real
from typing import Any

import numpy as np

from helpers.exercises.limits import Wrong, nothing_left, short
from helpers.schedule import predict
from helpers.timeline import Timeline

NOT_TRIED = "Not tried yet. Replace the ... by your answer and run this cell again."
KINDS = {
    list: "a list",
    int: "a whole number",
    dict: "a dictionary",
    str: "a text",
    Callable: "a function",
}
MOST = 1000  # elements of an answer that are looked at


@dataclass(frozen=True)
class Exercise:
    """A question that can check its answer.

    name: of the answer in the lesson's cell. takes: one of KINDS.
    measure: takes the answer, runs it, and returns the arguments of `judge`.
    judge: of what was measured, returns a sentence of praise. Both raise Wrong.
    hint_text: names the misconception. solved: an answer, as a function; or its source line, or
        a function that returns it.
    """

    name: str
    takes: Any
    measure: Callable[[Any], tuple]
    judge: Callable[..., str]
    hint_text: str
    solved: Callable | str

    def check(self, answer: Any = ...) -> None:
        """Print what is right or wrong about `answer`. Never raises, never hangs."""
        print(self.verdict(answer))

    def hint(self) -> None:
        """Print a hint."""
        print(self.hint_text)

    def solution(self) -> None:
        """Print a solution; copy it over your answer to try it."""
        print(self.solution_text)

    @property
    def solution_text(self) -> str:
        """The source of a solution."""
        if isinstance(self.solved, str):
            return self.solved
        return inspect.getsource(self.solved).rstrip() if self.takes is Callable else self.solved()

    def verdict(self, answer: Any) -> str:
        """Return what `check` prints: it begins with "Right!" if the answer is right."""
        if is_untouched(answer):
            return NOT_TRIED
        try:
            answer = self._taken(answer)
            with nothing_left():
                measured = self.measure(answer)
            return "Right! " + self.judge(*measured)
        except Wrong as wrong:
            return f"Not yet: {wrong}"
        except Exception as error:
            message = short(str(error), text=True)
            return f"Not yet: your answer led to {type(error).__name__}: {message}"

    def _taken(self, answer: Any) -> Any:
        """Return a copy of the answer, which the judge may keep; raise Wrong for another kind."""
        wanted = f"and should be {KINDS[self.takes]}"
        if answer is None:
            raise Wrong(f"{self.name} is nothing (None), {wanted}.")
        if self.takes is list and is_ordered(answer):
            taken = [plain(element) for element in islice(answer, MOST)]
        elif self.takes is dict and isinstance(answer, dict):
            taken = copy.copy(answer)
        elif self.takes is str and isinstance(answer, str):
            taken = answer.rstrip()
        elif self.takes is int and isinstance(answer, Integral) and not isinstance(answer, bool):
            return int(answer)
        elif self.takes is Callable and callable(answer) and not isinstance(answer, type):
            return answer
        else:
            raise Wrong(f"{self.name} is {kind_of(answer)}, {wanted}.")
        if not taken:
            raise Wrong(f"{self.name} is empty.")
        return taken


def is_untouched(answer: Any) -> bool:
    """Return whether `answer` is a stub: `...`, a function with no body, or holds a `...`."""
    if isinstance(answer, dict):
        return any(value is ... for value in answer.values())
    if isinstance(answer, list | tuple):
        return any(value is ... for value in answer)
    if callable(answer) and hasattr(answer, "__code__"):
        return _steps(answer) == _steps(_stub)
    return answer is ...


def is_ordered(answer: Any) -> bool:
    """Return whether `answer` has elements in an order, as a list has."""
    unordered = isinstance(answer, str | bytes | dict | set | frozenset)
    return isinstance(answer, Iterable) and not unordered and np.ndim(answer) < 3


def plain(value: Any) -> Any:
    """Return `value` without numpy: an equal number, or a list of such; else as it is."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def kind_of(value: Any) -> str:
    """Return what `value` is, in a reader's words."""
    if value is None:
        return "nothing (None)"
    if inspect.iscoroutinefunction(value) or inspect.isroutine(value):
        return "a function"
    if hasattr(value, "get") and hasattr(value, "wait"):
        return "a promise of results"
    if hasattr(value, "__next__"):
        return "an iterator"
    return f"of type {type(value).__name__}"


def as_results(results: Any, name: str, count: int) -> list:
    """Return what the function `name` returned as a list of so many results, or raise Wrong."""
    if results is None:
        raise Wrong(f"{name} returned nothing (None). Is there a `return`?")
    if hasattr(results, "get") and hasattr(results, "wait"):
        raise Wrong(f"{name} returned a promise of results: `.get()` waits for the list.")
    if hasattr(results, "__next__"):
        raise Wrong(
            f"{name} returned an iterator, which has no results in it yet: `list(…)` takes them."
        )
    if not isinstance(results, Sequence | np.ndarray) or isinstance(results, str | bytes):
        raise Wrong(f"{name} should return a list; what it returned is {kind_of(results)}.")
    if len(results) != count:
        raise Wrong(f"there should be {count} results; you returned {len(results)}.")
    return [plain(result) for result in results]


def check_order(results: list, wanted: list) -> None:
    """Raise Wrong if the results are not those that are wanted, in their order."""
    if results == wanted:
        return
    if sorted(map(repr, results)) == sorted(map(repr, wanted)):
        raise Wrong("every result is there, but not in the order of the tasks.")
    raise Wrong(f"the results should be {short(wanted)}; they are {short(results)}.")


def check_naps(naps: list, least: float, most: float) -> list[float]:
    """Return the naps; raise Wrong if one is no number of seconds from `least` to `most`."""
    for nap in naps:
        is_number = isinstance(nap, Real) and not isinstance(nap, bool)
        if not is_number or not least - 1e-9 <= nap <= most + 1e-9:
            raise Wrong(f"{short(nap)} is no nap. Use seconds, from {least:g} to {most:g}.")
    return [float(nap) for nap in naps]


def check_same(naps: list[float], given: Sequence[float]) -> None:
    """Raise Wrong if these are not the given naps, each once: 0.1 * 3 is as good as 0.3."""
    pairs = zip(sorted(naps), sorted(given), strict=False)
    if len(naps) != len(given) or not all(isclose(a, b, abs_tol=1e-6) for a, b in pairs):
        raise Wrong(f"use the same {len(given)} naps, each once: {sorted(given)}.")


def check_bar(timeline: Timeline, made: bool, hidden: int, what: str = "tasks") -> None:
    """Raise Wrong if no bar was made, or it lied; `hidden`, finished and not shown, are too many.

    `shown` of the timeline is when the bar was drawn; `what` its rows are.
    """
    counted = int(np.isfinite(timeline.shown).sum())
    if not made or not counted:
        raise Wrong("no bar moved. Make one with the tqdm that is passed in.")
    if ahead := timeline.most_ahead:
        raise Wrong(
            f"measured: the bar counted {ahead} {what} that were not finished. "
            "It counts what goes in, not what comes out."
        )
    if counted < len(timeline):
        raise Wrong(f"the bar ended at {counted} of {len(timeline)} {what}.")
    if timeline.most_behind >= hidden:
        raise Wrong(f"measured: at worst {timeline.most_behind} finished {what} were not shown.")


def hides(naps: list[float], workers: int, tasks: int) -> bool:
    """Return whether a bar over these results, in order, would hide so many finished tasks."""
    return predict(naps, workers).most_behind >= tasks


def _stub() -> None: ...


def _steps(function: Callable) -> list[tuple[str, Any]]:
    steps = dis.get_instructions(function)
    return [(step.opname, step.argval) for step in steps if step.opname != "RESUME"]
