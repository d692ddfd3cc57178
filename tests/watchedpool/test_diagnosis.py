"""findings() names the problem of a run, and finds none in a good run."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from simulated import Simulated

from helpers.nap_patterns import naps
from watchedpool import Details, Timeline, diagnosis
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


@given(WORKERS, ROUNDS, SECONDS, st.floats(0.5, 5))
def test_workers_start_slowly(workers, rounds, seconds, startup):
    tasks = [seconds] * workers * rounds
    run = predict(tasks, workers, method="imap_unordered", startup=startup * seconds * rounds)
    (only,) = findings(run)
    assert only.name == "start-up"
    assert only.seconds == pytest.approx(startup * seconds * rounds)


@given(WORKERS, st.integers(200, 400), st.floats(1e-6, 1e-3), st.floats(2e-3, 9e-3))
def test_tasks_are_too_short(workers, rounds, seconds, gap):
    tasks = [seconds] * workers * rounds
    run = predict(tasks, workers, method="imap_unordered", gap=gap)
    first = findings(run)[0]
    assert first.name == "too-short"
    assert first.seconds == pytest.approx(gap * rounds, rel=0.05)


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
    assert names(predict([seconds], workers), workers=workers) == ["few-tasks"]


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
    [(0.0, "nothing"), (1.0, "nothing"), (2.0, "oversubscribed")],
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
        "imap_unordered would\n    have delivered 4, and the loop would have had no result for "
        "1.20 s at most, not 2.00 s. (lesson\n    04)"
    )


def test_map_delays_no_result_that_the_program_could_have_used():
    assert names(predict(naps("countdown", 10), 5, method="map")) == ["nothing"]


def test_the_worst_finding_comes_first():
    found = findings(predict([0.5] + [0.1] * 40 + [2.0], 4, startup=1.0))
    assert [finding.name for finding in found[:2]] == ["straggler", "start-up"]
    assert [finding.seconds for finding in found] == sorted(
        (finding.seconds for finding in found), reverse=True
    )


NAN = np.nan
TENTHS = [0.1] * 24


@pytest.mark.parametrize(
    ("pool", "name", "seconds"),
    [
        (Simulated(TENTHS, 4, startup=0.5), "start-up", 0.5),
        (Simulated(TENTHS, 4, initializer=0.5), "initializer", 0.5),
        (Simulated(TENTHS, 4, producer=0.1), "producer", 1.9),
        (Simulated(TENTHS, 4, "submit", start_method=""), "one-at-a-time", 1.8),
        (Simulated(TENTHS, 4, "apply"), "one-at-a-time", 1.8),
        (Simulated([0.1] * 8, 4, "map", calls=4, pause=0.2), "rounds", 0.6),
        (Simulated([0.1, 0.1, 0.1, 0.4] * 2, 4, "map", calls=3), "drain", 0.45),
        (Simulated([0.5] * 5, 4), "drain", 0.375),
        (Simulated([1.0] * 2, 4), "few-tasks", 0.5),
        (Simulated(TENTHS, 4, receive=0.1, task_bytes=1e7), "transfer-in", 0.6),
        (Simulated(TENTHS, 4, send=0.1, result_bytes=1e7), "transfer-out", 0.6),
        (Simulated([1e-4] * 2000, 2, send=1e-3), "too-short", 0.99),
        (Simulated(TENTHS, 4, consumer=0.1), "consumer", 1.3),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_part_of_a_budget_has_its_finding(pool, name, seconds):
    first = findings(pool.run()[0])[0]
    assert first.name == name
    assert first.seconds == pytest.approx(seconds, rel=0.15)


def test_a_killed_worker_is_the_only_finding():
    run, _ = Simulated(TENTHS, 2).run()
    killed = run.details.workers[0]._replace(ended=0.5, exit="killed by signal 9")
    (only,) = findings(changed(run, workers=(killed, *run.details.workers[1:])))
    assert only.name == "killed"
    assert 'Worker 0 ended with "killed by signal 9" at 0.50 s' in only.sentence


def test_exceptions_that_nobody_looked_at():
    run, _ = Simulated(TENTHS, 2).run()
    seen = changed(run, errors={3: "ValueError: 3"})
    assert names(seen) == ["nothing"]
    delivered = run.delivered.copy()
    delivered[3] = NAN
    found = findings(changed(run, delivered, errors={3: "ValueError: 3"}))
    assert found[0].name == "failed"
    assert 'task 3 raised "ValueError: 3"' in found[0].sentence


def test_a_loop_that_is_left_early_is_no_error():
    run, _ = Simulated(TENTHS, 2, "imap").run()
    left = np.arange(len(run)) > 5
    delivered, asked = (np.where(left, NAN, each) for each in (run.delivered, run.details.asked))
    assert names(changed(run, delivered, asked=asked)) == ["broken-off"]


def test_at_most_three_findings_and_none_below_the_floor():
    costs = {"startup": 1.0, "initializer": 1.0, "send": 0.5, "result_bytes": 1e7}
    pool = Simulated([0.1] * 20 + [4.0], 4, consumer=0.5, **costs)
    assert len(findings(pool.run()[0])) == 3
    small = Simulated([1.0] * 40, 4, startup=0.2, send=0.01, cpu=0.1)
    assert names(small.run()[0]) == ["nothing"]


def test_clocks_that_run_backwards_give_no_finding():
    run = Timeline([0, 0], [0.0, 1.0], [2.0, 3.0], [2.0, 3.0])
    (only,) = findings(run)
    assert only.name == "nothing"
    assert "cannot be true: task 1 starts before task 0 ends" in only.sentence


def test_what_is_left_of_the_time_is_said_where_no_problem_stands_out():
    run, _ = Simulated([0.01] * 6, 2, startup=0.03).run()
    (only,) = findings(run)
    assert "No single problem stands out: the workers (2) were busy for 50%" in only.sentence
    assert "start-up 50%" in only.sentence


def changed(run, delivered=None, **details):
    """Return a run with other details."""
    columns = {name: each for name, each in vars(run.details).items() if name != "_shared"}
    delivered = run.delivered if delivered is None else delivered
    details = Details(**columns | details)
    return Timeline(run.worker, run.start, run.finish, delivered, details=details)


@pytest.mark.parametrize(
    ("timeline", "sentence"),
    [
        (Timeline([], [], []), "Nothing to say: no task has run."),
        (Timeline([0], [NAN], [NAN]), "Nothing to say: no task has run."),
        (Timeline([0, 0], [NAN, 0.0], [NAN, 1.0], [1.0, 1.0]), "Nothing wrong"),
        (Timeline([0, 0], [0.0, 1.0], [1.0, 2.0]), "Nothing wrong"),
        (Timeline([0, 1], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]), "Nothing to say: no task took any"),
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
