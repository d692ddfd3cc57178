"""DaskCluster is safe by default and leaves nothing; DaskRecorder's timelines tell the truth."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
from distributed import Client, as_completed
from leftovers import DEADLINE

from helpers import dask_cluster
from helpers.dask_cluster import DaskCluster
from helpers.exercises.lesson_10 import elsewhere
from helpers.workers import nap, nap_or_fail
from watchedpool import Recorder
from watchedpool.recording import dask as recording
from watchedpool.recording import folders
from watchedpool.recording.dask import DaskRecorder
from watchedpool.recording.folders import FOLDER

posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no such signals")
pytestmark = [pytest.mark.dask, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Three workers in processes of their own, for all tests that leave them as they are."""
    before = tempfile.tempdir  # where conftest looks for folders that a test has left
    tempfile.tempdir = str(tmp_path_factory.mktemp("cluster"))
    try:
        cluster = DaskCluster(3)
    finally:
        tempfile.tempdir = before
    with cluster as client:
        yield client


@pytest.fixture
def near():
    """Two workers in this process: they start at once."""
    with DaskCluster(2, processes=False) as client:
        yield client


def process_tree():
    me = psutil.Process()
    return [me, *me.children(recursive=True)]


def open_addresses():
    """Return the addresses on which this process and all below it listen."""
    found = set()
    for process in process_tree():
        try:
            connections = process.net_connections("inet")
        except psutil.Error:  # it has ended
            continue
        found |= {each.laddr.ip for each in connections if each.status == psutil.CONN_LISTEN}
    return found


@contextmanager
def watching_addresses():
    """Look again and again on which addresses our processes listen; yield the set of all seen."""
    seen, done = set(), threading.Event()

    def look():
        while not done.wait(0.02):
            seen.update(open_addresses())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


# -- the cluster


def test_it_listens_on_loopback_only_at_any_time_and_leaves_nothing():
    path, listened = list(sys.path), open_addresses()
    with watching_addresses() as seen, DaskCluster(2) as client:
        folder = Path(client.cluster.workers[0].local_directory)
        assert folder.exists()
        assert client.submit(lambda x: x * x, 7).result() == 49
        assert client.gather(client.map(nap, [0.01] * 4, pure=False)) == [0.01] * 4
    assert seen - listened == {"127.0.0.1"}
    assert open_addresses() == listened
    assert sys.path == path
    assert not folder.exists()


def test_workers_in_this_process_open_no_door_but_the_dashboard():
    with watching_addresses() as seen, DaskCluster(2, processes=False) as client:
        assert client.cluster.scheduler.address.startswith("inproc://")
        assert client.gather(client.map(nap, [0.05] * 4, pure=False)) == [0.05] * 4
    assert seen <= {"127.0.0.1"}


def test_two_clusters_do_not_clash(near):
    with DaskCluster(1, processes=False) as other:
        for client in (near, other):
            futures = client.map(nap, [0.01, 0.02], pure=False)
            assert len(list(as_completed(futures, timeout=DEADLINE))) == 2


def test_closing_twice_is_harmless_and_no_worker_is_refused():
    cluster = DaskCluster(1, processes=False)
    cluster.close()
    cluster.close()
    for wrong in (0, 1.5):
        with pytest.raises(ValueError, match=f"workers is {wrong}; allowed is a whole number, 1"):
            DaskCluster(wrong)


@posix
def test_the_cluster_outlives_an_interrupt_during_gather(client):
    workers = set(client.run(os.getpid).values())
    futures = client.map(nap, [0.5] * 6, pure=False)
    next(as_completed(futures))

    def interrupt():
        for process in (*workers, os.getpid()):  # as Jupyter does: the whole group
            os.kill(process, signal.SIGINT)

    def gather():
        timer.start()
        client.gather(client.map(nap, [5.0], pure=False))

    timer = threading.Timer(0.1, interrupt)
    with pytest.raises(KeyboardInterrupt):
        gather()
    timer.join()
    assert client.gather(futures) == [0.5] * 6
    assert set(client.run(os.getpid).values()) == workers


def test_an_executor_recipe_runs_unchanged_and_is_recorded(client):
    tasks = [0.3, 0.2, 0.1]
    with Recorder() as recorder, client.get_executor(pure=False) as executor:
        futures = [executor.submit(recorder.track(nap), s) for s in tasks]
        assert [future.result() for future in futures] == tasks
    timeline = recorder.timeline()
    assert timeline.workers == 3
    assert (timeline.finish - timeline.start >= tasks).all()


