"""findings() names the problem of a run, and finds none in a good run."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from helpers.nap_patterns import naps
from watchedpool import Timeline, diagnosis
from watchedpool.diagnosis import findings
from watchedpool.schedule import predict

WORKERS = st.integers(2, 12)
ROUNDS = st.integers(2, 12)
SECONDS = st.floats(0.2, 100)


def names(timeline, **known):
    """Return the names of the findings."""
    return [finding.name for finding in findings(timeline, **known)]


@given(WORKERS, ROUNDS, SECONDS)
def test_a_perfect_run_has_no_problem(workers, rounds, seconds):
    run = predict([seconds] * workers * rounds, workers, method="imap_unordered")
    assert names(run) == ["nothing"]


@given(WORKERS, ROUNDS, SECONDS, st.randoms())
def test_noise_is_not_a_finding(workers, rounds, seconds, random):
    durations = [seconds * random.uniform(0.995, 1.005) for _ in range(workers * rounds)]
    run = predict(durations, workers, method="imap_unordered", startup=0.005 * seconds, gap=1e-5)
    assert names(run) == ["nothing"]


@given(st.integers(3, 12), ROUNDS, SECONDS)  # with 2, the second runs what looks like a chunk
def test_results_in_order_hide_finished_tasks(workers, rounds, seconds):
    # While the first task runs, everything that the other workers finish waits for it.
    assume((workers - 1) * (rounds - 1) >= 2)
    run = predict([seconds * rounds] + [seconds] * workers * rounds, workers)
    first = findings(run)[0]
    assert first.name == "order"
    assert first.seconds == pytest.approx(seconds * (rounds - 1))
    assert f"at {seconds * rounds:.2f} s, {(workers - 1) * (rounds - 1)} were" in first.sentence


@given(WORKERS, ROUNDS, SECONDS, st.integers(3, 9))
def test_results_of_chunks_come_in_bursts(workers, rounds, seconds, size):
    tasks = [seconds] * workers * rounds * size
    first = findings(predict(tasks, workers, size, "imap_unordered"))[0]
    assert first.name == "chunks"
    assert f"in bursts, {size} at a time: one waits {seconds * (size - 1):.2f} s" in first.sentence


@given(WORKERS, ROUNDS, SECONDS)
def test_a_long_task_comes_late(workers, rounds, seconds):
    durations = [seconds] * workers * rounds + [seconds * rounds]
    run = predict(durations, workers, method="imap_unordered")
    longest_first = predict(durations[::-1], workers)
    first = findings(run)[0]
    assert first.name == "straggler"
    assert first.seconds == pytest.approx(run.makespan - longest_first.makespan)
    assert f"task {len(durations) - 1} (" in first.sentence
    assert f"{longest_first.makespan:.2f} s, not {run.makespan:.2f} s" in first.sentence


@given(WORKERS, ROUNDS, SECONDS)
def test_a_task_takes_nearly_all_the_time(workers, rounds, seconds):
    durations = [3 * seconds * rounds] + [seconds] * (workers - 1) * rounds
    (only,) = findings(predict(durations, workers, method="imap_unordered"))
    assert only.name == "straggler"
    assert "Longest first takes as long" in only.sentence


@given(WORKERS, ROUNDS, SECONDS, st.floats(0.2, 5))
def test_workers_start_slowly(workers, rounds, seconds, startup):
    tasks = [seconds] * workers * rounds
    run = predict(tasks, workers, method="imap_unordered", startup=startup * seconds * rounds)
    (only,) = findings(run)
    assert only.name == "start-up"
    assert only.seconds == pytest.approx(startup * seconds * rounds)


@given(WORKERS, ROUNDS, st.floats(1e-6, 5e-3), st.floats(1.1, 50))
def test_tasks_are_too_short(workers, rounds, seconds, factor):
    tasks = [seconds] * workers * rounds
    run = predict(tasks, workers, method="imap_unordered", gap=seconds * factor)
    first = findings(run)[0]
    assert first.name == "too short"
    assert first.seconds == pytest.approx(seconds * factor * rounds)


@given(WORKERS, ROUNDS, SECONDS)
def test_tasks_run_one_by_one(workers, rounds, seconds):
    times = seconds * np.arange(workers * rounds + 1)
    worker = np.arange(workers * rounds) % workers
    run = Timeline(worker, times[:-1], times[1:], times[1:])
    first = findings(run)[0]
    assert "each task was submitted when the one before had ended" in first.sentence
    assert first.seconds > 0.3 * seconds * rounds * (workers - 1)


@given(WORKERS, ROUNDS, SECONDS)
def test_tasks_run_one_by_one_and_nearly_all_on_one_worker(workers, rounds, seconds):
    times = seconds * np.arange(workers * rounds + 1)
    worker = np.maximum(0, np.arange(workers * rounds) - workers * (rounds - 1))
    run = Timeline(worker, times[:-1], times[1:], times[1:])
    assert "each task was submitted when the one before had ended" in findings(run)[0].sentence


@given(WORKERS, ROUNDS, SECONDS)
def test_tasks_run_one_by_one_and_all_on_one_worker(workers, rounds, seconds):
    times = seconds * np.arange(workers * rounds + 1)
    alone = np.zeros(workers * rounds)
    applied = Timeline(alone, times[:-1], times[1:], times[1:])
    (only,) = findings(applied, workers=workers)
    assert "each task was submitted when the one before had ended" in only.sentence
    assert names(applied) == ["nothing"]  # without `workers`, there may have been only one
    chunk = Timeline(alone, times[:-1], times[1:], np.full(len(alone), times[-1]))
    assert "straggler" not in names(chunk, workers=workers)
    assert names(predict([seconds], workers), workers=workers) == ["nothing"]


@given(WORKERS, ROUNDS, SECONDS)
def test_a_loop_that_takes_results_slowly_is_not_called_order(workers, rounds, seconds):
    run = predict([seconds] * workers * rounds, workers)
    taken = seconds * np.arange(1, len(run) + 1)  # the loop needs as long per result as a task
    assume(workers * rounds > 4)
    late = Timeline(run.worker, run.start, run.finish, taken + seconds / 2)
    assert "order" not in names(late)


@given(WORKERS, ROUNDS, SECONDS, st.data())
def test_a_task_that_never_ended_is_the_only_finding(workers, rounds, seconds, data):
    run = predict([seconds] * workers * rounds, workers)
    row = data.draw(st.integers(0, len(run) - 1))
    finish, delivered = run.finish.copy(), run.delivered.copy()
    finish[row] = delivered[row:] = np.nan
    (only,) = findings(Timeline(run.worker, run.start, finish, delivered))
    assert (only.name, only.seconds) == ("unended", np.inf)
    assert f"Task {row} has not ended" in only.sentence


@pytest.mark.parametrize(
    ("busy", "name"),
    [(0.0, "nothing"), (1.0, "nothing"), (2.0, "more workers than cores")],
    ids=["not measured", "naps", "both cores busy"],
)
def test_more_busy_workers_than_cores(monkeypatch, busy, name):
    monkeypatch.setattr(diagnosis, "usable_cores", lambda: 2)
    run = predict([1.0] * 12, 6, method="imap_unordered")
    (only,) = findings(run, cores_busy=busy)
    assert only.name == name
    assert name == "nothing" or "3.0 times as long as alone" in only.sentence


@given(st.floats(0, 1), st.floats(0.12, 0.23))
def test_a_consumer_that_is_delayed_once_is_not_a_chunk(begin, long):
    run = predict([0.6] * 3 + [0.12] * 17, 4, method="imap_unordered")
    late = (begin <= run.delivered) & (run.delivered < begin + long)
    delivered = np.where(late, begin + long, run.delivered)
    assert "chunks" not in names(Timeline(run.worker, run.start, run.finish, delivered))


def test_the_finding_of_ten_naps_in_words():
    (only,) = findings(predict(naps("countdown", 10), 5))
    assert only.seconds == pytest.approx(0.8)
    assert str(only) == (
        "Results in order hide finished tasks: at 2.00 s, 4 were done and 0 delivered. "
        "imap_unordered would\n"
        "    have delivered 4, and its bar would have stood still for 1.20 s, not 2.00 s. "
        "(lesson 04)"
    )


def test_map_hides_all_results_and_costs_no_time():
    (only,) = findings(predict(naps("countdown", 10), 5, method="map"))
    assert (only.name, only.seconds) == ("order", 0.0)
    counts = "at 2.20 s, 5 were done and 0 delivered. imap_unordered would have delivered 5"
    assert counts in only.sentence


def test_the_worst_finding_comes_first():
    found = findings(predict([0.5] + [0.1] * 40 + [2.0], 4, startup=1.0))
    assert [finding.name for finding in found[:2]] == ["straggler", "start-up"]
    assert [finding.seconds for finding in found] == sorted(
        (finding.seconds for finding in found), reverse=True
    )


NAN = np.nan


@pytest.mark.parametrize(
    ("timeline", "sentence"),
    [
        (Timeline([], [], []), "Nothing to say: no task has run."),
        (Timeline([0], [NAN], [NAN]), "Nothing to say: no task has run."),
        (Timeline([0, 0], [NAN, 0.0], [NAN, 1.0], [1.0, 1.0]), "Nothing wrong"),
        (Timeline([0, 0], [0.0, 1.0], [1.0, 2.0]), "Nothing wrong"),
        (Timeline([0, 1], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]), "Nothing wrong"),
    ],
    ids=["empty", "not started", "a lost record", "never delivered", "no time at all"],
)
def test_incomplete_timelines_are_not_a_problem(timeline, sentence):
    (only,) = findings(timeline)
    assert str(only).startswith(sentence)
    assert only.lesson == ""


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"cores_busy": -1.0}, "cores_busy is -1.0; allowed is a number, 0 or more"),
        ({"cores_busy": NAN}, "cores_busy is nan; allowed is a number, 0 or more"),
        ({"cores_busy": np.inf}, "cores_busy is inf; allowed is a number, 0 or more"),
        ({"cores_busy": "all"}, "cores_busy is 'all'; allowed is a number, 0 or more"),
        ({"workers": -1}, "workers is -1; allowed is a whole number, 0 or more"),
        ({"workers": 2.5}, "workers is 2.5; allowed is a whole number, 0 or more"),
        ({"workers": None}, "workers is None; allowed is a whole number, 0 or more"),
    ],
)
def test_bad_input_is_named_with_what_is_allowed(known, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        findings(predict([1.0], 1), **known)
