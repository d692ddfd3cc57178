"""The exercises of lesson 05, on bars that tell the truth, and its guesses."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are shown as a reader would write them)

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from helpers.bar_recipes import WORKERS, Bar
from helpers.exercises.checking import (
    Exercise,
    Wrong,
    as_results,
    check_bar,
    check_naps,
    check_order,
    check_same,
    hides,
)
from helpers.exercises.limits import lend, run_limited, watch
from helpers.recording.recorder import Recorder
from helpers.schedule import bounds, predict
from helpers.timeline import Timeline
from helpers.workers import nap_and_draw

# -- guesses: the idea behind each wrong option

callback_bar = {
    "4 behind": "get() waits, but the bar does not wait for get(): another thread moves it."
}
shortest_first = {
    "faster": "The short naps are soon done, but then the longest one starts last, and runs alone.",
    "as fast": "The work is the same, but not its end: workers run out of tasks one by one.",
}
longest_waits = {
    "map": "map makes all wait for the end, but chunks of two make the end itself come later.",
    "imap": "Waiting in order is bad; waiting in order for a whole chunk is worse.",
    "imap_unordered, chunks of 2": "A task waits here for the other one of its chunk, and no more.",
}
our_tally = {
    "5": "Each worker counts to about 5, but in its own memory; ours was never touched.",
    "10": "Nobody adds them up: each worker has a copy of the tally, and so have we.",
}
time_left = {
    "1.1 s": "That is the whole run; 0.6 s of it are over.",
    "5.5 s": "So says tqdm: nine more at the rate so far. But four are well on their way.",
}

# -- exercise 1

MIXED = (0.3, 0.9, 0.1, 0.6, 0.2, 1.0, 0.5, 0.8, 0.4, 0.7)  # naps_today of the lesson


def measure_order(order: list[float]) -> tuple[list[float], Timeline]:
    """Let five workers run the naps in this order."""
    order = check_naps(order, 0.05, 2)
    check_same(order, MIXED)
    return order, watch(order, WORKERS, "imap_unordered")


def judge_order(order: list[float], timeline: Timeline) -> str:
    """Judge by the rule, for a busy machine is not the answer's fault; tell what was measured."""
    best, took = bounds(MIXED, WORKERS).least, timeline.makespan
    if predict(order, WORKERS).makespan > best + 0.01:
        raise Wrong(
            f"measured: your order took {took:.2f} s, and {best:.1f} s are possible. "
            "At the end, some workers have nothing to do."
        )
    return f"Measured: {took:.2f} s. No order is faster: all five workers are busy to the end."


longest_first = Exercise(
    name="order",
    takes=list,
    measure=measure_order,
    judge=judge_order,
    hint_text=(
        "It feels quick to get the short tasks out of the way first. But a long task that starts "
        "late keeps one worker busy while the others are done. So which task must start first?"
    ),
    solved="order = sorted(naps_today, reverse=True)",
)

# -- exercises 2 and 3

HIDDEN = 3  # so many finished tasks, not shown at one moment, are too many: imap hides 4
TRIES = 3  # a busy machine is slow to draw any bar; one that lies does so each time


def measure_bar(failures: int, answer: Callable) -> tuple[Any, list, Timeline, bool]:
    """Let the answer run tasks whose results, and whose failures, only the workers know.

    The function is watched wherever it runs, in the pool or in an executor of the answer's own;
    of the bars it made, the one that counted most.
    """
    for _ in range(TRIES):
        tasks = _tasks()
        failing = frozenset(random.sample(tasks, failures))
        func = partial(nap_and_draw, seed=random.randrange(10**6), failing=failing)
        Bar.made.clear()
        with Recorder() as recorder:
            pool = lend(WORKERS)
            results = run_limited(answer, recorder.watch(func), list(tasks), Bar, pool)
            bar = max(Bar.made, key=lambda bar: bar.n, default=None)
            timeline = recorder.timeline(bar)
            pool.terminate()  # before the recorder takes its folder away
        if timeline.most_behind < HIDDEN:
            break
    wanted = [None if task in failing else _result(func, task) for task in tasks]
    return results, wanted, timeline, bar is not None


def _tasks() -> list[float]:
    """Return nine to eleven naps in an order in which a bar over imap hides enough of them."""
    while True:
        tasks = random.sample(
            [round(0.07 * step, 2) for step in range(1, 13)], random.choice([9, 10, 11])
        )
        if hides(tasks, WORKERS, HIDDEN + 1):
            return tasks


def _result(func: partial, task: float) -> float:
    return round(random.Random(f"{func.keywords['seed']} {task}").random(), 4)


def judge_bar(results: Any, wanted: list, timeline: Timeline, made: bool) -> str:
    """Judge the runs of func, the results, and the bar."""
    ran = int(np.isfinite(timeline.finish).sum())
    if ran != len(wanted):
        raise Wrong(f"func was run {ran} times, and should be run once for each of {len(wanted)}.")
    if timeline.side_by_side < 1.5:
        raise Wrong(
            f"measured: {timeline.makespan:.1f} s, as if there were one worker. "
            "Submit all tasks before you wait for the first result."
        )
    check_order(as_results(results, "it", len(wanted)), wanted)
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
    judge=judge_bar,
    hint_text=(
        "Order and bar need not come from the same loop. Let one thing move the bar (a callback, "
        "or the order of arrival), and another put each result in its place."
    ),
    solved=collect,
)

count_failures = Exercise(
    name="collect_all",
    takes=Callable,
    measure=partial(measure_bar, 2),
    judge=judge_bar,
    hint_text=(
        "A task that fails is finished too, but its callback is never called. There is a second "
        "one, error_callback. And get() raises what the task raised."
    ),
    solved=collect_all,
)
