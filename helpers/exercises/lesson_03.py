"""The exercises of lesson 03, on taking results one at a time, and its guesses."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are printed as a reader would write them)

import multiprocessing
import random
from collections.abc import Callable
from functools import partial
from itertools import product
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from helpers.bar_recipes import Bar
from helpers.exercises.checking import Exercise, Mystery, as_results, check_order
from helpers.exercises.limits import AnswerError, WrongAnswerError, make_pool, run_limited
from helpers.exercises.measuring import measure_naps, run_with_bar
from helpers.exercises.wording import short_repr
from helpers.workers import call_with_tuple, nap, nap_and_power
from watchedpool.timeline import Timeline

# -- guesses: the idea behind each wrong option

print_imap = {
    "the results": (
        "Printing takes no results: an iterator hands them out to a loop, to next or to list."
    ),
    "the first result": "An iterator returns a result when asked for one; print does not ask.",
}
first_result = {
    "map": "map returns nothing before its last task is done, so it comes last of the three.",
    "imap": "imap waits for *patience*, which is first in order and takes longest.",
}
drawn_items = {
    "1": "The results are lazy, but the input is not: a thread of the pool takes it at once.",
    "4": "That would keep the workers busy, but the pool does not wait for them.",
}
first_chunk = {
    "1 nap": "A worker sends all results of its chunk together, when the last one is done.",
    "12 naps": "That is map: here a result waits for its own chunk only, not for the others.",
}

# -- exercise 1


def measure_moving(collect: Callable) -> tuple[Any, list[int], Timeline, bool]:
    """Let the answer collect powers; the last item says whether it made a bar."""
    bases, exponents = random.sample(range(2, 12), 2), random.sample(range(1, 9), 4)
    tasks = [(base, exponent, 0.2) for base, exponent in product(bases, exponents)]
    random.shuffle(tasks)
    pool = make_pool(2)
    results, bar = run_with_bar(collect, pool, list(tasks), Bar)
    wanted = [base**exponent for base, exponent, _ in tasks]
    return results, wanted, pool.timeline(bar), bar is not None


def grade_moving(results: Any, wanted: list[int], timeline: Timeline, made: bool) -> str:
    """Grade the results, whether several workers computed them, and whether the bar moved."""
    results = as_results(results, "collect", len(wanted))
    ran = int(np.isfinite(timeline.finish).sum())
    if ran < len(wanted) or np.nansum(timeline.finish - timeline.start) < 0.9 * 0.2 * len(wanted):
        raise WrongAnswerError(
            f"the pool completed {ran} tasks, and there are {len(wanted)} tasks of 0.2 seconds. "
            "Give every task to the pool."
        )
    check_order(results, wanted)
    if timeline.mean_concurrency < 1.3:
        raise WrongAnswerError(
            "measured: only one task ran at a time. Submit all tasks before you wait."
        )
    if not made:
        raise WrongAnswerError("there is no bar. Make one with the tqdm that is passed in.")
    counted = int(np.isfinite(timeline.delivered).sum())
    if timeline.most_ahead > 1:
        raise WrongAnswerError(
            f"measured: the bar counted {timeline.most_ahead} tasks that were not finished. "
            "It counts what goes in, not what comes out."
        )
    early = int((timeline.delivered < np.max(timeline.finish) - 0.1).sum())
    if early < len(wanted) / 2:
        raise WrongAnswerError(
            f"measured: when the last task ended, the bar had counted {early} of {len(wanted)}."
        )
    if counted < len(wanted):
        raise WrongAnswerError(f"the bar ended at {counted} of {len(wanted)}.")
    return f"Measured: the bar had counted {early} of {len(wanted)} before the last task ended."


def collect(pool, tasks, tqdm):
    power = partial(call_with_tuple, nap_and_power)
    return list(tqdm(pool.imap(power, tasks), total=len(tasks)))


moving_bar = Exercise(
    name="collect",
    takes=Callable,
    measure=measure_moving,
    grade=grade_moving,
    hint_text=(
        "starmap returns all results at once, when every task is done: a bar around it cannot "
        "move. imap returns one result at a time, and calls a function of one argument. "
        "Which adapter takes the whole tuple as one argument?"
    ),
    right_answer=collect,
)

# -- exercise 2


class Call(NamedTuple):
    """One call of first_within: its time limit, its duration, what it returned, and should."""

    seconds: float
    took: float
    result: Any
    wanted: float | None


def measure_patience(first_within: Callable) -> tuple[list[Call]]:
    """Call the answer four times; explain an uncaught TimeoutError."""
    try:
        return (_four_calls(first_within),)
    except AnswerError as raised:
        if isinstance(raised.error, multiprocessing.TimeoutError):
            raise WrongAnswerError(
                "first_within raised TimeoutError and did not catch it. It is the TimeoutError of "
                "multiprocessing: the built-in one has the same name, but is another exception."
            ) from None
        raise


def _four_calls(first_within: Callable) -> list[Call]:
    """Call twice too early, with a short limit and a longer one, and then for two results."""
    first, second = random.choice([1.2, 1.3, 1.4]), random.choice([0.05, 0.1])
    pool = make_pool(1)
    results = pool.imap(nap, [first, second])
    calls = []
    for seconds, wanted in [(0.1, None), (0.5, None), (20.0, first), (10.0, second)]:
        begin = perf_counter()
        result = run_limited(first_within, results, seconds)
        calls.append(Call(seconds, perf_counter() - begin, result, wanted))
        if result is not None and wanted is None:
            break  # it has taken the result that a later call waits for
    return calls


def grade_patience(calls: list[Call]) -> str:
    """Grade what was returned, and whether each call waited as long as it was allowed to."""
    for call in calls:
        asked = f"asked to wait {call.seconds:g} s at most, first_within"
        if call.wanted is None and call.took > call.seconds + 0.35:
            raise WrongAnswerError(f"{asked} returned after {call.took:.1f} s.")
        if call.wanted is None and call.result is not None:
            raise WrongAnswerError(
                f"{asked} returned {short_repr(call.result)}, although there was no result yet."
            )
        if call.wanted is None and call.took < 0.8 * call.seconds:
            raise WrongAnswerError(f"{asked} gave up after {call.took:.2f} s.")
        if call.wanted is not None and call.result != call.wanted:
            raise WrongAnswerError(
                f"{asked} should return {call.wanted}. It returned {short_repr(call.result)}."
            )
    return "It returned None after 0.1 s and after 0.5 s, while the nap went on; then its result."


def first_within(results, seconds):
    try:
        return results.next(timeout=seconds)
    except multiprocessing.TimeoutError:
        return None


little_patience = Exercise(
    name="first_within",
    takes=Callable,
    measure=measure_patience,
    grade=grade_patience,
    hint_text=(
        "The function next has no time limit; the method results.next has one, timeout. And the "
        "error it raises is not the TimeoutError that needs no import."
    ),
    right_answer=first_within,
)

# -- exercise 3

CHUNKSIZES = (2, 3, 4)
last_chunksize = Mystery(
    name="chunksize",
    before="run the cell with the picture first: each run has a different chunksize.",
)


def mystery_run() -> Timeline:
    """Return a measured run of twelve naps; its chunksize is the question, new each time."""
    chunksize = random.choice([size for size in CHUNKSIZES if size != last_chunksize.truth])
    timeline = measure_naps([0.15] * 12, 2, "imap_unordered", chunksize)
    last_chunksize.truth = chunksize
    return timeline


def grade_chunksize(chunksize: int, truth: int) -> str:
    """Grade the number that the reader read off the picture."""
    if chunksize == truth:
        return f"A worker gets {truth} tasks that stand next to each other, and runs them in a row."
    if chunksize == 2 * truth:
        raise WrongAnswerError(
            "there are two workers, and their first chunks ended together; or one worker took two "
            "chunks that stand next to each other."
        )
    if chunksize == 1:
        raise WrongAnswerError("with chunks of one, the workers would take turns: 0 here, 1 there.")
    raise WrongAnswerError(f"in chunks of {short_repr(chunksize)}, the lanes would look different.")


which_chunksize = Exercise(
    name="chunksize",
    takes=int,
    measure=last_chunksize.measure,
    grade=grade_chunksize,
    hint_text=(
        "How many results come together is not the answer: two workers may end their chunks at the "
        "same time. Look at the lanes: which tasks, from task 0 on, did one worker run in a row?"
    ),
    right_answer=last_chunksize.solution,
)
