"""Lesson 10: its exercises, and what its prose says without a cell."""

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import dask
import nbformat
import numpy as np
import psutil
import pytest
from distributed import Client, LocalCluster, as_completed

from helpers import Timeline
from helpers.exercises import lesson_10
from helpers.exercises.checking import NOT_TRIED, Wrong
from helpers.exercises.lesson_10 import JOBS, Run, judge_choice, judge_collect, judge_deal
from helpers.plots import plot_growth
from helpers.recording.dask import DaskCluster
from helpers.schedule import naps, predict

ROOT = Path(__file__).resolve().parents[2]
LESSON = ROOT / "notebooks/10-beyond-one-machine.ipynb"
NAMES = ["as_predicted", "which_engine", "survive"]
COUNTDOWN = naps("countdown", 10, longest=1.0)
NAN = np.nan
slow = pytest.mark.skipif("SLOW" not in os.environ, reason="needs SLOW=1: starts many processes")


def solve(exercise):
    names = {"as_completed": as_completed}
    exec(exercise.solution_text, names)
    return names[exercise.name]


@pytest.mark.parametrize(
    "name", ["which_engine", *[pytest.param(n, marks=slow) for n in NAMES[::2]]]
)
def test_the_solution_is_right(name):
    exercise = getattr(lesson_10, name)
    assert exercise.verdict(solve(exercise)).startswith("Right! ")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_answer_is_told_so(name):
    exercise = getattr(lesson_10, name)
    assert exercise.verdict(...) == NOT_TRIED
    assert exercise.verdict(42).startswith(f"Not yet: {exercise.name} is of type int")


@slow
def test_wrong_answers_are_told_so_on_a_real_cluster():
    def deal(client, func, naps):
        return client.gather(client.map(func, naps, pure=False))

    def collect(client, func, tasks, tqdm):
        futures = client.map(func, tasks, pure=False)
        return [future.result() for future in tqdm(futures)]

    assert "Some worker had a line of tasks" in lesson_10.as_predicted.verdict(deal)
    assert "The bar is over results in order" in lesson_10.survive.verdict(collect)


# -- exercise 1


def tills(tasks, workers):
    """Return the Timeline of tasks that are dealt in turn, a line at each till."""
    rows = []
    for worker in range(workers):
        finish = np.cumsum(tasks[worker::workers])
        rows += [
            (worker, end - nap, end)
            for end, nap in zip(finish, tasks[worker::workers], strict=True)
        ]
    return Timeline(*zip(*rows, strict=True))


def test_a_line_at_each_till_takes_as_long_as_the_lesson_says():
    assert tills(naps("countdown", 10), 5).makespan == pytest.approx(3.0)
    assert predict(naps("countdown", 10), 5).makespan == pytest.approx(2.2)


def test_deal_is_right_where_it_takes_as_long_as_predicted():
    said = judge_deal(Run(COUNTDOWN, predict(COUNTDOWN, 5), COUNTDOWN))
    assert said == "Measured: 1.10 s, and predicted were 1.10 s."
    longest_first = predict(sorted(COUNTDOWN), 5), sorted(COUNTDOWN)
    assert judge_deal(Run(longest_first[1], *longest_first))


@pytest.mark.parametrize(
    ("returned", "timeline", "said"),
    [
        (COUNTDOWN, tills(COUNTDOWN, 5), "measured: 1.50 s, and predicted are 1.10 s."),
        (COUNTDOWN, predict(COUNTDOWN, 4), "and predicted are 1.10 s."),
        (
            COUNTDOWN,
            predict(COUNTDOWN[:5], 5),
            "the cluster napped 4.0 s in all, and the tasks 5.5",
        ),
        (COUNTDOWN, Timeline([], [], []), "the cluster napped 0.0 s in all"),
        (COUNTDOWN[::-1], predict(COUNTDOWN, 5), "not those of the tasks, in their order"),
        (None, predict(COUNTDOWN, 5), "not those of the tasks, in their order"),
    ],
    ids=["tills", "four workers", "half", "not on the cluster", "out of order", "nothing"],
)
def test_deal_says_what_is_wrong(returned, timeline, said):
    with pytest.raises(Wrong, match=said):
        judge_deal(Run(returned, timeline, COUNTDOWN))


# -- exercise 2

RIGHT = solve(lesson_10.which_engine)


@pytest.mark.parametrize("factor", [0.4, 1, 5])
def test_the_choice_does_not_hang_on_how_quick_the_machine_is(factor):
    assert judge_choice(RIGHT, 0.00003 * factor, 0.002 * factor).startswith("Dask costs 67 times")


@pytest.mark.parametrize("name", JOBS)
def test_each_wrong_choice_is_told_by_its_name(name):
    other = {"Pool": "Dask", "Dask": "Pool"}[RIGHT[name]]
    with pytest.raises(Wrong, match=f"'{name}' would take"):
        judge_choice(RIGHT | {name: other}, 0.00003, 0.002)
    with pytest.raises(Wrong, match=f'choose "Pool" or "Dask" for \'{name}\''):
        judge_choice({job: engine for job, engine in RIGHT.items() if job != name}, 0.00003, 0.002)


