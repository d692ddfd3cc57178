"""Lesson 02: its exercises accept right answers and refuse wrong ones; its claims hold.

A wrong table is made with zip, swaps base and exponent, is incomplete, has duplicates or no naps. A
right table may hold tuples, lists or arrays, or be an iterator, in any order. A wrong cube cannot
be pickled, fills in the wrong argument, or is a different function.
"""

import multiprocessing
import pickle
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import count, product
from multiprocessing.shared_memory import SharedMemory
from operator import getitem

import numpy as np
import pytest

from helpers.exercises import lesson_02, measuring
from helpers.workers import nap, nap_and_power, nap_in_turn, read_shared, share_lock
from watchedpool import WatchedPool

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
        ([count(2)] * 9, "should be three numbers"),
        ([(base, exponent, 0.2005) for base, exponent, _ in GRID], "has no nap of 0.2 seconds"),
    ],
    ids=range(12),
)
def test_table_says_what_is_wrong_with_the_tasks(tasks, message):
    assert message in lesson_02.table.verdict(tasks)


def test_table_runs_the_tasks():
    tasks = product([2, 3, 4], [0, 1, 2], [0.2])
    assert lesson_02.table.verdict(tasks).startswith("✓ Right: The powers are [1, 2, 4, 1, 3, 9,")


# -- exercise 2


def cubed(base):
    return nap_and_power(base, 3)


def cubed_without_nap(base):
    return nap_and_power(base, exponent=3, seconds=0)


class Cuber:
    def __call__(self, base):
        return nap_and_power(base=base, exponent=3)


def quick_cube(base):
    return base**3


def slow_cube(base):
    time.sleep(0.1)
    return base**3


def cubed_beside_it(base):
    nap_and_power(base, 1)
    return base**3


def cube_not_returned(base):
    nap_and_power(base, 3)


def endless(base):
    while True:
        pass


@pytest.mark.parametrize(
    ("cube", "message"),
    [
        (partial(nap_and_power, exponent=3), "✓ Right: "),
        (partial(nap_and_power, exponent=3, seconds=0), "✓ Right: "),
        (cubed, "✓ Right: "),
        (cubed_without_nap, "✓ Right: "),
        (Cuber(), "✓ Right: "),
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
        (slow_cube, "nap_and_power did not compute them"),
        (cubed_beside_it, "nap_and_power did not compute them"),
        (cube_not_returned, "the results are [None"),
    ],
    ids=range(15),
)
def test_cubes_says_what_is_wrong_with_the_function(cube, message):
    assert message in lesson_02.cubes.verdict(cube)


def test_cubes_grades_the_next_answer_after_an_endless_one(monkeypatch):
    monkeypatch.setattr(measuring, "TIME_LIMIT", 1.0)
    assert "cube had not returned after" in lesson_02.cubes.verdict(endless)
    monkeypatch.undo()
    assert lesson_02.cubes.verdict(cubed_without_nap).startswith("✓ Right: ")


@pytest.mark.parametrize("wrapped", [False, True])
def test_cubes_refuses_a_function_of_the_notebook(wrapped):
    def cube(base): ...

    cube.__module__ = "__main__"
    answer = partial(cube, exponent=3) if wrapped else partial(cube)
    assert "cube is defined in this notebook" in lesson_02.cubes.verdict(answer)


# -- claims of the prose that no cell shows


def test_the_recipe_runs_as_a_file_of_its_own(tmp_path):
    from cells import run_as_file  # at the top, it slows the processes that import this module

    assert run_as_file("02", "recipe", tmp_path) == ""


def test_starmap_takes_a_partial_for_what_never_changes():
    with multiprocessing.Pool(1) as pool:
        assert pool.starmap(partial(nap_and_power, seconds=0), [(2, 3), (3, 2)]) == [8, 9]


@pytest.mark.skipif(sys.version_info < (3, 14), reason="Placeholder is new in Python 3.14")
def test_a_placeholder_lets_partial_fill_in_any_position():
    from functools import Placeholder

    assert partial(nap_and_power, Placeholder, 2, 0)(3) == 9


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


@pytest.mark.measures
def test_the_task_with_the_longest_nap_ends_last():
    """Lesson 02, cell-17."""
    with WatchedPool(3) as pool:
        powers = pool.starmap(nap_and_power, [(2, 3, 1.5), (3, 2, 0.3), (10, 2)])
    assert powers == [8, 9, 100]
    assert pool.timeline().finish.argmax() == 0


@pytest.mark.measures
def test_naps_under_a_lock_take_as_long_as_one_after_the_other():
    """Lesson 02, lock-run and cell-98."""
    lock, seconds = multiprocessing.Lock(), {}
    for name, task in {"with": nap_in_turn, "without": nap}.items():
        with WatchedPool(4, initializer=share_lock, initargs=(lock,)) as pool:
            pool.map(nap, [0.2] * 4, chunksize=1)  # the workers are up
            pool.forget()
            pool.map(task, [0.2] * 4)
        seconds[name] = pool.timeline().makespan
    assert seconds["with"] > 0.79
    assert seconds["with"] > 2 * seconds["without"]


@pytest.mark.measures
def test_shared_memory_is_more_than_twice_as_fast_as_sending_the_data():
    """Lesson 02, large-seconds."""
    data = bytes(range(100)) * 200_000
    memory = SharedMemory(create=True, size=len(data))
    memory.buf[: len(data)] = data
    seconds = {}
    try:
        with multiprocessing.Pool(2) as pool:
            pool.map(nap, [0.2, 0.2], chunksize=1)
            for task in (partial(getitem, data), partial(read_shared, memory.name)):
                begin = time.perf_counter()
                assert pool.map(task, range(20), chunksize=1) == list(range(20))
                seconds[task.func] = time.perf_counter() - begin
    finally:
        memory.close()
        memory.unlink()
    assert seconds[getitem] > 2 * seconds[read_shared]
