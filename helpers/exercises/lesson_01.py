"""The exercises of lesson 01, on Pool.map, and its guesses."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are printed as a reader would write them)

import random
from collections.abc import Callable
from numbers import Real
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from helpers.exercises.checking import Exercise, as_results, check_order
from helpers.exercises.limits import WrongAnswerError, make_pool, run_limited
from helpers.exercises.measuring import draw_misleading_naps, measure_naps
from helpers.exercises.wording import short_repr
from helpers.workers import draw_seeded, nap
from watchedpool.schedule import predict
from watchedpool.timeline import Timeline

# -- guesses: the idea behind each wrong option

moments = {
    "one by one": "The workers do finish one by one, but map keeps the results until it has all."
}
default = {
    "1 task": "That would be 100 messages: map packs tasks into chunks unless you ask for 1.",
    "20 tasks": "That is one chunk per worker; map makes about four, so that no worker stays idle.",
}
repeats = {
    "all different": (
        "A forked worker is a copy, and so is its generator: each worker draws the same numbers."
    ),
    "some the same": "Copies draw the same; here each worker made a generator of its own.",
}

# -- exercise 1


def measure_collect(collect: Callable) -> tuple[Any, list[float], Timeline]:
    """Let the answer collect naps that do not end in their order."""
    naps = [0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45][: random.choice([7, 8])]
    naps = draw_misleading_naps(lambda: random.sample(naps, len(naps)), workers=2, hidden=2)
    pool = make_pool(2)
    return run_limited(collect, pool, list(naps)), naps, pool.timeline()


def grade_collect(results: Any, naps: list[float], timeline: Timeline) -> str:
    """Grade whether the workers of the pool napped at the same time, and the order of results."""
    results = as_results(results, "collect", len(naps))
    ran = int(np.isfinite(timeline.finish).sum())
    napped = np.nansum(timeline.finish - timeline.start)
    if ran < len(naps) or napped < 0.9 * sum(naps):
        raise WrongAnswerError(
            f"the workers of your pool did not run all the {len(naps)} naps: they ran {ran} tasks, "
            f"{napped:.1f} of {sum(naps):.1f} seconds."
        )
    check_order(results, naps)
    if timeline.workers == 1:
        raise WrongAnswerError("one worker ran everything: all tasks were in one chunk.")
    if timeline.mean_concurrency < 1.3:
        raise WrongAnswerError(
            "the results are right, but the naps came one after the other: each call waited "
            "for its result before you made the next call."
        )
    return f"Measured: {timeline.mean_concurrency:.1f} naps at a time, and the order is kept."


def collect(pool, naps):
    return pool.map(nap, naps)


collect_naps = Exercise(
    name="collect",
    takes=Callable,
    measure=measure_collect,
    grade=grade_collect,
    hint_text=(
        "A right result does not prove that the work was shared. One call should hand over *all* "
        "items at once, and wait for the whole list."
    ),
    right_answer=collect,
)

# -- exercise 2

UNEVEN_NAPS = [0.4] * 4 + [0.02] * 28
_UNEVEN_NAPS = tuple(UNEVEN_NAPS)  # a reader may change the list


def measure_chunks(size: int) -> tuple[int, Timeline]:
    """Let two workers run the uneven naps in chunks of this size."""
    if not 1 <= size <= len(_UNEVEN_NAPS):
        raise WrongAnswerError(
            f"{short_repr(size)} is not a chunk size here. "
            f"Use a whole number from 1 to {len(_UNEVEN_NAPS)}."
        )
    return size, measure_naps(list(_UNEVEN_NAPS), 2, chunksize=size)


def grade_chunks(size: int, timeline: Timeline) -> str:
    """Grade by the prediction whether both workers are busy for 90%; report what was measured."""
    shares = sorted(round(100 * part) for part in timeline.utilisation)
    busy = " and ".join(f"{share}%" for share in shares)
    measured = f"{timeline.makespan:.2f} s, the workers busy for {busy} of it."
    predicted = predict(_UNEVEN_NAPS, 2, size, "map")
    if predicted.workers == 1:
        raise WrongAnswerError("measured: one worker ran everything. The other got no chunk.")
    if predicted.utilisation.min() < 0.9:
        raise WrongAnswerError(f"measured: {measured} One worker has most of the four long naps.")
    return f"Measured: {measured}"


better_chunks = Exercise(
    name="size",
    takes=int,
    measure=measure_chunks,
    grade=grade_chunks,
    hint_text=(
        "Larger chunks are not faster by themselves. The four long naps stand next to each other: "
        "how many of them may be in one chunk?"
    ),
    right_answer="size = 2",
)

# -- exercise 3


def measure_draws(draws: Callable) -> tuple[list[Any], list[str], int]:
    """Let the answer draw twice, on two workers and on three, and keep what the workers drew."""
    count = random.randint(8, 12)
    runs, drawn = [], []
    for workers in (2, 3):
        with TemporaryDirectory() as folder:
            pool = make_pool(workers, folder)
            runs.append(run_limited(draws, pool, count))
            drawn.append(pool.returned)
    return runs, drawn, count


def grade_draws(runs: list[Any], drawn: list[str], count: int) -> str:
    """Grade two runs, and whether the numbers are what the workers returned."""
    runs = [as_results(run, "draws", count) for run in runs]
    for numbers, text in zip(runs, drawn, strict=True):
        for number in numbers:
            if not isinstance(number, Real) or isinstance(number, bool):
                raise WrongAnswerError(
                    f"draws should return numbers; {short_repr(number)} is not a number."
                )
            if repr(number) not in text:
                raise WrongAnswerError(
                    f"no worker of your pool drew {number}. Return what the workers drew."
                )
    if len(set(runs[0])) < count:
        raise WrongAnswerError("some numbers are the same: those tasks began with the same seed.")
    if runs[0] in (sorted(runs[0]), sorted(runs[0], reverse=True)):
        raise WrongAnswerError("your numbers are sorted by size; random numbers would not be.")
    if runs[0] != runs[1]:
        raise WrongAnswerError("a second run drew different numbers: no seed of yours fixed them.")
    return f"{count} different numbers, and the same on two workers and on three."


def draws(pool, count):
    return pool.map(draw_seeded, range(count))


same_draws = Exercise(
    name="draws",
    takes=Callable,
    measure=measure_draws,
    grade=grade_draws,
    hint_text=(
        "A seed that is set once, for the pool or for a worker, does not decide which task gets "
        "which number. What could be different for each task, and the same in each run?"
    ),
    right_answer=draws,
)
