"""WatchedPool and Recorder: what they record, and that they change nothing else."""

import concurrent.futures.process
import gc
import io
import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from struct import Struct
from time import perf_counter, sleep
from unittest import mock

import numpy as np
import psutil
import pytest
import tasks

from helpers.workers import nap, nap_and_square
from watchedpool import Recorder, WatchedBar, WatchedPool
from watchedpool.recording import executors
from watchedpool.recording import folders as folders_module
from watchedpool.recording.folders import FOLDER
from watchedpool.recording.lanes import FIRST_SEGMENT, HEAD, RECORD
from watchedpool.recording.messages import SUBMITTED
from watchedpool.recording.pool import PRIVATE, WatchedThreadPool, end_pool
from watchedpool.watching import PACKAGE

HERE = Path(__file__).parent
METHODS = ["fork", "spawn", "forkserver"]
HEAVY = {"numpy", "matplotlib", "ipywidgets", "tqdm", "IPython"}
ROOM = FIRST_SEGMENT // RECORD - 1  # tasks in a lane's first segment: its head is one record long


def get_context(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    if method == "fork" and sys.platform == "darwin":
        pytest.skip("fork may crash on macOS (https://bugs.python.org/issue33725)")
    return multiprocessing.get_context(method)


@pytest.fixture(params=METHODS)
def context(request):
    return get_context(request.param)


def wait_for(happened):
    """Return what `happened` returns, as soon as that is true."""
    deadline = perf_counter() + 30
    while not (result := happened()):
        assert perf_counter() < deadline, "this did not happen in 30 s"
        sleep(0.002)
    return result


def wait_at(gate, count=1):
    """Wait until `count` tasks wait at `gate`; return their processes' ids."""
    wait_for(lambda: len(list(gate.parent.glob("gate.*"))) >= count)
    return [int(path.suffix[1:]) for path in gate.parent.glob("gate.*")]


def folders():
    """Return the folders of recordings: one per process that records."""
    return list(Path(tempfile.gettempdir()).glob(FOLDER + "*"))


def stamped(fetch):
    """Return what `fetch` returns, with the time before and after."""
    before = perf_counter()
    return fetch(), before, perf_counter()


def outcome(act):
    """Return what `act` returns, or the error it raises, in a form that can be compared."""
    try:
        return act()
    except Exception as error:
        return type(error), str(error)


def ended(call, pool):
    """Return the outcome of `call` once the pool has come to its end.

    Not by terminate: that may end a worker which just writes a result and so keeps the lock that
    the pool then waits for, forever (https://github.com/python/cpython/issues/96995).
    """
    result = outcome(partial(call, pool))
    pool.close()
    pool.join()
    return result


def origin(timeline, times):
    """Return bounds of the moment that is time 0: task i was in its function at `times[i]`.

    There are none if any record is another task's.
    """
    early, late = (times - timeline.finish).max(), (times - timeline.start).min()
    assert early <= late, "task i's record is not row i"
    return early, late


# -- the program that started it


@pytest.mark.measures
def test_ten_naps(context):
    with WatchedPool(5, context=context) as pool:
        pool.warm_up()  # on a busy machine cold workers start far apart
        results = list(pool.imap(nap_and_square, range(10)))
    timeline = pool.timeline()
    assert results == [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]
    assert timeline.most_behind == 4
    assert timeline.longest_stall == pytest.approx(2.0, abs=0.15)
    assert (np.diff(timeline.delivered) >= 0).all()
    assert (timeline.lag >= 0).all()
    assert timeline.workers == 5
    assert timeline.missing == ""


# -- every way to submit tasks


def at_once(submit, results):
    fetched, before, after = stamped(submit)
    return [(result, before, after) for result in results(fetched)]


def by_map(pool, func, items, *chunksize):
    return at_once(lambda: pool.map(func, items, *chunksize), list)


def by_starmap(pool, func, items, *chunksize):
    return at_once(lambda: pool.starmap(func, [(item,) for item in items], *chunksize), list)


def by_map_async(pool, func, items, *chunksize):
    result = pool.map_async(func, items, *chunksize)
    result.wait()
    return at_once(lambda: result.get(), list)  # the access to `get` counts


def by_starmap_async(pool, func, items, *chunksize):
    result = pool.starmap_async(func, [(item,) for item in items], *chunksize)
    result.wait()
    return at_once(lambda: result.get(), list)  # the access to `get` counts


def by_imap(pool, func, items, *chunksize):
    results = pool.imap(func, items, *chunksize)
    return [stamped(partial(next, results)) for _ in items]


def by_imap_unordered(pool, func, items, *chunksize):
    results = pool.imap_unordered(func, items, *chunksize)
    return [stamped(partial(next, results)) for _ in items]


def by_apply(pool, func, items):
    return [stamped(partial(pool.apply, func, (item,))) for item in items]


def by_apply_async(pool, func, items):
    results = [pool.apply_async(func, (item,)) for item in items]
    return [stamped(lambda result=result: result.get()) for result in results]


IN_CHUNKS = [by_map, by_starmap, by_map_async, by_starmap_async, by_imap, by_imap_unordered]
WAYS = [*IN_CHUNKS, by_apply, by_apply_async]


@pytest.mark.parametrize("way", WAYS)
def test_each_way_records_each_task_in_its_row_and_shows_it_when_it_is_taken(context, way):
    with WatchedPool(2, context=context) as pool:
        for chunksize in [(), (1,), (3,)] if way in IN_CHUNKS else [()]:
            pool.forget()
            results = way(pool, tasks.who_and_when, range(10), *chunksize)
            timeline = pool.timeline()
            if way is not by_imap_unordered:
                assert [item for (item, *_), *_ in results] == list(range(10))
            results.sort()
            _, pids, times = zip(*(result for result, *_ in results), strict=True)
            early, late = origin(timeline, np.array(times))
            assert len(set(zip(pids, timeline.worker, strict=True))) == timeline.workers
            assert timeline.workers == len(set(pids))
            before, after = np.array([stamps for _, *stamps in results]).T
            assert (before - late <= timeline.delivered).all()
            assert (timeline.delivered <= after - early).all()
            assert (timeline.lag >= 0).all()
            assert timeline.missing == ""


def test_time_zero_is_the_first_submission(context):
    before = perf_counter()
    with WatchedPool(1, context=context) as pool:
        made = perf_counter()
        [(_, _, ran)] = pool.map(tasks.who_and_when, [0])
        pool.map(tasks.who_and_when, [0])
    timeline = pool.timeline()
    assert 0 < timeline.start[0] <= ran - made
    assert timeline.start[0] < ran - before
    assert timeline.start[1] > timeline.finish[0]


@pytest.mark.parametrize("way", IN_CHUNKS)
@pytest.mark.parametrize("make", [list, iter, lambda items: (item for item in items)])
def test_empty_and_unsized_iterables(way, make):
    with WatchedPool(2) as pool:
        if way in (by_map, by_imap, by_imap_unordered):
            call = {by_map: pool.map, by_imap: pool.imap, by_imap_unordered: pool.imap_unordered}
            assert sorted(call[way](tasks.square, make([]))) == []
            assert sorted(call[way](tasks.square, make([1, 2, 3]))) == [1, 4, 9]
        else:
            assert [result for result, *_ in way(pool, tasks.square, [])] == []
            call = getattr(pool, way.__name__.removeprefix("by_"))
            arguments = [1, 2, 3] if way is by_map_async else [(1,), (2,), (3,)]
            result = call(tasks.square, make(arguments))
            assert (result if isinstance(result, list) else result.get()) == [1, 4, 9]
    assert pool.timeline().missing == ""
    assert len(pool.timeline()) == 3


def test_arguments_by_position_and_by_name():
    with WatchedPool(1) as pool:
        assert pool.apply(tasks.sum_of, (1, 2), {"c": 3}) == 6
        assert pool.apply(tasks.sum_of, [1], kwds={"b": 4}) == 5
        assert pool.apply_async(tasks.sum_of, kwds={"a": 1}).get() == 1
        assert pool.starmap(tasks.sum_of, [[1, 2], (3,)]) == [3, 3]
    assert len(pool.timeline()) == 5


def test_calls_inside_a_loop_over_another(context):
    with WatchedPool(2, context=context) as pool:
        outer, inner = [], []
        for results in pool.imap(tasks.who_and_when, range(4), chunksize=2):
            outer.append(results)
            inner += pool.map(tasks.who_and_when, range(3), chunksize=2)
    timeline = pool.timeline()
    assert len(timeline) == 16  # the first call's rows come first
    origin(timeline, np.array([when for *_, when in outer + inner]))
    assert timeline.missing == ""


# -- callbacks


@pytest.mark.parametrize("call", ["map_async", "starmap_async", "apply_async"])
def test_call_of_the_callback_is_the_showing(context, call):
    called = []
    with WatchedPool(2, context=context) as pool:
        result = getattr(pool, call)(
            tasks.who_and_when,
            [(7,)] if call != "apply_async" else (7,),
            callback=lambda result: called.append((result, perf_counter())),
        )
        result.wait()
        waited, fetched = pool.timeline(), result.get()
        timeline = pool.timeline()
    [(given, at)] = called
    assert given == fetched
    [(_, _, ran)] = given if call != "apply_async" else [given]
    early, _ = origin(timeline, np.array([ran]))
    assert timeline.finish[0] <= timeline.delivered[0] <= at - early
    assert waited.delivered[0] == timeline.delivered[0]  # fetching it later is no second showing


def test_error_callback_shows_the_task_that_failed(context):
    results, errors = [], []
    with WatchedPool(2, context=context) as pool:
        options = {"callback": results.append, "error_callback": errors.append}
        pool.map_async(tasks.fail_at_two, range(4), 1, **options).wait()
        pool.starmap_async(tasks.fail_at_two, [(2,)], 1, **options).wait()
        pool.apply_async(tasks.fail_at_two, (2,), **options).wait()
        pool.apply_async(tasks.fail_at_two, (1,), **options).wait()
    assert results == [1]
    assert [(type(error), error.args, vars(error)) for error in errors] == [
        (tasks.Trouble, ("two", 2), {})
    ] * 3
    delivered = ~np.isnan(pool.timeline().delivered)
    assert delivered.tolist() == [False, False, True, False] + [True] * 3


def test_result_answers_as_asyncresult_does(tmp_path):
    gate = tmp_path / "gate"
    with WatchedPool(1) as pool:
        result = pool.apply_async(tasks.wait_at, (gate,))
        assert not result.ready()
        with pytest.raises(ValueError, match="not ready"):
            result.successful()
        with pytest.raises(multiprocessing.TimeoutError):
            result.get(timeout=0)
        assert np.isnan(pool.timeline().delivered[0])
        gate.touch()
        result.wait(30)
        assert result.ready()
        assert result.successful()


# -- exceptions


@pytest.mark.parametrize("way", WAYS)
def test_exception_travels_as_with_pool(context, way):
    def caught(pool):
        with pool:
            with pytest.raises(tasks.Trouble) as caught:
                way(pool, tasks.fail_at_two, range(4))
            pool.close()
            pool.join()  # to kill a worker that waits for a lock of the pool may freeze the pool
        return caught.value

    error = caught(WatchedPool(2, context=context))
    bare = caught(context.Pool(2))
    assert type(error) is type(bare)
    assert (error.args, vars(error)) == (bare.args, vars(bare)) == (("two", 2), {})
    assert type(error.__cause__) is type(bare.__cause__)
    assert str(error.__cause__) == str(bare.__cause__)  # the worker's traceback, line by line
    assert 'raise Trouble("two", number)' in str(error.__cause__)


@pytest.mark.parametrize("way", WAYS)
def test_exception_is_shown_when_it_is_raised(way):
    with WatchedPool(2) as pool:
        with pytest.raises(tasks.Trouble):
            way(pool, tasks.fail_at_two, range(4))
        timeline = pool.timeline()
    assert not np.isnan(timeline.delivered[2])
    assert timeline.finish[2] <= timeline.delivered[2]


@pytest.mark.parametrize(
    "func", [tasks.fail_at_two, tasks.fail_plainly_at_two, tasks.no_result_at_two]
)
@pytest.mark.parametrize("way", ["imap", "imap_unordered"])
def test_iterator_goes_on_after_an_exception(way, func):
    with WatchedPool(1) as pool:
        results = getattr(pool, way)(func, range(5))
        taken = [outcome(partial(next, results)) for _ in range(5)]
        with pytest.raises(StopIteration):
            next(results)
    timeline = pool.timeline()
    assert [taken[row] for row in (0, 1, 3, 4)] == [0, 1, 3, 4]
    assert (np.diff(timeline.delivered) > 0).all()
    assert timeline.missing == ""


@pytest.mark.parametrize("func", [tasks.fail_plainly_at_two, tasks.no_result_at_two])
def test_apply_shows_also_a_task_whose_exception_tells_nothing(func):
    with WatchedPool(1) as pool:
        with pytest.raises(Exception):  # noqa: B017, PT011 - which one is not the point
            pool.apply(func, (2,))
        called = []
        pool.apply_async(func, (2,), error_callback=called.append).wait()
    assert len(called) == 1
    assert (pool.timeline().lag > 0).all()


@pytest.mark.parametrize("way", ["imap", "imap_unordered"])
def test_a_chunk_that_fails_shows_the_task_that_failed(way):
    with WatchedPool(1) as pool:
        results = getattr(pool, way)(tasks.fail_at_two, [0, 1, 3, 2, 4, 5], chunksize=3)
        assert [next(results) for _ in range(3)] == [0, 1, 3]
        with pytest.raises(tasks.Trouble):
            next(results)
    timeline = pool.timeline()
    assert np.isnan(timeline.delivered).tolist() == [False] * 4 + [True] * 2
    assert timeline.missing == "2 tasks never started"


@pytest.mark.parametrize("before", [0, 1, 2, 5, ROOM - 1, ROOM, ROOM + 1])
def test_of_a_chunk_that_fails_what_comes_behind_never_started(before):
    items = [0] * before + [2] + [1] * 3
    with WatchedPool(1) as pool:
        with pytest.raises(tasks.Trouble):
            pool.map(tasks.fail_at_two, items, chunksize=len(items))
        assert pool.map(tasks.square, [3, 4], chunksize=2) == [9, 16]
        timeline = pool.timeline()
    assert timeline.missing == "3 tasks never started"
    ran = ~np.isnan(timeline.start)
    assert np.flatnonzero(~ran).tolist() == [before + 1, before + 2, before + 3]
    assert (timeline.finish[ran][:-1] <= timeline.start[ran][1:]).all()


def test_result_that_cannot_be_sent_back_and_argument_that_cannot_be_sent():
    with WatchedPool(1) as pool:
        with pytest.raises(multiprocessing.pool.MaybeEncodingError):
            pool.map(tasks.no_result_at_two, [0, 2])
        with pytest.raises((AttributeError, pickle.PicklingError)):
            pool.map(tasks.square, [1, lambda: 1], 1)
        assert list(pool.imap_unordered(tasks.square, [2, 3])) == [4, 9]
    timeline = pool.timeline()
    assert not np.isnan(timeline.delivered[[1, 3, 4, 5]]).any()
    assert np.isnan(timeline.start).tolist() == [False] * 3 + [True] + [False] * 2


def broken_iterable():
    yield from (0, 1)
    raise KeyError("broken")


@pytest.mark.parametrize("way", ["imap", "imap_unordered"])
def test_iterator_over_a_broken_iterable(way):
    with WatchedPool(1) as pool:
        results = getattr(pool, way)(tasks.square, broken_iterable())
        assert [next(results), next(results)] == [0, 1]
        with pytest.raises(KeyError, match="broken"):
            next(results)
        assert len(pool.timeline()) == 2  # the item that failed to come is no task
        assert pool.map(tasks.square, [5]) == [25]
    timeline = pool.timeline()
    assert len(timeline) == 3
    assert (timeline.lag >= 0).all()
    assert timeline.missing == ""


def test_map_over_a_broken_iterable():
    with WatchedPool(1) as pool:
        with pytest.raises(KeyError, match="broken"):
            pool.map(tasks.square, broken_iterable())
        assert pool.map(tasks.square, [5]) == [25]
        assert pool.timeline().start[-1] > 0


def test_next_with_a_timeout(tmp_path):
    gate = tmp_path / "gate"
    with WatchedPool(1) as pool:
        results = pool.imap(tasks.wait_at, [gate, gate])
        with pytest.raises(multiprocessing.TimeoutError):
            results.next(timeout=0.01)
        assert np.isnan(pool.timeline().delivered).all()
        gate.touch()
        assert results.next(timeout=30) == results.next(30)
        with pytest.raises(StopIteration):
            results.next(timeout=30)
    assert (pool.timeline().lag >= 0).all()


@pytest.mark.parametrize(
    "options",
    [
        {"processes": 0},
        {"processes": -1},
        {"processes": "2"},
        {"maxtasksperchild": 0},
        {"initializer": 1},
    ],
    ids=str,
)
def test_bad_options_fail_as_with_pool(options):
    bare = outcome(lambda: multiprocessing.pool.Pool(**options))
    assert issubclass(bare[0], Exception)
    ours = outcome(lambda: WatchedPool(**options))
    assert ours[0] is bare[0]
    assert ours[1].replace("WatchedPool", "Pool") == bare[1]
    gc.collect()


@pytest.mark.parametrize(
    "call",
    [
        lambda pool: pool.map(tasks.square, [1, 2], 0),
        lambda pool: pool.map(tasks.square, [1, 2], -1),
        lambda pool: pool.imap(tasks.square, [1, 2], 0),
        lambda pool: pool.imap(tasks.square, [1, 2], chunksize=-1),
        lambda pool: pool.imap_unordered(tasks.square, [1, 2], 0),
        lambda pool: pool.map(tasks.square, 5),
        lambda pool: list(pool.imap(tasks.square, 5)),
        lambda pool: pool.map(tasks.square, ["a"]),
        lambda pool: pool.apply(tasks.sum_of, (1,), {"d": 1}),
        lambda pool: pool.apply(None),
        lambda pool: pool.apply(tasks.sum_of, 5),
        lambda pool: pool.map(tasks.square, [lambda: 1]),
        lambda pool: next(pool.imap(lambda x: x, [1])),
        lambda pool: (pool.close(), pool.map(tasks.square, [1])),
        lambda pool: (pool.close(), pool.imap(tasks.square, [1])),
        lambda pool: (pool.terminate(), pool.apply(tasks.square, (1,))),
        lambda pool: pool.imap(tasks.square, [1, 2], 2).next(timeout=1),
    ],
)
def test_bad_calls_fail_as_with_pool(call):
    bare, ours = (ended(call, make(1)) for make in (multiprocessing.Pool, WatchedPool))
    if isinstance(bare, tuple):
        assert ours[0] is bare[0]
        assert "pickle" in bare[1].lower() or ours[1].split(" (")[0] == bare[1].split(" (")[0]
    else:
        assert ours == bare


# -- workers come and go


def test_killed_worker_leaves_its_start(context, tmp_path):
    gate = tmp_path / "gate"
    with WatchedPool(1, context=context) as pool:
        pool.map(tasks.square, [1])
        result = pool.map_async(tasks.wait_at, [gate])
        [pid] = wait_at(gate)
        os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        with pytest.raises(multiprocessing.TimeoutError):
            result.get(timeout=0.2)
        assert pool.map(tasks.square, [2, 3]) == [4, 9]  # by the worker that came in its place
        timeline = pool.timeline()
    assert timeline.missing == "1 task started and did not finish"
    assert timeline.start[1] > timeline.finish[0]
    assert np.isnan(timeline.finish).tolist() == [False, True, False, False]
    assert timeline.worker.tolist() == [0, 0, 1, 1]


PROGRAM = """
import multiprocessing, sys
from watchedpool import WatchedPool
import tasks

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    if sys.argv[2] == "with":
        with WatchedPool(2, context=context) as pool:
            pool.map(tasks.wait_at, [sys.argv[3]] * 2, 1)
    else:
        pool = WatchedPool(2, context=context)
        for _ in pool.imap(tasks.wait_at, [sys.argv[3]] * 2):
            pass
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("style", ["with", "bare"])
def test_interrupted_program_leaves_nothing(context, style, tmp_path):
    gate, program = tmp_path / "gate", tmp_path / "program.py"
    program.write_text(PROGRAM)
    method = context.get_start_method()
    running = subprocess.Popen(
        [sys.executable, program, method, style, gate],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)])},
        stderr=subprocess.PIPE,
    )
    workers = [psutil.Process(pid) for pid in wait_at(gate, 2)]
    assert len(folders()) == 1
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=30)[1].decode()
    assert running.returncode != 0
    assert "KeyboardInterrupt" in said
    assert psutil.wait_procs(workers, timeout=10)[1] == []
    assert folders() == []


ENDS = """
import multiprocessing, shutil, sys, tasks
from watchedpool import WatchedPool
from watchedpool.recording.folders import FOLDER

def rmtree(folder, *args, **kwargs):
    if FOLDER in str(folder):
        print("workers:", len(multiprocessing.active_children()))
    remove(folder, *args, **kwargs)

if __name__ == "__main__":
    remove, shutil.rmtree = shutil.rmtree, rmtree
    pool = WatchedPool(2, context=multiprocessing.get_context(sys.argv[1]))
    pool.map(tasks.square, range(4))
"""


def test_folder_of_a_pool_left_open_is_removed_at_the_end(context, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(ENDS)
    done = subprocess.run(
        [sys.executable, program, context.get_start_method()],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    if os.name == "nt":  # which removes no folder with an open file in it
        assert done.stdout == "workers: 0\n"
    assert folders() == []


def test_each_new_worker_has_a_lane(context):
    with WatchedPool(2, context=context, maxtasksperchild=1) as pool:
        results = pool.map(tasks.who_and_when, range(4), chunksize=1)
    assert pool.timeline().workers == len({pid for _, pid, _ in results}) == 4


def test_initializer(context):
    with WatchedPool(1, tasks.remember, ("this",), context=context) as pool:
        assert pool.map(tasks.recall, [0]) == ["this"]


def test_timeline_while_a_task_runs(context, tmp_path):
    gate = tmp_path / "gate"
    with WatchedPool(1, context=context) as pool:
        result = pool.map_async(tasks.wait_at, [gate, gate], 1)
        timeline = wait_for(lambda: (t := pool.timeline()).workers and t)
        assert np.isnan(timeline.start).tolist() == [False, True]
        assert np.isnan(timeline.finish).all()
        assert timeline.missing == "1 task never started; 1 task started and did not finish"
        gate.touch()
        result.get(30)
        after = pool.timeline()
    assert after.start[0] == timeline.start[0]
    assert after.missing == ""


KILLED = """
import os, signal
from watchedpool import Recorder

recorder = Recorder()
print(recorder.folder, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no lock that shows which process lives")
def test_what_a_killed_process_left_goes_with_the_next_folder():
    done = subprocess.run([sys.executable, "-c", KILLED], stdout=subprocess.PIPE, text=True)
    (left,) = folders()
    assert Path(done.stdout.strip()).parent == left
    with Recorder() as recorder:
        # It is young, so perhaps in use.
        assert {left, Path(recorder.folder).parent} == set(folders())
    os.utime(left, (0, 0))
    with Recorder() as recorder:
        assert [Path(recorder.folder).parent] == folders()


def test_a_folder_in_use_stays_however_old_it_is(context):
    other = "from watchedpool import Recorder; Recorder().folder"
    with WatchedPool(1, context=context) as pool:
        pool.apply(nap, (0,))
        (used,) = folders()
        os.utime(used, (0, 0))
        subprocess.run([sys.executable, "-c", other], check=True)
        assert [used] == folders()
        pool.apply(nap, (0,))
    assert len(pool.timeline()) == 2


def test_timeline_stays_after_the_pool_and_its_folder_have_gone(context):
    with WatchedPool(2, context=context) as pool:
        pool.map(tasks.square, range(5))
        before = pool.timeline()
        assert len(folders()) == 1
    assert folders() == []
    for column in ("worker", "start", "finish", "delivered"):
        assert getattr(pool.timeline(), column).tolist() == getattr(before, column).tolist()


def test_close_and_join_remove_the_folder():
    pool = WatchedPool(1)
    pool.map(tasks.square, range(5))
    pool.close()
    pool.join()
    assert folders() == []
    assert len(pool.timeline()) == 5


def test_folders_of_one_process_need_one_open_file():
    with ExitStack() as stack:
        recorders = [stack.enter_context(Recorder()) for _ in range(20)]
        before = psutil.Process().num_fds() if os.name == "posix" else 0
        assert len({recorder.folder for recorder in recorders}) == 20
        assert len(folders()) == 1
        if os.name == "posix":
            assert psutil.Process().num_fds() <= before + 1
    assert folders() == []


def test_a_folder_goes_even_if_a_worker_opens_a_lane_while_it_is_removed(monkeypatch):
    recorder = Recorder()
    late = Path(recorder.folder, "late.lane")
    Path(recorder.folder, "early.lane").touch()

    def unlink_and_open_a_lane(path):
        os.unlink(path)
        if path.endswith("early.lane"):
            late.touch()

    monkeypatch.setattr(folders_module, "unlink", unlink_and_open_a_lane)
    recorder.close()
    assert folders() == []


@pytest.mark.filterwarnings("ignore:unclosed running multiprocessing pool:ResourceWarning")
def test_pool_that_is_only_dropped_takes_its_folder_along():
    pool = WatchedPool(1)
    pool.map(tasks.square, [1])
    workers = [psutil.Process(worker.pid) for worker in pool._pool]
    del pool
    wait_for(lambda: gc.collect() is not None and not folders())
    wait_for(lambda: not any(worker.is_running() for worker in workers))


def test_forget():
    with WatchedPool(1) as pool:
        pool.map(tasks.square, range(3))
        sleep(0.1)  # so that the old time 0 is well before the new one
        forgotten = perf_counter()
        pool.forget()
        assert len(pool.timeline()) == 0
        results = pool.map(tasks.who_and_when, range(2))
        since = perf_counter() - forgotten
    timeline = pool.timeline()
    assert len(timeline) == 2
    origin(timeline, np.array([when for *_, when in results]))
    assert timeline.start[0] < since


def test_forget_while_tasks_run_or_wait_to_be_drawn(tmp_path):
    gate = tmp_path / "gate"

    def slow_iterable():
        tasks.wait_at(gate)
        yield 1

    with WatchedPool(1) as pool:
        first = pool.imap(tasks.square, slow_iterable())
        second = pool.imap(tasks.square, [2, 3])  # not drawn before the first is
        [_] = wait_at(gate)
        pool.forget()
        gate.touch()
        assert [*first, *second] == [1, 4, 9]
        assert len(pool.timeline()) == 0
        assert list(pool.imap(tasks.square, [4])) == [16]
    assert len(pool.timeline()) == 1
    assert pool.timeline().missing == ""


# -- what a program sees is the pool's own


def test_results_are_of_the_types_that_a_pool_returns():
    with WatchedPool(1) as pool:
        assert isinstance(pool.apply_async(tasks.square, (1,)), multiprocessing.pool.AsyncResult)
        result = pool.map_async(tasks.square, [1])
        assert isinstance(result, multiprocessing.pool.MapResult)
        assert repr(result).startswith("<multiprocessing.pool.MapResult object")
        for way in (pool.imap, pool.imap_unordered):
            assert type(way(tasks.square, [1])).__module__ == "multiprocessing.pool"
            assert type(way(tasks.square, [1], 2)) is type(_ for _ in ())


@pytest.mark.parametrize("way", [by_map, by_imap, by_imap_unordered, by_apply])
def test_no_frame_of_ours_stands_in_a_traceback(way):
    with WatchedPool(1) as pool, pytest.raises(tasks.Trouble) as caught:
        way(pool, tasks.fail_at_two, range(4))
    frames = [str(entry.path) for entry in caught.traceback] + [str(caught.value.__cause__)]
    assert not [frame for frame in frames if str(PACKAGE) in frame]


def test_nobody_keeps_an_exception_that_was_delivered():
    with WatchedPool(1) as pool:
        results = pool.imap(tasks.fail_at_two, [2])
        with pytest.raises(tasks.Trouble) as caught:
            next(results)
        error = weakref.ref(caught.value)
        del caught
        gc.collect()
        assert error() is None


def test_a_pool_that_nobody_holds_is_ended():
    pool = WatchedPool(1)
    pool.map(tasks.square, [1])
    worker = pool.processes[0]
    gone = weakref.ref(pool)
    del pool
    gc.collect()
    assert gone() is None
    wait_for(lambda: not worker.is_alive())


# -- short tasks of a chunk


def test_short_tasks_of_a_chunk_are_measured_in_blocks(context):
    with WatchedPool(1, context=context) as pool:
        assert pool.map(tasks.square, range(2000), 2000) == [n * n for n in range(2000)]
        timeline = pool.timeline()
        [lane] = [path for folder in folders() for path in folder.glob("*/*")]
        assert lane.stat().st_size <= FIRST_SEGMENT
    assert not timeline.spread[0]  # the first is measured alone
    assert timeline.spread.sum() > 1000
    assert timeline.missing == ""
    assert (timeline.start[1:] >= timeline.finish[:-1]).all()


def test_long_tasks_of_a_chunk_are_measured_one_by_one(context):
    with WatchedPool(1, context=context) as pool:
        pool.map(tasks.who_and_when, range(20), 20)
    assert not pool.timeline().spread.any()


# -- threads


@pytest.mark.parametrize("way", WAYS)
def test_each_way_of_a_thread_pool_records_each_task(way):
    with WatchedThreadPool(2) as pool:
        results = way(pool, tasks.who_and_when, range(10))
        timeline = pool.timeline()
    results.sort()
    origin(timeline, np.array([result[2] for result, *_ in results]))
    assert 1 <= timeline.workers <= 2
    assert (timeline.lag >= 0).all()
    assert timeline.missing == ""


def test_a_thread_pool_that_is_terminated_while_tasks_run_leaves_their_results_alone():
    started, go_on = threading.Event(), threading.Event()

    def task(number):
        started.set()
        assert go_on.wait(30)
        return number

    pool = WatchedThreadPool(1)
    pool.map_async(task, range(4), chunksize=4)
    assert started.wait(30)
    threads = list(pool._pool)
    pool.terminate()
    go_on.set()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert pool.timeline().missing == "3 tasks never started; 1 task started and did not finish"
    assert folders() == []


# -- what we use of the standard library that it does not document


@pytest.mark.parametrize("chunksize", [1, 2])
@pytest.mark.parametrize("method", ["imap", "imap_unordered"])
def test_end_ends_workers_and_a_loop_over_their_results(method, chunksize):
    came, ended = threading.Event(), threading.Event()
    pool = WatchedPool(2)
    results = getattr(pool, method)(nap, [0, 0, 0, 0, 60, 60, 60, 60], chunksize)

    def loop():
        for _ in results:
            came.set()
        ended.set()

    threading.Thread(target=loop, daemon=True).start()
    assert came.wait(30)
    end_pool(pool)
    assert ended.wait(10)
    end_pool(pool)  # again: harmless
    assert not any(process.is_alive() for process in pool.processes)


def test_a_pool_whose_callback_failed_can_be_ended():
    pool = WatchedPool(1)
    pool.apply_async(nap, (0,), callback=lambda _: 1 / 0)
    with mock.patch("threading.excepthook"):  # which would print the error
        pool._result_handler.join(30)
    pool.map_async(nap, [60])
    end_pool(pool)
    assert not any(process.is_alive() for process in pool.processes)


LOCKS = {
    "of tasks": lambda pool: pool._inqueue.queue._rlock,
    "of results": lambda pool: pool._outqueue.queue._wlock,
}


@pytest.mark.parametrize("lock", LOCKS)
def test_end_does_not_wait_for_a_lock_that_a_killed_worker_held(context, lock):
    if os.name == "nt" and lock == "of results":
        pytest.skip("Windows needs no lock for writers")
    pool = WatchedPool(2, context=context)
    pool.map_async(nap, [60] * 4, 1)
    wait_for(lambda: np.isfinite(pool.timeline().start).sum() == 2)
    left = LOCKS[lock](pool)
    assert left.acquire(timeout=30)  # as one that is killed now
    ending = threading.Thread(target=partial(end_pool, pool), daemon=True)
    ending.start()
    ending.join(30)
    ended = not ending.is_alive()
    if not ended:
        left.release()
        ending.join()
    assert ended
    assert not any(process.is_alive() for process in pool.processes)


def test_private_names_of_pools_are_where_we_look_for_them():
    module = vars(multiprocessing.pool)
    for kind in (multiprocessing.pool.Pool, multiprocessing.pool.ThreadPool):
        with kind(1) as pool:
            results = pool.imap(abs, []), pool.map_async(abs, [])
            queue = dir(multiprocessing.SimpleQueue()) + dir(multiprocessing.Process())
            names = {*module, *dir(pool), *queue, *(name for each in results for name in dir(each))}
            moved = [name for name in PRIVATE if name not in names]
            assert type(pool._cache) is multiprocessing.pool._PoolCache
        assert not moved, f"{kind.__name__} of Python {sys.version_info[:3]} has no {moved}"


def test_private_names_of_executors_are_where_we_look_for_them():
    process = concurrent.futures.process
    with ProcessPoolExecutor(1) as processes, ThreadPoolExecutor(1) as threads:
        modules = vars(process), vars(concurrent.futures._base)
        names = {*modules[0], *modules[1], *dir(processes), *dir(threads)}
        names |= {*dir(Future())}
    moved = [name for name in executors.PRIVATE if name not in names]
    assert not moved, f"concurrent.futures of Python {sys.version_info[:3]} has no {moved}"


# -- what is imported where


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_worker_imports_nothing_heavy(method):
    with WatchedPool(1, context=get_context(method)) as pool:
        [modules] = pool.map(tasks.imported, [0])
    assert "watchedpool.recording.lanes" in modules
    assert HEAVY.isdisjoint(modules)


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_worker_of_a_script_imports_nothing_heavy(method, tmp_path):
    get_context(method)
    program = tmp_path / "program.py"
    program.write_text(
        "import multiprocessing, sys, tasks\n"
        "from watchedpool import WatchedPool\n"
        "if __name__ == '__main__':\n"
        "    with WatchedPool(1, context=multiprocessing.get_context(sys.argv[1])) as pool:\n"
        "        print(*pool.map(tasks.imported, [0])[0])\n"
    )
    modules = subprocess.run(
        [sys.executable, program, method],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)])},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert "watchedpool.recording.pool" in modules  # the worker has run the script's imports
    assert HEAVY.isdisjoint(modules)


