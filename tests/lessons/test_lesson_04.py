"""Lesson 04: its exercises accept right answers and refuse wrong ones, and its claims hold.

An order is wrong if it has different naps, or one nap in the wrong place. It is right as computed
by 0.1 * i, as an array, or sorted in place. The three runs are in a different order each time, and
changing lesson_04.NAPS does not change the exercises.
"""

import inspect

import numpy as np
import pytest
from grading import predict_naps, verdict_of
from tqdm import tqdm

from helpers.exercises import lesson_04
from watchedpool import predict

SAME = [0.1 * number for number in range(1, 11)]


def over_imap(naps):
    return naps, predict(naps, 5)


@pytest.mark.parametrize(
    ("naps", "message"),
    [
        (sorted(lesson_04.NAPS), "Right! No task has to wait for its turn."),
        (SAME, "Right!"),
        (lesson_04.NAPS, "Not yet: at worst, 4 finished tasks have to wait for their turn;"),
        ([0.1, 1.0, 0.2, 0.9, 0.3, 0.8, 0.4, 0.7, 0.5, 0.6], "finished tasks have to wait"),
        ([*SAME[1:], SAME[0]], "finished task"),
    ],
    ids=["sorted", "tenths", "countdown", "mixed", "short one last"],
)
def test_an_honest_order_is_graded_by_the_prediction(naps, message):
    assert message in verdict_of(lesson_04.grade_honest, *over_imap(naps))


@pytest.mark.parametrize(
    ("naps", "message"),
    [
        (np.array(SAME), "Right!"),
        (tuple(lesson_04.NAPS), "Not yet: at worst, 4 finished tasks have to wait"),
        ([0.1] * 10, "use the same 10 naps, each once: [0.1, 0.2"),
        (SAME[:9], "use the same 10 naps"),
        (["a"] * 10, "'a' is not a valid nap."),
        ([float("nan")] * 10, "nan is not a valid nap."),
    ],
    ids=["tenths", "countdown", "other naps", "nine", "text", "nan"],
)
def test_honest_order_runs_the_naps(naps, message):
    assert message in lesson_04.honest_order.verdict(naps)


def test_changing_the_list_of_naps_does_not_change_the_exercises(monkeypatch):
    monkeypatch.setattr(lesson_04, "measure_naps", predict_naps)
    monkeypatch.setattr(lesson_04, "NAPS", list(lesson_04.NAPS))
    lesson_04.NAPS.sort()
    assert lesson_04.honest_order.verdict(lesson_04.NAPS).startswith("Right!")
    lesson_04.NAPS.clear()
    assert len(lesson_04.mystery_runs()["A"]) == 10


@pytest.mark.parametrize(
    ("naps", "message"),
    [
        ([1.5] + [0.1] * 9, "Right! Measured: 9 of ten tasks were done, and the bar said 0 of 10."),
        ([2, 0.3, 0.3, 0.3, 0.2, 0.2, 0.2, 0.1, 0.1, 0.1], "Right!"),
        ([0.1] * 9 + [1.5], "Nine are possible."),
        ([0.1] * 10, "Nine are possible."),
        ([1.5, 1.6] + [0.1] * 8, "8 finished tasks have to wait"),
    ],
    ids=["long one first", "mixed", "long one last", "all equal", "two long"],
)
def test_longest_lie_is_graded_by_the_prediction(naps, message):
    assert message in verdict_of(lesson_04.grade_longest, *over_imap(naps))


@pytest.mark.parametrize(
    ("naps", "message"),
    [
        (np.array([0.6] + [0.05] * 9), "Right! Measured: "),
        ([0.1] * 9 + [0.5], "Nine are possible."),
        ([1.0] * 5, "there should be ten naps; you gave 5."),
        ([3.0] + [0.1] * 9, "3.0 is not a valid nap. Use seconds, from 0.05 to 2."),
    ],
    ids=["array", "long one last", "five", "too long"],
)
def test_longest_lie_runs_the_naps(naps, message):
    assert message in lesson_04.longest_lie.verdict(naps)


TRUTH = {"A": "imap_unordered", "B": "map", "C": "imap"}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (TRUTH, "Right!"),
        ({"C": "imap", "B": "map", "A": "imap_unordered"}, "Right!"),
        ({"A": "map", "B": "imap_unordered", "C": "imap"}, "look at A and B again."),
        ({"A": "imap_unordered", "B": "imap", "C": "map"}, "look at B and C again."),
        (dict.fromkeys("ABC", "map"), "look at A and C again."),
        ({"A": "starmap", "B": "map", "C": "imap"}, "'starmap' is not one of map, imap,"),
        ({"A": ["map"], "B": "map", "C": "imap"}, "['map'] is not one of"),
        ({"A": "map"}, "name the call of each run: A, B, C."),
    ],
    ids=range(8),
)
def test_which_call_names_the_wrong_runs(answer, message):
    assert message in verdict_of(lesson_04.grade_which, answer, TRUTH)


def test_the_mystery_runs_match_their_solution(monkeypatch, capsys):
    monkeypatch.setattr(lesson_04, "measure_naps", predict_naps)
    monkeypatch.setattr(lesson_04.last_methods, "truth", None)
    assert "run the cell with the pictures first" in lesson_04.which_call.verdict({"A": "map"})
    runs, names = lesson_04.mystery_runs(), {}
    lesson_04.which_call.solution()
    exec(capsys.readouterr().out, names)
    assert lesson_04.which_call.verdict(names["answer"]).startswith("Right!")
    for name, call in names["answer"].items():
        delivered = runs[name].delivered
        assert bool((np.diff(delivered) >= 0).all()) == (call != "imap_unordered")
        assert bool(np.ptp(delivered) == 0) == (call == "map")


def test_tqdm_draws_at_most_every_tenth_of_a_second():
    assert inspect.signature(tqdm.__init__).parameters["mininterval"].default == 0.1
