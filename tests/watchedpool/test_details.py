"""Details: what a recorder measures of tasks, calls, workers and pools beside the four columns."""

import gc
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import weakref
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from time import perf_counter, sleep

import numpy as np
import pytest
import tasks

from watchedpool import Recorder, WatchedPool
from watchedpool.details import CallDetails
from watchedpool.recording.pool import WatchedThreadPool
from watchedpool.watching import watching

METHODS = multiprocessing.get_all_start_methods()
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
MOMENTS = "submitted", "sent", "freed", "arrived", "asked"


@pytest.fixture(params=METHODS)
def context(request):
    if request.param == "fork" and sys.platform == "darwin":
        pytest.skip("fork may crash on macOS")
    return multiprocessing.get_context(request.param)


def wait_for(happened):
    """Return what `happened` returns, as soon as that is true."""
    deadline = perf_counter() + 30
    while not (result := happened()):
        assert perf_counter() < deadline, "this did not happen in 30 s"
        sleep(0.002)
    return result


def wait_at(gate):
    """Return the process that waits at `gate`."""
    (path,) = wait_for(lambda: list(gate.parent.glob("gate.*")))
    return int(path.suffix[1:])


def check_order(timeline):
    """Check that each moment of each task is there, and none is before what it follows."""
    details = timeline.details
    for name in MOMENTS:
        assert not np.isnan(getattr(details, name)).any(), name
    steps = details.submitted, details.sent, timeline.start, timeline.finish
    for before, after in zip(steps, (*steps[1:], details.freed), strict=True):
        assert (before <= after).all()
    assert (timeline.finish <= details.arrived).all()
    assert (details.arrived <= timeline.delivered).all()
    assert (details.asked <= timeline.delivered).all()
    assert (details.cpu >= 0).all()
    assert (details.cpu <= timeline.finish - timeline.start).all()


def square_by(pool, method, *chunksize):
    """Call a method of a pool with seven tasks, and take every result."""
    if method.startswith("apply"):
        results = [getattr(pool, method)(tasks.square, (item,)) for item in range(7)]
        return [each.get() if method == "apply_async" else each for each in results]
    items = [(item,) for item in range(7)] if method == "starmap" else range(7)
    return list(getattr(pool, method)(tasks.square, items, *chunksize))


# -- tasks