# -- Recorder, for other executors


@pytest.mark.parametrize("kind", ["threads", *METHODS])
def test_executor(kind):
    if kind == "threads":
        executor = ThreadPoolExecutor(2)
    elif kind in multiprocessing.get_all_start_methods():
        executor = ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(kind))
    else:
        pytest.skip(f"no {kind} here")
    with Recorder() as recorder, executor:
        futures = [executor.submit(recorder.track(tasks.who_and_when), i) for i in range(6)]
        rows = {future: row for row, future in enumerate(futures)}
        for future in as_completed(futures):
            recorder.mark_delivered(rows[future])
        timeline = recorder.timeline()
    assert [future.result()[0] for future in futures] == list(range(6))
    origin(timeline, np.array([future.result()[2] for future in futures]))
    assert (timeline.lag > 0).all()
    assert 1 <= timeline.workers <= 2
    assert timeline.missing == ""


def test_watched_callable_behaves_as_the_function():
    with Recorder() as recorder:
        assert recorder.track(tasks.sum_of)(1, b=2, c=3) == 6
        with pytest.raises(tasks.Trouble) as caught:
            recorder.track(tasks.fail_at_two)(2)
        assert vars(caught.value) == {}
    assert recorder.timeline().missing == ""


def test_each_run_of_one_watched_callable_is_a_row():
    with Recorder() as recorder:
        first, second = recorder.track(tasks.who_and_when), recorder.track(tasks.who_and_when)
        late, early = second(), [first() for _ in range(3)]
        timeline = recorder.timeline()
    assert len(timeline) == 4
    origin(timeline, np.array([when for *_, when in [*early, late]]))


