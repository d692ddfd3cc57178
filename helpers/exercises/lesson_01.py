"""The exercises of lesson 01, on Pool.map."""

from collections.abc import Callable
from numbers import Real
from typing import Any

from helpers.exercises.checking import Exercise, Wrong, run_limited
from helpers.exercises.lesson_00 import watch
from helpers.recording.pool import WatchedPool

NAPS = [0.4, 0.2, 0.3, 0.1, 0.4, 0.2, 0.3, 0.1]
LUMPY = [0.4] * 4 + [0.02] * 28
DRAWS = 6


def _judge_collect(collect: Callable) -> str:
    with WatchedPool(2) as pool:
        pool.warm_up()
        results = run_limited(collect, pool, list(NAPS))
        timeline = pool.timeline()
    _is_list(results, "collect", len(NAPS))
    if sorted(results) != sorted(NAPS):
        raise Wrong("the results are not what nap returned for each item.")
    if len(timeline) < len(NAPS):
        raise Wrong("the results are right, but the workers did not nap: you did, in a loop.")
    if results != NAPS:
        raise Wrong("every result is there, but not in the order of the naps.")
    if timeline.workers == 1:
        raise Wrong("one worker ran everything: all tasks were in one chunk.")
    if timeline.side_by_side < 1.4:
        raise Wrong(
            "the results are right, but the naps came one after the other: each call waited "
            "for its result before the next was made."
        )
    return f"Measured: {timeline.side_by_side:.1f} naps at a time, and the order is kept."


def _judge_chunks(size: int) -> str:
    if isinstance(size, bool) or not 1 <= size <= len(LUMPY):
        raise Wrong(f"{size!r} is no chunk size. Use a whole number from 1 to {len(LUMPY)}.")
    timeline = watch(LUMPY, chunksize=size)
    if timeline.workers == 1:
        raise Wrong("measured: one worker ran everything. The other got no chunk.")
    share = sorted(round(100 * part) for part in timeline.utilisation)
    said = f"{timeline.makespan:.2f} s, the workers busy for {share[0]}% and {share[1]}% of it."
    if share[0] < 60:
        raise Wrong(f"measured: {said} One worker has most of the four long naps.")
    return f"Measured: {said}"


def _judge_draws(draws: Callable) -> str:
    runs = []
    for workers in (2, 3):
        with WatchedPool(workers) as pool:
            runs.append(run_limited(draws, pool, DRAWS))
            ran = len(pool.timeline())
        _is_list(runs[-1], "draws", DRAWS)
        if not all(isinstance(number, Real) for number in runs[-1]):
            raise Wrong("draws should return numbers; something else is in your list.")
        if ran < DRAWS:
            raise Wrong("the numbers were not drawn in the workers: give the pool a task for each.")
    if len(set(runs[0])) < DRAWS:
        raise Wrong("some numbers are the same: those tasks began with the same seed.")
    if runs[0] != runs[1]:
        raise Wrong("a second run drew other numbers: no seed of yours decided them.")
    return "Six different numbers, and the same six on two workers and on three."


def _is_list(results: Any, name: str, length: int) -> None:
    if results is None:
        raise Wrong(f"{name} returned nothing (None). Is there a `return`?")
    if hasattr(results, "get") and hasattr(results, "wait"):
        raise Wrong(f"{name} returned a promise of results: `.get()` waits for the list.")
    if not isinstance(results, list):
        raise Wrong(f"{name} should return a list; it returned a {type(results).__name__}.")
    if len(results) != length:
        raise Wrong(f"there should be {length} results; you returned {len(results)}.")


collect_naps = Exercise(
    name="collect",
    takes=Callable,
    judge=_judge_collect,
    hint_text=(
        "A right result does not show that work was shared. One call should hand over *all* "
        "items at once, and wait for the whole list."
    ),
    solution_text="def collect(pool, naps):\n    return pool.map(nap, naps)",
)

better_chunks = Exercise(
    name="size",
    takes=int,
    judge=_judge_chunks,
    hint_text=(
        "Larger chunks are not faster by themselves. How many of the four long naps, which stand "
        "next to each other, may be in one chunk?"
    ),
    solution_text="size = 2",
)

same_draws = Exercise(
    name="draws",
    takes=Callable,
    judge=_judge_draws,
    hint_text=(
        "A seed that is set once, for the pool or for a worker, does not say which task gets "
        "which number. What could be different for each task, and the same in each run?"
    ),
    solution_text="def draws(pool, count):\n    return pool.map(draw_seeded, range(count))",
)
