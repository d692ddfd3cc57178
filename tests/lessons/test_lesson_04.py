"""Lesson 04: its exercises accept right answers and refuse wrong ones, and its claims hold.

An order is wrong if it has different naps, or one nap in the wrong place. It is right as computed
by 0.1 * i, as an array, or sorted in place. The three runs are in a different order each time, and
changing lesson_04.NAPS does not change the exercises.
"""

import inspect
from io import StringIO
from multiprocessing import get_context
from unittest.mock import MagicMock, Mock

import numpy as np
import pytest
from cells import run_as_file
from grading import predict_naps, verdict_of
from tqdm import tqdm

from helpers.exercises import lesson_04
from helpers.exercises.limits import MachineBusyError
from helpers.workers import crunch, nap
from watchedpool import WatchedBar, WatchedPool, calibrate, predict, usable_cores

SAME = [0.1 * number for number in range(1, 11)]


def over_imap(naps):
    return naps, predict(naps, 5)


@pytest.mark.parametrize(
    ("naps", "message"),
    [
        (sorted(lesson_04.NAPS), "✓ Right: No task has to wait for its turn."),
        (SAME, "✓ Right: "),
        (lesson_04.NAPS, "✗ Not yet: at worst, 4 finished tasks have to wait for their turn;"),
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
        (np.array(SAME), "✓ Right: "),
        (tuple(lesson_04.NAPS), "✗ Not yet: at worst, 4 finished tasks have to wait"),
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
    assert lesson_04.honest_order.verdict(lesson_04.NAPS).startswith("✓ Right: ")
    lesson_04.NAPS.clear()
    assert len(lesson_04.mystery_runs()["A"]) == 10


@pytest.mark.parametrize(
    ("naps", "message"),
    [
        (
            [1.5] + [0.1] * 9,
            "✓ Right: Measured: 9 of ten tasks were done, and the bar said 0",
        ),
        ([2, 0.3, 0.3, 0.3, 0.2, 0.2, 0.2, 0.1, 0.1, 0.1], "✓ Right: "),
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
        (np.array([0.6] + [0.05] * 9), "✓ Right: Measured: "),
        ([0.1] * 9 + [0.5], "Nine are possible."),
        ([1.0] * 5, "there should be ten naps; you gave 5."),
        ([3.0] + [0.1] * 9, "3.0 is not a valid nap. Use seconds, from 0.05 to 2."),
    ],
    ids=["array", "long one last", "five", "too long"],
)
def test_longest_lie_runs_the_naps(naps, message):
    assert message in lesson_04.longest_lie.verdict(naps)


def test_the_longest_lie_is_right_also_if_the_machine_was_busy():
    lie = [1.5] + [0.1] * 9
    verdict = verdict_of(lesson_04.grade_longest, lie, predict([1.5, *[0.1] * 8, 1.6], 5))
    assert verdict.startswith("✓ Right: Nine tasks end before task 0. (Measured, on a busy")


TRUTH = {"A": "imap_unordered", "B": "map", "C": "imap"}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (TRUTH, "✓ Right: "),
        ({"C": "imap", "B": "map", "A": "imap_unordered"}, "✓ Right: "),
        ({"A": "map", "B": "imap_unordered", "C": "imap"}, "look at A and B again."),
        ({"A": "imap_unordered", "B": "imap", "C": "map"}, "look at B and C again."),
        (dict.fromkeys("ABC", "map"), "look at A and C again."),
        ({"A": "starmap", "B": "map", "C": "imap"}, "A is 'starmap'; allowed are map, imap,"),
        ({"A": ["map"], "B": "map", "C": "imap"}, "A is ['map']; allowed are map, imap,"),
        ({"A": "map"}, "answer for each of these: A, B, C."),
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
    assert lesson_04.which_call.verdict(names["answer"]).startswith("✓ Right: ")
    for name, call in names["answer"].items():
        delivered = runs[name].delivered
        assert bool((np.diff(delivered) >= 0).all()) == (call != "imap_unordered")
        assert bool(np.ptp(delivered) == 0) == (call == "map")


GOOD = [8, 2, 5, 6, 1, 4, 7, 3]


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        (GOOD, "✓ Right: The bar counts a short task first"),
        (np.array([5, 8, 2, *GOOD[3:]]), "✓ Right: "),
        ([2, 5, 8, *GOOD[3:]], "✓ Right: "),
        ([*GOOD[:6], 0, 3], "the first result is that of task 0"),
        ([*GOOD[:4], 4, 1, 7, 3], "your program failed: IndentationError: "),
        ([2, 8, 6, 5, 1, 4, 7, 3], "your program failed: IndentationError: "),
        (GOOD[:7], "so there should be 8 numbers; you gave 7."),
        ([*GOOD, 0], "so there should be 8 numbers; you gave 9."),
        ([*GOOD[:7], 7], "use each line once at most; line 7 is there again."),
        ([*GOOD[:7], 9], "9 is not the number of a line. Use the numbers from 0 to 8."),
        ([*GOOD[:7], -1], "-1 is not the number of a line."),
        ([*GOOD[:7], "3"], "'3' is not the number of a line."),
        ([*GOOD[:7], True], "True is not the number of a line."),
        ("85261473", "program is of type str, and should be a list."),
        ([], "program is empty."),
    ],
    ids=range(15),
)
def test_honest_program_runs_the_lines(numbers, message):
    assert message in lesson_04.honest_program.verdict(numbers)


