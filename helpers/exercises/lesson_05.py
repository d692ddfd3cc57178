"""The exercises of lesson 05, on bars that tell the truth, and its guesses."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are printed as a reader would write them)

import random
from collections.abc import Callable
from functools import partial
from time import perf_counter, sleep
from typing import Any

import numpy as np

from helpers.bar_recipes import WORKERS, Bar
from helpers.exercises.checking import (
    Exercise,
    as_results,
    check_bar,
    check_naps,
    check_order,
    check_run,
    check_same_naps,
)
from helpers.exercises.limits import WrongAnswerError, make_pool
from helpers.exercises.measuring import (
    expected_results,
    measure_naps,
    run_with_bar,
    secret_function,
)
from watchedpool.recording.recorder import Recorder
from watchedpool.schedule import bounds, predict
from watchedpool.timeline import Timeline

# -- guesses: the idea behind each wrong option

callback_bar = {
    "4 behind": "get() waits, but the bar does not wait for get(): another thread moves it."
}
shortest_first = {
    "faster": "The short naps finish early, but the longest one starts last and runs alone.",
    "as fast": "The work is the same, but the last nap runs while the other workers are idle.",
}
longest_waits = {
    "map": "map delivers all results at the end, but with chunks of two, the run ends later.",
    "imap": "With chunks, a task waits for its turn and also for the rest of its chunk.",
    "imap_unordered, chunks of 2": "Here, a task waits only for the other task in its chunk.",
}
our_tally = {
    "5": "Each worker counts to about 5, but in its own memory. No worker changed our tally.",
    "10": "The tallies are never added up: each process has its own tally.",
}
time_left = {
    "1.1 s": "That is the whole run, but 0.6 s of the run are already over.",
    "5.5 s": "tqdm computes this from the rate so far, but four more tasks are almost finished.",
}

# -- exercise 3
# Asked: the ten naps of today, each once, in an order that takes five workers as little time as
# possible. Several orders do.

MIXED = (0.3, 0.9, 0.1, 0.6, 0.2, 1.0, 0.5, 0.8, 0.4, 0.7)  # naps_today of the lesson


def measure_order(order: list[float]) -> tuple[list[float], Timeline]:
    """Let five workers run the naps in this order."""
    order = check_naps(order, 0.05, 2)
    check_same_naps(order, MIXED)
    return order, measure_naps(order, WORKERS, "imap_unordered")


def grade_order(order: list[float], timeline: Timeline) -> str:
    """Grade the prediction, because a busy machine is not the answer's fault; report the run."""
    best, took = bounds(MIXED, WORKERS).least, timeline.makespan
    if predict(order, WORKERS).makespan > best + 0.01:
        raise WrongAnswerError(
            f"measured: your order took {took:.2f} s, but {best:.1f} s are possible. "
            "At the end, some workers have nothing to do."
        )
    return f"Measured: {took:.2f} s. No order is faster: all five workers are busy to the end."


longest_first = Exercise(
    measure=measure_order,
    grade=grade_order,
    hint_text=(
        "A long task that starts late keeps one worker busy after the other workers have finished. "
        "So which task must start first?"
    ),
    right_answer="order = sorted(naps_today, reverse=True)",
    takes=list,
)

# -- exercises 1 and 2
# Asked: an answer runs `func` once for each task, several at a time, and returns the results in the
# order of the tasks. A bar made with `tqdm` is never more than one task off, and ends full. In
# exercise 2, two tasks raise ValueError; they count, too, and have None for a result.

# So many finished tasks that the bar has not counted are too many, if tasks wait longer than this,
# on average. On a busy machine, two results may come together late, and still be counted soon.
HIDDEN = 2
BRIEF = 0.05  # seconds


def _too_many(timeline: Timeline) -> int:
    """Return how many finished tasks that the bar has not counted are too many in this run."""
    return HIDDEN if np.nansum(timeline.lag) > BRIEF * len(timeline) else len(timeline) + 1


def measure_bar(failures: int, answer: Callable) -> tuple[Any, list, Timeline, Bar | None]:
    """Let the answer run tasks whose results, and whose failures, only the workers know.

    The function is tracked in the pool, and in an executor of the answer's own. Also return the
    wanted results, what the workers did, and the bar.
    """
    naps = _naps()
    function = secret_function(failing=random.sample(naps, failures))
    with Recorder() as recorder:
        pool = make_pool(WORKERS)
        tracked = recorder.track(function)
        results, bar = run_with_bar(answer, tracked, list(naps), Bar, pool)
        _wait_for_callbacks(bar, len(naps))
        timeline = recorder.timeline(bar)
        pool.terminate()  # before the recorder removes its folder
    return results, expected_results(function, naps), timeline, bar


def _wait_for_callbacks(bar: Bar | None, tasks: int) -> None:
    """Wait until a bar is full: a future calls its callbacks after it has given its result."""
    deadline = perf_counter() + 0.3
    while bar is not None and bar.n < tasks and perf_counter() < deadline:
        sleep(0.01)


def _naps() -> list[float]:
    """Return nine to eleven naps of which ordered bars, and bars over chunks, hide too many."""
    lengths = [round(0.07 * step, 2) for step in range(1, 13)]
    while True:
        naps = random.sample(lengths, random.choice([9, 10, 11]))
        lies = [predict(naps, WORKERS)]
        lies += [predict(naps, WORKERS, size, "imap_unordered") for size in (2, 3)]
        if all(lie.most_behind > HIDDEN and np.mean(lie.lag) > 2 * BRIEF for lie in lies):
            return naps


def grade_bar(results: Any, wanted: list, timeline: Timeline, bar: Bar | None) -> str:
    """Grade how often func ran, the results, and the bar."""
    check_run(timeline, len(wanted))
    check_order(as_results(results, "your function", len(wanted)), wanted)
    check_bar(timeline, bar, _too_many(timeline), ahead=1)
    return f"Measured: results in order, and a bar that is at worst {timeline.most_behind} behind."


def collect(func, tasks, tqdm, pool):
    with tqdm(total=len(tasks)) as bar:
        jobs = [pool.apply_async(func, (task,), callback=lambda _: bar.update()) for task in tasks]
        return [job.get() for job in jobs]


def collect_all(func, tasks, tqdm, pool):
    with tqdm(total=len(tasks)) as bar:
        move = {"callback": lambda _: bar.update(), "error_callback": lambda _: bar.update()}
        jobs = [pool.apply_async(func, (task,), **move) for task in tasks]
        for job in jobs:
            job.wait()
    return [job.get() if job.successful() else None for job in jobs]


honest_and_ordered = Exercise(
    measure=partial(measure_bar, 0),
    grade=grade_bar,
    hint_text=(
        "One loop need not both move the bar and restore the order. Move the bar with a callback, "
        "or whenever a result arrives. Put the results in order separately."
    ),
    right_answer=collect,
)

count_failures = Exercise(
    measure=partial(measure_bar, 2),
    grade=grade_bar,
    hint_text=(
        "A task that fails is finished too, but its callback is never called. The pool calls "
        "error_callback instead. Calling get() raises the exception that the task raised."
    ),
    right_answer=collect_all,
)
