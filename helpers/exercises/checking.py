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
    TimingError,
    WrongAnswerError,
    cleanup,
    notice,
    run_in_thread,
)
from helpers.exercises.measuring import grade_fairly
from helpers.exercises.wording import (
    NOT_TRIED,
    NOT_YET,
    RIGHT,
    TOO_BUSY,
    UNKNOWN,
    in_words,
    is_async_result,
    kind_of,
    short_repr,
    show_verdict,
)
from watchedpool.timeline import Timeline

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

    measure: takes the answer, runs it, and returns the arguments of `grade`.
    grade: takes what was measured, and returns a sentence of praise.
        Both raise WrongAnswerError for a wrong answer, and TimingError for a slow one.
    hint_text: names the misconception.
    right_answer: an answer, as a function; or its source, which begins with its name; or a Mystery.
    takes: one of KINDS.
    control: an answer of our own that is measured if the reader's is slow; see `grade_fairly`.
        Without it, `right_answer` is measured, if the answer is a function.
    """

    measure: Callable[..., tuple]
    grade: Callable[..., str]
    hint_text: str
    right_answer: "Callable | str | Mystery"
    takes: Any = Callable
    control: Callable | None = None

    @property
    def name(self) -> str:
        """Return what the lesson's cell calls the answer."""
        if isinstance(self.right_answer, Mystery):
            return self.right_answer.name
        if isinstance(self.right_answer, str):
            return self.right_answer.partition(" = ")[0]
        return self.right_answer.__name__

    def check(self, answer: Any = ...) -> None:
        """Display what is right or wrong about `answer`. Never raises.

        It never hangs either, with one exception, which `notice` explains to the reader.
        """
        show_verdict(self.verdict(answer))

    def hint(self) -> None:
        """Print a hint."""
        print(self.hint_text)

    def solution(self) -> None:
        """Print a solution; copy it over your answer to try it."""
        print(self.solution_text)

    @property
    def solution_text(self) -> str:
        """Return the source of a solution."""
        if isinstance(self.right_answer, Mystery):
            return self.right_answer.solution()
        if isinstance(self.right_answer, str):
            return self.right_answer
        return inspect.getsource(self.right_answer).rstrip()

    def verdict(self, answer: Any) -> str:
        """Return what `check` displays: it begins with RIGHT if the answer is right."""
        if is_untouched(answer):
            return NOT_TRIED
        runs_code, returned = self.takes in (list, Callable), []
        try:
            with notice() if runs_code else nullcontext(), cleanup() as returned:
                answer = self._accept(answer)
                return RIGHT + self.measure_and_grade(answer)
        except WrongAnswerError as wrong:
            return f"{NOT_YET}{wrong}"
        except MachineBusyError:
            return TOO_BUSY
        except Exception as error:
            return self._explain(error, answer, returned)

    def _explain(self, error: Exception, answer: Any, returned: list) -> str:
        """Return the verdict after an error that the code of the check raised, not the answer."""
        raised = f"The code of the check, not yours, raised {in_words(error)}"
        if not isinstance(error, VALUE_ERRORS) or (self.takes is Callable and not returned):
            return f"{UNKNOWN}the check failed, which says nothing about your answer. {raised}"
        what = f"is {short_repr(answer)}"
        if self.takes is Callable:
            what = f"returned {short_repr(returned[-1])}"
        return f"{NOT_YET}{self.name} {what}, which the check cannot grade. {raised}"

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

    def measure_and_grade(self, answer: Any) -> str:
        """Return what `grade` returns for an answer of the right kind; raise what it raises."""
        if self.takes is not Callable:
            return self._grade(*self.measure(answer))
        control = self.control or self.right_answer
        return grade_fairly(self.measure, self._grade, answer, control)

    def _grade(self, *measured: Any) -> str:
        """Return what `grade` returns. What is compared may still contain the reader's code."""
        outcome = run_in_thread(lambda: self.grade(*measured), TIME_LIMIT)
        if not outcome:
            raise TimeLimitError(
                f"the comparison of {self.name} had not ended after {TIME_LIMIT:g} s."
            )
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
        raise WrongAnswerError(f"{name} should return a list; its result is {kind_of(results)}.")
    if len(results) != count:
        raise WrongAnswerError(f"there should be {count} results; you returned {len(results)}.")
    return [without_numpy(result) for result in islice(results, count)]


def numbers_in(value: Any) -> Iterator[Real]:
    """Yield each number in nested lists, tuples and arrays."""
    value = without_numpy(value)
    if isinstance(value, Real):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from numbers_in(part)


def check_order(results: list, wanted: list) -> None:
    """Raise WrongAnswerError if the results are not the wanted ones, in their order."""
    if results == wanted:
        return
    if sorted(map(repr, results)) == sorted(map(repr, wanted)):
        raise WrongAnswerError("every result is there, but not in the order of the tasks.")
    raise WrongAnswerError(
        f"the results should be {short_repr(wanted)}; they are {short_repr(results)}."
    )


def check_choices(answer: dict, names: Iterable[str], allowed: Iterable[str]) -> None:
    """Raise WrongAnswerError if the answer does not have one allowed word for each of the names."""
    if set(answer) != set(names):
        raise WrongAnswerError(f"answer for each of these: {', '.join(names)}.")
    for name, choice in answer.items():
        if not isinstance(choice, str) or choice not in allowed:
            raise WrongAnswerError(
                f"{name} is {short_repr(choice)}; allowed are {', '.join(allowed)}."
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
    """Raise WrongAnswerError if a pool ran other tasks, or did not return these results.

    calls: of the ExercisePool. arguments: of the tasks that should have run once each; None allows
    any tasks. results: the answer's results of the tasks that did not fail.

    A task may have more than its argument, such as its number, or a list of several arguments. A
    result may have more than its value, too.
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
            f"no worker of your pool returned {short_repr(strange)}. Return the workers' results."
        )


def _closest(values: list, wanted: Counter) -> Counter:
    """Return that one of the `_columns` of the values which has most in common with `wanted`."""
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


def check_run(timeline: Timeline, count: int, what: str = "tasks", workers: int = 0) -> None:
    """Raise WrongAnswerError if there was not one run of each of `count` rows, some at a time.

    what: the name of the rows. workers: how many should run at the same time; 0 for any number.
    """
    ran = int(np.isfinite(timeline.finish).sum())
    if ran != count:
        raise WrongAnswerError(
            f"{ran} {what} were done, and there are {count}: each should be done once."
        )
    most = timeline.max_concurrency
    if most < 2:
        raise WrongAnswerError(
            f"measured: never two {what} at the same time, as if there were one worker. Submit all "
            "tasks before you wait for the first result."
        )
    if workers and most != workers:
        raise TimingError(
            f"measured: {most} {what} at the same time. There should be {workers} workers."
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
    rows that are finished and not counted are too many at one moment. what: the name of its rows.
    ahead: how many rows it may count before they are finished. needs_total: False where nobody
    could know the number of rows before the end.
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
    if bar.total is None and needs_total:
        raise WrongAnswerError(f"the bar has no total: it does not say how many {what} there are.")
    if bar.total not in (None, rows):
        raise WrongAnswerError(f"the total of the bar is {bar.total}; there are {rows} {what}.")
    if timeline.most_behind >= hidden:
        raise TimingError(
            f"measured: at one moment, {timeline.most_behind} {what} were finished that the bar "
            "had not counted."
        )


def _stub() -> None: ...


def _instructions(function: Callable) -> list[tuple[str, Any]]:
    found = dis.get_instructions(function)
    return [(each.opname, each.argval) for each in found if each.opname != "RESUME"]
