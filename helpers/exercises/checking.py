"""Exercise: a question that checks its answer. It measures within limits, then grades."""

import copy
import dis
import inspect
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain, islice
from math import isclose
from numbers import Integral, Real
from types import FunctionType
from typing import Any

import numpy as np
from tqdm import tqdm

from helpers.exercises.limits import (
    TIME_LIMIT,
    AnswerError,
    Call,
    MachineBusyError,
    TimeLimitError,
    WrongAnswerError,
    cleanup,
    notice,
    run_in_thread,
)
from helpers.exercises.wording import in_words, is_async_result, kind_of, short_repr
from watchedpool.timeline import Timeline

NOT_TRIED = "Not tried yet. Replace the ... with your answer and run this cell again."
TOO_BUSY = "Your machine is too busy to tell; run the check again."
KINDS = {
    list: "a list",
    int: "a whole number",
    dict: "a dictionary",
    str: "a string",
    Callable: "a function",
}
LARGEST = {list: 1000, dict: 1000, str: 100_000}  # elements, or letters; iterators may be endless
TAKE_LIMIT = 5.0  # seconds in which all elements of an answer must come
# What an operation raises if a value is of a kind, a size or a shape that it does not expect.
VALUE_ERRORS = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)


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
        """Print what is right or wrong about `answer`. Never raises.

        It never hangs either, with one exception, which `notice` explains to the reader.
        """
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
        runs_code, returned = self.takes in (list, Callable), []
        try:
            with notice() if runs_code else nullcontext(), cleanup() as returned:
                answer = self._accept(answer)
                return "Right! " + self._grade(*self.measure(answer))
        except WrongAnswerError as wrong:
            return f"Not yet: {wrong}"
        except MachineBusyError:
            return TOO_BUSY
        except Exception as error:
            return self._explain(error, answer, returned)

    def _explain(self, error: Exception, answer: Any, returned: list) -> str:
        """Return the verdict after an error that the code of the check raised, not the answer's."""
        raised = f"The code of the check, not yours, raised {in_words(error)}"
        if not isinstance(error, VALUE_ERRORS) or (self.takes is Callable and not returned):
            return f"The check failed, which says nothing about your answer. {raised}"
        what = f"is {short_repr(answer)}"
        if self.takes is Callable:
            what = f"returned {short_repr(returned[-1])}"
        return f"Not yet: {self.name} {what}, which the check cannot grade. {raised}"

    def _accept(self, answer: Any) -> Any:
        """Return a copy of the answer, which the grade may keep.

        Raises WrongAnswerError if the answer is empty, too large, or of the wrong kind, or if its
        elements do not come.
        """
        elements: list = []
        outcome = run_in_thread(lambda: self._take(answer, elements), TAKE_LIMIT)
        if "error" in outcome:
            error = outcome["error"]
            raise error if isinstance(error, WrongAnswerError) else AnswerError(self.name, error)
        if not outcome:
            raise TimeLimitError(
                f"{self.name} had not ended after {TAKE_LIMIT:g} s (elements so far: "
                f"{len(elements)}). A pool that has ended delivers nothing more: make a list of "
                "its results while it runs."
            )
        accepted = outcome["result"]
        if self.takes in LARGEST and not accepted:
            raise WrongAnswerError(f"{self.name} is empty.")
        if self.takes in LARGEST and len(accepted) > LARGEST[self.takes]:
            raise WrongAnswerError(f"{self.name} has more than {LARGEST[self.takes]:,} elements.")
        return accepted

    def _take(self, answer: Any, elements: list) -> Any:
        """Return a copy of the answer without iterators. Those of a list go into `elements`."""
        if self.takes is list and is_ordered(answer):
            for element in islice(answer, LARGEST[list] + 1):
                elements.append(_without_iterator(element))
            return elements
        if self.takes is dict and isinstance(answer, dict):
            return dict(islice(answer.items(), LARGEST[dict] + 1))
        if self.takes is str and isinstance(answer, str):
            return answer.rstrip()
        if self.takes is int and isinstance(answer, Integral) and not isinstance(answer, bool):
            return int(answer)
        if self.takes is Callable and callable(answer) and not isinstance(answer, type):
            return answer
        raise WrongAnswerError(
            f"{self.name} is {kind_of(answer)}, and should be {KINDS[self.takes]}."
        )

    def _grade(self, *measured: Any) -> str:
        """Return what `grade` returns; what is compared may still contain code of the reader's."""
        outcome = run_in_thread(lambda: self.grade(*measured), TIME_LIMIT)
        if not outcome:
            raise TimeLimitError(f"{self.name}: no comparison ended within {TIME_LIMIT:g} s.")
        if "error" in outcome:
            raise outcome["error"]
        return outcome["result"]


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
    for kind, elements in [(dict, dict.values), (list, list.__iter__), (tuple, tuple.__iter__)]:
        if isinstance(answer, kind):
            return any(element is ... for element in elements(answer))
    if isinstance(answer, FunctionType):
        return _instructions(answer) == _instructions(_stub)
    return answer is ...


