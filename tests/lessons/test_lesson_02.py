"""Lesson 02: its exercises accept right answers and refuse wrong ones; its claims hold.

A wrong table is made with zip, swaps base and exponent, is incomplete, has duplicates or no naps. A
right table may hold tuples, lists or arrays, or be an iterator, in any order. A wrong cube cannot
be pickled, fills in the wrong argument, or is a different function.
"""

import multiprocessing
import pickle
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product

import numpy as np
import pytest

from helpers.exercises import lesson_02
from helpers.workers import nap_and_power

# -- exercise 1

GRID = list(product([2, 3, 4], [0, 1, 2], [0.2]))


@pytest.mark.parametrize(
    "tasks",
    [
        GRID,
        GRID[::-1],
        [list(task) for task in GRID],
        [np.array(task) for task in GRID],
        [(np.int64(base), exponent, 0.1 * 2) for base, exponent, _ in GRID],
    ],
    ids=["product", "reversed", "lists", "arrays", "numpy"],
)
def test_table_accepts_tuples_lists_and_arrays_in_any_order(tasks):
    assert lesson_02.check_table(tasks) is None


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        (
            [*zip([2, 3, 4], [0, 1, 2], [0.2] * 3, strict=True)],
            "each base should be combined with each",
        ),
        ([*product([0, 1, 2], [2, 3, 4], [0.2])], "have changed places"),
        ([*product([2, 3, 4], [0, 1, 2])], "has no nap of 0.2 seconds"),
        ([*product([2, 3, 4], [0, 1, 2], [2])], "has no nap of 0.2 seconds"),
        ([*product([2, 3, 4], [0, 1], [0.2])], "there should be 9 tasks"),
        (GRID + GRID[:1], "each of these once"),
        ([2, 3, 4], "2 is not a tuple"),
        (["2 0"], "'2 0' is not a tuple"),
        ([("2", 0, 0.2)], "should be three numbers"),
        ([(2, 0, 0.2, 1)], "should be three numbers"),
    ],
    ids=range(10),
)
def test_table_says_what_is_wrong_with_the_tasks(tasks, message):
    assert message in lesson_02.table.verdict(tasks)


def test_table_runs_the_tasks():
    tasks = product([2, 3, 4], [0, 1, 2], [0.2])
    assert lesson_02.table.verdict(tasks).startswith("Right! The powers are [1, 2, 4, 1, 3, 9,")


# -- exercise 2


def cubed(base):
    return nap_and_power(base, 3)


def quick_cube(base):
    return base**3


@pytest.mark.parametrize(
    ("cube", "message"),
    [
        (partial(nap_and_power, exponent=3), "Right!"),
        (partial(nap_and_power, exponent=3, seconds=0), "Right!"),
        (cubed, "Right!"),
        (lambda base: nap_and_power(base, 3), "cannot be sent to a worker"),
        (partial(nap_and_power, 3), "3 became the base"),
        (partial(nap_and_power, exponent=2), "the results are ["),
        (
            partial(nap_and_power, base=3),
            "cube raised TypeError: nap_and_power() got multiple values for",
        ),
        (nap_and_power, "missing 1 required positional argument"),
        (quick_cube, "nap_and_power did not compute them"),
        (partial(pow, exp=3), "nap_and_power did not compute them"),
    ],
    ids=range(10),
)
def test_cubes_says_what_is_wrong_with_the_function(cube, message):
    assert message in lesson_02.cubes.verdict(cube)


@pytest.mark.parametrize("wrapped", [False, True])
def test_cubes_refuses_a_function_of_the_notebook(wrapped):
    def cube(base): ...

    cube.__module__ = "__main__"
    answer = partial(cube, exponent=3) if wrapped else partial(cube)
    assert "cube is defined in this notebook" in lesson_02.cubes.verdict(answer)


# -- claims of the prose that no cell shows


def test_a_lambda_cannot_be_pickled():
    nameless = eval("lambda base: base", {"__name__": __name__})
    with pytest.raises(pickle.PicklingError):
        pickle.dumps(nameless)


def test_a_local_function_cannot_be_pickled():
    def local():
        pass

    error = pickle.PicklingError if sys.version_info >= (3, 14) else AttributeError
    with pytest.raises(error, match="local object"):
        pickle.dumps(local)


def test_open_files_and_locks_cannot_be_pickled():
    with open(__file__) as file, pytest.raises(TypeError):
        pickle.dumps(file)
    with pytest.raises(TypeError):
        pickle.dumps(threading.Lock())
    with pytest.raises(RuntimeError, match="through inheritance"):
        pickle.dumps(multiprocessing.Lock())


def test_the_executors_map_stops_at_the_shortest_list():
    with ProcessPoolExecutor(1) as executor:
        assert list(executor.map(pow, [2, 3, 4], [1, 2])) == [2, 9]


def test_three_lists_of_a_hundred_make_a_million_tasks():
    assert sum(1 for _ in product(range(100), repeat=3)) == 1_000_000


def test_starmap_unpacks_strings():
    with multiprocessing.Pool(1) as pool:
        assert pool.starmap(max, ["ab"]) == ["b"]


class Heavy:
    """Count how often an object is pickled; a worker receives the number 0 instead of it."""

    sent = 0

    def __reduce__(self):
        Heavy.sent += 1
        return int, (0,)


def test_arguments_of_a_partial_are_pickled_with_every_chunk():
    with multiprocessing.Pool(1) as pool:
        assert pool.map(partial(max, Heavy()), [1, 2, 3, 4, 5, 6], chunksize=2) == [
            1,
            2,
            3,
            4,
            5,
            6,
        ]
    assert Heavy.sent == 3
