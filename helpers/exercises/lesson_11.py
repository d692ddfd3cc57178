"""The exercises of lesson 11: slow programs to fix without being told what is wrong with them."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are printed as a reader would write them)

import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from helpers.exercises.checking import Exercise, as_results, check_calls
from helpers.exercises.limits import Call, WrongAnswerError, make_pool, run_limited
from helpers.exercises.measuring import measure_with_control
from helpers.workers import draw_seeded, nap
from watchedpool.diagnosis import Finding, findings
from watchedpool.timeline import Timeline

hidden = {
    "none": "imap delivers in order: a result behind a slow first task has to wait for that task.",
    "one": "Every task that ends before the first one waits, not just the next.",
}
much_shorter = {
    "chunks of one": "It saves a little: the bar gains most. The last file still starts last.",
    "results as they come": (
        "That changes when you receive results, not when the workers compute them."
    ),
}
waiting = {
    "as long as the loop": (
        "Threads may have to take turns to run Python code; a thread that waits runs none."
    ),
}
PROGRAM = """\
import time
from multiprocessing import Pool
from tqdm import tqdm

def square(a):
    time.sleep((10 - a) * 0.2)
    return a * a

if __name__ == "__main__":
    with Pool(5) as pool:
        print(list(tqdm(pool.imap(square, range(10)), total=10)))
"""
WORKERS = 4
LIMIT = 8.0  # seconds that an answer may take
# Findings that a busy machine causes in any program; they are not the answer's fault.
FORGIVEN = {"nothing", "start-up", "more workers than cores"}


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


class NapRun(NamedTuple):
    """One run of the naps: what was returned, the naps, what the pool was given and did."""

    returned: Any
    naps: list[float]
    calls: list[Call]
    timeline: Timeline


def measure_uneven(answer: Callable) -> NapRun:
    """Let the answer run the naps, in a different order each time: none can be right by luck."""
    return measure_with_control(_has_no_problem, _run_naps, answer, fixed)


def _run_naps(answer: Callable) -> NapRun:
    naps = [random.uniform(0.5, 0.65) for _ in range(2)]
    naps += [random.uniform(0.09, 0.12) for _ in range(18)]
    naps = [round(seconds, 4) for seconds in random.sample(naps, len(naps))]
    pool = make_pool(WORKERS)
    returned = run_limited(answer, pool, list(naps), seconds=LIMIT)
    return NapRun(returned, naps, pool.calls, pool.timeline())


def _has_no_problem(run: NapRun) -> bool:
    """Return whether the run passes the tests of `grade_uneven` that depend on time."""
    return not _problems(run.timeline)


def _problems(timeline: Timeline) -> list[Finding]:
    found = findings(timeline, workers=WORKERS)
    return [finding for finding in found if finding.name not in FORGIVEN]


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
            f"the workers napped {napped:.1f} s in all, and the naps are {sum(naps):.1f} s."
        )
    if problems := _problems(timeline):
        raise WrongAnswerError(f"one problem is left. {problems[0].sentence}")
    return f"Measured: {timeline.makespan:.2f} s, and nothing is wrong."


# -- exercise 2: the pool draws the number of each seed once, at least three times as fast as the
# original program does in the same minute. The result is what the workers drew, as a list, in the
# order of the seeds. The check varies the seeds.


class DrawRun(NamedTuple):
    """One run of the original program, and one of the answer, with the same seeds.

    returned: by the answer. before: what the pool of the original program did.
    """

    returned: Any
    seeds: list[int]
    calls: list[Call]
    before: Timeline
    timeline: Timeline


def measure_tiny(answer: Callable) -> DrawRun:
    """Let the original program, and then the answer, draw for the same seeds."""
    return measure_with_control(_is_three_times_as_fast, _run_draws, answer, quick)


def _run_draws(answer: Callable) -> DrawRun:
    seeds = random.sample(range(10**6), 2000)
    before = make_pool(WORKERS)
    tiny(before, seeds)
    pool = make_pool(WORKERS)
    returned = run_limited(answer, pool, list(seeds), seconds=LIMIT)
    return DrawRun(returned, seeds, pool.calls, before.timeline(), pool.timeline())


def _is_three_times_as_fast(run: DrawRun) -> bool:
    return run.timeline.makespan <= run.before.makespan / 3


def grade_tiny(
    returned: Any, seeds: list[int], calls: list[Call], before: Timeline, timeline: Timeline
) -> str:
    """Grade a run of a fixed `tiny` by comparison with a run of the original program."""
    results = as_results(returned, "quick", len(seeds))
    check_calls(calls, seeds)
    if results != [draw_seeded(seed) for seed in seeds]:
        raise WrongAnswerError("the list is not the one that the original program returns.")
    check_calls(calls, seeds, results)
    if set(results) & set(_numbers_in([call.arguments for call in calls])):
        raise WrongAnswerError("the workers were given the numbers. Let the workers draw them.")
    took = f"{timeline.makespan:.2f} s; before, it took {before.makespan:.2f} s."
    if timeline.makespan > before.makespan / 3:
        raise WrongAnswerError(
            f"measured: {took} More than three times as fast is possible. "
            f"{findings(timeline, workers=WORKERS)[0].sentence}"
        )
    return f"Measured: {took}"


def _numbers_in(value: Any) -> Iterator[float]:
    """Yield each float in nested lists and tuples."""
    if isinstance(value, float):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _numbers_in(part)


fix_uneven = Exercise(
    name="fixed",
    takes=Callable,
    measure=measure_uneven,
    grade=grade_uneven,
    hint_text=(
        "Chunks look like a saving, but these tasks are long: it costs next to nothing to hand "
        "them over one by one. And is any order asked for? Run findings(pool.timeline()) after the "
        "program."
    ),
    right_answer=fixed,
)

fix_tiny = Exercise(
    name="quick",
    takes=Callable,
    measure=measure_tiny,
    grade=grade_tiny,
    hint_text=(
        "apply looks like a call of the function, and waits like one: three of four workers have "
        "nothing to do. And 2000 tiny tasks are 2000 messages. Which call sends many tasks in one "
        "message?"
    ),
    right_answer=quick,
)