def is_ordered(answer: Any) -> bool:
    """Return whether the elements of `answer` have an order, as those of a list."""
    unordered = isinstance(answer, str | bytes | dict | set | frozenset)
    dimensions = answer.ndim if isinstance(answer, np.ndarray | np.generic) else 1
    return isinstance(answer, Iterable) and not unordered and dimensions in (1, 2)


def _without_iterator(element: Any) -> Any:
    """Return an element of an answer as a number, a list or a tuple, if it is of such a kind."""
    element = without_numpy(element)
    if is_ordered(element) and not isinstance(element, list | tuple):
        return tuple(islice(element, LARGEST[list]))
    return element


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
    return [without_numpy(result) for result in islice(results, count)]


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


def check_calls(calls: list[Call], arguments: Sequence | None, results: Sequence = ()) -> None:
    """Raise WrongAnswerError if a pool ran other tasks, or if `results` are not what it returned.

    calls: of the ExercisePool. arguments: which it should have run, each once; None for any.
    results: what the answer returned, of those tasks that did not fail.

    A task may carry more than its argument, such as its number, or several arguments in a list; and
    so may what it returns.
    """
    if arguments is not None:
        wanted = _count(arguments)
        ran = _closest([call.arguments for call in calls], wanted)
        if ran != wanted:
            missing = [each for each in arguments if not ran[_key(each)]]
            problem = f"{short_repr(missing[0])} is missing" if missing else "some ran again"
            raise WrongAnswerError(
                f"the workers of your pool should run each of {len(arguments)} tasks once; "
                f"{problem}."
            )
    returned = [call.returned for call in calls if not isinstance(call.returned, BaseException)]
    surplus = _count(results) - _closest(returned, _count(results))
    if surplus:
        strange = next(each for each in results if surplus[_key(each)])
        raise WrongAnswerError(
            f"no worker of your pool returned {short_repr(strange)}. Return what workers return."
        )


def _closest(values: list, wanted: Counter) -> Counter:
    """Return the one of the `_columns` of the values that has most in common with `wanted`."""
    counts = map(_count, _columns(values))
    return max(counts, key=lambda column: ((column & wanted).total(), -column.total()))


def _columns(values: list, depth: int = 4) -> Iterator[list]:
    """Yield the values; if they are sequences, also all elements, and all elements at one place."""
    yield values
    if depth and values and all(isinstance(each, list | tuple | dict) for each in values):
        rows = [list(each.values() if isinstance(each, dict) else each) for each in values]
        yield from _columns(list(chain(*rows)), depth - 1)
        if len({len(row) for row in rows}) == 1:
            for column in zip(*rows, strict=True):
                yield from _columns(list(column), depth - 1)


def _count(values: Iterable) -> Counter:
    return Counter(map(_key, values))


def _key(value: Any) -> Hashable:
    """Return a value that stands for this one in a Counter, which lists and arrays cannot."""
    value = without_numpy(value)
    if isinstance(value, list | tuple):
        return tuple(map(_key, value))
    return value if isinstance(value, Hashable) else repr(value)


def check_workers(timeline: Timeline, workers: int, what: str = "tasks") -> None:
    """Raise WrongAnswerError if another number of workers ran the tasks. `what`: its rows are."""
    if timeline.workers != workers:
        raise WrongAnswerError(
            f"measured: {timeline.workers} workers ran the {what}. There should be {workers}."
        )


def check_bar(
    timeline: Timeline,
    bar: tqdm | None,
    hidden: int,
    what: str = "tasks",
    ahead: int = 0,
    needs_total: bool = True,
) -> None:
    """Raise WrongAnswerError if there was no bar, or if it did not count what had finished.

    timeline: `delivered` is when the bar counted. bar: as it was at the end. hidden: how many
    rows that are finished and not counted are too many at one moment. what: its rows are. ahead:
    how many rows it may count before they are finished. needs_total: False where nobody could know
    the number of rows before the end.
    """
    rows = len(timeline)
    if bar is None or not bar.n:
        raise WrongAnswerError("no bar moved. Make one with the tqdm that is passed in.")
    if timeline.most_ahead > ahead:
        raise WrongAnswerError(
            f"measured: the bar counted {timeline.most_ahead} {what} that were not finished. "
            "It counts what goes in, not what comes out."
        )
    if bar.n != rows:
        raise WrongAnswerError(f"the bar ended at {bar.n} of {rows} {what}.")
    if timeline.most_behind >= hidden:
        raise WrongAnswerError(
            f"measured: at one moment, {timeline.most_behind} {what} were finished that the bar "
            "had not counted."
        )
    if bar.total is None and not needs_total:
        return
    if bar.total is None:
        raise WrongAnswerError(f"the bar has no total: it does not say how many {what} there are.")
    if bar.total != rows:
        raise WrongAnswerError(f"the total of the bar is {bar.total}; there are {rows} {what}.")


def _stub() -> None: ...


def _instructions(function: Callable) -> list[tuple[str, Any]]:
    found = dis.get_instructions(function)
    return [(each.opname, each.argval) for each in found if each.opname != "RESUME"]
