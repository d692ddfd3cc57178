"""Lesson 02: its exercises tell right from wrong, and its claims about pickling hold."""

import multiprocessing
import pickle
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product

import pytest
from tqdm import tqdm

from helpers import workers
from helpers.exercises import lesson_02
from helpers.exercises.checking import NOT_TRIED
from helpers.workers import nap_and_power


def run_cell(source):
    """Return what a cell of the notebook would leave behind."""
    names = {"__name__": "__main__", "partial": partial, "product": product, "tqdm": tqdm}
    names |= {"workers": workers, "nap_and_power": nap_and_power}
    exec(source, names)
    return names


def verdict(exercise, source):
    return exercise.verdict(run_cell(source)[exercise.name])


def collect(body):
    return f"def collect(pool, tasks):\n    return {body}"


@pytest.mark.parametrize("name", ["table", "cubes", "moving_bar"])
def test_the_solution_is_right(name):
    exercise = getattr(lesson_02, name)
    assert verdict(exercise, exercise.solution_text).startswith("Right!")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("tasks = ...", NOT_TRIED),
        ("tasks = [(2, 0, 0.2), ...]", NOT_TRIED),
        ("tasks = []", "is empty"),
        ("tasks = product([2, 3, 4], [0, 1, 2], [0.2])", "should be a list"),
        ("tasks = list(zip([2, 3, 4], [0, 1, 2], [0.2] * 3))", "each base should meet each"),
        ("tasks = list(product([0, 1, 2], [2, 3, 4], [0.2]))", "have changed places"),
        ("tasks = list(product([2, 3, 4], [0, 1, 2]))", "has no nap of 0.2 seconds"),
        ("tasks = list(product([2, 3, 4], [0, 1], [0.2]))", "there should be 9 tasks"),
        ("tasks = [2, 3, 4]", "2 is no tuple"),
        ("tasks = [('2', 0, 0.2)]", "should be three numbers"),
    ],
)
def test_table_answers_what_is_wrong(answer, message):
    assert message in verdict(lesson_02.table, answer)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("cube = ...", NOT_TRIED),
        ("cube = 27", "of type int, and should be a function"),
        ("cube = lambda base: nap_and_power(base, 3)", "cannot be sent to a worker"),
        ("cube = partial(nap_and_power, 3)", "3 became the base"),
        ("cube = partial(nap_and_power, exponent=2)", "the results are [1, 4, 9, 16]"),
        ("cube = partial(nap_and_power, base=3)", "multiple values for argument 'base'"),
        ("cube = nap_and_power", "missing 1 required positional argument"),
    ],
)
def test_cubes_answers_what_is_wrong(answer, message):
    assert message in verdict(lesson_02.cubes, answer)


def test_cubes_does_not_send_a_function_of_the_notebook(monkeypatch):
    names = run_cell("def cube(base):\n    return nap_and_power(base, 3)")
    monkeypatch.setattr(sys.modules["__main__"], "cube", names["cube"], raising=False)
    assert "defined in this notebook" in lesson_02.cubes.verdict(names["cube"])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("...", "should return a list; it returned ellipsis"),
        ("pool.starmap(nap_and_power, tasks)", "you had been given 0 of 8 results"),
        ("[nap_and_power(*task) for task in tasks]", "Give every task to the pool"),
        ("[pool.apply(nap_and_power, task) for task in tasks]", "only one task ran at a time"),
        ("list(pool.imap(nap_and_power, tasks))", "missing 1 required positional argument"),
        ("list(pool.imap(lambda task: 1, tasks))", "collect raised"),
        ("pool.imap(workers.power_of_tuple, tasks)", "should return a list"),
        ("list(pool.imap(workers.power_of_tuple, tasks))[::-1]", "not in the order"),
        ("list(pool.imap(workers.power_of_tuple, tasks))[1:]", "the results should be"),
        ("[]", "the results should be"),
    ],
)
def test_moving_bar_answers_what_is_wrong(body, message):
    assert message in verdict(lesson_02.moving_bar, collect(body))


def test_moving_bar_answers_a_stub_and_no_function():
    assert verdict(lesson_02.moving_bar, "def collect(pool, tasks): ...") == NOT_TRIED
    assert "should be a function" in lesson_02.moving_bar.verdict([8])


def test_moving_bar_gives_up_on_a_function_that_never_returns(monkeypatch):
    monkeypatch.setattr(lesson_02, "LIMIT", 1.0)
    endless = "def collect(pool, tasks):\n    while True:\n        pass"
    assert "had not returned after 1 s" in verdict(lesson_02.moving_bar, endless)


def test_a_lambda_is_not_found_by_its_name():
    nameless = eval("lambda base: base", {"__name__": __name__})
    with pytest.raises(pickle.PicklingError):
        pickle.dumps(nameless)


def test_a_local_function_cannot_be_pickled():
    def local():
        pass

    error = pickle.PicklingError if sys.version_info >= (3, 14) else AttributeError
    with pytest.raises(error, match="local object"):
        pickle.dumps(local)


def test_an_open_file_and_the_locks_cannot_be_pickled():
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
    """Counts how often it is pickled; a worker gets the number 0 in its place."""

    sent = 0

    def __reduce__(self):
        Heavy.sent += 1
        return int, (0,)


def test_what_partial_fills_in_travels_with_every_chunk():
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
