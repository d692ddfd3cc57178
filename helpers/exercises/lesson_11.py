"""The exercises of lesson 11: slow programs to fix without being told what is wrong with them."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are printed as a reader would write them)

import random
from collections.abc import Callable
from functools import partial
from timeit import timeit
from typing import Any

import numpy as np

from helpers.exercises.checking import Exercise, as_results, check_calls, numbers_in
from helpers.exercises.limits import Call, TimingError, WrongAnswerError, make_pool, run_limited
from helpers.workers import draw_seeded, nap
from watchedpool.diagnosis import findings
from watchedpool.timeline import Timeline

hidden = {
    "none": "imap delivers in order: a result behind a slow first task has to wait for that task.",
    "one": "Every task that ends before the first task waits for it, not just the next task.",
}
much_shorter = {
    "chunks of one": "Chunks of one save little time, because the slowest file still starts last.",
    "results as they come": (
        "This step changes when you receive results, not when the workers compute them."
    ),
}
waiting = {
    "as long as the loop": (
        "Threads may have to take turns to run Python code; a thread that waits runs none."
    ),
}
WORKERS = 4
# Findings that a busy machine causes in any program; they are not the answer's fault.
FORGIVEN = {"nothing", "start-up", "oversubscribed"}


def uneven(pool: Any, seconds: list[float]) -> list[float]:
    """Nap for each of these seconds; return them in any order. It was written in a hurry."""
    return list(pool.imap(nap, seconds, 2))


def tiny(pool: Any, seeds: list[int]) -> list[float]:
    """Draw a number for each seed; return them in the order of the seeds."""
    return [pool.apply(draw_seeded, (seed,)) for seed in seeds]


def fixed(pool, seconds):
    return list(pool.imap_unordered(nap, sorted(seconds, reverse=True)))


def quick(pool, seeds):
    return pool.map(draw_seeded, seeds)


# -- exercise 1: the pool naps each of the twenty naps once, and `findings` finds nothing wrong. The
# result is what the workers returned, in any order. The check varies the naps and their order.


def measure_uneven(answer: Callable) -> tuple[Any, list[float], list[Call], Timeline]:
    """Let the answer run the naps, in a different order each time: none can be right by luck."""
    naps = [random.uniform(0.5, 0.65) for _ in range(2)]
    naps += [random.uniform(0.09, 0.12) for _ in range(18)]
    naps = [round(seconds, 4) for seconds in random.sample(naps, len(naps))]
    pool = make_pool(WORKERS)
    returned = run_limited(answer, pool, list(naps))
    return returned, naps, pool.calls, pool.timeline()


def grade_uneven(returned: Any, naps: list, calls: list[Call], timeline: Timeline) -> str:
    """Grade a run of a fixed `uneven`: the naps may come in any order."""
    results = as_results(returned, "fixed", len(naps))
    check_calls(calls, naps)
    if sorted(results, key=repr) != sorted(naps, key=repr):
        raise WrongAnswerError("the list does not contain the naps that the original returns.")
    check_calls(calls, naps, results)
    napped = float(np.nansum(timeline.finish - timeline.start))
    if napped < 0.95 * sum(naps):
        raise WrongAnswerError(
            f"the workers napped {napped:.1f} s in all, but the naps take {sum(naps):.1f} s."
        )
    found = findings(timeline, workers=WORKERS)
    if problems := [each for each in found if each.name not in FORGIVEN]:
        raise TimingError(f"one problem is left. {problems[0].sentence}")
    return f"Measured: {timeline.makespan:.2f} s, and nothing is wrong."


# -- exercise 2: the pool draws the number of each seed once, at least three times as fast as the
# original program does in the same minute. The result is what the workers drew, as a list, in the
# order of the seeds. The check varies the seeds.


def measure_tiny(answer: Callable) -> tuple[Any, list[int], list[Call], float, Timeline]:
    """Let the answer draw, and before and after it the original program, for the same seeds.

    Also return the calls of the answer's pool, and the seconds of the original's faster run.
    """
    seeds = random.sample(range(10**6), 2000)
    original, pool = partial(tiny, make_pool(WORKERS), seeds), make_pool(WORKERS)
    before = timeit(original, number=1)
    returned = run_limited(answer, pool, list(seeds))
    after = timeit(original, number=1)
    return returned, seeds, pool.calls, min(before, after), pool.timeline()


def grade_tiny(
    returned: Any, seeds: list[int], calls: list[Call], before: float, timeline: Timeline
) -> str:
    """Grade a run of a fixed `tiny` by comparison with a run of the original program."""
    results = as_results(returned, "quick", len(seeds))
    check_calls(calls, seeds)
    if results != [draw_seeded(seed) for seed in seeds]:
        raise WrongAnswerError("the list is not the one that the original program returns.")
    check_calls(calls, seeds, results)
    if not set(results).isdisjoint(numbers_in([call.arguments for call in calls])):
        raise WrongAnswerError("the workers were given the numbers. Let the workers draw them.")
    took = f"{timeline.makespan:.2f} s; before, it took {before:.2f} s."
    if timeline.makespan > before / 3:
        raise TimingError(
            f"measured: {took} More than three times as fast is possible. "
            f"{findings(timeline, workers=WORKERS)[0].sentence}"
        )
    return f"Measured: {took}"


fix_uneven = Exercise(
    measure=measure_uneven,
    grade=grade_uneven,
    hint_text=(
        "Chunks seem to save time, but these tasks are long: it costs almost no time to send "
        "them one by one. Does anybody need the results in order? Which tasks should start "
        "first? Run findings(pool.timeline()) after the program."
    ),
    right_answer=fixed,
)

fix_tiny = Exercise(
    measure=measure_tiny,
    grade=grade_tiny,
    hint_text=(
        "apply waits for each result, so three of the four workers have nothing to do. It also "
        "sends 2000 messages for 2000 tiny tasks. Which call sends many tasks in one message?"
    ),
    right_answer=quick,
)
