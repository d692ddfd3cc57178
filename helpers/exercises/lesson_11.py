"""The exercises of lesson 11: slow programs to fix without being told what is wrong with them."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are printed as a reader would write them)

import random
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from helpers.exercises.checking import Exercise, as_results
from helpers.exercises.limits import WrongAnswerError, make_pool, run_limited
from helpers.exercises.measuring import measure_until
from helpers.workers import draw_seeded, nap
from watchedpool.diagnosis import findings
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
LIMIT = 20.0  # seconds
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


class NapRun(NamedTuple):
    """One run of the naps: what was returned, the naps, what the pool did."""

    returned: Any
    naps: list[float]
    timeline: Timeline


def _run(answer: Callable, tasks: list) -> tuple[Any, Timeline]:
    """Return what the answer returned, and what its pool did meanwhile."""
    pool = make_pool(WORKERS)
    result = run_limited(answer, pool, list(tasks), seconds=LIMIT)
    return result, pool.timeline()


def measure_uneven(answer: Callable) -> NapRun:
    """Let the answer run the naps, in a different order each time: none can be right by luck.

    If the machine stalled during a nap, which makes a short nap long, they run once more.
    """
    return measure_until(_had_no_stall, partial(_run_naps, answer))[-1]


def _run_naps(answer: Callable) -> NapRun:
    naps = [0.6, 0.5] + [0.1 + 0.001 * number for number in range(18)]
    random.shuffle(naps)
    returned, timeline = _run(answer, naps)
    return NapRun(returned, naps, timeline)


def _had_no_stall(run: NapRun) -> bool:
    """Return whether no nap took much longer than it should; a nap is identified by its length."""
    took = np.sort(run.timeline.finish - run.timeline.start)
    return len(took) != len(run.naps) or not (took > np.sort(run.naps) + 0.1).any()


def grade_uneven(result: Any, wanted: list, timeline: Timeline) -> str:
    """Grade a run of a fixed `uneven`: the naps may come in any order."""
    results = as_results(result, "fixed", len(wanted))
    _check(sorted(results, key=repr), sorted(wanted, key=repr), timeline)
    problems = [
        finding for finding in findings(timeline, workers=WORKERS) if finding.name not in FORGIVEN
    ]
    if problems:
        raise WrongAnswerError(f"one problem is left. {problems[0].sentence}")
    return f"Measured: {timeline.makespan:.2f} s, and nothing is wrong."


def measure_tiny(answer: Callable) -> tuple[Any, list, Timeline, Timeline]:
    """Let the original program, and then the answer, draw for the same seeds."""
    seeds = random.sample(range(10**6), 2000)
    _, before = _run(tiny, seeds)
    result, timeline = _run(answer, seeds)
    return result, [draw_seeded(seed) for seed in seeds], before, timeline


def grade_tiny(result: Any, wanted: list, before: Timeline, timeline: Timeline) -> str:
    """Grade a run of a fixed `tiny` by comparison with a run of the original program."""
    _check(as_results(result, "quick", len(wanted)), wanted, timeline)
    took = f"{timeline.makespan:.2f} s; before, it took {before.makespan:.2f} s."
    if timeline.makespan > before.makespan / 3:
        raise WrongAnswerError(
            f"measured: {took} More than three times as fast is possible. "
            f"{findings(timeline, workers=WORKERS)[0].sentence}"
        )
    return f"Measured: {took}"


def _check(results: list, wanted: list, timeline: Timeline) -> None:
    if list(results) != wanted:
        raise WrongAnswerError("the list is not the one that the original program returns.")
    if len(timeline) != len(wanted):
        raise WrongAnswerError(
            f"the pool ran {len(timeline)} tasks, and should run each of {len(wanted)} once."
        )


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