def test_show_of_a_task_that_is_not_there():
    with Recorder() as recorder:
        recorder.track(len)
        with pytest.raises(ValueError, match="task is 1; allowed are 0 to 0"):
            recorder.mark_delivered(1)
        with pytest.raises(ValueError, match="task is -1"):
            recorder.mark_delivered(-1)


def test_closed_recorder():
    recorder = Recorder()
    recorder.track(tasks.square)(1)
    recorder.close()
    recorder.close()
    assert recorder.timeline().missing == ""
    with pytest.raises(ValueError, match="closed"):
        recorder.track(tasks.square)


def test_recorder_that_watched_nothing_makes_no_folder():
    with Recorder() as recorder:
        assert folders() == []
        assert len(recorder.timeline()) == 0


# -- what can go wrong with files never breaks the work


@pytest.fixture
def recorded():
    """Yield a Recorder with three tasks, whose worker has ended, and its lane."""
    with Recorder() as recorder:
        with ProcessPoolExecutor(1) as executor:
            for number in range(3):
                executor.submit(recorder.track(tasks.square), number).result()
        [folder] = folders()
        [lane] = folder.glob("*/*")
        yield recorder, lane


def test_lane_cut_short(recorded):
    recorder, lane = recorded
    whole = recorder.timeline()
    os.truncate(lane, len(HEAD) + 3 * RECORD - 1)
    cut = recorder.timeline()
    assert cut.start[:2].tolist() == whole.start[:2].tolist()
    assert cut.missing == "1 task never started"
    os.truncate(lane, 5)
    assert recorder.timeline().missing == "3 tasks never started"


