"""The exercises of lesson 02, on several arguments."""

import pickle
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from helpers.exercises.checking import Exercise, Wrong, run_limited
from helpers.recording.pool import WatchedPool
from helpers.workers import nap_and_power

BASES, EXPONENTS = [2, 3, 4], [0, 1, 2]
TASKS = [(base, exponent, 0.2) for base, exponent in product([2, 10], [1, 2, 3, 4])]
LIMIT = 20.0  # seconds


def _rows(tasks: list | tuple) -> list[tuple]:
    """Return the tasks as tuples; raise Wrong if one of them is none `nap_and_power` can take."""
    for task in tasks:
        if not isinstance(task, tuple | list):
            raise Wrong(f"{task!r} is no tuple. starmap unpacks every element of the list.")
        if not 2 <= len(task) <= 3 or not all(isinstance(part, int | float) for part in task):
            raise Wrong(f"{task!r} should be three numbers: a base, an exponent, a nap.")
        if not task[2:] or abs(task[2] - 0.2) > 0.001:
            raise Wrong(f"{task!r} has no nap of 0.2 seconds as its third number.")
    return [tuple(task[:2]) for task in tasks]


def _judge_table(tasks: list | tuple) -> str:
    rows, wanted = _rows(tasks), list(product(BASES, EXPONENTS))
    if sorted(rows) == sorted(zip(BASES, EXPONENTS, strict=True)):
        raise Wrong("three tasks, where each base should meet each exponent.")
    if sorted(rows) == sorted(pair[::-1] for pair in wanted):
        raise Wrong("base and exponent have changed places.")
    if sorted(rows) != wanted:
        raise Wrong(f"there should be {len(wanted)} tasks, each of these once: {wanted}.")
    with WatchedPool(3) as pool:
        pool.warm_up()
        powers = pool.starmap(nap_and_power, tasks)
        timeline = pool.timeline()
    return (
        f"The powers are {powers}. Measured: nine naps of 0.2 s on three workers, "
        f"{timeline.side_by_side:.1f} at a time."
    )


def _judge_cubes(cube: Callable) -> str:
    try:
        pickle.dumps(cube)
    except Exception as error:
        raise Wrong(f"cube cannot be sent to a worker ({type(error).__name__}).") from None
    if isinstance(cube, partial) and cube.args == (3,):
        raise Wrong("3 became the base: 3 to the power of 2 is 9. It should be the exponent.")
    inner = cube.func if isinstance(cube, partial) else cube
    if getattr(inner, "__module__", None) == "__main__":
        raise Wrong(
            "cube is defined in this notebook. A worker that starts afresh cannot import it."
        )
    with WatchedPool(2) as pool:
        pool.warm_up()
        cubes = run_limited(_run_map, pool, cube, seconds=LIMIT)
        timeline = pool.timeline()
    if cubes != [1, 8, 27, 64]:
        raise Wrong(f"the results are {cubes}.")
    return f"Measured: {cubes}, with {timeline.workers} workers."


def _run_map(pool: WatchedPool, cube: Callable) -> list:
    return pool.map(cube, [1, 2, 3, 4], chunksize=1)


def _judge_moving(collect: Callable) -> str:
    with WatchedPool(2) as pool:
        pool.warm_up()
        results = run_limited(collect, pool, TASKS, seconds=LIMIT)
        timeline = pool.timeline()
    _check_results(results)
    if not len(timeline) or np.isnan(timeline.finish).any():
        raise Wrong(
            f"the pool ran {int((~np.isnan(timeline.finish)).sum())} tasks to their end, "
            f"and there are {len(TASKS)}. Give every task to the pool."
        )
    if timeline.side_by_side < 1.3:
        raise Wrong("measured: only one task ran at a time. Submit them all before you wait.")
    early = int((timeline.shown < np.max(timeline.finish) - 0.1).sum())
    if early < len(TASKS) / 2:
        raise Wrong(
            f"measured: when the last task ended, you had been given {early} of "
            f"{len(TASKS)} results. A bar cannot move before that."
        )
    return f"Measured: {early} of {len(TASKS)} results were there before the last task ended."


def _check_results(results: Any) -> None:
    if not isinstance(results, list):
        raise Wrong(f"collect should return a list; it returned {type(results).__name__}.")
    wanted = [base**exponent for base, exponent, _ in TASKS]
    if results == wanted:
        return
    try:
        same = sorted(results) == sorted(wanted)
    except TypeError:
        same = False
    if same:
        raise Wrong("the results are right, and not in the order of the tasks.")
    raise Wrong(f"the results should be {wanted}; they are {results}.")


table = Exercise(
    name="tasks",
    takes=(list, tuple),
    judge=_judge_table,
    hint_text=(
        "zip makes pairs that belong together: three bases and three exponents make three. "
        "You want each with each, and a third list with one element, for the nap."
    ),
    solution_text="tasks = list(product([2, 3, 4], [0, 1, 2], [0.2]))",
)

cubes = Exercise(
    name="cube",
    takes=Callable,
    judge=_judge_cubes,
    hint_text=(
        "A lambda or a function of this notebook does not travel; a partial of a function in a "
        "file does. And partial fills from the left, unless you give the argument's name."
    ),
    solution_text="cube = partial(nap_and_power, exponent=3)",
)

moving_bar = Exercise(
    name="collect",
    takes=Callable,
    judge=_judge_moving,
    hint_text=(
        "starmap hands over everything at once, when all is done: no bar around it can move. "
        "imap hands over one at a time, and calls a function of one argument. "
        "Which function takes the whole tuple as one argument?"
    ),
    solution_text="""def collect(pool, tasks):
    return list(tqdm(pool.imap(workers.power_of_tuple, tasks), total=len(tasks)))""",
)