@pytest.mark.parametrize("method", ["map", "starmap", "imap", "imap_unordered"])
@pytest.mark.parametrize("chunksize", [1, 3])
def test_moments_of_tasks_in_messages(context, method, chunksize):
    with WatchedPool(2, context=context) as pool:
        square_by(pool, method, chunksize)
        timeline = wait_for_freed(pool)
    check_order(timeline)
    assert timeline.details.calls == (CallDetails(method, chunksize, "square"),)
    assert timeline.details.call.tolist() == [0] * 7
    assert len(set(timeline.details.sent)) == -(-7 // chunksize)


def wait_for_freed(pool):
    """Return the timeline when each worker has handed over its last result."""
    return wait_for(
        lambda: not np.isnan((timeline := pool.timeline()).details.freed).any() and timeline
    )


@pytest.mark.parametrize("method", ["apply", "apply_async"])
@pytest.mark.parametrize("make", [WatchedPool, WatchedThreadPool])
def test_moments_of_single_tasks(make, method):
    with make(2) as pool:
        square_by(pool, method)
        timeline = wait_for_freed(pool)
    check_order(timeline)
    assert timeline.details.calls == (CallDetails(method, 1, "square"),) * 7
    assert timeline.details.call.tolist() == list(range(7))


@pytest.mark.parametrize("method", ["map", "imap", "imap_unordered"])
def test_moments_of_tasks_of_threads(method):
    with WatchedThreadPool(2) as pool:
        square_by(pool, method, 2)
        timeline = wait_for_freed(pool)
    check_order(timeline)
    assert np.isnan(timeline.details.task_bytes).all()
    assert np.isnan(timeline.details.result_bytes).all()


def test_calls_are_in_the_order_in_which_they_were_made():
    with WatchedPool(1) as pool:
        for method in ("imap", "map", "apply", "imap_unordered", "starmap"):
            square_by(pool, method)
        details = pool.timeline().details
    assert [call.method for call in details.calls] == [
        *("imap", "map", *["apply"] * 7, "imap_unordered", "starmap")
    ]
    assert (np.diff(details.call) >= 0).all()
    assert (np.diff(details.submitted) >= 0).all()


@pytest.mark.parametrize("method", ["imap", "imap_unordered"])
def test_a_task_of_imap_is_submitted_when_its_item_is_drawn(method):
    taken = threading.Event()

    def items():
        yield 0
        assert taken.wait(30)
        yield 1

    with WatchedPool(1) as pool:
        results = getattr(pool, method)(tasks.square, items())
        assert next(results) == 0
        taken.set()
        assert next(results) == 1
        timeline = pool.timeline()
    assert timeline.details.submitted[0] < timeline.delivered[0] < timeline.details.submitted[1]


def test_all_tasks_of_map_are_submitted_at_time_zero():
    with WatchedPool(1) as pool:
        pool.map(tasks.square, range(5), 2)
        details = pool.timeline().details
    assert details.submitted.tolist() == [0] * 5
    assert (details.asked > 0).all()


def test_asked_is_when_the_program_begins_to_wait(tmp_path):
    gate = tmp_path / "gate"
    with WatchedPool(1) as pool:
        results = pool.imap(tasks.wait_at, [gate])
        with pytest.raises(multiprocessing.TimeoutError):
            results.next(timeout=0.01)
        gate.touch()
        results.next()
        later = pool.apply_async(tasks.square, (2,))
        later.wait()
        later.get()
        timeline = pool.timeline()
    assert timeline.details.asked[0] < timeline.finish[0]  # the first time that it was asked for
    assert timeline.details.asked[1] == timeline.delivered[1] > timeline.details.arrived[1]


def test_bytes_of_messages(context):
    with WatchedPool(1, context=context) as pool:
        pool.apply(len, (b"x" * 50_000,))
        pool.apply(bytes, (40_000,))
        pool.map(len, [b"x" * 10_000] * 4, chunksize=4)
        details = wait_for_freed(pool).details
    assert 50_000 < details.task_bytes[0] < 51_000
    assert details.task_bytes[1] < 1_000
    assert 40_000 < details.result_bytes[1] < 41_000
    # A message of four equal objects has one of them, and three references.
    assert len(set(details.task_bytes[2:])) == 1
    assert details.task_bytes[2:].sum() == pytest.approx(10_000, abs=500)


@pytest.mark.parametrize("make", [WatchedPool, WatchedThreadPool])
def test_cpu_is_what_a_worker_computed(make):
    with make(1) as pool:
        pool.map(tasks.compute_until, [0.05, 0.05], 1)
        pool.map(sleep, [0.05, 0.05], 1)
        timeline = pool.timeline()
    assert (timeline.details.cpu[:2] >= 0.05 - 1e-3).all()
    assert (timeline.details.cpu[2:] < 0.02).all()


@pytest.mark.parametrize("chunksize", [1, 64])
@pytest.mark.parametrize("method", ["imap", "imap_unordered"])
def test_a_loop_that_is_broken_off_has_taken_what_it_has_taken(method, chunksize):
    with WatchedPool(1) as pool:
        results = getattr(pool, method)(tasks.square, range(640), chunksize)
        for count, _ in enumerate(results, 1):
            if count == 500:
                break
        while_held = pool.timeline()
        del results
        gc.collect()
        timeline = pool.timeline()
    for each in (while_held, timeline):
        assert (~np.isnan(each.delivered)).sum() == 500
        delivered = each.delivered[~np.isnan(each.delivered)]
        assert (np.diff(delivered) >= 0).all()


def test_a_map_costs_the_parent_a_row_and_nothing_per_task():
    with WatchedPool(1) as pool:
        pool.map(abs, range(10_000), 5_000)
        messages = pool._recorder.messages
        assert (len(messages.sent), len(messages.arrived)) == (2, 6)
        assert len(messages.calls) < 20
        assert len(pool.timeline()) == 10_000


def test_forgotten_calls_are_gone():
    with WatchedPool(1) as pool:
        square_by(pool, "imap")
        pool.map(tasks.square, [1])
        pool.forget()
        pool.map(abs, [1, 2], 1)
        details = pool.timeline().details
    assert details.calls == (CallDetails("map", 1, "abs"),)
    assert len(details) == 2


# -- errors


class LoudError(Exception):
    """An exception that would be noticed, if somebody looked at its text."""

    def __str__(self):
        Path(self.args[0]).touch()
        return "loud"


def raise_loudly(path):
    raise LoudError(path)


def raise_at_length(length):
    raise ValueError("x" * length)


@pytest.mark.parametrize("make", [WatchedPool, WatchedThreadPool])
@pytest.mark.parametrize(
    ("method", "chunksize"), [("map", 1), ("map", 4), ("imap", 1), ("imap", 4)]
)
def test_the_error_of_a_task_has_its_row(make, method, chunksize):
    with make(1) as pool:
        with pytest.raises(tasks.Trouble):
            list(getattr(pool, method)(tasks.fail_at_two, range(4), chunksize))
        details = pool.timeline().details
    assert list(details.errors) == [2]
    assert details.errors[2].startswith("Trouble")


def test_the_text_of_an_error_is_cut():
    with WatchedPool(1) as pool:
        with pytest.raises(ValueError, match="xxx"):
            pool.apply(raise_at_length, (1000,))
        errors = pool.timeline().details.errors
    assert errors == {0: ("ValueError: " + "x" * 1000)[:200]}


def test_nothing_of_the_program_runs_for_the_text_of_an_error(tmp_path):
    noticed = tmp_path / "noticed"
    with WatchedThreadPool(1) as pool:
        with pytest.raises(LoudError):
            pool.apply(raise_loudly, (noticed,))
        errors = pool.timeline().details.errors
    assert errors == {0: "LoudError"}
    assert not noticed.exists()


def test_no_exception_is_kept():
    with WatchedThreadPool(1) as pool:
        with pytest.raises(tasks.Trouble) as caught:
            pool.apply(tasks.fail_at_two, (2,))
        error = weakref.ref(caught.value)
        del caught
        wait_for(lambda: gc.collect() is not None and error() is None)
        assert pool.timeline().details.errors


@pytest.mark.parametrize("method", ["map", "imap"])
def test_a_task_that_cannot_be_sent_has_an_error_and_no_start(method):
    with WatchedPool(1) as pool:
        with pytest.raises((AttributeError, pickle.PicklingError)) as caught:
            list(getattr(pool, method)(tasks.square, [1, lambda: 1], 1))
        timeline = pool.timeline()
    assert timeline.details.errors[1].startswith(type(caught.value).__name__)
    assert np.isnan(timeline.start).tolist() == [False, True]
    assert np.isnan(timeline.details.freed[1])


def test_a_result_that_cannot_be_sent_is_an_error_of_its_task():
    with WatchedPool(1) as pool:
        with pytest.raises(multiprocessing.pool.MaybeEncodingError):
            pool.map(tasks.no_result_at_two, [0, 2], 1)
        timeline = pool.timeline()
    assert timeline.details.errors[1].startswith("MaybeEncodingError: Error sending result")
    assert not np.isnan(timeline.finish).any()


# -- workers


def test_a_worker_begins_before_its_initializer_and_is_ready_behind_it(context, tmp_path):
    gate = tmp_path / "gate"
    with WatchedPool(1, tasks.wait_at, (gate,), context=context) as pool:
        wait_at(gate)
        result = pool.apply_async(tasks.square, (2,))  # at time 0
        gate.touch()
        result.get(30)
        timeline = pool.timeline()
    (worker,) = timeline.details.workers
    assert worker.made < worker.begun < 0 < worker.ready <= timeline.start[0]
    assert (np.isnan(worker.ended), worker.exit) == (True, "")


def test_workers_without_a_task_stand_behind_the_others(context):
    with WatchedPool(3, context=context) as pool:
        pool.apply(tasks.square, (2,))
        details = wait_for(lambda: len((d := pool.timeline().details).workers) == 3 and d)
        assert all(worker.made < 0 for worker in details.workers)
        assert details.workers[0].ready < details.submitted[0] + 30
        assert details.pool.processes == 3


def made_workers(timeline):
    """Return how many workers the parent has seen started."""
    return sum(worker.made == worker.made for worker in timeline.details.workers)


def test_a_killed_worker(context, tmp_path):
    gate = tmp_path / "gate"
    with WatchedPool(1, context=context) as pool:
        pool.apply(tasks.square, (2,))
        pool.apply_async(tasks.wait_at, (gate,))
        os.kill(wait_at(gate), KILL)
        timeline = wait_for(lambda: made_workers(seen := pool.timeline()) == 2 and seen)
    killed, new = timeline.details.workers
    assert killed.exit == f"killed by signal {int(KILL)}"
    assert killed.ended > timeline.start[1]
    assert new.made >= killed.ended
    assert new.exit == ""


def test_workers_that_are_replaced_end_as_they_should(context):
    with WatchedPool(1, context=context, maxtasksperchild=1) as pool:
        pool.map(tasks.square, range(3), 1)
        pool.close()
        pool.join()
    workers = pool.timeline().details.workers
    ended = [worker.ended for worker in workers[:2]]
    assert not np.isnan(ended).any()
    assert {worker.exit for worker in workers} == {""}
    assert (np.diff([worker.made for worker in workers]) > 0).all()


# -- pools


@pytest.mark.parametrize("method", METHODS)
def test_what_is_known_of_a_pool(method):
    with watching() as watch:
        context = multiprocessing.get_context(method)
        pools = [context.Pool(2) for _ in range(2)]
        for pool in pools:
            pool.map(tasks.square, [1])
            pool.close()
            pool.join()
    first, second = (run.recorder.timeline().details.pool for run in watch.runs)
    assert (first.kind, first.start_method, first.processes) == ("Pool", method, 2)
    assert first.where.startswith("test_details.py, line ")
    assert first.where.endswith(": pools = [context.Pool(2) for _ in range(2)]")
    assert first.made < 0 < first.closed
    assert 0 < first.origin < second.origin
    assert first.made + first.origin < second.made + second.origin


def test_a_pool_that_watches_itself_has_no_line():
    with WatchedThreadPool(1) as pool:
        pool.map(tasks.square, [1])
        known = pool.timeline().details.pool
    assert (known.kind, known.start_method, known.where) == ("WatchedThreadPool", "", "")


def test_a_recorder_of_its_own_has_no_pool():
    with Recorder() as recorder:
        recorder.track(tasks.square)(2)
        recorder.mark_delivered(0)
        details = recorder.timeline().details
    assert details.pool is None
    assert details.calls == (CallDetails("track", 1, "square"),)
    assert 0 <= details.submitted[0] <= details.asked[0]
    assert np.isnan([details.sent[0], details.arrived[0], details.task_bytes[0]]).all()


# -- executors


@pytest.fixture(params=["threads", *METHODS])
def executor(request):
    """Yield a watched executor of two workers, and a function that returns its timeline."""
    with watching() as watch:
        if request.param == "threads":
            made = ThreadPoolExecutor(2)
        else:
            made = ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(request.param))
        with made:
            yield made, lambda: watch.runs[0].recorder.timeline()