def test_foreign_files_in_the_folder(recorded):
    recorder, lane = recorded
    whole = recorder.timeline()
    (lane.parent / "notes.txt").write_text("hello")
    (lane.parent / "0.lane").write_bytes(os.urandom(1000))
    (lane.parent / "1.lane").mkdir()
    (lane.parent / "2.lane").touch()
    assert recorder.timeline().describe() == whole.describe()


_pack = Struct("=4i6d").pack


def record(number, start, finish, count=1):
    """Return a record of `count` tasks from the one that is row `number - 1`; 0 is no task."""
    return _pack(bool(number), 0, max(number - 1, 0), count, start, finish, 0, 0, 0, 0)


def read(lane, tasks):
    """Return the timeline of a lane's records, of one call with so many tasks, from 10.0 on."""
    recorder = Recorder()
    recorder.lanes = lambda: [HEAD + lane]
    if tasks:
        recorder.messages.submit("map", tasks, number=0)
        recorder.messages.calls[SUBMITTED] = 10.0
    return recorder.timeline()


def test_half_written_record_is_passed_over():
    lane = record(1, 10.0, 11.0) + record(0, 11.5, 0.0) + record(3, 12.0, 0.0)
    timeline = read(lane + b"\4\0\0", 4)
    assert timeline.missing == "2 tasks never started; 1 task started and did not finish"
    assert timeline.finish[0] == 1


