"""The exercises of lesson 03, on taking results one at a time, and its guesses."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are printed as a reader would write them)

import multiprocessing
import random
from collections.abc import Callable
from functools import partial, wraps
from itertools import product
from numbers import Real
from time import perf_counter
from typing import Any, NamedTuple

from helpers.bar_recipes import Bar
from helpers.exercises.checking import (
    Exercise,
    Mystery,
    as_results,
    check_bar,
    check_calls,
    check_order,
    check_run,
)
from helpers.exercises.limits import (
    AnswerError,
    Call,
    MachineBusyError,
    TimeLimitError,
    TimingError,
    WrongAnswerError,
    make_pool,
    run_limited,
)
from helpers.exercises.measuring import measure_naps, run_with_bar
from helpers.exercises.wording import short_repr
from helpers.workers import call_with_tuple, nap, nap_and_power
from watchedpool.timeline import Timeline

# -- guesses: the idea behind each wrong option

print_imap = {
    "the results": "Printing takes no results. Only a loop, next or list takes results.",
    "the first result": "An iterator yields a result when it is asked for one. print does not ask.",
}
first_result = {
    "map": "map returns when its last task has finished, so its first result comes last.",
    "imap": "imap waits for *patience*, which is the first word and takes longest.",
}
drawn_items = {
    "1": "Results are yielded one by one, but a thread of the pool draws the whole input at once.",
    "4": "Four items would keep the workers busy, but the pool does not wait until they are free.",
}
first_chunk = {
    "1 nap": "A worker sends all results of its chunk together, after its last task.",
    "12 naps": "map waits for all chunks. Here, a result waits only for its own chunk.",
}

# -- exercise 1
# Asked: `collect(pool, tasks, tqdm)` has the pool run eight tuples of nap_and_power, with naps of
# 0.2 seconds, several at a time. It returns their results in order. A bar made with `tqdm` moves
# while the pool works, counts only what is done, and ends full.


def measure_moving(collect: Callable) -> tuple[list[tuple], Any, list[Call], Timeline, Bar | None]:
    """Let the answer collect powers; keep the calls of the pool, and the bar."""
    bases, exponents = random.sample(range(2, 12), 2), random.sample(range(1, 9), 4)
    tasks = [(base, exponent, 0.2) for base, exponent in product(bases, exponents)]
    random.shuffle(tasks)
    pool = make_pool(2)
    results, bar = run_with_bar(collect, pool, list(tasks), Bar)
    return tasks, results, list(pool.calls), pool.timeline(bar), bar


def grade_moving(
    tasks: list[tuple], results: Any, calls: list[Call], timeline: Timeline, bar: Bar | None
) -> str:
    """Grade the results, how many tasks ran at the same time, and whether the bar moved."""
    results = as_results(results, "collect", len(tasks))
    check_calls(calls, tasks)
    check_order(results, [base**exponent for base, exponent, _ in tasks])
    check_calls(calls, tasks, results)
    check_run(timeline, len(tasks))
    check_bar(timeline, bar, hidden=len(tasks) + 1)
    early = int((timeline.delivered < timeline.makespan - 0.1).sum())
    if early < len(tasks) / 2:
        raise TimingError(
            f"measured: when the last task ended, the bar had counted {early} of {len(tasks)}."
        )
    return f"Measured: the bar had counted {early} of {len(tasks)} before the last task ended."


def collect(pool, tasks, tqdm):
    power = partial(call_with_tuple, nap_and_power)
    return list(tqdm(pool.imap(power, tasks), total=len(tasks)))


moving_bar = Exercise(
    measure=measure_moving,
    grade=grade_moving,
    hint_text=(
        "starmap returns all results at once, when every task has finished, so a bar around it "
        "cannot move. imap yields one result at a time, and calls a function of one argument. "
        "Which adapter takes the whole tuple as one argument?"
    ),
    right_answer=collect,
)

# -- exercise 3
# Asked: `first_within(results, seconds)` returns the next result of an iterator of imap. If none
# comes within `seconds`, it returns None when they are over, and loses nothing. A result may be 0.

SLACK = 0.35  # seconds that a call may last longer than it was asked to wait


class Wait(NamedTuple):
    """One call of first_within.

    seconds: how long it was asked to wait. took: how long it did, in seconds. wanted: what it
    should return. result: what it returned; HANGS if it did not return. timeouts: those that it
    gave to `results.next`.
    """

    seconds: float
    took: float
    result: Any
    wanted: float | None
    timeouts: tuple = ()

    @property
    def was_late(self) -> bool:
        """Whether the call took too long although nothing but the clock says so."""
        waited_as_asked = self.timeouts == (self.seconds,) and self.result is None
        is_late = self.took > self.seconds + SLACK
        return self.wanted is None and is_late and not waited_as_asked


HANGS = object()


def measure_patience(first_within: Callable) -> tuple[list[Wait], float]:
    """Call the answer five times; explain an uncaught TimeoutError.

    Also return the result that may not come before the first two calls are over.
    """
    try:
        return _five_waits(first_within)
    except AnswerError as raised:
        if isinstance(raised.error, multiprocessing.TimeoutError):
            raise WrongAnswerError(
                "first_within raised TimeoutError and did not catch it. It is the TimeoutError of "
                "multiprocessing: the built-in one has the same name, but is a different exception."
            ) from None
        raise


def _five_waits(answer: Callable) -> tuple[list[Wait], float]:
    """Call twice too early, with a short limit and a longer one, and then for three results."""
    short, longer = _between(0.2, 0.3), _between(0.7, 0.9)
    first, third = round(short + longer + _between(0.7, 0.9), 2), _between(0.05, 0.15)
    results = make_pool(1).imap(nap, [first, 0, third])
    asked = [(short, None), (longer, None)]
    asked += [(random.choice([20, 30, 40, 60]), wanted) for wanted in (first, 0, third)]
    timeouts, original_next, waits = [], results.next, []

    @wraps(original_next)
    def recording_next(timeout: float | None = None) -> Any:
        """Do what `next` does. If the first timeout of a long wait is too short, end it soon."""
        timeouts.append(timeout)
        is_short = isinstance(timeout, Real) and timeout < 0.9 * seconds
        is_long_wait = len(timeouts) == 1 and wanted == first
        return original_next(min(timeout, 0.05) if is_long_wait and is_short else timeout)

    results.next = recording_next
    for seconds, wanted in asked:
        timeouts.clear()
        begin, limit = perf_counter(), first + 2 if wanted else seconds + 1.2
        try:
            result = run_limited(answer, results, seconds, seconds=min(limit, 4))
        except TimeLimitError:
            result = HANGS
        took = perf_counter() - begin
        waits.append(Wait(seconds, took, result, wanted, tuple(timeouts)))
        if result is HANGS or (result is not None and wanted is None):
            break  # a later call waits for the result that this one has taken
    return waits, first


def _between(least: float, most: float) -> float:
    return round(random.uniform(least, most), 2)


def grade_patience(waits: list[Wait], first: float) -> str:
    """Grade what was returned, and whether each call waited as long as it was allowed to."""
    for wait in waits:
        if wait.wanted is None and wait.result == first and not wait.was_late:
            raise MachineBusyError  # this process stood still until the first result came
        asked = f"asked to wait {wait.seconds:g} s at most, first_within"
        if wait.result is HANGS:
            raise WrongAnswerError(f"{asked} had not returned after {wait.took:.1f} s.")
        if wait.was_late:
            raise TimingError(f"{asked} returned after {wait.took:.1f} s.")
        if wait.wanted is None and wait.result is not None:
            raise WrongAnswerError(
                f"{asked} returned {short_repr(wait.result)}, although there was no result yet."
            )
        if wait.wanted is None and wait.took < 0.95 * wait.seconds:
            raise WrongAnswerError(f"{asked} gave up after {wait.took:.2f} s.")
        if wait.wanted == first and wait.result is None and len(wait.timeouts) == 1:
            timeout = short_repr(wait.timeouts[0])
            raise WrongAnswerError(f"{asked} called next with timeout={timeout}, and then gave up.")
        if wait.wanted is not None and wait.result != wait.wanted:
            raise WrongAnswerError(
                f"{asked} should return {wait.wanted}. It returned {short_repr(wait.result)}."
            )
    short, longer = waits[0].seconds, waits[1].seconds
    return (
        f"It returned None after {short:g} s and after {longer:g} s, while the nap went on. Then "
        "it returned the nap's result."
    )


def first_within(results, seconds):
    try:
        return results.next(timeout=seconds)
    except multiprocessing.TimeoutError:
        return None


little_patience = Exercise(
    measure=measure_patience,
    grade=grade_patience,
    hint_text=(
        "The function next has no time limit, but the method results.next has a timeout. The "
        "exception that it raises is not the built-in TimeoutError."
    ),
    right_answer=first_within,
)

# -- exercise 2
# Asked: the chunksize of a measured run of twelve naps over imap_unordered on two workers. It is
# 2, 3 or 4, and different each time.

CHUNKSIZES = (2, 3, 4)
last_chunksize = Mystery(
    name="chunksize",
    before="run the cell with the picture first: each run has a different chunksize.",
)


def mystery_run() -> Timeline:
    """Return a measured run of twelve naps; its chunksize is the question, new each time."""
    chunksize = random.choice([size for size in CHUNKSIZES if size != last_chunksize.truth])
    for _ in range(3):
        timeline = measure_naps([0.15] * 12, 2, "imap_unordered", chunksize)
        if timeline.worker[0] != timeline.worker[chunksize]:  # a lane shows where a chunk ends
            break
    last_chunksize.truth = chunksize
    return timeline


def grade_chunksize(chunksize: int, truth: int) -> str:
    """Grade the number that the reader read off the picture."""
    if chunksize == truth:
        return f"A worker takes {truth} tasks with consecutive numbers, and runs them in a row."
    if chunksize == 2 * truth:
        raise WrongAnswerError(
            "perhaps the first chunks of the two workers ended together, or one worker took two "
            "chunks in a row."
        )
    if chunksize == 1:
        raise WrongAnswerError("with chunks of one, the workers would take turns.")
    raise WrongAnswerError(f"in chunks of {short_repr(chunksize)}, the lanes would look different.")


which_chunksize = Exercise(
    measure=last_chunksize.measure,
    grade=grade_chunksize,
    hint_text=(
        "Look at the lane of task 0. Which tasks, from task 0 on, did that worker run in a row? Do "
        "not count results that come together: two workers may finish their chunks at the same "
        "time."
    ),
    right_answer=last_chunksize,
    takes=int,
)
