"""Timeline: compared with results worked out by hand, and with slow, obvious simulations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchedpool import Timeline

NAN = np.nan

# Ten naps of (10 - a) * 0.2 s on five workers: each worker that is free takes the next.
WORKER = [0, 1, 2, 3, 4, 4, 3, 2, 1, 0]
START = [0, 0, 0, 0, 0, 1.2, 1.4, 1.6, 1.8, 2.0]
FINISH = [2.0, 1.8, 1.6, 1.4, 1.2, 2.2, 2.2, 2.2, 2.2, 2.2]
IN_ORDER = [2.0] * 5 + [2.2] * 5
AT_ONCE = [2.2] * 10


def ten_naps(delivered):
    return Timeline(WORKER, START, FINISH, delivered)


# -- worked out by hand


@pytest.mark.parametrize(
    ("delivered", "moment", "finished", "counted", "stall"),
    [
        (IN_ORDER, 2.0, 4, 0, 2.0),  # tasks 4, 3, 2, 1 are done, and task 0 holds them back
        (AT_ONCE, 2.2, 5, 0, 2.2),  # the last five end as the map returns
        (FINISH, 0.0, 0, 0, 1.2),  # the first to end is task 4
    ],
    ids=["imap", "map", "imap_unordered"],
)
def test_properties_of_ten_naps(delivered, moment, finished, counted, stall):
    timeline = ten_naps(delivered)
    assert timeline.worst == (pytest.approx(moment), finished, counted)
    assert timeline.most_behind == finished - counted
    assert timeline.longest_stall == pytest.approx(stall)
    assert timeline.makespan == timeline.end == 2.2
    assert timeline.workers == 5
    assert timeline.utilisation == pytest.approx([1.0] * 5)
    assert timeline.missing == ""


def test_lag_is_the_time_from_finish_to_delivery():
    lag = ten_naps(IN_ORDER).lag
    assert lag == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 0, 0, 0, 0, 0])


def test_lag_may_be_negative_for_columns_made_by_hand():
    timeline = Timeline([0, 0], [0, 1], [1, 2], [0.5, NAN])
    assert timeline.lag[0] == -0.5
    assert np.isnan(timeline.lag[1])
    assert timeline.most_behind == 0


def test_worst_moment_ends_when_the_bar_moves_even_for_a_task_that_did_not_wait():
    # Tasks 1 and 2 wait from 1 and 2 to 10; task 3 comes and is delivered at 5.
    timeline = Timeline([0, 1, 1, 1], [0, 0, 1, 2], [10, 1, 2, 5], [10, 10, 10, 5])
    assert timeline.worst == (5.0, 2, 0)


def test_worst_moment_counts_earlier_deliveries():
    timeline = Timeline([0, 0, 1, 1], [0, 1, 0, 2], [1, 6, 2, 4], [1, 6, 6, 6])
    assert timeline.worst == (6.0, 3, 1)


def test_worst_moment_is_the_end_if_results_are_never_delivered():
    timeline = Timeline([0, 0, 0], [0, 1, 2], [1, 2, 4], [1, NAN, NAN])
    assert timeline.worst == (4.0, 2, 1)  # the last has not waited yet


def test_handing_over_a_result_does_not_count_as_a_wait():
    makespan = 100.0  # wait_threshold is 0.05 s
    quick = Timeline([0, 1], [0, 0], [50, makespan], [50.04, makespan])
    slow = Timeline([0, 1], [0, 0], [50, makespan], [50.06, makespan])
    assert (quick.most_behind, slow.most_behind) == (0, 1)


def test_wait_threshold_is_a_fiftieth_of_a_short_makespan():
    quick = Timeline([0, 1], [0, 0], [0.5, 1.0], [0.519, 1.0])
    slow = Timeline([0, 1], [0, 0], [0.5, 1.0], [0.521, 1.0])
    assert (quick.most_behind, slow.most_behind) == (0, 1)


def test_time_in_which_nothing_runs_is_not_part_of_a_stall():
    # Delivered at 1 and 12; tasks ran from 0 to 1 and from 10 to 12.
    assert Timeline([0, 0], [0, 10], [1, 12], [1, 12]).longest_stall == 2
    # The start-up of the workers does not count either.
    assert Timeline([0], [5], [6], [6]).longest_stall == 1


def test_utilisation_does_not_depend_on_the_times_of_delivery():
    timeline = Timeline([0, 0, 1], [0, 2, 1], [1, 4, 2], [9, 9, 9])
    assert timeline.utilisation == pytest.approx([3 / 4, 1 / 4])


def test_a_running_task_counts_as_busy_until_the_last_event():
    timeline = Timeline([0, 1, 9], [0, 1, NAN], [4, NAN, NAN], [NAN, NAN, NAN])
    assert timeline.utilisation == pytest.approx([1, 3 / 4])
    assert timeline.longest_stall == 4
    assert timeline.makespan == 4
    assert timeline.worker.tolist() == [0, 1, -1]


def test_missing_names_each_kind_of_incomplete_task():
    timeline = Timeline(
        [0, 0, 0, 0, 0, 0],
        [0, 1, NAN, NAN, NAN, NAN],
        [1, NAN, NAN, NAN, NAN, NAN],
        [1, NAN, 3, NAN, NAN, NAN],
    )
    assert timeline.missing == (
        "1 task delivered, but left no record; 3 tasks never started; "
        "1 task started and did not finish"
    )


@pytest.mark.parametrize("labels", [list("bbaa"), [(7), 7, 3, 3], [2.5, 2.5, 0.5, 0.5]])
def test_workers_are_renumbered_in_order_of_first_start(labels):
    timeline = Timeline(labels, [1, 3, 2, 0], [2, 4, 3, 1])
    assert timeline.worker.tolist() == [1, 1, 0, 0]


def test_the_worker_of_a_task_that_has_not_started_is_ignored():
    timeline = Timeline([None, "b", "a"], [NAN, 1, 0], [NAN, 2, 1])
    assert timeline.worker.tolist() == [-1, 1, 0]
    assert timeline.workers == 2


def test_an_empty_timeline_has_only_zeros():
    timeline = Timeline([], [], [], [])
    assert len(timeline) == timeline.workers == timeline.most_behind == 0
    assert timeline.makespan == timeline.longest_stall == timeline.end == 0
    assert timeline.worst == (0, 0, 0)
    assert timeline.utilisation.shape == timeline.lag.shape == (0,)
    assert timeline.missing == ""
    assert timeline.describe() == "No task was submitted."


def test_a_timeline_before_the_first_start():
    timeline = Timeline([0, 0], [NAN, NAN], [NAN, NAN])
    assert timeline.workers == timeline.makespan == timeline.longest_stall == 0
    assert timeline.missing == "2 tasks never started"
    assert "2 tasks on 0 workers" in timeline.describe()


def test_a_task_that_takes_no_time():
    timeline = Timeline([0], [0], [0], [0])
    assert timeline.most_behind == timeline.longest_stall == 0
    assert timeline.utilisation.tolist() == [0]


def test_describe_has_a_summary_and_one_line_per_worker():
    assert ten_naps(IN_ORDER).describe().splitlines() == [
        "10 tasks on 5 workers, 2.20 s.",
        "Most behind at 2.00 s: 4 finished, 0 delivered. The bar stood still for 2.00 s.",
        *(
            f"Worker {worker}: task {worker} from 0.00 to {first}, delivered 2.00; "
            f"task {9 - worker} from {first} to 2.20, delivered 2.20."
            for worker, first in enumerate(["2.00", "1.80", "1.60", "1.40", "1.20"])
        ),
    ]


def test_work_has_the_same_tasks_without_deliveries():
    run = ten_naps(IN_ORDER)
    assert np.isnan(run.work.delivered).all()
    assert run.work.worker.tolist() == run.worker.tolist()
    assert run.work.finish.tolist() == run.finish.tolist()
    assert "delivered" not in run.work.describe()


def test_describe_names_unfinished_tasks_and_says_nothing_of_a_bar_without_deliveries():
    timeline = Timeline([0, 0, 0], [0, 1, NAN], [1, NAN, NAN])
    assert timeline.describe().splitlines() == [
        "3 tasks on 1 worker, 1.00 s.",
        "1 task never started; 1 task started and did not finish.",
        "Worker 0: task 0 from 0.00 to 1.00; task 1 from 1.00 on, unfinished.",
    ]


def test_describe_says_that_a_bar_is_honest():
    text = ten_naps(FINISH).describe()
    assert "Every task was delivered as it finished. The bar stood still for 1.20 s." in text


@pytest.mark.parametrize(("tasks", "lines"), [(40, 3), (41, 2)])
def test_describe_of_many_tasks_is_only_the_summary(tasks, lines):
    times = np.arange(tasks)
    described = Timeline(np.zeros(tasks), times, times + 1, times + 1).describe()
    assert len(described.splitlines()) == lines


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([0], [1.5], [1.25]), r"finish\[0\] is 1.25, but start\[0\] is 1.5"),
        (([0, 0], [0, NAN], [1, 3]), r"finish\[1\] is 3.0, but start\[1\] is nan"),
        (([0, 0], [0, 1], [1]), "finish has 1 rows, start has 2"),
        (([0, 0], [0, 1], [1, 2], [3]), "delivered has 1 rows, start has 2"),
        (([0], [0, 1], [1, 2]), r"worker has shape \(1,\), start has \(2,\)"),
        (([0], [[0]], [1]), "start has 2 dimensions"),
        (([0], 0, 1), "start has 0 dimensions"),
        (([0], [-np.inf], [1]), r"start\[0\] is -inf"),
        (([0], [0], [np.inf]), r"finish\[0\] is inf"),
        (([0], [0], [1], [np.inf]), r"delivered\[0\] is inf"),
        (([0], ["soon"], [1]), r"start is \['soon'\]"),
        (([0], [0], {"end": 1}), "finish is {'end': 1}"),
    ],
)
def test_error_names_the_argument_and_its_value(columns, message):
    with pytest.raises(ValueError, match=f"^{message}.*; allowed "):
        Timeline(*columns)


def test_columns_are_read_only_and_the_arrays_of_the_caller_are_not():
    start = np.array([0.0])
    timeline = Timeline([0], start, [1])
    with pytest.raises(ValueError, match="read-only"):
        timeline.start[0] = 5
    start[0] = 0.5


# -- against slow, obvious simulations


@st.composite
def timelines(draw, unfinished=True):
    """Return a random run of up to five workers, on a grid of 1/64 s: arithmetic is exact."""
    columns = []
    for worker in range(draw(st.integers(1, 5))):
        now = 0
        for _ in range(draw(st.integers(0, 5))):
            start = now + draw(st.integers(0, 10))
            now = start + draw(st.integers(0, 20))
            lag = draw(st.integers(0, 30))
            kind = draw(st.sampled_from(["delivered", "finished", "running", "waiting"]))
            if not unfinished or kind == "delivered":
                columns.append((worker, start, now, now + lag))
            elif kind == "finished":
                columns.append((worker, start, now, NAN))
            else:  # the worker of an unfinished task takes no further task
                columns.append((worker, start if kind == "running" else NAN, NAN, NAN))
                break
    columns = draw(st.permutations(columns))
    if not columns:
        return Timeline([], [], [], [])
    worker, *times = np.array(columns, dtype=float).T
    return Timeline(worker, *(column / 64 for column in times))


@given(timelines())
def test_most_behind_is_the_largest_number_that_wait_at_any_moment(timeline):
    rows = list(zip(timeline.finish, timeline.delivered, strict=True))
    wait_threshold = timeline.wait_threshold
    waits = [
        (
            finish + wait_threshold,
            timeline.end if np.isnan(delivered) else delivered,
            np.isnan(delivered),
        )
        for finish, delivered in rows
        if not np.isnan(finish)
    ]
    waits = [(since, until, never) for since, until, never in waits if since < until]
    counts = [
        sum(since <= moment and (moment < until or never) for since, until, never in waits)
        for moment, _, _ in waits
    ]
    assert timeline.most_behind == max(counts, default=0)


@given(timelines())
def test_worst_moment_agrees_with_the_finished_and_delivered_tasks(timeline):
    moment, finished, delivered = timeline.worst
    if finished == 0:
        return
    assert finished <= np.sum(timeline.finish <= moment)
    assert delivered == np.sum(timeline.delivered < moment)
    assert moment == timeline.end or moment in timeline.delivered


@given(timelines())
def test_longest_stall_is_the_longest_running_time_between_two_deliveries(timeline):
    runs = [
        (start, timeline.end if np.isnan(finish) else finish)
        for start, finish in zip(timeline.start, timeline.finish, strict=True)
        if not np.isnan(start)
    ]
    longest = stall = 0
    for tick in range(round(timeline.end * 64)):
        if tick / 64 in timeline.delivered:
            stall = 0
        stall += any(start <= tick / 64 < finish for start, finish in runs)
        longest = max(longest, stall)
    assert timeline.longest_stall == pytest.approx(longest / 64)


@given(timelines(), st.integers(1, 8))
def test_most_behind_does_not_depend_on_the_unit_of_time(timeline, power):
    times = [column / 2**power for column in (timeline.start, timeline.finish, timeline.delivered)]
    if timeline.makespan <= 2.5:  # above, the wait_threshold is 0.05 s whatever the makespan
        assert Timeline(timeline.worker, *times).most_behind == timeline.most_behind


@given(timelines(), st.randoms())
def test_order_of_submission_changes_only_the_order_of_rows(timeline, random):
    order = random.sample(range(len(timeline)), len(timeline))
    mixed = Timeline(
        *(
            column[order]
            for column in (timeline.worker, timeline.start, timeline.finish, timeline.delivered)
        )
    )
    assert mixed.worker.tolist() == timeline.worker[order].tolist()
    assert mixed.worst == timeline.worst
    assert mixed.longest_stall == timeline.longest_stall
    assert mixed.utilisation == pytest.approx(timeline.utilisation)
    assert mixed.missing == timeline.missing


@given(timelines())
def test_workers_are_numbered_without_gaps_in_order_of_first_start(timeline):
    started = ~np.isnan(timeline.start)
    assert set(timeline.worker[~started]) <= {-1}
    assert set(timeline.worker[started]) == set(range(timeline.workers))
    firsts = [timeline.start[timeline.worker == w].min() for w in range(timeline.workers)]
    assert firsts == sorted(firsts)


@given(timelines())
def test_utilisation_is_between_0_and_1_per_worker(timeline):
    assert len(timeline.utilisation) == timeline.workers
    assert ((timeline.utilisation >= 0) & (timeline.utilisation <= 1 + 1e-9)).all()


@given(timelines(unfinished=False))
def test_busy_time_is_the_sum_of_the_tasks(timeline):
    busy = timeline.utilisation.sum() * timeline.makespan
    assert busy == pytest.approx((timeline.finish - timeline.start).sum())


@given(timelines())
def test_missing_counts_every_task_without_an_end(timeline):
    counted = sum(int(part.split()[0]) for part in timeline.missing.split("; ") if part)
    assert counted == np.isnan(timeline.finish).sum()


@given(timelines())
def test_describe_has_one_line_per_worker(timeline):
    lines = timeline.describe().splitlines()
    assert sum(line.startswith("Worker ") for line in lines) == timeline.workers


def test_most_ahead_counts_deliveries_before_the_finish():
    assert Timeline([0, 0], [0, 1], [1, 2], [0.5, 0.5]).most_ahead == 2
    assert Timeline([0, 0], [0, 1], [1, 2], [1.5, 1.5]).most_ahead == 1
    assert Timeline([0, 0], [0, 1], [1, 2], [1, 2]).most_ahead == 0
    assert Timeline([0, 0], [0, 1], [1, np.nan], [1, np.nan]).most_ahead == 0
    assert Timeline([], [], []).most_ahead == 0


def test_max_concurrency_is_the_largest_number_of_tasks_that_ran_at_one_moment():
    timeline = Timeline([0, 1, 2, 0], [0, 0, 1, 3], [2, 1, 3, 4])
    assert timeline.max_concurrency == 2
    assert Timeline([], [], []).max_concurrency == 0


def test_mean_concurrency_is_the_mean_number_of_tasks_that_ran_at_a_time():
    assert Timeline([0, 1], [0, 0], [1, 1]).mean_concurrency == 2
    assert Timeline([0, 0], [0, 1], [1, 2]).mean_concurrency == 1
    assert Timeline([], [], []).mean_concurrency == 0


def test_startup_and_gaps_are_the_times_before_and_between_the_tasks_of_a_worker():
    timeline = Timeline([7, 5, 7, 7, 0], [0.5, 0.25, 2, 4, NAN], [1.5, 4, NAN, 5, NAN])
    assert timeline.startup.tolist() == [0.25, 0.5]
    assert timeline.gaps == pytest.approx([0.5, NAN], nan_ok=True)
    assert len(Timeline([], [], []).startup) == len(Timeline([], [], []).gaps) == 0
