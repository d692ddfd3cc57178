"""Lesson 10: its exercises, and the claims of its prose that no cell shows.

A wrong deal submits too many tasks, or in two halves, works outside the cluster, or returns naps or
futures; a right one uses as_completed, wait or threads. A choice can be wrong for each job. A wrong
collect has no bar, or a bar over results in order or over what goes in, runs two equal tasks once,
returns results in order of arrival, or does no work; a right one uses as_completed, puts each
result in its place, or uses Dask's executor.
"""

import asyncio
import concurrent.futures
import inspect
import os
import pickle
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dask
import numpy as np
import psutil
import pytest
from distributed import Client, LocalCluster, as_completed, rpc, wait
from grading import Answer, name_of, one_of_each, verdict_of, wrong_verdict

from helpers.dask_cluster import DaskCluster
from helpers.exercises import lesson_10
from helpers.exercises.lesson_10 import JOBS, Run, grade_choice, grade_collect, grade_deal
from helpers.patterns import naps
from watchedpool import Timeline, plot_growth, predict

ROOT = Path(__file__).resolve().parents[2]
COUNTDOWN = naps("countdown", 10, longest=1.0)
NAN = np.nan


# -- exercise 1, right


def by_threads(client, func, naps):
    with ThreadPoolExecutor(5) as threads:
        return list(threads.map(lambda s: client.submit(func, s, pure=False).result(), naps))


def one_for_each_that_is_done(client, func, naps):
    results, waiting = {}, list(enumerate(naps))
    in_flight = {}
    while waiting or in_flight:
        while waiting and len(in_flight) < 5:
            number, seconds = waiting.pop(0)
            in_flight[client.submit(func, seconds, pure=False)] = number
        for future in wait(list(in_flight), return_when="FIRST_COMPLETED").done:
            results[in_flight.pop(future)] = future.result()
    return tuple(results[number] for number in range(len(naps)))


# -- exercise 1, wrong


def plain_map(client, func, naps):
    return client.gather(client.map(func, naps, pure=False))


def five_and_five(client, func, naps):
    return [r for half in (naps[:5], naps[5:]) for r in plain_map(client, func, half)]


def not_on_the_cluster(client, func, naps):
    return list(map(func, naps))


def returns_the_naps(client, func, naps):
    lesson_10.deal(client, func, naps)
    return naps


def returns_futures(client, func, naps):
    return client.map(func, naps, pure=False)


# -- exercise 3, right


def in_its_place(client, func, tasks, tqdm):
    futures = client.map(func, tasks, pure=False)
    place, results = {future.key: n for n, future in enumerate(futures)}, [None] * len(tasks)
    with tqdm(total=len(tasks)) as bar:
        for future, result in as_completed(futures, with_results=True):
            results[place[future.key]] = result
            bar.update()
    return results


def by_an_executor(client, func, tasks, tqdm):
    executor = client.get_executor(pure=False)
    futures = [executor.submit(func, task) for task in tasks]
    for _ in tqdm(concurrent.futures.as_completed(futures), total=len(tasks)):
        pass
    return np.array([future.result() for future in futures])


# -- exercise 3, wrong


def in_order(client, func, tasks, tqdm):
    futures = client.map(func, tasks, pure=False)
    return [future.result() for future in tqdm(futures)]


def pure(client, func, tasks, tqdm):
    futures = client.map(func, tasks)
    for _ in tqdm(as_completed(list(set(futures))), total=len(tasks)):
        pass
    return client.gather(futures)


def as_they_come(client, func, tasks, tqdm):
    futures = client.map(func, tasks, pure=False)
    return [future.result() for future in tqdm(as_completed(futures), total=len(tasks))]


def no_bar(client, func, tasks, tqdm):
    return client.gather(client.map(func, tasks, pure=False))


def what_goes_in(client, func, tasks, tqdm):
    return client.gather([client.submit(func, task, pure=False) for task in tqdm(tasks)])


def nothing(client, func, tasks, tqdm):
    return tasks


