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
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from urllib.request import urlopen

import cloudpickle
import dask
import numpy as np
import psutil
import pytest
from cells import run_as_file, run_cells
from distributed import Client, KilledWorker, LocalCluster, as_completed, rpc, wait
from distributed.cli import dask_scheduler, dask_worker
from distributed.comm.addressing import addresses_from_user_args
from grading import Answer, name_of, one_of_each, verdict_of, wrong_verdict
from tqdm import tqdm

from helpers.bar_recipes import Bar
from helpers.dask_cluster import DaskCluster
from helpers.exercises import lesson_10
from helpers.exercises.lesson_10 import (
    JOBS,
    Collected,
    Dealt,
    grade_choice,
    grade_collect,
    grade_deal,
)
from helpers.nap_patterns import naps
from helpers.workers import nap, nap_or_die
from watchedpool import Timeline, plot_growth, predict

ROOT = Path(__file__).resolve().parents[2]
COUNTDOWN = naps("countdown", 10, longest=1.0)


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


def one_future_per_worker(client, func, naps):
    waiting, results = list(enumerate(naps)), [None] * len(naps)
    in_flight = as_completed()
    place = {}
    for number, seconds in [waiting.pop(0) for _ in range(5)]:
        future = client.submit(func, seconds, pure=False)
        place[future.key] = number
        in_flight.add(future)
    for future, result in as_completed_with(in_flight):
        results[place[future.key]] = result
        if waiting:
            number, seconds = waiting.pop(0)
            more = client.submit(func, seconds, pure=False)
            place[more.key] = number
            in_flight.add(more)
    return results


def as_completed_with(in_flight):
    for future in in_flight:
        yield future, future.result()


def by_an_executor_in_threads(client, func, naps):
    with client.get_executor(pure=False) as executor, ThreadPoolExecutor(5) as threads:
        return list(threads.map(lambda s: executor.submit(func, s).result(), naps))


# -- exercise 1, wrong


def for_show(client, func, naps):
    lesson_10.deal(client, nap, naps)
    with ThreadPoolExecutor(10) as threads:
        return list(threads.map(func, naps))


def two_in_flight(client, func, naps):
    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(lambda s: client.submit(func, s, pure=False).result(), naps))


def all_twice(client, func, naps):
    plain_map(client, func, naps)
    return lesson_10.deal(client, func, naps)


def shortest_first(client, func, naps):
    return lesson_10.deal(client, func, naps[::-1])[::-1]


def as_they_end(client, func, naps):
    futures = client.map(func, naps, pure=False)
    return [future.result() for future in as_completed(futures)]


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


def by_callbacks(client, func, tasks, tqdm):
    futures = client.map(func, tasks, pure=False)
    with tqdm(total=len(tasks)) as bar:
        counted = set()
        while len(counted) < len(tasks):
            for future in futures:
                if future.done() and future.key not in counted:
                    counted.add(future.key)
                    bar.update(1)
            time.sleep(0.01)
        return tuple(future.result() for future in futures)


def in_threads(client, func, tasks, tqdm):
    with ThreadPoolExecutor(10) as threads, tqdm(total=len(tasks)) as bar:

        def run(task):
            result = client.submit(func, task, pure=False).result()
            bar.update()
            return result

        return list(threads.map(run, tasks))


def waits_for_some(client, func, tasks, tqdm):
    futures = [client.submit(func, task, pure=False) for task in tasks]
    bar, left = tqdm(total=len(tasks)), set(futures)
    while left:
        ended = wait(left, return_when="FIRST_COMPLETED").done
        bar.update(len(ended))
        left -= ended
    bar.close()
    return client.gather(futures)


# -- exercise 3, wrong


def without_total(client, func, tasks, tqdm):
    futures = client.map(func, tasks, pure=False)
    for _ in tqdm(as_completed(futures)):
        pass
    return client.gather(futures)


def bar_at_the_end(client, func, tasks, tqdm):
    return list(tqdm(client.gather(client.map(func, tasks, pure=False)), total=len(tasks)))


def in_our_process(client, func, tasks, tqdm):
    return [func(task) for task in tqdm(tasks)]


def ends_at_nine(client, func, tasks, tqdm):
    futures = client.map(func, tasks, pure=False)
    with tqdm(total=len(tasks)) as bar:
        next(iter(as_completed(futures)))
        for number, _ in enumerate(as_completed(futures)):
            bar.update(number > 0)
    return client.gather(futures)