# -- exercise 3


def unordered(tasks):
    return predict(tasks, 5, method="imap_unordered")


def counted(run, shown):
    return Timeline(run.worker, run.start, run.finish, shown)


def test_collect_is_right_where_the_bar_is_honest_and_results_are_in_order():
    assert judge_collect(Run(COUNTDOWN, unordered(COUNTDOWN), COUNTDOWN))


honest = unordered(COUNTDOWN)


@pytest.mark.parametrize(
    ("returned", "timeline", "said"),
    [
        (COUNTDOWN, predict(COUNTDOWN, 5), "at worst 4 finished tasks were not shown"),
        (
            COUNTDOWN,
            unordered(COUNTDOWN[:9]),
            "ran 9 tasks, and there are 10. Two of them are equal",
        ),
        (COUNTDOWN, counted(honest, np.full(10, NAN)), "the bar ended at 0 of 10"),
        (COUNTDOWN, counted(honest, np.zeros(10)), "counted tasks that were not finished"),
        (COUNTDOWN[::-1], honest, "not those of the tasks, in their order"),
    ],
    ids=["in order", "pure", "no bar", "ahead", "out of order"],
)
def test_collect_says_what_is_wrong(returned, timeline, said):
    with pytest.raises(Wrong, match=said):
        judge_collect(Run(returned, timeline, COUNTDOWN))


# -- the lesson


def test_each_wrong_option_of_a_guess_has_its_misconception():
    code = "\n".join(c.source for c in nbformat.read(LESSON, 4).cells if c.cell_type == "code")
    for name, wrong in lesson_10.MISCONCEPTIONS.items():
        assert f"{name} = guess(" in code
        assert all(json.dumps(option) in code for option in wrong)
    assert code.count("guess(") == len(lesson_10.MISCONCEPTIONS)


def test_no_other_room_imports_dask():
    found = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "helpers").rglob("*.py")
        if "recording.dask" in path.read_text() or "import distributed" in path.read_text()
    ]
    assert found == ["helpers/exercises/lesson_10.py"]


def test_a_worker_of_a_pool_does_not_import_dask():
    code = (
        "import helpers.workers, helpers.recording.pool, sys; print('distributed' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "False\n"


def test_growth_says_what_was_predicted_and_measured():
    ax = plot_growth(COUNTDOWN, {2: 3.1, 4: 2.0})
    assert ax.get_title("left") == "2 workers take 3.10 s, 4 take 2.00 s"
    assert "2 workers 2.80 s and 3.10 s; 4 workers 1.50 s and 2.00 s." in ax.get_label()


# -- what the prose says


def test_the_defaults_of_dask_are_what_the_lesson_says():
    assert dask.config.get("distributed.scheduler.allowed-failures") == 3
    assert dask.config.get("distributed.scheduler.worker-saturation") == 1.1
    assert inspect.signature(LocalCluster).parameters["dashboard_address"].default == ":8787"
    assert inspect.signature(Client.map).parameters["pure"].default is True
    assert inspect.signature(Client.get_executor).parameters["kwargs"]  # pure goes to submit


def test_the_calls_of_the_table_give_what_those_of_a_pool_give():
    with DaskCluster(2, processes=False) as client:
        pairs = [(2, 3), (3, 2)]
        assert client.gather(client.map(abs, [-1, 2], pure=False)) == [1, 2]
        assert client.gather(client.map(pow, *zip(*pairs, strict=True), pure=False)) == [8, 9]
        assert [future.result() for future in client.map(abs, [-1, 2], pure=False)] == [1, 2]
        done = as_completed(client.map(abs, [-1, 2], pure=False), with_results=True)
        assert sorted(result for _, result in done) == [1, 2]


@slow
def test_a_worker_keeps_the_old_code_of_a_file_until_it_is_restarted(tmp_path, monkeypatch):
    module = tmp_path / "edited_module.py"
    module.write_text("def answer():\n    return 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import edited_module

    with DaskCluster(1) as client:
        rss = client.submit(lambda: psutil.Process().memory_full_info().uss, pure=False).result()
        assert rss > 40e6
        assert client.submit(edited_module.answer, pure=False).result() == 1
        module.write_text("def answer():\n    return 1 + 1\n")
        assert client.submit(edited_module.answer, pure=False).result() == 1
        client.restart()
        assert client.submit(edited_module.answer, pure=False).result() == 2


def test_with_tls_a_stranger_is_refused(tmp_path):
    pytest.importorskip("cryptography")
    from distributed.security import Security

    loopback = {"dashboard_address": "127.0.0.1:0", "worker_dashboard_address": "127.0.0.1:0"}
    folder = {"temporary-directory": str(tmp_path)}
    security = Security.temporary()
    with (
        dask.config.set(folder),
        LocalCluster(1, processes=False, security=security, **loopback) as cluster,
        Client(cluster) as client,
    ):
        assert client.scheduler.address.startswith("tls://127.0.0.1")
        assert client.submit(abs, -1).result() == 1
        address = cluster.scheduler.address
        for stranger in (address, address.replace("tls", "tcp")):
            with pytest.raises((OSError, TypeError)):
                Client(stranger, timeout=1)
