"""The exercises of lesson 01, on Pool.map, and its guesses."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are shown as a reader would write them)

import random
from collections.abc import Callable
from numbers import Real
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from helpers.exercises.checking import Exercise, Wrong, as_results, check_order, hides, short
from helpers.exercises.limits import lend, run_limited, watch
from helpers.schedule import predict
from helpers.timeline import Timeline
from helpers.workers import draw_seeded, nap

# -- guesses: the idea behind each wrong option

moments = {
    "one by one": "The workers do finish one by one, but map keeps the results until it has all."
}
default = {
    "1 task": "That would be 100 messages: map packs tasks into chunks, if you do not say 1.",
    "20 tasks": "That is one chunk a worker; map makes about four, so that no one is left idle.",
}
repeats = {
    "all different": "A forked worker is a copy, and so is its generator: each draws the same.",
    "some the same": "That is what copies draw; here each worker made a generator of its own.",
}

# -- exercise 1


def measure_collect(collect: Callable) -> tuple[Any, list[float], Timeline]:
    """Let the answer collect naps which do not end in their order."""
    naps = [0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45][: random.choice([7, 8])]
    while not hides(naps, 2, 2):
        random.shuffle(naps)
    pool = lend(2)
    return run_limited(collect, pool, list(naps)), naps, pool.timeline()


def judge_collect(results: Any, naps: list[float], timeline: Timeline) -> str:
    """Judge whether the workers of the pool napped, side by side, and the order of the results."""
    results = as_results(results, "collect", len(naps))
    ran = int(np.isfinite(timeline.finish).sum())
    if ran < len(naps) or np.nansum(timeline.finish - timeline.start) < 0.9 * sum(naps):
        raise Wrong(
            f"the workers of your pool did not nap all the {len(naps)} naps: they ran {ran} tasks, "
            f"{np.nansum(timeline.finish - timeline.start):.1f} of {sum(naps):.1f} seconds."
        )
    check_order(results, naps)
    if timeline.workers == 1:
        raise Wrong("one worker ran everything: all tasks were in one chunk.")
    if timeline.side_by_side < 1.3:
        raise Wrong(
            "the results are right, but the naps came one after the other: each call waited "
            "for its result before the next was made."
        )
    return f"Measured: {timeline.side_by_side:.1f} naps at a time, and the order is kept."


def collect(pool, naps):
    return pool.map(nap, naps)


collect_naps = Exercise(
    name="collect",
    takes=Callable,
    measure=measure_collect,
    judge=judge_collect,
    hint_text=(
        "A right result does not show that work was shared. One call should hand over *all* "
        "items at once, and wait for the whole list."
    ),
    solved=collect,
)

# -- exercise 2

LUMPY = [0.4] * 4 + [0.02] * 28
_LUMPY = tuple(LUMPY)  # a reader may sort theirs


def measure_chunks(size: int) -> tuple[int, Timeline]:
    """Let two workers run the lumpy naps in chunks of this size."""
    if not 1 <= size <= len(_LUMPY):
        raise Wrong(
            f"{short(size)} is no chunk size here. Use a whole number from 1 to {len(_LUMPY)}."
        )
    return size, watch(list(_LUMPY), 2, chunksize=size)


def judge_chunks(size: int, timeline: Timeline) -> str:
    """Judge by the rule whether both are busy for 90%; tell what was measured."""
    shares = sorted(round(100 * part) for part in timeline.utilisation)
    said = f"{timeline.makespan:.2f} s, the workers busy for "
    said += " and ".join(f"{share}%" for share in shares) + " of it."
    predicted = predict(_LUMPY, 2, size, "map")
    if predicted.workers == 1:
        raise Wrong("measured: one worker ran everything. The other got no chunk.")
    if predicted.utilisation.min() < 0.9:
        raise Wrong(f"measured: {said} One worker has most of the four long naps.")
    return f"Measured: {said}"


better_chunks = Exercise(
    name="size",
    takes=int,
    measure=measure_chunks,
    judge=judge_chunks,
    hint_text=(
        "Larger chunks are not faster by themselves. How many of the four long naps, which stand "
        "next to each other, may be in one chunk?"
    ),
    solved="size = 2",
)

# -- exercise 3


def measure_draws(draws: Callable) -> tuple[list[Any], list[str], int]:
    """Let the answer draw twice, on two workers and on three, and keep what the workers drew."""
    count = random.randint(8, 12)
    runs, drawn = [], []
    for workers in (2, 3):
        with TemporaryDirectory() as folder:
            pool = lend(workers, folder)
            runs.append(run_limited(draws, pool, count))
            drawn.append(pool.kept)
    return runs, drawn, count


def judge_draws(runs: list[Any], drawn: list[str], count: int) -> str:
    """Judge two runs, and whether the numbers are what the workers returned."""
    runs = [as_results(run, "draws", count) for run in runs]
    for numbers, text in zip(runs, drawn, strict=True):
        for number in numbers:
            if not isinstance(number, Real) or isinstance(number, bool):
                raise Wrong(f"draws should return numbers; {short(number)} is none.")
            if repr(number) not in text:
                raise Wrong(f"no worker of your pool drew {number}. Return what the workers drew.")
    if len(set(runs[0])) < count:
        raise Wrong("some numbers are the same: those tasks began with the same seed.")
    if runs[0] in (sorted(runs[0]), sorted(runs[0], reverse=True)):
        raise Wrong("your numbers stand in order of size; random numbers would not.")
    if runs[0] != runs[1]:
        raise Wrong("a second run drew other numbers: no seed of yours decided them.")
    return f"{count} different numbers, and the same on two workers and on three."


def draws(pool, count):
    return pool.map(draw_seeded, range(count))


same_draws = Exercise(
    name="draws",
    takes=Callable,
    measure=measure_draws,
    judge=judge_draws,
    hint_text=(
        "A seed that is set once, for the pool or for a worker, does not say which task gets "
        "which number. What could be different for each task, and the same in each run?"
    ),
    solved=draws,
)