DEAL, COLLECT = lesson_10.as_predicted, lesson_10.survive
ANSWERS = [
    Answer(DEAL, lesson_10.deal),
    Answer(DEAL, by_threads),
    Answer(DEAL, one_for_each_that_is_done),
    Answer(DEAL, plain_map, "Some worker had a queue of tasks"),
    Answer(DEAL, five_and_five, "Some worker had a queue of tasks"),
    Answer(DEAL, not_on_the_cluster, "the cluster napped 0.0 s in all"),
    Answer(DEAL, returns_the_naps, "the results should be"),
    Answer(DEAL, returns_futures, "Not yet: "),
    Answer(COLLECT, lesson_10.collect),
    Answer(COLLECT, in_its_place),
    Answer(COLLECT, by_an_executor),
    Answer(COLLECT, as_they_come, "not in the order of the tasks"),
    Answer(COLLECT, pure, "the cluster ran 9 tasks"),
    Answer(COLLECT, in_order, "It is a bar over results in order"),
    Answer(COLLECT, no_bar, "the bar ended at 0 of 10"),
    Answer(COLLECT, what_goes_in, "the bar counted tasks that were not finished"),
    Answer(COLLECT, nothing, "the cluster ran 0 tasks"),
]


TRIED = [  # deal is graded by how long it took
    pytest.param(answer, marks=pytest.mark.measures) if answer.exercise is DEAL else answer
    for answer in one_of_each(ANSWERS)
]


@pytest.mark.parametrize("answer", TRIED, ids=name_of)
def test_a_real_answer_gets_the_expected_verdict(answer):
    assert not wrong_verdict(answer)


RIGHT = {}
exec(lesson_10.which_engine.solution_text, RIGHT)
RIGHT = RIGHT["choice"]


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (RIGHT, "Right! Here, Dask costs "),
        (RIGHT | {"videos": "Dask"}, "Not yet: 'videos' would take"),
    ],
    ids=["right", "videos"],
)
def test_a_real_choice_gets_the_expected_verdict(choice, message):
    assert lesson_10.which_engine.verdict(choice).startswith(message)


# -- exercise 1


def one_queue_per_worker(tasks, workers):
    """Return the Timeline of tasks that are assigned in turn, as in a shop with several queues."""
    rows = []
    for worker in range(workers):
        finish = np.cumsum(tasks[worker::workers])
        rows += [
            (worker, end - nap, end)
            for end, nap in zip(finish, tasks[worker::workers], strict=True)
        ]
    return Timeline(*zip(*rows, strict=True))


def test_one_queue_per_worker_takes_as_long_as_the_lesson_says():
    assert one_queue_per_worker(naps("countdown", 10), 5).makespan == pytest.approx(3.0)
    assert predict(naps("countdown", 10), 5).makespan == pytest.approx(2.2)


@pytest.mark.parametrize(
    ("returned", "timeline", "message"),
    [
        (COUNTDOWN, predict(COUNTDOWN, 5), "Right! Measured: 1.10 s; predicted: 1.10 s."),
        (np.array(COUNTDOWN), predict(COUNTDOWN, 5), "Right!"),
        (COUNTDOWN, one_queue_per_worker(COUNTDOWN, 5), "measured: 1.50 s; predicted: 1.10 s."),
        (COUNTDOWN, predict(COUNTDOWN, 4), "; predicted: 1.10 s."),
        (COUNTDOWN, predict(COUNTDOWN[:5], 5), "the cluster napped 4.0 s in all, and the tasks"),
        (COUNTDOWN, Timeline([], [], []), "the cluster napped 0.0 s in all"),
        (COUNTDOWN[::-1], predict(COUNTDOWN, 5), "not in the order of the tasks"),
        (COUNTDOWN[:9], predict(COUNTDOWN, 5), "there should be 10 results; you returned 9."),
        (None, predict(COUNTDOWN, 5), "deal returned nothing (None)."),
    ],
    ids=range(9),
)
def test_deal_is_graded_by_its_timeline(returned, timeline, message):
    assert message in verdict_of(grade_deal, Run(returned, COUNTDOWN, timeline, COUNTDOWN))


# -- exercise 2


@pytest.mark.parametrize("factor", [0.4, 1, 5])
def test_the_right_choice_does_not_depend_on_the_speed_of_the_machine(factor):
    verdict = verdict_of(grade_choice, RIGHT, 0.00003 * factor, 0.002 * factor)
    assert verdict.startswith("Right! Here, Dask costs 67 times")


@pytest.mark.parametrize("name", JOBS)
def test_each_wrong_or_missing_choice_is_named(name):
    other = {"Pool": "Dask", "Dask": "Pool"}[RIGHT[name]]
    verdict = verdict_of(grade_choice, RIGHT | {name: other}, 0.00003, 0.002)
    assert f"'{name}' would take" in verdict
    without = {job: engine for job, engine in RIGHT.items() if job != name}
    verdict = verdict_of(grade_choice, without, 0.00003, 0.002)
    assert f'choose "Pool" or "Dask" for \'{name}\'' in verdict


# -- exercise 3


