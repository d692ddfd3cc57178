"""Exercise: a question that checks its answer. It measures within limits, then grades."""

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

from helpers.exercises.limits import AnswerError, WrongAnswerError, cleanup
from helpers.exercises.wording import is_async_result, kind_of, short_repr, short_text
from watchedpool.timeline import Timeline

NOT_TRIED = "Not tried yet. Replace the ... with your answer and run this cell again."
KINDS = {
    list: "a list",
    int: "a whole number",
    dict: "a dictionary",
    str: "a string",
    Callable: "a function",
}
MAX_ELEMENTS = 1000  # of an answer that is a list; an iterator may be endless


@dataclass(frozen=True)
class Exercise:
    """A question that can check its answer.

    name: what the lesson's cell calls the answer. takes: one of KINDS.
    measure: takes the answer, runs it, and returns the arguments of `grade`.
    grade: takes what was measured, and returns a sentence of praise.
        Both raise WrongAnswerError for a wrong answer.
    hint_text: names the misconception.
    right_answer: an answer, as a function; or its source line, or a function that returns it.
    """

    name: str
    takes: Any
    measure: Callable[[Any], tuple]
    grade: Callable[..., str]
    hint_text: str
    right_answer: Callable | str

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
        """Return the source of a solution."""
        if isinstance(self.right_answer, str):
            return self.right_answer
        if self.takes is Callable:
            return inspect.getsource(self.right_answer).rstrip()
        return self.right_answer()

    def verdict(self, answer: Any) -> str:
        """Return what `check` prints: it begins with "Right!" if the answer is right."""
        if is_untouched(answer):
            return NOT_TRIED
        try:
            answer = self._accept(answer)
            with cleanup():
                measured = self.measure(answer)
            return "Right! " + self.grade(*measured)
        except WrongAnswerError as wrong:
            return f"Not yet: {wrong}"
        except Exception as error:
            return (
                "Not yet: the check could not grade your answer. The code of the check, not your "
                f"code, raised {type(error).__name__}: {short_text(str(error))}"
            )

    def _accept(self, answer: Any) -> Any:
        """Return a copy of the answer, which the grade may keep.

        Raises WrongAnswerError if the answer is empty or of the wrong kind.
        """
        if answer is not None and self.takes is list and is_ordered(answer):
            accepted = self._elements_of(answer)
        elif self.takes is dict and isinstance(answer, dict):
            accepted = copy.copy(answer)
        elif self.takes is str and isinstance(answer, str):
            accepted = answer.rstrip()
        elif self.takes is int and isinstance(answer, Integral) and not isinstance(answer, bool):
            return int(answer)
        elif self.takes is Callable and callable(answer) and not isinstance(answer, type):
            return answer
        else:
            raise WrongAnswerError(
                f"{self.name} is {kind_of(answer)}, and should be {KINDS[self.takes]}."
            )
        if not accepted:
            raise WrongAnswerError(f"{self.name} is empty.")
        return accepted

    def _elements_of(self, answer: Iterable) -> list:
        """Return the elements of an answer; raise AnswerError if its iterator raises."""
        try:
            return [without_numpy(element) for element in islice(answer, MAX_ELEMENTS)]
        except Exception as error:
            raise AnswerError(self.name, error) from None


class Mystery:
    """What the reader has to find out about measured runs; it is different each time.

    name: what the lesson's cell calls the answer. before: what to say as long as there are no runs.
    """

    def __init__(self, name: str, before: str) -> None:
        """Begin without runs."""
        self.name, self.before = name, before
        self.truth: Any = None

    def measure(self, answer: Any) -> tuple[Any, Any]:
        """Return the answer, and the truth about the last runs."""
        if self.truth is None:
            raise WrongAnswerError(self.before)
        return answer, copy.copy(self.truth)

    def solution(self) -> str:
        """Return the source line of the right answer."""
        truth = self.truth or "...  # first run the cell with the pictures"
        return f"{self.name} = {truth}"


def is_untouched(answer: Any) -> bool:
    """Return whether `answer` is a stub: `...`, a function with no body, or holds a `...`."""
    if isinstance(answer, dict):
        return any(value is ... for value in answer.values())
    if isinstance(answer, list | tuple):
        return any(value is ... for value in answer)
    if callable(answer) and hasattr(answer, "__code__"):
        return _instructions(answer) == _instructions(_stub)
    return answer is ...