def forgets_to_return(client, func, tasks, tqdm):
    lesson_10.collect(client, func, tasks, tqdm)


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
    Answer(DEAL, not_on_the_cluster, "your own process took 10 of the naps"),
    Answer(DEAL, returns_the_naps, "the results should be"),
    Answer(DEAL, returns_futures, "✗ Not yet: "),
    Answer(DEAL, one_future_per_worker),
    Answer(DEAL, by_an_executor_in_threads),
    Answer(DEAL, for_show, "your own process took 10 of the naps"),
    Answer(DEAL, two_in_flight, "measured: "),
    Answer(DEAL, all_twice, "the workers of the cluster took 20 naps"),
    Answer(DEAL, shortest_first, "measured: "),
    Answer(DEAL, as_they_end, "not in the order"),
    Answer(COLLECT, lesson_10.collect),
    Answer(COLLECT, in_its_place),
    Answer(COLLECT, by_an_executor),
    Answer(COLLECT, as_they_come, "not in the order of the tasks"),
    Answer(COLLECT, pure, "the cluster ran 9 tasks"),
    Answer(COLLECT, in_order, "It is a bar over results in order"),
    Answer(COLLECT, no_bar, "the bar ended at 0 of 10"),
    Answer(COLLECT, what_goes_in, "the bar counted tasks that were not finished"),
    Answer(COLLECT, nothing, "the cluster ran 0 tasks"),
    Answer(COLLECT, by_callbacks),
    Answer(COLLECT, in_threads),
    Answer(COLLECT, waits_for_some),
    Answer(COLLECT, without_total, "the bar should have the total 10; it has None."),
    Answer(COLLECT, bar_at_the_end, "It is a bar over results in order"),
    Answer(COLLECT, in_our_process, "the cluster ran 0 tasks"),
    Answer(COLLECT, ends_at_nine, "the bar ended at 9 of 10"),
    Answer(COLLECT, forgets_to_return, "collect returned nothing (None)."),
]


TRIED = [  # deal is graded by how long it took
    pytest.param(answer, marks=pytest.mark.measures) if answer.exercise is DEAL else answer
    for answer in one_of_each(ANSWERS)
]


@pytest.mark.dask
@pytest.mark.parametrize("answer", TRIED, ids=name_of)
def test_a_real_answer_gets_the_expected_verdict(answer):
    assert not wrong_verdict(answer)


RIGHT = {}
exec(lesson_10.which_engine.solution_text, RIGHT)
RIGHT = RIGHT["choice"]


@pytest.mark.dask
@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (RIGHT, "✓ Right: Here, Dask costs "),
        (RIGHT | {"videos": "Dask"}, "✗ Not yet: 'videos' would take"),
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
        (COUNTDOWN, predict(COUNTDOWN, 5), "✓ Right: Measured: 1.10 s; predicted: 1.10 s."),
        (np.array(COUNTDOWN), predict(COUNTDOWN, 5), "✓ Right: "),
        (COUNTDOWN, one_queue_per_worker(COUNTDOWN, 5), "measured: 1.50 s; predicted: 1.10 s."),
        (COUNTDOWN, predict(COUNTDOWN, 4), "; predicted: 1.10 s."),
        (COUNTDOWN[::-1], predict(COUNTDOWN, 5), "not in the order of the tasks"),
        (COUNTDOWN[:9], predict(COUNTDOWN, 5), "there should be 10 results; you returned 9."),
        (None, predict(COUNTDOWN, 5), "deal returned nothing (None)."),
    ],
    ids=range(7),
)
def test_deal_is_graded_by_its_timeline(returned, timeline, message):
    run = Dealt(returned, COUNTDOWN, timeline, COUNTDOWN, done=COUNTDOWN[::-1], by_us=0)
    assert message in verdict_of(grade_deal, run)


@pytest.mark.parametrize(
    ("done", "by_us", "message"),
    [
        (COUNTDOWN, 10, "your own process took 10 of the naps"),
        (COUNTDOWN[:5], 0, "the workers of the cluster took 5 naps"),
        (COUNTDOWN * 2, 0, "the workers of the cluster took 20 naps"),
    ],
)
def test_deal_must_give_the_cluster_each_nap_once(done, by_us, message):
    run = Dealt(COUNTDOWN, COUNTDOWN, predict(COUNTDOWN, 5), COUNTDOWN, done, by_us)
    assert message in verdict_of(grade_deal, run)


