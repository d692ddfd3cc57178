"""The exercises of lesson 03, on taking results one at a time."""

from collections.abc import Callable

import numpy as np

from helpers.exercises.checking import Exercise, Wrong, run_limited
from helpers.recording.pool import WatchedPool
from helpers.timeline import Timeline
from helpers.workers import nap

WORDS = ["patience", "is", "bitter", "but", "its", "fruit", "is", "sweet"]
LATE = 0.3  # seconds: half of what the first "is" waits where results are taken in order
CHUNKSIZE = 4
LIMIT = 20.0  # seconds


def mystery_run() -> Timeline:
    """Return a measured run of twelve naps; its chunksize is the question."""
    with WatchedPool(2) as pool:
        pool.warm_up()
        list(pool.imap_unordered(nap, [0.15] * 12, chunksize=CHUNKSIZE))
        return pool.timeline()


def _judge_early(collect: Callable) -> str:
    with WatchedPool(3) as pool:
        pool.warm_up()
        lengths = run_limited(collect, pool, WORDS, seconds=LIMIT)
        timeline = pool.timeline()
    if not isinstance(lengths, list):
        raise Wrong(f"collect should return a list; it returned {type(lengths).__name__}.")
    wanted = [len(word) for word in WORDS]
    if lengths != wanted:
        raise Wrong(f"the lengths should be {wanted}, in this order; they are {lengths}.")
    if len(timeline) != len(WORDS) or np.isnan(timeline.finish).any():
        raise Wrong(f"the pool was given {len(timeline)} tasks. Give it each of the words, once.")
    if timeline.side_by_side < 1.3:
        raise Wrong("measured: only one task ran at a time. Submit them all before you wait.")
    longest = np.nanmax(timeline.lag)
    if longest > LATE:
        raise Wrong(
            f"measured: a finished task waited {longest:.1f} s to be shown. "
            "The results are in order, but some were kept waiting for it."
        )
    return "Measured: in order, and no finished task waited behind another one."


def _judge_patience(first_within: Callable) -> str:
    with WatchedPool(2) as pool:
        pool.warm_up()
        results = pool.imap(nap, [1.5, 0.1])
        early = _ask(first_within, results, 0.2)
        asked = pool.timeline()
        if early is not None:
            raise Wrong(f"no result was there within 0.2 s, but first_within returned {early!r}.")
        if np.isfinite(asked.finish[:1]).any():  # there may be no task yet
            raise Wrong("first_within returned None, but not within the time that was asked for.")
        late = _ask(first_within, results, LIMIT)
    if late != 1.5:
        raise Wrong(f"asked again, with {LIMIT:g} s, it should return 1.5. It returned {late!r}.")
    return "None after 0.2 s, while the nap went on; and 1.5 when it was asked again."


def _ask(first_within: Callable, results: object, seconds: float) -> object:
    try:
        return run_limited(first_within, results, seconds, seconds=2 * LIMIT)
    except Wrong as wrong:
        if "raised TimeoutError" in str(wrong):
            wrong = Wrong(
                "first_within raised TimeoutError, and nobody caught it. "
                "It is the one of multiprocessing: the built-in one has only the same name."
            )
        raise wrong from None


def _judge_chunksize(chunksize: int) -> str:
    if chunksize == 2 * CHUNKSIZE:
        raise Wrong("there are two workers, and their first chunks ended together.")
    if chunksize == 1:
        raise Wrong("with chunks of one, no task would wait for another: no orange lines.")
    if chunksize != CHUNKSIZE:
        raise Wrong(f"in chunks of {chunksize}, the steps and the waiting would look different.")
    return "Every fourth task did not wait: it was the last of its chunk."


early_and_in_order = Exercise(
    name="collect",
    takes=Callable,
    judge=_judge_early,
    hint_text=(
        "An order of the *results* does not need an order of *waiting*. Take them as they come, "
        "with their number, and put them in order afterwards."
    ),
    solution_text="""def collect(pool, words):
    task = partial(with_number, count_letters)
    numbered = dict(pool.imap_unordered(task, enumerate(words)))
    return [numbered[number] for number in range(len(words))]""",
)

little_patience = Exercise(
    name="first_within",
    takes=Callable,
    judge=_judge_patience,
    hint_text=(
        "The function next has no limit; the method results.next has one, timeout. And the error "
        "it raises is not the TimeoutError that needs no import."
    ),
    solution_text="""def first_within(results, seconds):
    try:
        return results.next(timeout=seconds)
    except multiprocessing.TimeoutError:
        return None""",
)

which_chunksize = Exercise(
    name="chunksize",
    takes=int,
    judge=_judge_chunksize,
    hint_text=(
        "The height of the first orange step is not the answer: two workers may end their chunks "
        "at the same time. Look at the lanes: after how many tasks is there one that did not wait?"
    ),
    solution_text=f"chunksize = {CHUNKSIZE}",
)
