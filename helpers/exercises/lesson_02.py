"""The exercises of lesson 02, on several arguments, and its guesses."""

import random
import sys
from collections.abc import Callable
from functools import partial
from itertools import product
from math import isclose
from multiprocessing.reduction import ForkingPickler
from numbers import Real
from types import FrameType
from typing import Any

from helpers.exercises.checking import Exercise, is_ordered, without_numpy
from helpers.exercises.limits import (
    WrongAnswerError,
    cell_functions,
    make_pool,
    run_in_child,
    run_limited,
)
from helpers.exercises.measuring import POOL_LIMIT, make_pool_and_limit
from helpers.exercises.wording import short_repr
from helpers.workers import nap_and_power
from watchedpool.timeline import Timeline

# -- guesses: the idea behind each wrong option

tuple_map = {"two arguments": "Only starmap has a star: map passes the tuple as it is."}
product_count = {
    "3 tasks": "zip makes pairs; product combines each base with each exponent.",
    "7 tasks": "4 + 3 is the number of items, but there are 4 times 3 combinations.",
}
partial_two = {
    "[1, 4, 9, 16]": "To get squares, 2 must be the exponent, but the first argument is the base."
}

# -- exercise 1: nine tasks for starmap, in any order: each base with each exponent, and a nap. The
# text fixes these numbers. The grade compares the tasks, and then runs them to show the powers.

BASES, EXPONENTS, NAP = (2, 3, 4), (0, 1, 2), 0.2


def measure_table(tasks: list) -> tuple[list, Timeline]:
    """Run the tasks on three workers, if they are the right tasks."""
    check_table(tasks)
    pool = make_pool(3)
    return pool.starmap(nap_and_power, tasks), pool.timeline()


def grade_table(powers: list, timeline: Timeline) -> str:
    """Report what was measured."""
    return (
        f"The powers are {[without_numpy(power) for power in powers]}. Measured: nine naps of "
        f"0.2 s on three workers, {timeline.mean_concurrency:.1f} at a time."
    )


def check_table(tasks: list) -> None:
    """Raise WrongAnswerError if these are not the tasks that were asked for, in any order."""
    rows = sorted(_base_and_exponent(task) for task in tasks)
    wanted = list(product(BASES, EXPONENTS))
    if rows == list(zip(BASES, EXPONENTS, strict=True)):
        raise WrongAnswerError(
            "there are three tasks, but each base should be combined with each exponent."
        )
    if rows == sorted(pair[::-1] for pair in wanted):
        raise WrongAnswerError("base and exponent have changed places.")
    if rows != wanted:
        raise WrongAnswerError(
            f"there should be {len(wanted)} tasks, each of these once: {wanted}."
        )


def _base_and_exponent(task: Any) -> tuple:
    """Return the base and exponent of a task; raise WrongAnswerError if it is not a valid task."""
    if not is_ordered(task):
        raise WrongAnswerError(
            f"{short_repr(task)} is not a tuple. starmap unpacks every item of the list."
        )
    parts = tuple(task)
    if not 2 <= len(parts) <= 3 or not all(isinstance(part, Real) for part in parts):
        raise WrongAnswerError(
            f"{short_repr(task)} should be three numbers: a base, an exponent, a nap."
        )
    if not parts[2:] or not isclose(parts[2], NAP, abs_tol=1e-6):
        raise WrongAnswerError(f"{short_repr(task)} has no nap of 0.2 seconds as its third number.")
    return parts[:2]


table = Exercise(
    measure=measure_table,
    grade=grade_table,
    hint_text=(
        "zip would make three pairs of three bases and three exponents. product combines each "
        "base with each exponent. A third list, with one item, adds the nap."
    ),
    right_answer="tasks = list(product([2, 3, 4], [0, 1, 2], [0.2]))",
    takes=list,
)

# -- exercise 2: a function of one number that can be sent to a worker under any start method, and
# lets nap_and_power compute the cube. The check varies the numbers. How long it naps is free.


def measure_cubes(cube: Callable) -> tuple[list[int], list, list, Timeline]:
    """Send the answer to two workers, with numbers that it does not know.

    Also return what nap_and_power returned when the answer was called with the first number.
    """
    if in_cells := cell_functions(cube):
        raise WrongAnswerError(
            f"{in_cells[0]} is defined in this notebook. A worker that starts as a new Python "
            "process cannot import it."
        )
    try:
        ForkingPickler.dumps(cube)
    except Exception as error:
        raise WrongAnswerError(
            f"cube cannot be sent to a worker ({type(error).__name__})."
        ) from None
    numbers = random.sample(range(2, 20), 5)
    pool, limit = make_pool_and_limit(2)
    results = run_limited(_map, pool, cube, numbers, seconds=limit, name="cube")
    # In a new process: in Python 3.11, a profile function hangs after an answer was interrupted.
    (powers,) = run_in_child(_powers_of, [(cube, numbers[0])], POOL_LIMIT, "cube")
    return numbers, [without_numpy(result) for result in results], powers, pool.timeline()


def _map(pool: Any, cube: Callable, numbers: list[int]) -> list:
    return pool.map(cube, numbers, chunksize=1)


def _powers_of(cube: Callable, number: int) -> list:
    """Call `cube(number)`, and return what nap_and_power returned meanwhile in this thread.

    That holds however cube calls it: in a partial, in a function of a file, with any nap.
    """
    powers = []

    def keep(frame: FrameType, event: str, returned: Any) -> None:
        if event == "return" and frame.f_code is nap_and_power.__code__:
            powers.append(returned)

    before = sys.getprofile()
    sys.setprofile(keep)
    try:
        cube(number)
    finally:
        sys.setprofile(before)
    return powers


def grade_cubes(numbers: list[int], results: list, powers: list, timeline: Timeline) -> str:
    """Grade the cubes, and whether nap_and_power computed them."""
    if results == [3**number for number in numbers]:
        raise WrongAnswerError(
            "3 became the base: 3 to the power of 2 is 9. It should be the exponent."
        )
    if results != [number**3 for number in numbers]:
        raise WrongAnswerError(
            f"the numbers are {numbers}, and the results are {short_repr(results)}."
        )
    if numbers[0] ** 3 not in powers:
        raise WrongAnswerError("the cubes are right, but nap_and_power did not compute them.")
    return f"Measured: the cubes of {numbers} are {results}, from {timeline.workers} workers."


cubes = Exercise(
    measure=measure_cubes,
    grade=grade_cubes,
    hint_text=(
        "Use partial with a function from a file: a lambda cannot be sent, and a worker may not "
        "find a function of this notebook. partial fills in arguments from the left, unless you "
        "name them."
    ),
    right_answer="cube = partial(nap_and_power, exponent=3)",
    control=partial(nap_and_power, exponent=3),
)
