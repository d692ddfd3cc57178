"""The exercises of lesson 03, on taking results one at a time, and its guesses."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are shown as a reader would write them)

import multiprocessing
import random
from collections.abc import Callable
from functools import partial
from itertools import product
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from helpers.bar_recipes import Bar
from helpers.exercises.checking import Exercise, Wrong, as_results, check_order, short
from helpers.exercises.limits import Raised, lend, run_limited, watch
from helpers.timeline import Timeline
from helpers.workers import call_with_tuple, nap, nap_and_power

# -- guesses: the idea behind each wrong option

print_imap = {
    "the results": "To print is not to ask: an iterator hands out results to a loop, next or list.",
    "the first result": "Nobody asked for one: an iterator hands out a result when it is asked.",
}
first_result = {
    "map": "map shows nothing before its last task is done, so it is the last of the three.",
    "imap": "imap waits for *patience*, which is first in order and takes longest.",
}
drawn_items = {
    "1": "The results are lazy, but not the input: a thread of the pool draws it, asked or not.",
    "4": "That would keep the workers busy; but the pool does not wait for them before it draws.",
}
first_chunk = {
    "1 nap": "A worker sends the results of its chunk together, when the last of them is done.",
    "12 naps": "That is map: here a result waits for its own chunk, and not for the others.",
}

# -- exercise 1


def measure_moving(collect: Callable) -> tuple[Any, list[int], Timeline, bool]:
    """Let the answer collect powers; also tell whether it made a bar."""
    bases, exponents = random.sample(range(2, 12), 2), random.sample(range(1, 9), 4)
    tasks = [(base, exponent, 0.2) for base, exponent in product(bases, exponents)]
    random.shuffle(tasks)
    pool = lend(2)
    Bar.made.clear()
    results = run_limited(collect, pool, list(tasks), Bar)
    bar = max(Bar.made, key=lambda bar: bar.n, default=None)
    wanted = [base**exponent for base, exponent, _ in tasks]
    return results, wanted, pool.timeline(bar), bar is not None


def judge_moving(results: Any, wanted: list[int], timeline: Timeline, made: bool) -> str:
    """Judge the results, whether the pool made them side by side, and whether the bar moved."""
    results = as_results(results, "collect", len(wanted))
    ran = int(np.isfinite(timeline.finish).sum())
    if ran < len(wanted) or np.nansum(timeline.finish - timeline.start) < 0.9 * 0.2 * len(wanted):
        raise Wrong(
            f"the pool ran {ran} tasks to their end, and there are {len(wanted)} of 0.2 seconds. "
            "Give every task to the pool."
        )
    check_order(results, wanted)
    if timeline.side_by_side < 1.3:
        raise Wrong("measured: only one task ran at a time. Submit them all before you wait.")
    if not made:
        raise Wrong("there is no bar. Make one with the tqdm that is passed in.")
    counted = int(np.isfinite(timeline.shown).sum())
    if timeline.most_ahead > 1:
        raise Wrong(
            f"measured: the bar counted {timeline.most_ahead} tasks that were not finished. "
            "It counts what goes in, not what comes out."
        )
    early = int((timeline.shown < np.max(timeline.finish) - 0.1).sum())
    if early < len(wanted) / 2:
        raise Wrong(
            f"measured: when the last task ended, the bar had counted {early} of {len(wanted)}."
        )
    if counted < len(wanted):
        raise Wrong(f"the bar ended at {counted} of {len(wanted)}.")
    return f"Measured: the bar had counted {early} of {len(wanted)} before the last task ended."


def collect(pool, tasks, tqdm):
    power = partial(call_with_tuple, nap_and_power)
    return list(tqdm(pool.imap(power, tasks), total=len(tasks)))


moving_bar = Exercise(
    name="collect",
    takes=Callable,
    measure=measure_moving,
    judge=judge_moving,
    hint_text=(
        "starmap hands over everything at once, when all is done: no bar around it can move. "
        "imap hands over one at a time, and calls a function of one argument. "
        "Which adapter takes the whole tuple as one argument?"
    ),
    solved=collect,
)

# -- exercise 2


class Ask(NamedTuple):
    """One question: how long it might take, how long it took, what came, what should come."""

    seconds: float
    took: float
    result: Any
    wanted: float | None


def measure_patience(first_within: Callable) -> tuple[list[Ask]]:
    """Ask twice too early, with little patience and with more, and then for two results."""
    first, second = random.choice([1.2, 1.3, 1.4]), random.choice([0.05, 0.1])
    pool = lend(1)
    results = pool.imap(nap, [first, second])
    asks = []
    for seconds, wanted in [(0.1, None), (0.5, None), (20.0, first), (10.0, second)]:
        begin = perf_counter()
        result = run_limited(first_within, results, seconds)
        asks.append(Ask(seconds, perf_counter() - begin, result, wanted))
        if result is not None and wanted is None:
            break  # it has taken what a later question waits for
    return (asks,)


def judge_patience(asks: list[Ask]) -> str:
    """Judge what came, and whether the waiting was as long as was asked for."""
    for ask in asks:
        said = f"asked to wait {ask.seconds:g} s at most, first_within"
        if ask.wanted is None and ask.took > ask.seconds + 0.35:
            raise Wrong(f"{said} returned after {ask.took:.1f} s.")
        if ask.wanted is None and ask.result is not None:
            raise Wrong(f"{said} returned {short(ask.result)}, and no result was there yet.")
        if ask.wanted is None and ask.took < 0.8 * ask.seconds:
            raise Wrong(f"{said} gave up after {ask.took:.2f} s.")
        if ask.wanted is not None and ask.result != ask.wanted:
            raise Wrong(f"{said} should return {ask.wanted}. It returned {short(ask.result)}.")
    return "None while the nap went on, after 0.1 s and after 0.5 s; and then its result."


def _timeouts_named(first_within: Callable) -> tuple[list[Ask]]:
    try:
        return measure_patience(first_within)
    except Raised as raised:
        if isinstance(raised.error, multiprocessing.TimeoutError):
            raise Wrong(
                "first_within raised TimeoutError, and nobody caught it. "
                "It is the one of multiprocessing: the built-in one has only the same name."
            ) from None
        raise


def first_within(results, seconds):
    try:
        return results.next(timeout=seconds)
    except multiprocessing.TimeoutError:
        return None


little_patience = Exercise(
    name="first_within",
    takes=Callable,
    measure=_timeouts_named,
    judge=judge_patience,
    hint_text=(
        "The function next has no limit; the method results.next has one, timeout. And the error "
        "it raises is not the TimeoutError that needs no import."
    ),
    solved=first_within,
)

# -- exercise 3

CHUNKSIZES = (2, 3, 4)
_asked: list[int] = []  # the chunksize of the last run that was shown


def mystery_run() -> Timeline:
    """Return a measured run of twelve naps; its chunksize is the question, each time another."""
    chunksize = random.choice([size for size in CHUNKSIZES if size not in _asked[-1:]])
    timeline = watch([0.15] * 12, 2, "imap_unordered", chunksize)
    _asked[:] = [chunksize]
    return timeline


def _last_asked() -> int:
    if not _asked:
        raise Wrong("run the cell with the picture first: each run has a chunksize of its own.")
    return _asked[0]


def judge_chunksize(chunksize: int, asked: int) -> str:
    """Judge the number that was read off the picture."""
    if chunksize == asked:
        return f"A worker gets {asked} tasks that stand next to each other, and runs them in a row."
    if chunksize == 2 * asked:
        raise Wrong(
            "there are two workers, and their first chunks ended together; or one worker took two "
            "chunks that stand next to each other."
        )
    if chunksize == 1:
        raise Wrong("with chunks of one, the workers would take turns: 0 here, 1 there.")
    raise Wrong(f"in chunks of {short(chunksize)}, the lanes would look different.")


which_chunksize = Exercise(
    name="chunksize",
    takes=int,
    measure=lambda chunksize: (chunksize, _last_asked()),
    judge=judge_chunksize,
    hint_text=(
        "How many come together is not the answer: two workers may end their chunks at the same "
        "time. Look at the lanes: which tasks, from task 0 on, did one worker run in a row?"
    ),
    solved=lambda: f"chunksize = {_asked[0] if _asked else '...  # run the picture first'}",
)
