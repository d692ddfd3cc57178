"""What findings() says of runs that are well, and of runs made ill in each way."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from helpers import Timeline, diagnosis
from helpers.diagnosis import findings
from helpers.schedule import naps, predict

WORKERS = st.integers(2, 12)
ROUNDS = st.integers(2, 12)
SECONDS = st.floats(0.2, 100)


def names(timeline, **known):
    return [finding.name for finding in findings(timeline, **known)]


@given(WORKERS, ROUNDS, SECONDS)
def test_nothing_is_wrong_with_a_perfect_run(workers, rounds, seconds):
    run = predict([seconds] * workers * rounds, workers, method="imap_unordered")
    assert names(run) == ["nothing"]


@given(WORKERS, ROUNDS, SECONDS, st.randoms())
def test_noise_that_no_change_would_mend_is_no_finding(workers, rounds, seconds, random):
    durations = [seconds * random.uniform(0.995, 1.005) for _ in range(workers * rounds)]
    run = predict(durations, workers, method="imap_unordered", startup=0.005 * seconds, gap=1e-5)
    assert names(run) == ["nothing"]


@given(st.integers(3, 12), ROUNDS, SECONDS)  # a second worker alone would run what looks a chunk
def test_order_that_hides(workers, rounds, seconds):
    # While the first task takes its time, all that the other workers finish waits behind it.
    assume((workers - 1) * (rounds - 1) >= 2)
    run = predict([seconds * rounds] + [seconds] * workers * rounds, workers)
    first = findings(run)[0]
    assert first.name == "order"
    assert first.seconds == pytest.approx(seconds * (rounds - 1))
    assert f"at {seconds * rounds:.2f} s, {(workers - 1) * (rounds - 1)} were" in first.sentence


@given(WORKERS, ROUNDS, SECONDS, st.integers(3, 9))
def test_chunks_that_come_in_lumps(workers, rounds, seconds, size):
    tasks = [seconds] * workers * rounds * size
    first = findings(predict(tasks, workers, size, "imap_unordered"))[0]
    assert first.name == "chunks"
    assert f"{size} at a time: one waits {seconds * (size - 1):.2f} s" in first.sentence


@given(WORKERS, ROUNDS, SECONDS)
def test_a_straggler_at_the_end(workers, rounds, seconds):
    durations = [seconds] * workers * rounds + [seconds * rounds]
    run = predict(durations, workers, method="imap_unordered")
    longest_first = predict(durations[::-1], workers)
    first = findings(run)[0]
    assert first.name == "straggler"
    assert first.seconds == pytest.approx(run.makespan - longest_first.makespan)
    assert f"task {len(durations) - 1} (" in first.sentence
    assert f"{longest_first.makespan:.2f} s, not {run.makespan:.2f} s" in first.sentence


@given(WORKERS, ROUNDS, SECONDS)
def test_one_task_that_no_order_helps(workers, rounds, seconds):
    durations = [3 * seconds * rounds] + [seconds] * (workers - 1) * rounds
    (only,) = findings(predict(durations, workers, method="imap_unordered"))
    assert only.name == "straggler"
    assert "Longest first takes as long" in only.sentence


@given(WORKERS, ROUNDS, SECONDS, st.floats(0.2, 5))
def test_workers_that_are_slow_to_start(workers, rounds, seconds, startup):
    tasks = [seconds] * workers * rounds
    run = predict(tasks, workers, method="imap_unordered", startup=startup * seconds * rounds)
    (only,) = findings(run)
    assert only.name == "start-up"
    assert only.seconds == pytest.approx(startup * seconds * rounds)


@given(WORKERS, ROUNDS, st.floats(1e-6, 5e-3), st.floats(1.1, 50))
def test_tasks_that_are_too_short(workers, rounds, seconds, more):
    tasks = [seconds] * workers * rounds
    run = predict(tasks, workers, method="imap_unordered", gap=seconds * more)
    first = findings(run)[0]
    assert first.name == "too short"
    assert first.seconds == pytest.approx(seconds * more * rounds)


@given(WORKERS, ROUNDS, SECONDS)
def test_tasks_that_run_one_by_one(workers, rounds, seconds):
    times = seconds * np.arange(workers * rounds + 1)
    worker = np.arange(workers * rounds) % workers
    run = Timeline(worker, times[:-1], times[1:], times[1:])
    first = findings(run)[0]
    assert "each task was submitted when the one before had ended" in first.sentence
    assert first.seconds > 0.3 * seconds * rounds * (workers - 1)


@given(WORKERS, ROUNDS, SECONDS)
def test_tasks_that_run_one_by_one_and_nearly_all_on_one_worker(workers, rounds, seconds):
    times = seconds * np.arange(workers * rounds + 1)
    worker = np.maximum(0, np.arange(workers * rounds) - workers * (rounds - 1))
    run = Timeline(worker, times[:-1], times[1:], times[1:])
    assert "each task was submitted when the one before had ended" in findings(run)[0].sentence


@given(WORKERS, ROUNDS, SECONDS)
def test_tasks_that_run_one_by_one_and_all_on_one_worker(workers, rounds, seconds):
    times = seconds * np.arange(workers * rounds + 1)
    alone = np.zeros(workers * rounds)
    applied = Timeline(alone, times[:-1], times[1:], times[1:])
    (only,) = findings(applied, workers=workers)
    assert "each task was submitted when the one before had ended" in only.sentence
    assert names(applied) == ["nothing"]  # nobody said that there were more
    chunk = Timeline(alone, times[:-1], times[1:], np.full(len(alone), times[-1]))
    assert "straggler" not in names(chunk, workers=workers)
    assert names(predict([seconds], workers), workers=workers) == ["nothing"]


@given(WORKERS, ROUNDS, SECONDS)
def test_a_loop_that_is_too_slow_to_take_results_is_not_called_order(workers, rounds, seconds):
    run = predict([seconds] * workers * rounds, workers)
    taken = seconds * np.arange(1, len(run) + 1)  # one task's time for each result
    assume(workers * rounds > 4)
    late = Timeline(run.worker, run.start, run.finish, taken + seconds / 2)
    assert "order" not in names(late)


@given(WORKERS, ROUNDS, SECONDS, st.data())
def test_a_task_that_never_ended_is_all_that_is_told(workers, rounds, seconds, data):
    run = predict([seconds] * workers * rounds, workers)
    row = data.draw(st.integers(0, len(run) - 1))
    finish, shown = run.finish.copy(), run.shown.copy()
    finish[row] = shown[row:] = np.nan
    (only,) = findings(Timeline(run.worker, run.start, finish, shown))
    assert (only.name, only.seconds) == ("unended", np.inf)
    assert f"Task {row} has not ended" in only.sentence


@pytest.mark.parametrize(
    ("busy", "said"),
    [(0.0, "nothing"), (1.0, "nothing"), (2.0, "more workers than cores")],
    ids=["nobody measured", "naps", "both cores busy"],
)
def test_more_busy_workers_than_cores(monkeypatch, busy, said):
    monkeypatch.setattr(diagnosis, "usable_cores", lambda: 2)
    run = predict([1.0] * 12, 6, method="imap_unordered")
    (only,) = findings(run, cores_busy=busy)
    assert only.name == said
    assert said == "nothing" or "3.0 times as long as alone" in only.sentence


@given(st.floats(0, 1), st.floats(0.12, 0.23))
def test_a_consumer_that_is_held_up_once_is_no_chunk(begin, long):
    run = predict([0.6] * 3 + [0.12] * 17, 4, method="imap_unordered")
    late = (begin <= run.shown) & (run.shown < begin + long)
    shown = np.where(late, begin + long, run.shown)
    assert "chunks" not in names(Timeline(run.worker, run.start, run.finish, shown))


def test_the_ten_naps_in_words():
    (only,) = findings(predict(naps("countdown", 10), 5))
    assert only.seconds == pytest.approx(0.8)
    assert str(only) == (
        "Results in order hide finished tasks: at 2.00 s, 4 were done and 0 shown. imap_unordered "
        "would have\n"
        "    shown 4, and its bar would have stood still for 1.20 s, not 2.00 s. (lesson 04)"
    )


def test_map_hides_all_and_costs_nothing():
    (only,) = findings(predict(naps("countdown", 10), 5, method="map"))
    assert (only.name, only.seconds) == ("order", 0.0)
    assert "at 2.20 s, 5 were done and 0 shown. imap_unordered would have shown 5" in only.sentence


def test_the_worst_comes_first():
    found = findings(predict([0.5] + [0.1] * 40 + [2.0], 4, startup=1.0))
    assert [finding.name for finding in found[:2]] == ["straggler", "start-up"]
    assert [finding.seconds for finding in found] == sorted(
        (finding.seconds for finding in found), reverse=True
    )


NAN = np.nan


@pytest.mark.parametrize(
    ("timeline", "said"),
    [
        (Timeline([], [], []), "Nothing to say: no task has run."),
        (Timeline([0], [NAN], [NAN]), "Nothing to say: no task has run."),
        (Timeline([0, 0], [NAN, 0.0], [NAN, 1.0], [1.0, 1.0]), "Nothing wrong"),
        (Timeline([0, 0], [0.0, 1.0], [1.0, 2.0]), "Nothing wrong"),
        (Timeline([0, 1], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]), "Nothing wrong"),
    ],
    ids=["empty", "not started", "a lost record", "never shown", "no time at all"],
)
def test_incomplete_timelines_are_no_illness(timeline, said):
    (only,) = findings(timeline)
    assert str(only).startswith(said)
    assert only.lesson == ""