def test_tasks_of_a_block_share_its_time_evenly():
    lane = record(1, 10.0, 11.0) + record(2, 11.0, 14.0, count=3)
    timeline = read(lane, 4)
    assert timeline.start.tolist() == [0, 1, 2, 3]
    assert timeline.finish.tolist() == [1, 2, 3, 4]


def test_of_a_block_that_did_not_end_only_the_first_task_is_known_to_have_started():
    timeline = read(record(1, 10.0, 0.0, count=3), 3)
    assert timeline.missing == "2 tasks never started; 1 task started and did not finish"


def test_record_of_a_task_that_was_drawn_after_the_count_is_passed_over():
    lane = record(1, 10.0, 11.0) + record(2, 11.0, 12.0)
    for size in (0, 1, 2):
        timeline = read(lane, size)
        assert timeline.finish.tolist() == [1.0, 2.0][:size]


@pytest.mark.skipif(os.name == "nt", reason="Windows removes no folder with an open file in it")
def test_folder_that_vanishes_in_the_middle_of_a_run(context, tmp_path):
    gate = tmp_path / "gate"
    with WatchedPool(1, context=context, maxtasksperchild=2) as pool:
        results = pool.imap(tasks.wait_at, [gate] * 6)
        wait_at(gate)
        [folder] = folders()
        shutil.rmtree(folder)
        gate.touch()
        assert len(list(results)) == 6
        assert pool.timeline().missing == "6 tasks delivered, but left no record"
        # With a chunksize: Pool divides by the number of its workers to find one, and has none for
        # the moment in which its only worker is replaced (ZeroDivisionError, CPython 3.11 to 3.15).
        assert pool.map(tasks.square, [3], 1) == [9]
    assert pool.timeline().missing == "7 tasks delivered, but left no record"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit of file sizes")
