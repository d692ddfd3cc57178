"""Lesson 04: its exercises tell right from wrong, its claims hold."""

import inspect

import numpy as np
import pytest
from tqdm import tqdm

from helpers.exercises import lesson_04
from helpers.exercises.checking import NOT_TRIED


def solve(exercise):
    """Return the answer that the exercise's own solution gives."""
    names = {"lesson_04": lesson_04}
    exec(exercise.solution_text, names)
    return names[exercise.name]


@pytest.mark.parametrize("name", ["honest_order", "longest_lie", "which_call"])
def test_the_solution_is_right(name):
    exercise = getattr(lesson_04, name)
    assert exercise.verdict(solve(exercise)).startswith("Right!")
    assert exercise.verdict(...) == NOT_TRIED
    assert exercise.verdict(42).startswith(f"Not yet: {exercise.name} is of type int")


@pytest.mark.parametrize(
    ("naps", "said"),
    [
        (lesson_04.NAPS, "4 finished tasks have to wait for their turn at worst;"),
        ([0.1, 1.0, 0.2, 0.9, 0.3, 0.8, 0.4, 0.7, 0.5, 0.6], "finished tasks have to wait"),
        ([0.1] * 10, "use the same ten naps"),
        (["a"] * 10, "'a' is no nap."),
        ([float("nan")] * 10, "nan is no nap."),
    ],
    ids=["countdown", "first one short", "other naps", "text", "nan"],
)
def test_honest_order_says_what_is_wrong(naps, said):
    assert said in lesson_04.honest_order.verdict(naps)


@pytest.mark.parametrize(
    ("naps", "said"),
    [
        ([0.1] * 9 + [1.5], "Nine are possible."),
        ([0.1] * 10, "Nine are possible."),
        ([1.0] * 5, "there should be ten naps; you gave 5."),
    ],
    ids=["long one last", "all equal", "five"],
)
def test_longest_lie_says_what_is_wrong(naps, said):
    assert said in lesson_04.longest_lie.verdict(naps)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"A": "map", "B": "imap_unordered", "C": "imap"}, "look at A and B again."),
        ({"A": "imap_unordered", "B": "imap", "C": "map"}, "look at B and C again."),
        ({"A": "starmap", "B": "map", "C": "imap"}, "'starmap' is none of imap"),
        ({"A": "map"}, "name the call of each run: A, B, C."),
    ],
    ids=["map for unordered", "imap for map", "unknown call", "one only"],
)
def test_which_call_says_what_is_wrong(answer, said):
    assert said in lesson_04.which_call.verdict(answer)


def test_the_mystery_runs_are_what_they_are_said_to_be():
    runs = lesson_04.mystery_runs()
    in_order = {name: bool((np.diff(run.shown) >= 0).all()) for name, run in runs.items()}
    assert in_order == {"A": False, "B": True, "C": True}
    at_once = {name: bool(np.ptp(run.shown) == 0) for name, run in runs.items()}
    assert at_once == {"A": False, "B": True, "C": False}


def test_tqdm_draws_at_most_every_tenth_of_a_second():
    assert inspect.signature(tqdm.__init__).parameters["mininterval"].default == 0.1