# -- exercise 2


@pytest.mark.parametrize("factor", [0.4, 1, 5])
def test_the_right_choice_does_not_depend_on_the_speed_of_the_machine(factor):
    verdict = verdict_of(grade_choice, RIGHT, 0.00003 * factor, 0.002 * factor)
    assert verdict.startswith("✓ Right: Here, Dask costs 67 times")


@pytest.mark.parametrize("name", JOBS)
def test_each_wrong_or_missing_choice_is_named(name):
    other = {"Pool": "Dask", "Dask": "Pool"}[RIGHT[name]]
    verdict = verdict_of(grade_choice, RIGHT | {name: other}, 0.00003, 0.002)
    assert f"'{name}' would take" in verdict


def test_each_job_needs_a_choice():
    without = {job: engine for job, engine in RIGHT.items() if job != "videos"}
    assert "answer for each of these: thumb" in verdict_of(grade_choice, without, 0.00003, 0.002)
    other = verdict_of(grade_choice, RIGHT | {"videos": "pool"}, 0.00003, 0.002)
    assert "videos is 'pool'; allowed are Pool, Dask." in other


# -- exercise 3


TASKS = [101, 102, 103, 104, 104]
DRAWN = [0.1, 0.2, 0.3, 0.4, 0.4]


def bar_at(count, total=5):
    return Bar(total=total, initial=count)


COLLECTED = Collected(DRAWN, DRAWN, TASKS, [*TASKS, 101], 0, 0, bar_at(5))


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (COLLECTED, "✓ Right: "),
        (COLLECTED._replace(returned=np.array(DRAWN)), "✓ Right: "),
        (COLLECTED._replace(hidden=3), "3 tasks were finished, and 2.5 s later the bar had not"),
        (COLLECTED._replace(ended=TASKS[:4]), "ran 4 tasks, and there are 5. Two of them are"),
        (COLLECTED._replace(bar=None), "the bar ended at 0 of 5"),
        (COLLECTED._replace(bar=bar_at(4)), "the bar ended at 4 of 5"),
        (COLLECTED._replace(bar=bar_at(5, None)), "should have the total 5; it has None."),
        (COLLECTED._replace(early=2), "counted tasks that were not finished"),
        (COLLECTED._replace(returned=DRAWN[::-1]), "not in the order of the tasks"),
        (COLLECTED._replace(returned=None), "collect returned nothing (None)."),
    ],
    ids=range(10),
)
def test_collect_is_graded_by_its_tasks_and_its_bar(run, message):
    assert message in verdict_of(grade_collect, run)


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


def test_the_short_naps_are_as_long_as_the_lesson_says():
    short = naps("countdown", 10, longest=0.3)
    assert (short[0], short[-1]) == pytest.approx((0.3, 0.03))


def test_plot_growth_compares_prediction_and_measurement():
    ax = plot_growth(COUNTDOWN, {2: 3.1, 4: 2.0})
    assert ax.get_title("left") == "2 workers take 3.10 s, 4 take 2.00 s"
    assert "2 workers 2.80 s and 3.10 s; 4 workers 1.50 s and 2.00 s." in ax.get_label()


# -- claims of the prose beside cells whose output is a measurement


@pytest.mark.dask
@pytest.mark.measures
def test_a_dask_cluster_differs_from_a_pool_as_the_lesson_says():
    """Lesson 10: cell-13, cell-43, cell-46, cell-57, cell-67, cell-68, cell-91.

    The start of a cluster, its clocks, its queues, and the lanes after a worker was killed.
    The naps are shorter than those of the lesson.
    """
    imported = {"as_completed": as_completed, "tqdm": tqdm}
    names = run_cells("10", "cell-03", "cell-11", "cell-13", **imported)
    try:
        countdown = naps("countdown", 10, longest=0.7)
        predicted = {"countdown": countdown, "predicted": predict(countdown, 5)}
        names = run_cells("10", "cell-17", "cell-43", "cell-41", **names)
        assert names["dask_took"] > 3 * names["pool_took"]
        assert names["after"] < names["round_trip"]
        assert names["recorder"].error < 0.2
        names = run_cells("10", "cell-53", "cell-63", **names | predicted)
        dealt, repaired = names["dealt"], names["repaired"]
        assert dealt.makespan > 1.1 * names["predicted"].makespan
        assert dealt.most_behind >= 4
        assert repaired.most_behind < dealt.most_behind
        assert repaired.makespan < dealt.makespan
        assert max(np.bincount(repaired.worker, countdown)) < countdown[0] + countdown[5]
        names = run_cells("10", "cell-90", **names)
        after_a_death = names["recorder"].timeline(names["futures"])
        assert sum(after_a_death.startup < 0.25) == 4
    finally:
        names["cluster"].close()