def is_ordered(answer: Any) -> bool:
    """Return whether the elements of `answer` have an order, as those of a list."""
    unordered = isinstance(answer, str | bytes | dict | set | frozenset)
    return isinstance(answer, Iterable) and not unordered and np.ndim(answer) < 3


def without_numpy(value: Any) -> Any:
    """Return a numpy number or array as a Python number or list, and any other value unchanged."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def as_results(results: Any, name: str, count: int) -> list:
    """Return what the function `name` returned, as a list of `count` results.

    Raises WrongAnswerError if it is something else.
    """
    if results is None:
        raise WrongAnswerError(f"{name} returned nothing (None). Is there a `return`?")
    if is_async_result(results):
        raise WrongAnswerError(
            f"{name} returned an AsyncResult: its method `.get()` waits for the list of results."
        )
    if hasattr(results, "__next__"):
        raise WrongAnswerError(
            f"{name} returned an iterator, which holds no results yet: `list(…)` collects them."
        )
    if not isinstance(results, Sequence | np.ndarray) or isinstance(results, str | bytes):
        raise WrongAnswerError(
            f"{name} should return a list; what it returned is {kind_of(results)}."
        )
    if len(results) != count:
        raise WrongAnswerError(f"there should be {count} results; you returned {len(results)}.")
    return [without_numpy(result) for result in results]


def check_order(results: list, wanted: list) -> None:
    """Raise WrongAnswerError if the results are not the wanted ones, in their order."""
    if results == wanted:
        return
    if sorted(map(repr, results)) == sorted(map(repr, wanted)):
        raise WrongAnswerError("every result is there, but not in the order of the tasks.")
    raise WrongAnswerError(
        f"the results should be {short_repr(wanted)}; they are {short_repr(results)}."
    )


def check_naps(naps: list, least: float, most: float) -> list[float]:
    """Return the naps; raise WrongAnswerError if one is not a number of seconds in this range."""
    for nap in naps:
        is_number = isinstance(nap, Real) and not isinstance(nap, bool)
        if not is_number or not least - 1e-9 <= nap <= most + 1e-9:
            raise WrongAnswerError(
                f"{short_repr(nap)} is not a valid nap. Use seconds, from {least:g} to {most:g}."
            )
    return [float(nap) for nap in naps]


def check_same_naps(naps: list[float], given: Sequence[float]) -> None:
    """Raise WrongAnswerError if these are not the given naps, each once.

    Numbers may differ as 0.1 * 3 differs from 0.3.
    """
    pairs = zip(sorted(naps), sorted(given), strict=False)
    if len(naps) != len(given) or not all(isclose(a, b, abs_tol=1e-6) for a, b in pairs):
        raise WrongAnswerError(f"use the same {len(given)} naps, each once: {sorted(given)}.")


def check_bar(timeline: Timeline, made: bool, hidden: int, what: str = "tasks") -> None:
    """Raise WrongAnswerError if there was no bar, or if it did not count what had finished.

    timeline: `delivered` is when the bar counted. made: whether there was a bar. hidden: how many
    rows that are finished and not counted are too many at one moment. what: its rows are.
    """
    counted = int(np.isfinite(timeline.delivered).sum())
    if not made or not counted:
        raise WrongAnswerError("no bar moved. Make one with the tqdm that is passed in.")
    if ahead := timeline.most_ahead:
        raise WrongAnswerError(
            f"measured: the bar counted {ahead} {what} that were not finished. "
            "It counts what goes in, not what comes out."
        )
    if counted < len(timeline):
        raise WrongAnswerError(f"the bar ended at {counted} of {len(timeline)} {what}.")
    if timeline.most_behind >= hidden:
        raise WrongAnswerError(
            f"measured: at one moment, {timeline.most_behind} {what} were finished that the bar "
            "had not counted."
        )


def _stub() -> None: ...


def _instructions(function: Callable) -> list[tuple[str, Any]]:
    found = dis.get_instructions(function)
    return [(each.opname, each.argval) for each in found if each.opname != "RESUME"]
