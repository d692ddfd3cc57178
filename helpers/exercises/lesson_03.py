"""The exercises of lesson 03, on taking results one at a time, and its guesses."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are shown as a reader would write them)

import multiprocessing
import random
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from helpers.exercises.checking import Exercise, Wrong, as_results, check_order, short
from helpers.exercises.limits import Raised, lend, run_limited, watch
from helpers.schedule import predict
from helpers.timeline import Timeline
from helpers.workers import count_letters, nap, with_number

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

WORDS = ["patience", "is", "bitter", "but", "its", "fruit", "is", "sweet", "comfort", "a"]
LATE = 0.3  # seconds: where results are taken in order, a finished task waits longer


def measure_early(collect: Callable) -> tuple[Any, list[str], Timeline]:
    """Let the answer collect words whose short ones end long before a word in front of them."""
    words = random.sample(WORDS, 8)
    while not _telling(words):
        words = random.sample(WORDS, 8)
    pool = lend(3)
    return run_limited(collect, pool, list(words)), words, pool.timeline()


def _telling(words: list[str]) -> bool:
    """Tell whether results in order, and results as they come, would both be seen to be wrong."""
    lengths = np.array([len(word) for word in words])
    run = predict(lengths / 10, 3)
    return run.lag.max() > LATE + 0.15 and any(lengths[np.argsort(run.finish)] != lengths)


def judge_early(results: Any, words: list[str], timeline: Timeline) -> str:
    """Judge the results, who made them, and whether any waited behind another."""
    results = as_results(results, "collect", len(words))
    finished = np.isfinite(timeline.finish)
    busy, letters = np.nansum(timeline.finish - timeline.start), sum(map(len, words))
    if finished.sum() < len(words) or busy < 0.9 * 0.1 * letters:
        raise Wrong(
            f"the workers of your pool counted too little: they ran {finished.sum()} tasks to "
            f"their end. Let them run count_letters for each of the {len(words)} words."
        )
    check_order(results, [len(word) for word in words])
    if timeline.side_by_side < 1.3:
        raise Wrong("measured: only one task ran at a time. Submit them all before you wait.")
    if untaken := int(np.isnan(timeline.shown).sum()):
        raise Wrong(f"you took no result of {untaken} tasks: the lengths came from elsewhere.")
    if (longest := np.nanmax(timeline.lag)) > LATE:
        raise Wrong(
            f"measured: a finished task waited {longest:.1f} s to be shown. "
            "The results are in order, but some were kept waiting for it."
        )
    return "Measured: in order, and no finished task waited behind another one."


def collect(pool, words):
    task = partial(with_number, count_letters)
    numbered = dict(pool.imap_unordered(task, enumerate(words)))
    return [numbered[number] for number in range(len(words))]


early_and_in_order = Exercise(
    name="collect",
    takes=Callable,
    measure=measure_early,
    judge=judge_early,
    hint_text=(
        "An order of the *results* does not need an order of *waiting*. Take them as they come, "
        "with their number, and put them in order afterwards."
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
        return f"One task of {asked} did not wait: it was the last of its chunk."
    if chunksize == 2 * asked:
        raise Wrong("there are two workers, and their first chunks ended together.")
    if chunksize == 1:
        raise Wrong("with chunks of one, no task would wait for another: no orange lines.")
    raise Wrong(f"in chunks of {short(chunksize)}, the steps and the waiting would look different.")


which_chunksize = Exercise(
    name="chunksize",
    takes=int,
    measure=lambda chunksize: (chunksize, _last_asked()),
    judge=judge_chunksize,
    hint_text=(
        "The height of the first orange step is not the answer: two workers may end their chunks "
        "at the same time. Look at the lanes: after how many tasks is there one that did not wait?"
    ),
    solved=lambda: f"chunksize = {_asked[0] if _asked else '...  # run the picture first'}",
)