@pytest.mark.dask
@pytest.mark.measures
def test_64_workers_are_further_from_the_prediction_than_2():
    """Lesson 10: cell-78, beside the picture of cell-73."""
    names = run_cells("10", "cell-03", "cell-71")
    measured, many = names["measured"], names["many"]
    over = {workers: took / predict(many, workers).makespan for workers, took in measured.items()}
    assert over[2] < over[64]


@pytest.mark.dask
@pytest.mark.measures
def test_a_scheduler_needs_as_long_for_a_million_tasks_as_a_thousand_workers():
    """Lesson 10: cell-82, beside the measured time of cell-81."""
    with DaskCluster(2) as client:
        names = run_cells("10", "cell-03", "cell-79", "cell-81", client=client)
    assert 1e6 * names["per_task"] > 0.5 * names["thousand"]


# -- claims of the prose that no cell shows


def test_the_defaults_of_dask_are_what_the_lesson_says():
    assert dask.config.get("distributed.scheduler.allowed-failures") == 3
    assert dask.config.get("distributed.scheduler.worker-saturation") == 1.1
    assert inspect.signature(LocalCluster).parameters["dashboard_address"].default == ":8787"
    assert inspect.signature(Client.map).parameters["pure"].default is True
    assert inspect.signature(Client.get_executor).parameters["kwargs"]  # pure goes to submit
    memory = dask.config.get("distributed.worker.memory")
    shares = [memory[name] for name in ("target", "spill", "pause", "terminate")]
    assert shares == [0.6, 0.7, 0.8, 0.95]


@pytest.mark.dask
def test_the_recipe_runs_as_a_file_under_spawn(tmp_path, monkeypatch):
    monkeypatch.setenv("DASK_TEMPORARY_DIRECTORY", str(tmp_path))
    assert "10/10" in run_as_file("10", "recipe", tmp_path)


@pytest.mark.parametrize(
    ("command", "pages"), [(dask_scheduler.main, ":8787"), (dask_worker.main, ":0")]
)
def test_the_commands_listen_on_every_address_unless_they_are_given_one(command, pages):
    """Lesson 10: cell-101 and the picture of cell-88. An address without a host is every address.

    This reads the defaults, because running the commands would open this machine to its network.
    """
    defaults = {option.name: option.default for option in command.params}
    assert defaults["dashboard_address"] == pages
    assert not defaults["host"]
    without = {"host": None, "interface": None, "protocol": None}
    assert addresses_from_user_args(port=None, **without) == [""]
    with_host = addresses_from_user_args(port=None, **without | {"host": "127.0.0.1"})
    assert with_host == ["tcp://127.0.0.1:0"]


@pytest.mark.facts
@pytest.mark.dask
def test_the_commands_with_two_options_listen_on_loopback_only():
    """Lesson 10: cell-101 and the picture of cell-88."""
    with lesson_10.elsewhere(workers=1) as address, Client(address) as client:
        client.wait_for_workers(1)
        programs = psutil.Process().children(recursive=True)
        ports = [port for program in programs for port in program.net_connections("tcp")]
        listening = [port.laddr.ip for port in ports if port.status == psutil.CONN_LISTEN]
    assert len(listening) >= 4  # scheduler, worker, and their dashboards
    assert set(listening) == {"127.0.0.1"}