@pytest.mark.parametrize(("size", "kept"), [(FIRST_SEGMENT, ROOM), (1000, 0), (0, 0)])
def test_disk_that_gets_full_in_a_worker(context, size, kept):
    count = ROOM + 100
    with WatchedPool(1, tasks.may_write, (size,), context=context) as pool:
        assert pool.map(tasks.square, range(count), 1) == [n * n for n in range(count)]
        timeline = pool.timeline()
    assert timeline.missing == f"{count - kept} tasks delivered, but left no record"
    assert (np.diff(timeline.start[:kept]) > 0).all()


@pytest.fixture
def small_disk(tmp_path, monkeypatch):
    """Make the temporary folder a disk with room for one lane."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={FIRST_SEGMENT}", "small", tmp_path]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("making a small disk needs root, on Linux")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def test_disk_that_is_full(small_disk):
    with WatchedPool(1, maxtasksperchild=1) as pool:  # a worker a task, so a lane a task
        assert pool.map(tasks.square, range(3), 1) == [0, 1, 4]
        timeline = pool.timeline()
    assert np.isnan(timeline.start).tolist() == [False, True, True]
    assert timeline.missing == "2 tasks delivered, but left no record"
    assert list(small_disk.iterdir()) == []


def test_no_folder_can_be_made(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere/at/all")
    with WatchedPool(1) as pool:
        assert pool.map(tasks.square, range(3)) == [0, 1, 4]
    assert pool.timeline().missing == "3 tasks delivered, but left no record"


# -- the bar on the screen


def test_bar_that_draws_each_step_shows_what_the_loop_gets():
    screen = io.StringIO()
    with WatchedPool(2) as pool:
        bar = WatchedBar(pool.imap(tasks.square, range(8)), total=8, mininterval=0, file=screen)
        assert list(bar) == [n * n for n in range(8)]
    got, drawn = pool.timeline().delivered, pool.timeline(bar).delivered
    assert "8/8" in screen.getvalue()
    assert (drawn[:-1] >= got[:-1]).all()
    assert (drawn[:-1] <= got[1:]).all()  # each before the loop asks for the next
    assert drawn[-1] >= got[-1]


def test_bar_that_is_drawn_at_its_end_shows_all_at_once():
    with WatchedPool(2) as pool:
        results = pool.imap_unordered(tasks.square, range(8))
        bar = WatchedBar(results, total=8, mininterval=1000, file=io.StringIO())
        before = None
        for count, _ in enumerate(bar, 1):
            if count == 7:
                before = pool.timeline(bar).delivered
    assert np.isnan(before).all()
    drawn = pool.timeline(bar).delivered
    assert len(set(drawn)) == 1
    assert drawn[0] >= pool.timeline().delivered.max()


def test_bar_keeps_the_other_columns():
    with WatchedPool(1) as pool:
        bar = WatchedBar(pool.imap(tasks.square, range(3)), total=3, file=io.StringIO())
        list(bar)
    plain, on_screen = pool.timeline(), pool.timeline(bar)
    for column in ("worker", "start", "finish"):
        assert getattr(plain, column).tolist() == getattr(on_screen, column).tolist()


def test_a_recorder_closed_under_a_running_thread_leaves_its_result_alone():
    started, go_on = threading.Event(), threading.Event()

    def task():
        started.set()
        assert go_on.wait(30)
        return 42

    with ThreadPoolExecutor(1) as executor, Recorder() as recorder:
        future = executor.submit(recorder.track(task))
        assert started.wait(30)
        recorder.close()
        go_on.set()
        assert future.result(30) == 42
    assert recorder.timeline().missing == "1 task started and did not finish"
