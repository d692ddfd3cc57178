"""The exercises of lesson 05, on bars that tell the truth."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from helpers.bar_recipes import WORKERS, measure, over_unordered
from helpers.exercises.checking import Exercise, Wrong, run_limited
from helpers.schedule import bounds, predict
from helpers.timeline import Timeline
from helpers.workers import nap, nap_or_fail

MIXED = [0.3, 0.9, 0.1, 0.6, 0.2, 1.0, 0.5, 0.8, 0.4, 0.7]
NAPS = [0.8, 0.72, 0.64, 0.56, 0.48, 0.4, 0.32, 0.24, 0.16, 0.08]
FAILING = [0.8, 0.72, -0.64, 0.56, 0.48, 0.4, -0.32, 0.24, 0.16, 0.08]  # two below zero
HIDDEN = 3  # so many finished tasks, not shown at one moment, are too many: imap hides 4
TRIES = 3  # a busy machine is slow to draw any bar; one that lies does so each time
LIMIT = 10.0  # seconds; one after the other, the naps take 4.4


def _judge_order(order: list[float]) -> str:
    numbers = all(isinstance(length, int | float) for length in order)
    if not numbers or sorted(order) != sorted(MIXED):
        raise Wrong(f"use the same ten naps, each once: {MIXED}.")

    def recipe(func: Callable, _: list, tqdm: type, pool: Any, **others: Any) -> list:
        return over_unordered(func, list(order), tqdm, pool)

    took = measure({"yours": recipe}, MIXED)["yours"].makespan
    best = bounds(MIXED, WORKERS).least
    if predict(order, WORKERS).makespan > best + 0.01:  # a busy machine is not the answer's fault
        raise Wrong(
            f"measured: your order took {took:.2f} s, and {best:.1f} s are possible. "
            "At the end, some workers have nothing to do."
        )
    return f"Measured: {took:.2f} s. No order is faster: all five workers are busy to the end."


def _run(answer: Callable, tasks: list[float], func: Callable = nap) -> tuple[Any, Timeline]:
    """Return what the answer returned, and what was measured meanwhile."""
    returned = []

    def recipe(func: Callable, tasks: list, tqdm: type, pool: Any, **others: Any) -> None:
        returned.append(run_limited(answer, func, list(tasks), tqdm, pool, seconds=LIMIT))

    timeline = measure({"yours": recipe}, tasks, func)["yours"]
    return returned[0], timeline


def _judge_recipe(tasks: list[float], func: Callable, answer: Callable) -> str:
    for _ in range(TRIES):
        results, timeline = _run(answer, tasks, func)
        if timeline.most_behind < HIDDEN:
            break
    wanted = [task if task > 0 else None for task in tasks]
    ran = int(np.isfinite(timeline.finish).sum())
    if ran != len(tasks):
        raise Wrong(f"func was run {ran} times, and should be run once for each of the ten tasks.")
    busy = float(np.abs(tasks).sum())
    if timeline.workers < 2 or timeline.makespan > 0.6 * busy:
        raise Wrong(
            f"measured: {timeline.makespan:.1f} s, as if there were one worker. "
            "Submit all tasks before you wait for the first result."
        )
    _check_results(results, wanted)
    _check_bar(timeline)
    return f"Measured: results in order, and a bar that is at worst {timeline.most_behind} behind."


def _check_results(results: Any, wanted: list) -> None:
    if not isinstance(results, list):
        raise Wrong(f"it returned {type(results).__name__}. Return a list of ten results.")
    if results == wanted:
        return
    if sorted(map(str, results)) == sorted(map(str, wanted)):
        raise Wrong("all results are there, but not in the order of the tasks.")
    raise Wrong(f"it returned {results}, and should return {wanted}.")


def _check_bar(timeline: Timeline) -> None:
    counted = int(np.isfinite(timeline.shown).sum())
    if not counted:
        raise Wrong("no bar moved. Make one with the tqdm that is passed in.")
    if ahead := timeline.most_ahead:
        raise Wrong(
            f"measured: the bar counted {ahead} tasks that were not finished. "
            "It counts what goes in, not what comes out."
        )
    if counted < len(timeline):
        raise Wrong(f"the bar ended at {counted} of {len(timeline)}.")
    if timeline.most_behind >= HIDDEN:
        raise Wrong(f"measured: at worst {timeline.most_behind} finished tasks were not shown.")


longest_first = Exercise(
    name="order",
    takes=(list, tuple),
    judge=_judge_order,
    hint_text=(
        "It feels quick to get the short tasks out of the way first. But a long task that starts "
        "late keeps one worker busy while the others are done. So which task must start first?"
    ),
    solution_text="order = sorted(naps_today, reverse=True)",
)

honest_and_ordered = Exercise(
    name="collect",
    takes=Callable,
    judge=partial(_judge_recipe, NAPS, nap),
    hint_text=(
        "Order and bar need not come from the same loop. Let one thing move the bar (a callback, "
        "or the order of arrival), and another put each result in its place."
    ),
    solution_text=(
        "def collect(func, tasks, tqdm, pool):\n"
        "    with tqdm(total=len(tasks)) as bar:\n"
        "        jobs = [\n"
        "            pool.apply_async(func, (task,), callback=lambda _: bar.update())\n"
        "            for task in tasks\n"
        "        ]\n"
        "        return [job.get() for job in jobs]"
    ),
)

count_failures = Exercise(
    name="collect_all",
    takes=Callable,
    judge=partial(_judge_recipe, FAILING, nap_or_fail),
    hint_text=(
        "A task that fails is finished too, but its callback is never called. There is a second "
        "one, error_callback. And get() raises what the task raised."
    ),
    solution_text=(
        "def collect_all(func, tasks, tqdm, pool):\n"
        "    with tqdm(total=len(tasks)) as bar:\n"
        "        move = lambda _: bar.update()\n"
        "        jobs = [\n"
        "            pool.apply_async(func, (task,), callback=move, error_callback=move)\n"
        "            for task in tasks\n"
        "        ]\n"
        "        for job in jobs:\n"
        "            job.wait()\n"
        "    return [job.get() if job.successful() else None for job in jobs]"
    ),
)
