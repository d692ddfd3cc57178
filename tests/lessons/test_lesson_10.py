"""Lesson 10: its exercises, and what its prose says without a cell.

deal can be wrong by dealing ahead, in halves, outside the cluster, by returning naps or promises;
right by as_completed, by wait, by threads. A choice can be wrong for each job. collect can be wrong
by a bar over results in order, over what goes in, by no bar, by one run of two equal tasks, by an
order of arrival, by no work; right by as_completed, in its place, by Dask's executor.
"""

import asyncio
import concurrent.futures
import inspect
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dask
import numpy as np
import psutil
import pytest
from distributed import Client, LocalCluster, as_completed, rpc, wait
from judging import Answer, judged, name_of, one_of_each, said

from helpers import Timeline
from helpers.exercises import lesson_10
from helpers.exercises.lesson_10 import JOBS, Run, judge_choice, judge_collect, judge_deal
from helpers.plots import plot_growth
from helpers.recording.dask import DaskCluster
from helpers.schedule import naps, predict

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


def promises(client, func, naps):
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
    Answer(DEAL, plain_map, "Some worker had a line of tasks"),
    Answer(DEAL, five_and_five, "Some worker had a line of tasks"),
    Answer(DEAL, not_on_the_cluster, "the cluster napped 0.0 s in all"),
    Answer(DEAL, returns_the_naps, "the results should be"),
    Answer(DEAL, promises, "Not yet: "),
    Answer(COLLECT, lesson_10.collect),
    Answer(COLLECT, in_its_place),
    Answer(COLLECT, by_an_executor),
    Answer(COLLECT, as_they_come, "not in the order of the tasks"),
    Answer(COLLECT, pure, "the cluster ran 9 tasks"),
    Answer(COLLECT, in_order, "The bar is over results in order"),
    Answer(COLLECT, no_bar, "the bar ended at 0 of 10"),
    Answer(COLLECT, what_goes_in, "the bar counted tasks that were not finished"),
    Answer(COLLECT, nothing, "the cluster ran 0 tasks"),
]


TRIED = [  # how long a run took is judged by what was predicted
    pytest.param(answer, marks=pytest.mark.measures) if answer.exercise is DEAL else answer
    for answer in one_of_each(ANSWERS)
]


@pytest.mark.parametrize("answer", TRIED, ids=name_of)
def test_a_real_answer_is_judged(answer):
    assert not judged(answer)


RIGHT = {}
exec(lesson_10.which_engine.solution_text, RIGHT)
RIGHT = RIGHT["choice"]


@pytest.mark.parametrize(
    ("choice", "told"),
    [(RIGHT, "Right! Dask costs "), (RIGHT | {"videos": "Dask"}, "Not yet: 'videos' would take")],
    ids=["right", "videos"],
)
def test_a_real_choice_is_judged(choice, told):
    assert lesson_10.which_engine.verdict(choice).startswith(told)


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


@pytest.mark.parametrize(
    ("returned", "timeline", "told"),
    [
        (COUNTDOWN, predict(COUNTDOWN, 5), "Right! Measured: 1.10 s, and predicted were 1.10 s."),
        (np.array(COUNTDOWN), predict(COUNTDOWN, 5), "Right!"),
        (COUNTDOWN, tills(COUNTDOWN, 5), "measured: 1.50 s, and predicted are 1.10 s."),
        (COUNTDOWN, predict(COUNTDOWN, 4), "and predicted are 1.10 s."),
        (COUNTDOWN, predict(COUNTDOWN[:5], 5), "the cluster napped 4.0 s in all, and the tasks"),
        (COUNTDOWN, Timeline([], [], []), "the cluster napped 0.0 s in all"),
        (COUNTDOWN[::-1], predict(COUNTDOWN, 5), "not in the order of the tasks"),
        (COUNTDOWN[:9], predict(COUNTDOWN, 5), "there should be 10 results; you returned 9."),
        (None, predict(COUNTDOWN, 5), "deal returned nothing (None)."),
    ],
    ids=range(9),
)
def test_deal_is_judged_by_its_timeline(returned, timeline, told):
    assert told in said(judge_deal, Run(returned, COUNTDOWN, timeline, COUNTDOWN))


# -- exercise 2


@pytest.mark.parametrize("factor", [0.4, 1, 5])
def test_the_choice_does_not_hang_on_how_quick_the_machine_is(factor):
    told = said(judge_choice, RIGHT, 0.00003 * factor, 0.002 * factor)
    assert told.startswith("Right! Dask costs 67 times")


@pytest.mark.parametrize("name", JOBS)
def test_each_wrong_choice_is_told_by_its_name(name):
    other = {"Pool": "Dask", "Dask": "Pool"}[RIGHT[name]]
    told = said(judge_choice, RIGHT | {name: other}, 0.00003, 0.002)
    assert f"'{name}' would take" in told
    without = {job: engine for job, engine in RIGHT.items() if job != name}
    told = said(judge_choice, without, 0.00003, 0.002)
    assert f'choose "Pool" or "Dask" for \'{name}\'' in told


# -- exercise 3


def unordered(tasks):
    return predict(tasks, 5, method="imap_unordered")


def counted(run, shown):
    return Timeline(run.worker, run.start, run.finish, shown)


HONEST = unordered(COUNTDOWN)


@pytest.mark.parametrize(
    ("returned", "timeline", "told"),
    [
        (COUNTDOWN, HONEST, "Right!"),
        (tuple(COUNTDOWN), HONEST, "Right!"),
        (COUNTDOWN, predict(COUNTDOWN, 5), "at worst 4 finished tasks were not shown"),
        (COUNTDOWN, unordered(COUNTDOWN[:9]), "ran 9 tasks, and there are 10. Two of them are"),
        (COUNTDOWN, counted(HONEST, np.full(10, NAN)), "the bar ended at 0 of 10"),
        (COUNTDOWN, counted(HONEST, np.zeros(10)), "counted tasks that were not finished"),
        (COUNTDOWN[::-1], HONEST, "not in the order of the tasks"),
        (None, HONEST, "collect returned nothing (None)."),
    ],
    ids=range(8),
)
def test_collect_is_judged_by_its_timeline(returned, timeline, told):
    assert told in said(judge_collect, Run(returned, COUNTDOWN, timeline, COUNTDOWN))


# -- the lesson


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


async def ask_for_its_process(address):
    async with rpc(address) as stranger:
        answer = await stranger.run(function=pickle.dumps(os.getpid))
    return answer["result"]


def test_workers_and_nannies_do_what_a_stranger_asks():
    with DaskCluster(1) as client:
        for nanny in (False, True):
            process = client.run(os.getpid, nanny=nanny)
            address = client.run(lambda dask_worker: dask_worker.address, nanny=nanny)
            assert [asyncio.run(ask_for_its_process(each)) for each in address.values()] == [
                *process.values()
            ]


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