def test_honest_program_blames_a_busy_machine_for_a_worker_that_started_late():
    late = Mock(ending="ended", output="1.0", left=0)
    late.timeline = MagicMock(start=np.array([0.0, 0.7, 0.9, 1.0]), __len__=lambda _: 4)
    with pytest.raises(MachineBusyError):
        lesson_04.grade_program(late)


def test_the_bar_to_copy_runs_as_a_file_of_its_own(tmp_path):
    assert "10/10" in run_as_file("04", "fix", tmp_path)


def test_tqdm_draws_at_most_every_tenth_of_a_second():
    assert inspect.signature(tqdm.__init__).parameters["mininterval"].default == 0.1


# -- claims about time: the cells print numbers, which are not compared

LENGTHS = [(10 - a) * 0.2 for a in range(10)]
HALF = [seconds / 2 for seconds in LENGTHS]


@pytest.mark.measures
def test_a_bar_over_imap_lags_as_the_lesson_says():
    """Lesson 04, cell-17, cell-21, cell-25, cell-33, cell-42, cell-43 and cell-71."""
    with WatchedPool(5) as pool:
        pool.warm_up()
        bar = WatchedBar(pool.imap(nap, LENGTHS), total=10, file=StringIO())
        list(bar)
    run, screen, predicted = pool.timeline(), pool.timeline(bar), predict(LENGTHS, workers=5)
    assert predicted.most_behind == 4
    assert sum(predicted.lag) == pytest.approx(0.8 + 0.6 + 0.4 + 0.2)
    assert 3 <= run.most_behind <= 5
    assert run.longest_stall > 0.7 * run.makespan
    assert (np.argmin(run.finish[:5]), np.argmax(run.finish[:5])) == (4, 0)
    assert np.ptp(run.delivered[:5]) < np.ptp(run.finish[:5]) / 2
    assert len(bar.drawn) < 11
    order, refresh = sum(run.lag), sum(screen.lag) - sum(run.lag)
    assert order > sum(predicted.lag) / 2
    assert order > refresh > 0
    assert run.makespan == pytest.approx(predicted.makespan, rel=0.1)


@pytest.mark.measures
def test_only_the_order_makes_a_bar_that_draws_every_step_lag():
    """Lesson 04, cell-39, cell-56, cell-58, cell-60 and cell-62."""
    with WatchedPool(5) as pool:
        pool.warm_up()
        list(WatchedBar(pool.imap(nap, HALF), total=10, mininterval=0, file=StringIO()))
        ordered = pool.timeline()
        pool.forget()
        results = list(pool.imap_unordered(nap, HALF))
        unordered = pool.timeline()
    assert ordered.most_behind >= 3
    assert ordered.longest_stall > 0.7 * ordered.makespan
    assert unordered.most_behind <= 1
    assert unordered.longest_stall < 0.8 * ordered.longest_stall
    assert results[0] == HALF[4]
    first = min(unordered.delivered)
    assert min([HALF[9], HALF[4], HALF[0]], key=lambda seconds: abs(seconds - first)) == HALF[4]


@pytest.mark.measures
def test_start_up_makes_a_run_longer_and_hardly_changes_its_lag():
    """Lesson 04, cell-50 and cell-81."""
    with WatchedPool(5, context=get_context("spawn")) as pool:
        list(pool.imap(nap, HALF))
    run, cold = pool.timeline(), predict(HALF, workers=5)
    assert run.most_behind > 1
    calibrated = predict(HALF, workers=5, **calibrate(run))
    assert abs(calibrated.makespan / run.makespan - 1) < abs(cold.makespan / run.makespan - 1)


@pytest.mark.measures
def test_twice_as_many_busy_workers_as_cores_take_much_longer_than_predicted():
    """Lesson 04, cell-87."""
    workers = min(2 * usable_cores(), 60)
    with WatchedPool(workers) as pool:
        pool.warm_up()
        cpu_time = pool.map(crunch, [2_000_000] * 2 * workers, chunksize=1)
    assert pool.timeline().makespan > 1.5 * predict(cpu_time, workers).makespan


def test_at_most_n_minus_1_results_are_hidden_and_none_waits_longer_than_an_earlier_task_takes():
    """Lesson 04, cell-28."""
    assert predict([1.0, *[0.1] * 8], 9, gap=0.0).most_behind == 8
    chance = np.random.default_rng(4)
    for _ in range(200):
        naps = chance.uniform(0.05, 2.0, chance.integers(2, 30))
        run = predict(naps, int(chance.integers(1, 8)))
        assert run.most_behind <= len(naps) - 1
        longest_before = np.maximum.accumulate(naps)
        assert (run.lag <= longest_before + 1e-6).all()
