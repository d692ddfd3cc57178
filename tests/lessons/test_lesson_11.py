"""Lesson 11: its exercises accept right answers and refuse wrong ones; its predictions hold."""

import pytest

from helpers.exercises import lesson_11
from helpers.exercises.checking import NOT_TRIED
from helpers.exercises.limits import WrongAnswerError
from watchedpool import findings, predict

NAPS = [0.6, 0.5] + [0.1] * 18


@pytest.mark.measures
@pytest.mark.parametrize("name", ["fix_uneven", "fix_tiny"])
def test_the_solution_is_accepted(name):
    exercise = getattr(lesson_11, name)
    assert exercise.verdict(exercise.right_answer).startswith("Right! Measured:")


@pytest.mark.parametrize("name", ["fix_uneven", "fix_tiny"])
def test_each_exercise_refuses_a_stub_and_the_wrong_type(name):
    exercise = getattr(lesson_11, name)
    assert exercise.verdict(...) == NOT_TRIED
    assert "is of type int" in exercise.verdict(42)


@pytest.mark.parametrize(
    ("tasks", "options", "message"),
    [
        (NAPS, {"chunksize": 2, "method": "imap_unordered"}, "bursts"),
        (NAPS, {}, "Results in order"),
        (NAPS[::-1], {"method": "imap_unordered"}, "longest first"),
        (NAPS, {"method": "map"}, "Results in order"),
    ],
    ids=["chunks", "order", "shortest first", "map"],
)
def test_a_half_fixed_program_gets_the_finding_that_is_left(tasks, options, message):
    with pytest.raises(WrongAnswerError, match=message):
        lesson_11.grade_uneven(tasks, NAPS, predict(tasks, 4, **options))


def test_naps_during_a_stall_are_measured_again(monkeypatch):
    runs = iter([[0.7, *NAPS[1:-1], 0.8], NAPS])
    monkeypatch.setattr(lesson_11, "_run", lambda *_: ([], predict(next(runs), 4)))
    _, _, timeline = lesson_11.measure_uneven(lesson_11.fixed)
    assert sum(timeline.finish - timeline.start) == pytest.approx(sum(NAPS))
    assert next(runs, None) is None


def test_a_fixed_program_is_accepted():
    run = predict(NAPS, 4, method="imap_unordered")
    assert "nothing is wrong" in lesson_11.grade_uneven(NAPS, NAPS[::-1], run)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (None, "nothing"),
        (NAPS[1:], "20"),
        ([None] * 20, "not the one"),
        ([0.0] * 20, "not the one"),
    ],
)
def test_wrong_results_are_refused(result, message):
    with pytest.raises(WrongAnswerError, match=message):
        lesson_11.grade_uneven(result, NAPS, predict(NAPS, 4))


def test_quick_must_be_three_times_as_fast_and_run_each_task():
    before = predict([1e-4] * 400, 1)
    wanted = [0.5] * 400
    with pytest.raises(WrongAnswerError, match="More than three times"):
        lesson_11.grade_tiny(wanted, wanted, before, predict([1e-4] * 400, 2))
    chunks = predict([1e-4] * 400, 4, None, "map")
    assert "Measured" in lesson_11.grade_tiny(wanted, wanted, before, chunks)
    with pytest.raises(WrongAnswerError, match="should run each of 400 once"):
        lesson_11.grade_tiny(wanted, wanted, before, predict([1e-4] * 4, 4))


def test_each_fix_removes_one_finding():
    jobs = [0.6] + [0.1] * 14 + [0.7]
    first = predict(jobs, 4, chunksize=2)
    steps = [first, predict(jobs, 4), predict(jobs, 4, method="imap_unordered")]
    steps.append(predict(sorted(jobs, reverse=True), 4, method="imap_unordered"))
    names = [{finding.name for finding in findings(step)} for step in steps]
    assert names == [
        {"chunks", "straggler", "order"},
        {"straggler", "order"},
        {"straggler"},
        {"nothing"},
    ]
