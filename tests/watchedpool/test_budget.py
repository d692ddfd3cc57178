"""A budget gives each second of each worker to one part, and invents none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated import Simulated

from watchedpool import Timeline, plot_budget, predict
from watchedpool.budget import LOOP_PARTS, NOT_MEASURED, PARTS

SECONDS = st.floats(0, 3)
POOLS = st.builds(
    Simulated,
    durations=st.lists(SECONDS, max_size=30),
    workers=st.integers(1, 6),
    method=st.sampled_from(["map", "imap", "imap_unordered", "apply", "submit"]),
    chunksize=st.just(1),
    startup=SECONDS,
    initializer=SECONDS,
    producer=SECONDS,
    receive=SECONDS,
    send=SECONDS,
    consumer=SECONDS,
    cpu=st.floats(0, 1),
    pause=SECONDS,
    calls=st.integers(1, 3),
)
CHUNKED = st.builds(
    Simulated,
    durations=st.lists(SECONDS, max_size=30),
    chunksize=st.integers(1, 7),
    method=st.sampled_from(["map", "imap", "imap_unordered"]),
    producer=SECONDS,
    send=SECONDS,
)


@settings(max_examples=1000, deadline=None)
@given(POOLS | CHUNKED)
def test_the_parts_add_up_and_are_those_that_were_spent(pool):
    run, truth = pool.run()
    spent = run.budget()
    assert spent.workers.sum(axis=1) == pytest.approx(np.full(pool.workers, spent.span), rel=0.01)
    assert (spent.workers > -1e-9).all()
    assert (spent.loop > -1e-9).all()
    assert spent.loop.sum() <= spent.span * 1.01 + 1e-9
    if len(run):
        received = truth.pop("receiving")
        assert {name: spent.pool[name] for name in truth} == pytest.approx(truth, abs=1e-6)
        # The pool sends one message at a time, so other workers may wait for it, too.
        assert spent.pool["receiving"] >= received - 1e-6
        assert not any(spent.pool[name] for name in NOT_MEASURED)
    assert not spent.faults


@given(st.lists(SECONDS, min_size=1), st.integers(1, 6), SECONDS, SECONDS)
def test_a_timeline_without_details_has_four_parts(durations, workers, startup, gap):
    spent = predict(durations, workers, startup=startup, gap=gap).budget()
    assert spent.workers.sum(axis=1) == pytest.approx(np.full(len(spent.workers), spent.span))
    known = {"before the first task", "running", "between tasks", "idle"}
    assert {name for name, seconds in spent.pool.items() if seconds} <= known
    assert spent.pool["running"] == pytest.approx(sum(durations))


def test_the_loop_waits_for_tasks_for_order_and_is_busy():
    run, _ = Simulated([3.0, 1.0, 1.0, 1.0], 2, "imap", consumer=0.5).run()
    loop = dict(zip(LOOP_PARTS, run.budget().loop.tolist(), strict=True))
    expected = {"waiting for tasks": 1.0, "order": 2.0, "your loop": 1.5}
    assert loop == pytest.approx(dict.fromkeys(LOOP_PARTS, 0.0) | expected)


def test_a_slow_producer_is_told_from_slow_sending():
    run, _ = Simulated([0.1] * 20, 4, producer=1.0).run()
    assert run.budget().shares["waiting for input"] > 0.9
    run, _ = Simulated([0.1] * 20, 4, producer=0.1, receive=1.0).run()
    assert run.budget().shares["receiving"] > 0.6


def test_tasks_that_overlap_on_one_worker_are_a_fault():
    run = Timeline([0, 0], [0.0, 1.0], [2.0, 3.0], [2.0, 3.0])
    assert run.budget().faults == "task 1 starts before task 0 ends, on the same worker"
    assert run.budget().workers.sum() == pytest.approx(3.0)


def test_moments_in_the_wrong_order_are_not_measured():
    run, _ = Simulated([1.0] * 8, 2, send=0.5).run()
    wrong = dict(vars(run.details)) | {"freed": run.finish - 1}
    wrong.pop("_shared")
    spent = Timeline(
        run.worker, run.start, run.finish, run.delivered, details=type(run.details)(**wrong)
    ).budget()
    assert spent.pool["sending"] == 0
    assert spent.pool["between tasks"] == pytest.approx(3.0)


@pytest.mark.parametrize("run", [Timeline([], [], []), Timeline([0], [np.nan], [np.nan])])
def test_a_run_without_tasks_has_an_empty_budget(run):
    spent = run.budget()
    assert spent.workers.shape == (0, len(PARTS))
    assert spent.describe() == "No worker ran."
    assert plot_budget(run).get_label() == "No worker ran."


def test_the_picture_says_its_numbers_in_words():
    ax = plot_budget(predict([1.0, 1.0, 2.0], 2))
    assert ax.get_title(loc="left") == "The workers ran tasks for 67% of their time; idle: 33%"
    assert "running 67%, idle 33%" in ax.get_label()


def test_only_timelines_and_budgets_can_be_drawn():
    with pytest.raises(TypeError, match="a list has no budget; allowed are Timeline and Budget"):
        plot_budget([])