def unordered(tasks):
    return predict(tasks, 5, method="imap_unordered")


def counted_at(run, moments):
    """Return the run with a bar that counted at these moments."""
    return Timeline(run.worker, run.start, run.finish, moments)


HONEST = unordered(COUNTDOWN)


@pytest.mark.parametrize(
    ("returned", "timeline", "message"),
    [
        (COUNTDOWN, HONEST, "Right!"),
        (tuple(COUNTDOWN), HONEST, "Right!"),
        (
            COUNTDOWN,
            predict(COUNTDOWN, 5),
            "at worst, 4 tasks were finished that the bar had not counted",
        ),
        (COUNTDOWN, unordered(COUNTDOWN[:9]), "ran 9 tasks, and there are 10. Two of them are"),
        (COUNTDOWN, counted_at(HONEST, np.full(10, NAN)), "the bar ended at 0 of 10"),
        (COUNTDOWN, counted_at(HONEST, np.zeros(10)), "counted tasks that were not finished"),
        (COUNTDOWN[::-1], HONEST, "not in the order of the tasks"),
        (None, HONEST, "collect returned nothing (None)."),
    ],
    ids=range(8),
)
def test_collect_is_graded_by_its_timeline(returned, timeline, message):
    assert message in verdict_of(grade_collect, Run(returned, COUNTDOWN, timeline, COUNTDOWN))


# -- the lesson


def test_only_lesson_10_and_its_two_modules_import_dask():
    importing = re.compile(
        r"^(from|import) (distributed|watchedpool\.recording\.dask)", re.MULTILINE
    )
    found = {
        path.relative_to(ROOT).as_posix()
        for package in ("helpers", "watchedpool")
        for path in (ROOT / package).rglob("*.py")
        if importing.search(path.read_text(encoding="utf-8"))
    }
    assert found == {
        "helpers/dask_cluster.py",
        "helpers/exercises/lesson_10.py",
        "watchedpool/recording/dask.py",
    }


def test_a_worker_of_a_pool_does_not_import_dask():
    code = "import helpers.workers, watchedpool.recording.pool, sys; "
    code += "print('distributed' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "False\n"


def test_plot_growth_compares_prediction_and_measurement():
    ax = plot_growth(COUNTDOWN, {2: 3.1, 4: 2.0})
    assert ax.get_title("left") == "2 workers take 3.10 s, 4 take 2.00 s"
    assert "2 workers 2.80 s and 3.10 s; 4 workers 1.50 s and 2.00 s." in ax.get_label()


# -- claims of the prose that no cell shows


def test_the_defaults_of_dask_are_what_the_lesson_says():
    assert dask.config.get("distributed.scheduler.allowed-failures") == 3
    assert dask.config.get("distributed.scheduler.worker-saturation") == 1.1
    assert inspect.signature(LocalCluster).parameters["dashboard_address"].default == ":8787"
    assert inspect.signature(Client.map).parameters["pure"].default is True
    assert inspect.signature(Client.get_executor).parameters["kwargs"]  # pure goes to submit


def test_dask_calls_return_what_the_pool_calls_return():
    with DaskCluster(2, processes=False) as client:
        pairs = [(2, 3), (3, 2)]
        assert client.gather(client.map(abs, [-1, 2], pure=False)) == [1, 2]
        assert client.gather(client.map(pow, *zip(*pairs, strict=True), pure=False)) == [8, 9]
        assert [future.result() for future in client.map(abs, [-1, 2], pure=False)] == [1, 2]
        done = as_completed(client.map(abs, [-1, 2], pure=False), with_results=True)
        assert sorted(result for _, result in done) == [1, 2]


def test_a_dask_worker_runs_old_code_until_it_is_restarted(tmp_path, monkeypatch):
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


async def ask_for_its_process(address):
    async with rpc(address) as nanny_or_worker:
        answer = await nanny_or_worker.run(function=pickle.dumps(os.getpid))
    return answer["result"]


def test_workers_and_nannies_run_code_for_any_client():
    with DaskCluster(1) as client:
        for nanny in (False, True):
            process = client.run(os.getpid, nanny=nanny)
            address = client.run(lambda dask_worker: dask_worker.address, nanny=nanny)
            assert [asyncio.run(ask_for_its_process(each)) for each in address.values()] == [
                *process.values()
            ]


def test_tls_refuses_an_unknown_client(tmp_path):
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
        for unknown in (address, address.replace("tls", "tcp")):
            with pytest.raises((OSError, TypeError)):
                Client(unknown, timeout=1)
