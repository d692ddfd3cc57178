"""The exercises of lesson 02, on several arguments, and its guesses."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are shown as a reader would write them)

import random
from collections.abc import Callable
from functools import partial
from itertools import product
from math import isclose
from multiprocessing.reduction import ForkingPickler
from numbers import Real
from typing import Any

import numpy as np

from helpers import workers
from helpers.bar_recipes import Bar
from helpers.exercises.checking import (
    Exercise,
    Wrong,
    as_results,
    check_order,
    is_ordered,
    plain,
    short,
)
from helpers.exercises.limits import cell_functions, lend, run_limited
from helpers.timeline import Timeline
from helpers.workers import nap_and_power

# -- guesses: the idea behind each wrong option

tuple_map = {"two arguments": "Only starmap has a star: map hands over the tuple as it is."}
product_count = {
    "3 tasks": "zip makes pairs that belong together; product lets each base meet each exponent.",
    "7 tasks": "4 + 3 counts the elements; of combinations there are 4 times 3.",
}
partial_two = {
    "[1, 4, 9, 16]": "Those are squares, with 2 as the exponent; but the first place is the base's."
}
starmap_bar = {
    "4/6": "The bar does not see the workers: it counts what starmap hands over, all at the end.",
    "6/6": "6/6 comes when starmap returns; with two tasks running it has returned nothing yet.",
}

# -- exercise 1

BASES, EXPONENTS, NAP = (2, 3, 4), (0, 1, 2), 0.2


def measure_table(tasks: list) -> tuple[list, Timeline]:
    """Run the tasks on three workers, if they are the right ones."""
    check_table(tasks)
    pool = lend(3)
    return pool.starmap(nap_and_power, tasks), pool.timeline()


def judge_table(powers: list, timeline: Timeline) -> str:
    """Tell what was measured."""
    return (
        f"The powers are {[plain(power) for power in powers]}. Measured: nine naps of 0.2 s on "
        f"three workers, {timeline.side_by_side:.1f} at a time."
    )


def check_table(tasks: list) -> None:
    """Raise Wrong if these are not the tasks that were asked for, in any order."""
    rows = sorted(_row(task) for task in tasks)
    wanted = list(product(BASES, EXPONENTS))
    if rows == list(zip(BASES, EXPONENTS, strict=True)):
        raise Wrong("three tasks, where each base should meet each exponent.")
    if rows == sorted(pair[::-1] for pair in wanted):
        raise Wrong("base and exponent have changed places.")
    if rows != wanted:
        raise Wrong(f"there should be {len(wanted)} tasks, each of these once: {wanted}.")


def _row(task: Any) -> tuple:
    """Return base and exponent of a task; raise Wrong if it is none that was asked for."""
    if not is_ordered(task):
        raise Wrong(f"{short(task)} is no tuple. starmap unpacks every element of the list.")
    parts = tuple(task)
    if not 2 <= len(parts) <= 3 or not all(isinstance(part, Real) for part in parts):
        raise Wrong(f"{short(task)} should be three numbers: a base, an exponent, a nap.")
    if not parts[2:] or not isclose(parts[2], NAP, abs_tol=0.001):
        raise Wrong(f"{short(task)} has no nap of 0.2 seconds as its third number.")
    return parts[:2]


table = Exercise(
    name="tasks",
    takes=list,
    measure=measure_table,
    judge=judge_table,
    hint_text=(
        "zip makes pairs that belong together: three bases and three exponents make three. "
        "You want each with each, and a third list with one element, for the nap."
    ),
    solved="tasks = list(product([2, 3, 4], [0, 1, 2], [0.2]))",
)

# -- exercise 2


def measure_cubes(cube: Callable) -> tuple[Callable, list[int], list, Timeline]:
    """Send the answer to two workers, with numbers that it does not know."""
    if named := cell_functions(cube):
        raise Wrong(
            f"{named[0]} is defined in this notebook. A worker that starts afresh cannot import it."
        )
    try:
        ForkingPickler.dumps(cube)
    except Exception as error:
        raise Wrong(f"cube cannot be sent to a worker ({type(error).__name__}).") from None
    numbers = random.sample(range(2, 20), 5)
    pool = lend(2)
    return cube, numbers, run_limited(_map, pool, cube, numbers), pool.timeline()


def _map(pool: Any, cube: Callable, numbers: list[int]) -> list:
    return pool.map(cube, numbers, chunksize=1)


def judge_cubes(cube: Callable, numbers: list[int], results: list, timeline: Timeline) -> str:
    """Judge the cubes, and whether nap_and_power made them."""
    if results == [3**number for number in numbers]:
        raise Wrong("3 became the base: 3 to the power of 2 is 9. It should be the exponent.")
    if results != [number**3 for number in numbers]:
        raise Wrong(f"of {numbers}, the results are {short(results)}.")
    if nap_and_power not in _parts(cube) and (timeline.finish - timeline.start).min() < 0.09:
        raise Wrong("the cubes are right, but nap_and_power did not make them: nobody napped.")
    return f"Measured: the cubes of {numbers} are {results}, from {timeline.workers} workers."


def _parts(function: Any) -> list:
    """Return what a partial is made of, or a list of the function itself."""
    if isinstance(function, partial):
        inner = [function.func, *function.args, *function.keywords.values()]
        return [part for each in inner for part in _parts(each)]
    return [function]


cubes = Exercise(
    name="cube",
    takes=Callable,
    measure=measure_cubes,
    judge=judge_cubes,
    hint_text=(
        "A lambda or a function of this notebook does not travel; a partial of a function in a "
        "file does. And partial fills from the left, unless you give the argument's name."
    ),
    solved="cube = partial(nap_and_power, exponent=3)",
)

# -- exercise 3


def measure_moving(collect: Callable) -> tuple[Any, list[int], Timeline, bool]:
    """Let the answer collect powers; also tell whether it made a bar."""
    bases, exponents = random.sample(range(2, 12), 2), random.sample(range(1, 9), 4)
    tasks = [(base, exponent, 0.2) for base, exponent in product(bases, exponents)]
    random.shuffle(tasks)
    pool = lend(2)
    Bar.made.clear()
    results = run_limited(collect, pool, list(tasks), Bar)
    bar = max(Bar.made, key=lambda bar: bar.n, default=None)
    wanted = [base**exponent for base, exponent, _ in tasks]
    return results, wanted, pool.timeline(bar), bar is not None


def judge_moving(results: Any, wanted: list[int], timeline: Timeline, made: bool) -> str:
    """Judge the results, whether the pool made them side by side, and whether the bar moved."""
    results = as_results(results, "collect", len(wanted))
    ran = int(np.isfinite(timeline.finish).sum())
    if ran < len(wanted) or np.nansum(timeline.finish - timeline.start) < 0.9 * 0.2 * len(wanted):
        raise Wrong(
            f"the pool ran {ran} tasks to their end, and there are {len(wanted)} of 0.2 seconds. "
            "Give every task to the pool."
        )
    check_order(results, wanted)
    if timeline.side_by_side < 1.3:
        raise Wrong("measured: only one task ran at a time. Submit them all before you wait.")
    if not made:
        raise Wrong("there is no bar. Make one with the tqdm that is passed in.")
    counted = int(np.isfinite(timeline.shown).sum())
    if timeline.most_ahead > 1:
        raise Wrong(
            f"measured: the bar counted {timeline.most_ahead} tasks that were not finished. "
            "It counts what goes in, not what comes out."
        )
    early = int((timeline.shown < np.max(timeline.finish) - 0.1).sum())
    if early < len(wanted) / 2:
        raise Wrong(
            f"measured: when the last task ended, the bar had counted {early} of {len(wanted)}."
        )
    if counted < len(wanted):
        raise Wrong(f"the bar ended at {counted} of {len(wanted)}.")
    return f"Measured: the bar had counted {early} of {len(wanted)} before the last task ended."


def collect(pool, tasks, tqdm):
    return list(tqdm(pool.imap(workers.power_of_tuple, tasks), total=len(tasks)))


moving_bar = Exercise(
    name="collect",
    takes=Callable,
    measure=measure_moving,
    judge=judge_moving,
    hint_text=(
        "starmap hands over everything at once, when all is done: no bar around it can move. "
        "imap hands over one at a time, and calls a function of one argument. "
        "Which function takes the whole tuple as one argument?"
    ),
    solved=collect,
)
