"""The exercises of lesson 01, on Pool.map, and its guesses."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are printed as a reader would write them)

import random
from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np

from helpers.exercises.checking import (
    Exercise,
    as_results,
    check_calls,
    check_order,
    numbers_in,
)
from helpers.exercises.limits import Call, TimingError, WrongAnswerError, run_limited
from helpers.exercises.measuring import (
    draw_misleading_naps,
    make_pool_and_limit,
    measure_naps,
)
from helpers.exercises.wording import short_repr
from helpers.workers import draw_seeded, nap
from watchedpool.schedule import predict
from watchedpool.timeline import Timeline

# -- guesses: the idea behind each wrong option

moments = {
    "one by one": "The workers do finish one by one, but map waits until it has all results."
}
default = {
    "1 task": "That would be 100 messages: map makes larger chunks, unless you set chunksize to 1.",
    "20 tasks": "That is one chunk per worker; map makes about four, so that no worker is idle.",
}
repeats = {
    "all different": (
        "A forked worker is a copy, and so is its generator: each worker draws the same numbers."
    ),
    "some the same": "Copied generators draw the same numbers. Here, each worker made a new one.",
}

# -- exercise 1: the workers of the pool nap each of the naps once, at the same time; the result is
# what they returned, as a list, in the order of the naps. The check varies the number of naps,
# their lengths and their order.


def measure_collect(collect: Callable) -> tuple[Any, list[float], list[Call], Timeline]:
    """Let the answer collect naps that do not end in their order; keep the calls of the pool."""
    count = random.choice([7, 8])
    naps = draw_misleading_naps(
        lambda: [hundredths / 100 for hundredths in random.sample(range(10, 46), count)],
        workers=2,
        hidden=2,
    )
    pool, limit = make_pool_and_limit(2)
    results = run_limited(collect, pool, list(naps), seconds=limit)
    return results, naps, pool.calls, pool.timeline()


def _is_serial(timeline: Timeline) -> bool:
    """Return whether more than half of the tasks started after all before had been delivered."""
    delivered_before = np.maximum.accumulate(timeline.delivered)[:-1]
    serial = np.count_nonzero(timeline.start[1:] >= delivered_before)
    return serial > 0.5 * len(delivered_before)


def grade_collect(results: Any, naps: list[float], calls: list[Call], timeline: Timeline) -> str:
    """Grade whether the workers of the pool napped at the same time, and the order of results."""
    results = as_results(results, "collect", len(naps))
    napped = float(np.nansum(timeline.finish - timeline.start))
    if napped < 0.9 * sum(naps):
        raise WrongAnswerError(
            f"the workers of your pool did not run all the {len(naps)} naps: they worked for "
            f"{napped:.1f} of {sum(naps):.1f} seconds."
        )
    check_calls(calls, naps)
    check_order(results, naps)
    check_calls(calls, naps, results)
    if _is_serial(timeline):
        raise WrongAnswerError(
            "the results are right, but the naps came one after the other: each call waited "
            "for its result before you made the next call."
        )
    if timeline.workers == 1:
        raise TimingError("one worker ran everything: all tasks were in one chunk.")
    return f"Measured: {timeline.mean_concurrency:.1f} naps at a time, and the order is kept."


def collect(pool, naps):
    return pool.map(nap, naps)


collect_naps = Exercise(
    measure=measure_collect,
    grade=grade_collect,
    hint_text=(
        "A correct result does not prove that the work was shared. One call should hand over *all* "
        "items at once, and wait for the whole list."
    ),
    right_answer=collect,
)

# -- exercise 2: a chunk size that keeps both workers busy for 90%. The lesson's list fixes the
# numbers. The verdict comes from the prediction, which a busy machine does not change.

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
        raise WrongAnswerError("measured: one worker ran everything. The other worker got no task.")
    if predicted.utilisation.min() < 0.9:
        raise WrongAnswerError(f"measured: {measured} One worker has most of the four long naps.")
    return f"Measured: {measured}"


better_chunks = Exercise(
    measure=measure_chunks,
    grade=grade_chunks,
    hint_text=(
        "Larger chunks do not always make a run faster. The four long naps are next to each other "
        "in the list. How many of them may be in one chunk?"
    ),
    right_answer="size = 2",
    takes=int,
)

# -- exercise 3: `count` different numbers, as the workers drew them, and the same ones in each run.
# The check varies the count and the number of workers. Any generator is right, and any order: the
# text asks for the same numbers. A worker that only passes on what it was given has drawn nothing.


def measure_draws(draws: Callable) -> tuple[list[tuple[list, list[Call]]], int]:
    """Let the answer draw twice, on two workers and on three, and keep what the workers drew."""
    count, runs = random.randint(8, 12), []
    for workers in (2, 3):
        pool, limit = make_pool_and_limit(workers)
        results = run_limited(draws, pool, count, seconds=limit)
        runs.append((as_results(results, "draws", count), pool.calls))
    return runs, count


def grade_draws(runs: list[tuple[list, list[Call]]], count: int) -> str:
    """Grade two runs, and whether the numbers are what the workers drew."""
    for numbers, calls in runs:
        for number in numbers:
            if not isinstance(number, Real) or isinstance(number, bool):
                raise WrongAnswerError(
                    f"draws should return numbers; {short_repr(number)} is not a number."
                )
        check_calls(calls, None, numbers)
        _check_drawn(numbers, calls)
    first, second = (list(numbers) for numbers, _ in runs)
    if len(set(first)) < count:
        raise WrongAnswerError(
            "some numbers are the same. Did those tasks begin with the same seed?"
        )
    if first in (sorted(first), sorted(first, reverse=True)):
        raise WrongAnswerError("your numbers are sorted by size; random numbers would not be.")
    if sorted(first) != sorted(second):
        raise WrongAnswerError("a second run drew different numbers, so no seed determines them.")
    return f"{count} different numbers, and the same on two workers and on three."


def _check_drawn(numbers: list, calls: list[Call]) -> None:
    """Raise WrongAnswerError if the workers only passed the numbers on, or computed them.

    Chance may make one number equal to a seed, but not all of them.
    """
    given = {part for call in calls for part in numbers_in(call.arguments)}
    if given.issuperset(numbers):
        raise WrongAnswerError(
            f"the workers only returned what they were given, such as {numbers[0]}. Let them draw."
        )
    if all(_is_certain(call.function) for call in calls):
        raise WrongAnswerError(f"{calls[0].function.__name__} draws no random number.")


def _is_certain(function: Callable) -> bool:
    """Return whether it is a function of a module without chance; eval may call any function."""
    module = getattr(function, "__module__", None)
    return module in ("builtins", "math", "operator", "_operator") and function is not eval


def draws(pool, count):
    return pool.map(draw_seeded, range(count))


same_draws = Exercise(
    measure=measure_draws,
    grade=grade_draws,
    hint_text=(
        "If you set a seed once, for the pool or for a worker, a task may still get a different "
        "number in each run. What is different for each task, but the same in each run?"
    ),
    right_answer=draws,
)