def test_a_killed_worker_is_replaced_and_all_results_come():
    with DaskCluster(2) as client:
        recorder = DaskRecorder(client)
        futures = client.map(nap, [0.3, 0.3, 0.31, 0.31], pure=False)
        next(as_completed(futures))
        victim, survivor = map(psutil.Process, client.run(os.getpid).values())
        victim.kill()
        assert client.gather(futures) == [0.3, 0.3, 0.31, 0.31]
        timeline = recorder.timeline(futures)
        client.wait_for_workers(2, timeout=DEADLINE)
        later = DaskRecorder(client)
        survivor.kill()  # with results that were done before: they are no tasks of this recorder
        assert client.gather([*futures, client.submit(nap, 0.1)])[-1] == 0.1
        assert len(later.timeline()) == 1
        assert len(later.timeline(futures)) == 4
    assert len(timeline) == 4
    assert not timeline.missing


def test_what_a_worker_that_comes_later_writes_goes_with_the_cluster(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(folders, "_roots", {})
    with DaskCluster(1, processes=False) as client:
        client.cluster.scale(2)  # as Dask does by itself where a worker does not start
        client.wait_for_workers(2, timeout=DEADLINE)
        (folder,) = tmp_path.iterdir()
        assert folder.name.startswith(FOLDER)
    assert list(tmp_path.iterdir()) == []


NEVER_CLOSED = """
if __name__ == "__main__":
    import os
    from helpers.dask_cluster import DaskCluster

    cluster = DaskCluster(1)
    print(*cluster.client.run(os.getpid).values())
"""


def test_a_program_that_never_closes_it_leaves_nothing(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(NEVER_CLOSED)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    env = os.environ | dict.fromkeys(["TMPDIR", "TEMP", "TMP"], str(scratch))
    env["PYTHONPATH"] = str(Path(recording.__file__).parents[2])
    done = subprocess.run([sys.executable, program], env=env, capture_output=True, text=True)
    assert not psutil.pid_exists(int(done.stdout)), done.stderr
    assert list(scratch.iterdir()) == []


# -- a cluster that others started


def test_where_no_scheduler_answers_the_error_says_so(monkeypatch):
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://127.0.0.1:9")
    monkeypatch.setattr(dask_cluster, "SCHEDULER_TIMEOUT", 0.5)
    with pytest.raises(ConnectionError, match=r"is 'tcp://127\.0\.0\.1:9', and no scheduler"):
        DaskCluster()


def test_it_joins_the_cluster_of_the_variable_and_brings_helpers(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, str(tmp_path))
    with watching_addresses() as seen, elsewhere(2) as address:
        with Client(address) as unrelated_client:
            unrelated_client.wait_for_workers(2, timeout=DEADLINE)
            with pytest.raises(RuntimeError) as caught:
                unrelated_client.submit(nap, 0.01).result()
            assert "No module named 'helpers'" in str(caught.value.__cause__)
        monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", address)
        for _ in "12":  # the first leaves the cluster as it was
            with DaskCluster(5) as client:
                recorder = DaskRecorder(client)
                futures = client.map(nap, [0.2] * 4, pure=False)
                assert client.gather(futures) == [0.2] * 4
                assert recorder.timeline(futures).workers == 2
            assert f"Joined the cluster at {address} (workers: 2)" in capsys.readouterr().out
    assert seen == {"127.0.0.1"}
    assert list(tmp_path.iterdir()) == []


def program(word):
    """Return the process of `elsewhere` that has this word in its command."""
    return next(each for each in process_tree()[1:] if word in each.cmdline())


@posix
def test_a_frozen_scheduler_is_an_error_within_a_limit(monkeypatch):
    monkeypatch.setattr(recording, "SCHEDULER_TIMEOUT", 2)
    with elsewhere(1) as address, Client(address, timeout=2) as client:
        recorder = DaskRecorder(client)
        scheduler = program("scheduler")
        scheduler.suspend()
        begin = time.perf_counter()
        try:
            for ask in (recorder.timeline, lambda: DaskRecorder(client)):
                with pytest.raises(TimeoutError, match="did not answer within 2 s"):
                    ask()
            monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", address)
            with pytest.raises(ConnectionError, match="no scheduler answers there"):
                DaskCluster()
            with pytest.raises(TimeoutError):
                client.submit(lambda: 1, pure=False).result(timeout=2)
        finally:
            scheduler.resume()
        assert time.perf_counter() - begin < DEADLINE


@posix
def test_a_killed_scheduler_is_an_error_at_once():
    with elsewhere(1) as address, Client(address) as client:
        future = client.submit(time.sleep, 60)
        program("scheduler").kill()
        with pytest.raises(Exception, match=r"cancelled|lost"):
            future.result(timeout=DEADLINE)


# -- the timeline


def test_rows_are_in_the_order_of_the_futures(near):
    recorder = DaskRecorder(near)
    futures = near.map(nap, [0.3, 0.1, 0.2], pure=False)
    for future in as_completed(futures):
        future.result()
        recorder.mark_delivered(future)
    timeline = recorder.timeline(futures)
    assert (timeline.finish - timeline.start >= [0.29, 0.09, 0.19]).all()
    assert (timeline.start > -recorder.error).all()
    assert timeline.delivered.argmin() == timeline.finish.argmin() == 1
    assert timeline.workers == 2
    assert not timeline.missing
    assert len(recorder.timeline(futures[1:])) == 2
    assert (np.diff(recorder.timeline().start) >= 0).all()


def test_what_was_not_shown_and_what_never_started_is_said(near):
    recorder = DaskRecorder(near)
    stuck = near.submit(nap, 0.01, resources={"none has this": 1}, pure=False)
    done = near.submit(nap, 0.01, pure=False)
    done.result()
    timeline = recorder.timeline([stuck, done])
    assert timeline.missing == "1 task never started"
    assert np.isnan(timeline.delivered).all()
    assert recorder.timeline([stuck]).missing == "1 task never started"


def test_equal_tasks_are_one_row(near):
    recorder = DaskRecorder(near)
    futures = near.map(nap, [0.02] * 4)
    assert near.gather(futures) == [0.02] * 4
    assert len(recorder.timeline(futures)) == 1


def test_a_task_that_failed_or_was_tried_again_is_one_row(near, tmp_path):
    recorder = DaskRecorder(near)

    def fail_twice(folder):
        tries = len(os.listdir(folder))
        Path(folder, str(tries)).touch()
        if tries < 2:
            raise ValueError("not yet")

    failed = near.submit(nap_or_fail, -0.05, pure=False)
    retried = near.submit(fail_twice, str(tmp_path), retries=2, pure=False)
    with pytest.raises(ValueError, match="failed"):
        failed.result()
    recorder.mark_delivered(failed)
    retried.result()
    timeline = recorder.timeline([failed, retried])
    assert len(timeline) == 2
    assert not timeline.missing
    assert np.isfinite(timeline.delivered).tolist() == [True, False]


def test_the_error_grows_where_a_task_was_shown_before_it_was_finished(near):
    recorder = DaskRecorder(near)
    future = near.submit(nap, 1.0, pure=False)
    recorder.mark_delivered(future)
    future.result()
    assert recorder.error < 0.8
    recorder.timeline([future])
    assert recorder.error > 0.8


def test_what_was_before_the_recorder_is_not_in_it(near):
    near.gather(near.map(nap, [0.01] * 3, pure=False))
    recorder = DaskRecorder(near)
    assert len(recorder.timeline()) == 0
    near.submit(nap, 0.02, pure=False).result()
    assert len(recorder.timeline()) == 1


FALSE_CLOCK = """
import os
from time import time
import distributed.worker
distributed.worker.time = lambda: time() + (7, 5, -3)[os.getpid() % 3]
"""


@pytest.mark.measures
def test_clocks_that_are_seconds_off_are_brought_together(monkeypatch):
    monkeypatch.setattr(dask_cluster, "IGNORE_INTERRUPT", FALSE_CLOCK)

    def timed(seconds):
        begin = time.perf_counter()
        time.sleep(seconds)
        import distributed.worker

        return begin, time.perf_counter(), distributed.worker.time() - time.time()

    with DaskCluster(2) as client:
        for _ in range(5):  # a busy machine answers late
            recorder = DaskRecorder(client)
            origin = time.perf_counter()
            futures = client.map(timed, [0.1] * 4, pure=False)
            truth = np.array(client.gather(futures))
            timeline = recorder.timeline(futures)
            columns = np.column_stack([timeline.start, timeline.finish])
            off = np.abs(columns - (truth[:, :2] - origin)).max()
            if off < 0.005:
                break
    assert np.abs(truth[:, 2]).min() > 2.9
    assert off < 0.005