def test_moments_of_futures(executor):
    make, timeline_of = executor
    futures = [make.submit(tasks.square, item) for item in range(4)]
    assert [future.result() for future in futures] == [0, 1, 4, 9]
    for future in as_completed([make.submit(tasks.square, item) for item in range(4)]):
        future.result()
    make.shutdown()
    timeline = timeline_of()
    details = timeline.details
    assert details.calls == (CallDetails("submit", 1, "square"),) * 8
    assert (details.submitted <= timeline.start).all()
    assert (timeline.finish <= details.freed).all()
    assert (timeline.finish <= details.arrived).all()
    assert (details.arrived <= timeline.delivered).all()
    assert (details.asked <= timeline.delivered).all()
    if isinstance(make, ProcessPoolExecutor):
        assert (details.submitted <= details.sent).all()
        assert (details.sent <= timeline.start).all()
        assert (details.task_bytes > 0).all()
        assert (details.result_bytes > 0).all()


def test_the_error_of_a_future(executor):
    make, timeline_of = executor
    future = make.submit(tasks.fail_at_two, 2)
    with pytest.raises(tasks.Trouble):
        future.result()
    make.submit(tasks.square, 2).result()
    (row,) = timeline_of().details.errors
    assert row == 0


def test_an_argument_that_cannot_be_sent_to_a_process():
    with watching() as watch, ProcessPoolExecutor(1) as made:
        with pytest.raises((AttributeError, Exception)):
            made.submit(tasks.square, lambda: 1).result()
        timeline = watch.runs[0].recorder.timeline()
    assert "lambda" in timeline.details.errors[0]
    assert np.isnan(timeline.start[0])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
