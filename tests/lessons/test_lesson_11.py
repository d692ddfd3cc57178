"""Lesson 11: its exercises tell right from wrong, its predictions are what it says."""

import pytest

from helpers.diagnosis import findings
from helpers.exercises import lesson_11
from helpers.exercises.checking import NOT_TRIED
from helpers.exercises.limits import Wrong
from helpers.schedule import predict

NAPS = [0.6, 0.5] + [0.1] * 18


@pytest.mark.measures
@pytest.mark.parametrize("name", ["mend_uneven", "mend_tiny"])
def test_the_solution_is_right(name):
    exercise = getattr(lesson_11, name)
    assert exercise.verdict(exercise.solved).startswith("Right! Measured:")


@pytest.mark.parametrize("name", ["mend_uneven", "mend_tiny"])
def test_what_is_no_answer_is_told_so(name):
    exercise = getattr(lesson_11, name)
    assert exercise.verdict(...) == NOT_TRIED
    assert "is of type int" in exercise.verdict(42)


@pytest.mark.parametrize(
    ("tasks", "options", "said"),
    [
        (NAPS, {"chunksize": 2, "method": "imap_unordered"}, "lumps"),
        (NAPS, {}, "Results in order"),
        (NAPS[::-1], {"method": "imap_unordered"}, "longest first"),
        (NAPS, {"method": "map"}, "Results in order"),
    ],
    ids=["chunks", "order", "shortest first", "map"],
)
def test_a_program_that_is_half_mended_is_told_what_is_left(tasks, options, said):
    with pytest.raises(Wrong, match=said):
        lesson_11.judge_uneven(tasks, NAPS, predict(tasks, 4, **options))


def test_naps_in_which_the_machine_stood_still_run_once_more(monkeypatch):
    runs = iter([[0.7, *NAPS[1:-1], 0.8], NAPS])
    monkeypatch.setattr(lesson_11, "_run", lambda *_: ([], predict(next(runs), 4)))
    _, _, timeline = lesson_11.measure_uneven(lesson_11.mended)
    assert sum(timeline.finish - timeline.start) == pytest.approx(sum(NAPS))
    assert next(runs, None) is None


def test_a_program_that_is_mended_is_well():
    run = predict(NAPS, 4, method="imap_unordered")
    assert "nothing is wrong" in lesson_11.judge_uneven(NAPS, NAPS[::-1], run)


@pytest.mark.parametrize(
    ("result", "said"),
    [(None, "nothing"), (NAPS[1:], "20"), ([0.0] * 20, "not the one")],
)
def test_wrong_results_are_told(result, said):
    with pytest.raises(Wrong, match=said):
        lesson_11.judge_uneven(result, NAPS, predict(NAPS, 4))


def test_tasks_in_a_loop_are_not_quicker_however_they_are_handed_over():
    before = predict([1e-4] * 400, 1)
    wanted = [0.5] * 400
    with pytest.raises(Wrong, match="More than three times"):
        lesson_11.judge_tiny(wanted, wanted, before, predict([1e-4] * 400, 2))
    chunks = predict([1e-4] * 400, 4, None, "map")
    assert "Measured" in lesson_11.judge_tiny(wanted, wanted, before, chunks)
    with pytest.raises(Wrong, match="should run each of 400 once"):
        lesson_11.judge_tiny(wanted, wanted, before, predict([1e-4] * 4, 4))


def test_each_mend_heals_one_illness():
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
