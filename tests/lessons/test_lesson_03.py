"""Lesson 03: its exercises tell right from wrong, and its claims about imap hold."""

import multiprocessing
import sys
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from inspect import signature
from itertools import repeat
from multiprocessing import Pool

import pytest

from helpers.exercises import lesson_03
from helpers.exercises.checking import NOT_TRIED
from helpers.workers import count_letters, nap, with_argument, with_number


def run_cell(source):
    """Return what a cell of the notebook would leave behind."""
    names = {"__name__": "__main__", "multiprocessing": multiprocessing, "partial": partial}
    names |= {"count_letters": count_letters, "with_number": with_number}
    names |= {"with_argument": with_argument, "deque": deque}
    exec(source, names)
    return names


def verdict(exercise, source):
    return exercise.verdict(run_cell(source)[exercise.name])


def counted(items, drawn):
    for item in items:
        drawn.append(item)
        yield item


@pytest.mark.parametrize("name", ["early_and_in_order", "little_patience", "which_chunksize"])
def test_the_solution_is_right(name):
    exercise = getattr(lesson_03, name)
    assert verdict(exercise, exercise.solution_text).startswith("Right!")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("pool.map(count_letters, words)", "a finished task waited"),
        ("list(pool.imap(count_letters, words))", "a finished task waited"),
        ("list(pool.imap_unordered(count_letters, words))", "in this order; they are"),
        ("[pool.apply(count_letters, (word,)) for word in words]", "only one task ran at a time"),
        ("[count_letters(word) for word in words]", "the pool was given 0 tasks"),
        ("pool.imap(count_letters, words)", "should return a list"),
        ("[]", "the lengths should be"),
        ("len(words)", "should return a list; it returned int"),
        ("list(pool.imap(count_letters, [0]))", "collect raised TypeError"),
    ],
)
def test_early_and_in_order_answers_what_is_wrong(body, message):
    source = f"def collect(pool, words):\n    return {body}"
    assert message in verdict(lesson_03.early_and_in_order, source)


def test_a_dictionary_of_words_is_as_good_as_numbers():
    source = """def collect(pool, words):
    pairs = dict(pool.imap_unordered(partial(with_argument, count_letters), words))
    return [pairs[word] for word in words]"""
    assert verdict(lesson_03.early_and_in_order, source).startswith("Right!")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return next(results)", "but first_within returned 1.5"),
        ("return results.next(timeout=seconds)", "raised TimeoutError, and nobody caught it"),
        (
            "try:\n        return results.next(timeout=seconds)\n"
            "    except TimeoutError:\n        return None",
            "It is the one of multiprocessing",
        ),
        ("seconds = None\n    return seconds", "It returned None"),
        ("return results.next(seconds=seconds)", "first_within raised TypeError"),
        ("list(results)", "not within the time"),
    ],
)
def test_little_patience_answers_what_is_wrong(body, message):
    source = f"def first_within(results, seconds):\n    {body}"
    assert message in verdict(lesson_03.little_patience, source)


@pytest.mark.parametrize("name", ["early_and_in_order", "little_patience"])
def test_a_function_is_wanted(name, monkeypatch):
    exercise = getattr(lesson_03, name)
    assert verdict(exercise, f"def {exercise.name}(one, two): ...") == NOT_TRIED
    assert "should be a function" in exercise.verdict("imap")
    monkeypatch.setattr(lesson_03, "LIMIT", 1.0)
    endless = f"def {exercise.name}(one, two):\n    while True:\n        pass"
    assert "had not returned after" in verdict(exercise, endless)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (..., NOT_TRIED),
        ("4", "of type str, and should be an int"),
        (8, "their first chunks ended together"),
        (1, "no orange lines"),
        (3, "would look different"),
    ],
)
def test_which_chunksize_answers_what_is_wrong(answer, message):
    assert message in lesson_03.which_chunksize.verdict(answer)


def test_the_run_of_the_third_exercise_shows_its_chunks():
    run = lesson_03.mystery_run()
    for first in range(0, 12, 4):
        assert (run.finish[first : first + 4] <= run.shown[first]).all()


def test_default_chunksizes():
    methods = multiprocessing.pool.Pool
    assert signature(methods.imap).parameters["chunksize"].default == 1
    assert signature(methods.imap_unordered).parameters["chunksize"].default == 1
    assert signature(methods.map).parameters["chunksize"].default is None


@pytest.mark.skipif(sys.platform != "linux", reason="the size of a pipe differs")
def test_imap_draws_about_a_thousand_naps_into_the_pipe_of_linux():
    drawn = []
    with Pool(2) as pool:
        next(pool.imap(nap, counted(repeat(0.3), drawn)))
    assert 500 < len(drawn) < 2000


def test_results_that_arrived_can_be_taken_after_the_pool_has_ended():
    with Pool(1) as pool:
        results = pool.imap(abs, [-1, -2])
        pool.close()
        pool.join()
    assert list(results) == [1, 2]


@pytest.mark.parametrize("kind", [Pool, ProcessPoolExecutor])
def test_buffersize_limits_what_is_drawn(kind):
    """Where this Python has it: from 3.14 for the executor, from 3.16 for the pool."""
    drawn = []
    with kind(2) as workers:
        method = workers.map if kind is ProcessPoolExecutor else workers.imap
        has_limit = "buffersize" in signature(method).parameters
        assert has_limit == (sys.version_info >= ((3, 14) if method.__name__ == "map" else (3, 16)))
        results = method(
            nap, counted(repeat(0.02, 12), drawn), **{"buffersize": 4} if has_limit else {}
        )
        next(results)
        assert len(drawn) in ((4, 5) if has_limit else (12,))
        list(results)