def test_a_killed_process_of_an_executor(context):
    with watching() as watch:
        made = ProcessPoolExecutor(1, mp_context=context)
        with made, pytest.raises(BrokenProcessPool):
            made.submit(tasks.kill_itself).result()
    recorder = watch.runs[0].recorder
    timeline = wait_for(lambda: (seen := recorder.timeline()).details.workers[0].exit and seen)
    (worker,) = timeline.details.workers
    assert worker.exit == "killed by signal 9"
    assert worker.ended >= timeline.start[0]
    assert timeline.details.errors[0].startswith("BrokenProcessPool")


def test_the_map_of_an_executor_is_one_call(executor):
    make, timeline_of = executor
    for _ in range(2):
        assert list(make.map(tasks.square, range(4))) == [0, 1, 4, 9]
    make.submit(tasks.square, 2).result()
    details = timeline_of().details
    assert details.calls == (
        *[CallDetails("executor.map", 1, "square")] * 2,
        CallDetails("submit", 1, "square"),
    )
    assert details.call.tolist() == [0] * 4 + [1] * 4 + [2]


def test_an_initializer_of_an_executor(context, tmp_path):
    gate = tmp_path / "gate"
    options = {"initializer": tasks.wait_at, "initargs": (gate,), "mp_context": context}
    with watching() as watch, ProcessPoolExecutor(1, **options) as made:
        future = made.submit(tasks.square, 2)
        wait_at(gate)
        submitted = made.submit(tasks.square, 3)
        gate.touch()
        assert future.result() + submitted.result() == 13
        details = watch.runs[0].recorder.timeline().details
    (worker,) = details.workers
    assert worker.begun < details.submitted[1] < worker.ready


def test_an_executor_makes_a_worker_when_a_task_is_submitted(executor):
    make, timeline_of = executor
    make.submit(tasks.square, 2).result()
    sleep(0.05)
    first = timeline_of().end
    futures = [make.submit(tasks.who_and_when, item) for item in range(20)]
    for future in futures:
        future.result()
    make.shutdown()
    timeline = timeline_of()
    details = timeline.details
    assert details.pool.closed > timeline.finish.max()
    later = [worker.made for worker in details.workers[1:] if worker.made > first]
    assert all(made >= details.submitted[1] for made in later)
    assert details.pool.kind == type(make).__name__
