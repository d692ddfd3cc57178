"""The exercises of lesson 11: programs to mend without being told what is wrong."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are shown as a reader would write them)

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from helpers.diagnosis import findings
from helpers.exercises.checking import Exercise, Wrong, as_results
from helpers.exercises.limits import lend, run_limited
from helpers.timeline import Timeline
from helpers.workers import draw_seeded, nap

hidden = {
    "none": "imap hands out in order: what is done behind a slow first task has to wait for it.",
    "one": "Every task that ends before the first one waits, not just the next.",
}
much_shorter = {
    "chunks of one": "It saves a little: the bar gains most. The last file still starts last.",
    "results as they come": "That changes when you see results, and not when they are made.",
}
waiting = {
    "as long as the loop": "Threads may take turns to run Python code; who waits runs none.",
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
# What a busy machine does to any program is not the answer's fault.
FORGIVEN = {"nothing", "start-up", "more workers than cores"}


def uneven(pool: Any, seconds: list[float]) -> list[float]:
    """Nap so long; return the naps, in any order. Somebody wrote it in a hurry."""
    return list(pool.imap(nap, seconds, 2))


def tiny(pool: Any, seeds: list[int]) -> list[float]:
    """Draw a number for each seed; return them in the order of the seeds."""
    return [pool.apply(draw_seeded, (seed,)) for seed in seeds]


def mended(pool, seconds):
    return list(pool.imap_unordered(nap, sorted(seconds, reverse=True)))


def quick(pool, seeds):
    return pool.map(draw_seeded, seeds)


def _run(answer: Callable, tasks: list) -> tuple[Any, Timeline]:
    """Return what the answer returned, and what its pool did meanwhile."""
    pool = lend(WORKERS)
    result = run_limited(answer, pool, list(tasks), seconds=LIMIT)
    return result, pool.timeline()


def measure_uneven(answer: Callable) -> tuple[Any, list, Timeline]:
    """Let the answer run the naps, in another order each time: none can be right by luck.

    Where the machine stood still in a nap, which makes a short one long, they run once more.
    """
    seconds = [0.6, 0.5] + [0.1 + 0.001 * number for number in range(18)]
    for _ in range(3):
        random.shuffle(seconds)
        result, timeline = _run(answer, seconds)
        if not _stood_still(timeline, seconds):
            break
    return result, seconds, timeline


def _stood_still(timeline: Timeline, naps: list[float]) -> bool:
    """Whether a nap took much longer than it was asked to. Only its length tells which it is."""
    took = np.sort(timeline.finish - timeline.start)
    return len(took) == len(naps) and bool((took > np.sort(naps) + 0.1).any())


def judge_uneven(result: Any, wanted: list, timeline: Timeline) -> str:
    """Judge a run of a mended `uneven`: the naps may come in any order."""
    _check(sorted(as_results(result, "mended", len(wanted))), sorted(wanted), timeline)
    ill = [
        finding for finding in findings(timeline, workers=WORKERS) if finding.name not in FORGIVEN
    ]
    if ill:
        raise Wrong(f"one thing is left. {ill[0].sentence}")
    return f"Measured: {timeline.makespan:.2f} s, and nothing is wrong."


def measure_tiny(answer: Callable) -> tuple[Any, list, Timeline, Timeline]:
    """Let the program as it was, and then the answer, draw for the same seeds."""
    seeds = random.sample(range(10**6), 2000)
    _, before = _run(tiny, seeds)
    result, timeline = _run(answer, seeds)
    return result, [draw_seeded(seed) for seed in seeds], before, timeline


def judge_tiny(result: Any, wanted: list, before: Timeline, timeline: Timeline) -> str:
    """Judge a run of a mended `tiny` beside a run of the program as it was."""
    _check(as_results(result, "quick", len(wanted)), wanted, timeline)
    took = f"{timeline.makespan:.2f} s, and {before.makespan:.2f} s before."
    if timeline.makespan > before.makespan / 3:
        raise Wrong(
            f"measured: {took} More than three times as fast is possible. "
            f"{findings(timeline, workers=WORKERS)[0].sentence}"
        )
    return f"Measured: {took}"


def _check(results: list, wanted: list, timeline: Timeline) -> None:
    if list(results) != wanted:
        raise Wrong("the list is not the one that the program returned before you mended it.")
    if len(timeline) != len(wanted):
        raise Wrong(
            f"the pool ran {len(timeline)} tasks, and should run each of {len(wanted)} once."
        )


mend_uneven = Exercise(
    name="mended",
    takes=Callable,
    measure=measure_uneven,
    judge=judge_uneven,
    hint_text=(
        "Chunks look like a saving, but these tasks are long: handing them over costs nothing you "
        "could notice. And is any order asked for? Put findings(pool.timeline()) under the program."
    ),
    solved=mended,
)

mend_tiny = Exercise(
    name="quick",
    takes=Callable,
    measure=measure_tiny,
    judge=judge_tiny,
    hint_text=(
        "apply looks like a call of the function, and waits like one: so three of four workers do "
        "nothing. And 2000 tiny tasks are 2000 letters to post. Which call posts parcels?"
    ),
    solved=quick,
)
