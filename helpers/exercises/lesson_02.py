"""The exercises of lesson 02, on several arguments, and its guesses."""

import random
from collections.abc import Callable
from functools import partial
from itertools import product
from math import isclose
from multiprocessing.reduction import ForkingPickler
from numbers import Real
from typing import Any

from helpers.exercises.checking import Exercise, Wrong, is_ordered, plain, short
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
