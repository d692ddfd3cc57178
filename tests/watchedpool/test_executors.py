"""Executors of concurrent.futures, watched: what is recorded, and that nothing else changes."""

import concurrent.futures
import gc
import multiprocessing
import threading
import weakref
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed

import numpy as np
import pytest
import tasks

from watchedpool.watching import watching

METHODS = multiprocessing.get_all_start_methods()


@pytest.fixture(params=["threads", *METHODS])
def make(request):
    """Return what makes an executor of two workers."""
    if request.param == "threads":
        return lambda: ThreadPoolExecutor(2)
    context = multiprocessing.get_context(request.param)
    return lambda: ProcessPoolExecutor(2, mp_context=context)


def timeline_of(watch):
    (run,) = watch.runs
    return run.recorder.timeline()


def test_each_task_has_its_row_and_is_delivered_with_its_result(make):
    with watching() as watch, make() as executor:
        futures = [executor.submit(tasks.who_and_when, number) for number in range(8)]
        assert [future.result()[0] for future in futures] == list(range(8))
        times = np.array([future.result()[2] for future in futures])
    timeline = timeline_of(watch)
    assert timeline.missing == ""
    assert (timeline.lag >= 0).all()
    origin = times - timeline.start
    assert origin.min() > 0
    assert (times - timeline.finish).max() < origin.min(), "task i's record is not row i"
    assert (np.diff(timeline.delivered) > 0).all()


def test_a_chunk_of_map_is_as_many_tasks_as_it_has_items(make):
    with watching() as watch, make() as executor:
        results = list(executor.map(tasks.square, range(7), chunksize=3))
    assert results == [n * n for n in range(7)]
    assert len(timeline_of(watch)) == 7
    assert timeline_of(watch).missing == ""


def test_a_result_nobody_asked_for_is_not_delivered(make):
    with watching() as watch, make() as executor:
        futures = [executor.submit(tasks.square, number) for number in range(3)]
        concurrent.futures.wait(futures)
        futures[1].result()
    assert np.isnan(timeline_of(watch).delivered).tolist() == [True, False, True]


@pytest.mark.parametrize("ask", [lambda f: f.exception(), lambda f: f.add_done_callback(len)])
def test_other_ways_to_receive_a_result(make, ask):
    with watching() as watch, make() as executor:
        future = executor.submit(tasks.square, 3)
        ask(future)
        concurrent.futures.wait([future])
    assert timeline_of(watch).lag[0] >= 0


def test_as_completed_delivers_each_future_that_it_hands_out(make):
    with watching() as watch, make() as executor:
        futures = [executor.submit(tasks.square, number) for number in range(5)]
        for count, _ in enumerate(as_completed(futures), 1):
            assert np.isfinite(timeline_of(watch).delivered).sum() >= count
    assert timeline_of(watch).missing == ""


def test_as_completed_keeps_no_future_alive():
    with watching(), ThreadPoolExecutor(1) as executor:
        futures = [executor.submit(tasks.square, number) for number in range(3)]
        seen = []
        while futures:
            for future in as_completed([futures.pop()]):
                seen.append(weakref.ref(future))
                del future
                assert seen[-1]() is None


def test_a_cancelled_task_never_starts():
    go_on = threading.Event()
    with watching() as watch, ThreadPoolExecutor(1) as executor:
        first = executor.submit(go_on.wait, 30)
        second = executor.submit(tasks.square, 2)
        assert second.cancel()
        go_on.set()
        assert first.result()
    assert np.isnan(timeline_of(watch).start).tolist() == [False, True]


def test_shutdown_that_cancels_leaves_its_tasks_without_a_start(make):
    with watching() as watch:
        executor = make()
        futures = [executor.submit(tasks.who_and_when, number) for number in range(50)]
        executor.shutdown(cancel_futures=True)
    started = np.isfinite(timeline_of(watch).start)
    assert started.tolist() == [not future.cancelled() for future in futures]


def test_a_future_is_a_future_and_its_exception_has_no_frame_of_ours(make):
    with watching(), make() as executor:
        future = executor.submit(tasks.fail_at_two, 2)
        with pytest.raises(tasks.Trouble) as caught:
            future.result()
        assert isinstance(future, Future)
        assert repr(future).startswith("<Future at 0x")
    files = [entry.path for entry in caught.traceback] + [str(caught.value.__cause__)]
    assert not [
        file for file in files if "watchedpool" in str(file).replace("tests/watchedpool", "")
    ]


@pytest.mark.parametrize("method", METHODS)
def test_a_task_that_an_interrupt_cut_short_has_no_finish(method):
    context = multiprocessing.get_context(method)
    with watching() as watch, ProcessPoolExecutor(1, mp_context=context) as executor:
        future = executor.submit(tasks.interrupt)
        with pytest.raises(KeyboardInterrupt):
            future.result()
        executor.submit(tasks.square, 1).result()
    assert timeline_of(watch).without_end == [0]


def test_submit_after_shutdown_fails_as_without_the_watch(make):
    with watching():
        executor = make()
        executor.shutdown()
        with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
            executor.submit(tasks.square, 1)


def test_a_dropped_executor_ends_its_threads():
    with watching():
        for _ in range(5):
            ThreadPoolExecutor(2).submit(tasks.square, 1).result()
        gc.collect()
        for thread in threading.enumerate():
            if thread.name.startswith("ThreadPoolExecutor"):
                thread.join(30)
                assert not thread.is_alive()


def test_a_dropped_future_is_freed_at_once():
    with watching(), ThreadPoolExecutor(1) as executor:
        future = executor.submit(tasks.square, 1)
        future.result()
        executor.submit(tasks.square, 1).result()  # so that the thread has let go of the first
        dropped = weakref.ref(future)
        del future
        assert dropped() is None
