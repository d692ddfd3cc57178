"""The exercises of lesson 05, on bars that tell the truth, and its guesses."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are printed as a reader would write them)

import random
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from helpers.bar_recipes import WORKERS, Bar
from helpers.exercises.checking import (
    Exercise,
    as_results,
    check_bar,
    check_naps,
    check_order,
    check_same_naps,
)
from helpers.exercises.limits import WrongAnswerError, make_pool
from helpers.exercises.measuring import (
    draw_misleading_naps,
    expected_results,
    measure_naps,
    measure_until,
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
    "faster": "The short naps are soon done, but then the longest one starts last, and runs alone.",
    "as fast": "The work is the same, but its end is not: workers run out of tasks one by one.",
}
longest_waits = {
    "map": "map makes all results wait for the end, but chunks of two make the end come later.",
    "imap": "Waiting in order is bad; waiting in order for a whole chunk is worse.",
    "imap_unordered, chunks of 2": "Here a task waits only for the other task of its chunk.",
}
our_tally = {
    "5": "Each worker counts to about 5, but in its own memory; no worker touched our tally.",
    "10": "The tallies are never added up: each worker has a copy, and so do we.",
}
time_left = {
    "1.1 s": "That is the whole run; 0.6 s of it are over.",
    "5.5 s": "tqdm says so: nine more at the rate so far. But four of them are almost done.",
}

# -- exercise 1

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
            f"measured: your order took {took:.2f} s, and {best:.1f} s are possible. "
            "At the end, some workers have nothing to do."
        )
    return f"Measured: {took:.2f} s. No order is faster: all five workers are busy to the end."


longest_first = Exercise(
    name="order",
    takes=list,
    measure=measure_order,
    grade=grade_order,
    hint_text=(
        "It feels quick to run the short tasks first. But a long task that starts late keeps one "
        "worker busy after the others have finished. So which task must start first?"
    ),
    right_answer="order = sorted(naps_today, reverse=True)",
)

# -- exercises 2 and 3

HIDDEN = 3  # so many finished tasks that the bar has not counted are too many: imap hides 4


class BarRun(NamedTuple):
    """One run: what was returned and should be, what the workers did, whether there was a bar."""

    results: Any
    wanted: list
    timeline: Timeline
    made: bool


def measure_bar(failures: int, answer: Callable) -> BarRun:
    """Let the answer run tasks whose results, and whose failures, only the workers know."""

    def was_prompt(run: BarRun) -> bool:
        return run.timeline.most_behind < HIDDEN

    return measure_until(was_prompt, partial(_run, failures, answer))[-1]


def _run(failures: int, answer: Callable) -> BarRun:
    """Run the answer once; its function is tracked in the pool, and in an executor of its own."""
    naps = _naps()
    function = secret_function(failing=random.sample(naps, failures))
    with Recorder() as recorder:
        pool = make_pool(WORKERS)
        results, bar = run_with_bar(answer, recorder.track(function), list(naps), Bar, pool)
        timeline = recorder.timeline(bar)
        pool.terminate()  # before the recorder removes its folder
    return BarRun(results, expected_results(function, naps), timeline, bar is not None)


def _naps() -> list[float]:
    """Return nine to eleven naps of which a bar over imap hides too many."""
    lengths = [round(0.07 * step, 2) for step in range(1, 13)]
    return draw_misleading_naps(
        lambda: random.sample(lengths, random.choice([9, 10, 11])), WORKERS, HIDDEN + 1
    )


def grade_bar(results: Any, wanted: list, timeline: Timeline, made: bool) -> str:
    """Grade how often func ran, the results, and the bar."""
    ran = int(np.isfinite(timeline.finish).sum())
    if ran != len(wanted):
        raise WrongAnswerError(
            f"func ran {ran} times, and should run once for each of {len(wanted)} tasks."
        )
    if timeline.mean_concurrency < 1.5:
        raise WrongAnswerError(
            f"measured: {timeline.makespan:.1f} s, as if there were one worker. "
            "Submit all tasks before you wait for the first result."
        )
    check_order(as_results(results, "your function", len(wanted)), wanted)
    check_bar(timeline, made, HIDDEN)
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
    name="collect",
    takes=Callable,
    measure=partial(measure_bar, 0),
    grade=grade_bar,
    hint_text=(
        "Order and bar need not come from the same loop. Let one thing move the bar (a callback, "
        "or the order of arrival), and another put each result in its place."
    ),
    right_answer=collect,
)

count_failures = Exercise(
    name="collect_all",
    takes=Callable,
    measure=partial(measure_bar, 2),
    grade=grade_bar,
    hint_text=(
        "A task that fails is finished too, but its callback is never called. There is another "
        "argument, error_callback. And get() raises what the task raised."
    ),
    right_answer=collect_all,
)