@pytest.mark.facts
@pytest.mark.dask
def test_a_cluster_is_joined_by_its_variable_only_before_dask_is_imported(monkeypatch):
    """Lesson 10: Fine print. An uploaded package stays on the cluster."""
    program = "from distributed import Client; print(Client().scheduler.address)"
    with lesson_10.elsewhere(workers=1) as address:
        monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", address)
        here = {"n_workers": 1, "processes": False, "dashboard_address": "127.0.0.1:0"}
        with Client(**here) as other:  # this process imported Dask long ago
            assert other.scheduler.address != address
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60)
        assert done.stdout.strip() == address
        with DaskCluster() as client:
            assert client.scheduler.address == address
        with Client(address) as client:
            assert client.submit(nap, 0, pure=False).result(timeout=30) == 0


@pytest.mark.facts
@pytest.mark.dask
def test_a_harmless_task_beside_a_deadly_one_is_given_up():
    """Lesson 10: cell-118. Both are assigned together to the only worker, each time."""
    with DaskCluster(1) as client:
        futures = client.map(nap_or_die, [-0.01, 0.01], pure=False)
        for future in futures:
            with pytest.raises(KilledWorker):
                future.result(timeout=60)


@pytest.mark.facts
@pytest.mark.dask
def test_tasks_without_a_worker_stay_pending_without_an_error():
    pages = {"dashboard_address": "127.0.0.1:0"}
    with LocalCluster(n_workers=0, processes=False, **pages) as cluster, Client(cluster) as client:
        future = client.submit(abs, -1)
        with pytest.raises(TimeoutError):
            wait(future, timeout=1)
        assert future.status == "pending"


LOSES_ITS_SCHEDULER = """
import os, sys
from concurrent.futures import CancelledError
import psutil
from distributed import Client, wait

future = Client(sys.argv[1]).submit(abs, -1)
wait(future)
psutil.Process(int(sys.argv[2])).kill()
try:
    future.result(timeout=30)
except (CancelledError, OSError):
    print("lost", flush=True)
os._exit(0)  # without a scheduler, an orderly end takes long
"""


@pytest.mark.facts
@pytest.mark.dask
def test_a_killed_scheduler_loses_finished_results():
    with lesson_10.elsewhere(workers=1) as address:
        (scheduler,) = [p for p in psutil.Process().children() if "scheduler" in p.cmdline()]
        command = [sys.executable, "-c", LOSES_ITS_SCHEDULER, address, str(scheduler.pid)]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=90)
    assert done.stdout == "lost\n"


@pytest.mark.facts
@pytest.mark.dask
def test_a_dashboard_without_bokeh_has_lists_and_logs():
    if find_spec("bokeh"):
        pytest.skip("bokeh is installed")
    with DaskCluster(1) as client:
        root = client.dashboard_link.removesuffix("status")
        for page in ("info/main/workers.html", "info/main/logs.html", "metrics"):
            with urlopen(root + page, timeout=30) as answer:
                assert answer.status == 200


def test_dask_sends_the_bytecode_of_a_lambda():
    """Lesson 10: cell-34. Bytecode is for one version of Python."""
    function = lambda x: x * x  # noqa: E731
    assert function.__code__.co_code in cloudpickle.dumps(function)


@pytest.mark.dask
def test_dask_calls_return_what_the_pool_calls_return():
    with DaskCluster(2, processes=False) as client:
        pairs = [(2, 3), (3, 2)]
        assert client.gather(client.map(abs, [-1, 2], pure=False)) == [1, 2]
        assert client.gather(client.map(pow, *zip(*pairs, strict=True), pure=False)) == [8, 9]
        assert [future.result() for future in client.map(abs, [-1, 2], pure=False)] == [1, 2]
        done = as_completed(client.map(abs, [-1, 2], pure=False), with_results=True)
        assert sorted(result for _, result in done) == [1, 2]


@pytest.mark.facts
@pytest.mark.dask
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


@pytest.mark.facts
@pytest.mark.dask
def test_workers_and_nannies_run_code_for_any_client():
    with DaskCluster(1) as client:
        for nanny in (False, True):
            process = client.run(os.getpid, nanny=nanny)
            address = client.run(lambda dask_worker: dask_worker.address, nanny=nanny)
            assert [asyncio.run(ask_for_its_process(each)) for each in address.values()] == [
                *process.values()
            ]


@pytest.mark.facts
@pytest.mark.dask
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
        assert client.dashboard_link.startswith("http://")
        with urlopen(client.dashboard_link, timeout=30) as answer:  # without a certificate
            assert answer.status == 200
