"""Lesson 09: `demonstrate` leaves nothing behind, the exercises grade correctly, the claims hold.

A wrong survive ends with the first error, catches one kind of error only, uses chunks, no pool, or
one task at a time; a right one catches errors in the task, continues after an error, uses
apply_async or callbacks, or takes results as they come. A wrong rescue does not rescue, works in
its own process, or runs completed tasks again; a right one uses executors, time limits for
apply_async or next, or a new pool for each task. The mystery runs are in a different order each
time. A wrong script may fail under one start method only, or print what no pool returned.
"""

import math
import multiprocessing
import os
import re
import signal
import sys
import threading
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from multiprocessing import Pool
from unittest.mock import Mock

import numpy as np
import psutil
import pytest
from cells import run_cells
from grading import Answer, name_of, one_of_each, verdict_of, wrong_verdict

from helpers.commands.demonstration import Demonstration, demonstrate, under_each_method
from helpers.exercises import lesson_09
from helpers.exercises.lesson_09 import ITEMS, PRINTED, UNSAFE, Copy, Rescued, Survived
from helpers.exercises.limits import Call
from helpers.exercises.wording import NOT_TRIED
from helpers.workers import die_once, nap, nap_or_die, result_or_error, with_number
from watchedpool import Timeline, predict

posix = pytest.mark.skipif(os.name != "posix", reason="signals and sessions")
each_method = pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())

POOL = """
import gc, os, signal, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import Pool, active_children
from helpers.workers import nap, nap_and_square, nap_or_die

if __name__ == "__main__":
    pool = Pool(2)
    pool.map(nap, [0.05] * 4)
"""


# -- demonstrate


@each_method
def test_demonstrate_records_the_pool_of_a_program(method):
    done = demonstrate(POOL + "    print(pool.map(nap, [0.1, 0.2]))", method=method)
    assert (done.ending, done.output, done.left) == ("ended", "[0.1, 0.2]\n", 0)
    assert len(done.timeline) == 6
    assert not done.timeline.missing


@each_method
def test_demonstrate_ends_a_program_that_hangs_and_records_the_lost_task(method):
    before = set(psutil.Process().children(recursive=True))
    naps = "[0.1, 0.1, -0.1, 0.1, 0.1, 0.1]"
    done = demonstrate(POOL + f"    pool.map(nap_or_die, {naps}, chunksize=1)", method=method)
    assert done.ending == "hangs"
    assert np.flatnonzero(np.isnan(done.timeline.finish)).tolist() == [6]  # 4 naps came before
    assert set(psutil.Process().children(recursive=True)) <= before


@pytest.mark.parametrize(
    ("source", "ending"),
    [
        ("print(__name__)", "ended"),
        ("1 / 0", "failed"),
        pytest.param("import os, signal; os.kill(os.getpid(), 9)", "killed", marks=posix),
        ("print('once', flush=True); import time; time.sleep(60)", "hangs"),
        ("while True: raise SystemExit(0)", "ended"),
    ],
)
def test_demonstrate_reports_how_a_program_without_a_pool_ends(source, ending):
    done = demonstrate(source)
    assert done.ending == ending
    assert len(done.timeline) == 0
    assert "ZeroDivisionError" in done.errors or ending != "failed"


def test_demonstrate_ends_a_program_that_prints_endless_tracebacks():
    unguarded = "from multiprocessing import Pool\nwith Pool(1) as pool: pool.map(abs, [1])"
    done = demonstrate(unguarded, method="spawn")
    assert done.ending == "hangs"
    assert "__main__" in done.errors


def test_a_silent_program_that_computes_is_not_taken_for_hanging():
    computing = "import time\nprint(1, flush=True)\nwhile time.process_time() < 1.5: pass"
    assert demonstrate(computing).ending == "ended"


def test_a_demonstrated_cell_has_no_file_and_a_script_has_one():
    source = "print('__file__' in globals())"
    assert demonstrate(source).output == "True\n"
    assert demonstrate(source, cell=True).output == "False\n"


def test_demonstrate_refuses_an_unknown_start_method():
    with pytest.raises(ValueError, match="method is 'teleport'; allowed are"):
        demonstrate("pass", method="teleport")


@posix
def test_an_interrupt_ends_the_demonstrated_program():
    before = set(psutil.Process().children(recursive=True))
    threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        demonstrate(POOL + "    pool.map(nap, [60] * 4)")
    assert set(psutil.Process().children(recursive=True)) <= before


# -- claims of the prose that no cell shows


@posix
@pytest.mark.parametrize(("seconds", "some_left"), [(3, True), (0.2, False)])
def test_workers_of_a_killed_program_finish_their_task_and_end(seconds, some_left):
    run = f"    pool.map_async(nap, [{seconds}] * 2, chunksize=1)\n    time.sleep(0.1)\n"
    done = demonstrate(POOL + run + "    os.kill(os.getpid(), signal.SIGKILL)")
    assert done.ending == "killed"
    assert (done.left > 0) == some_left


@posix
def test_an_interrupted_pool_runs_old_tasks_before_new_ones():
    # One worker: of two, the second may print its last old task after the first one's new one.
    done = demonstrate(
        POOL.replace("Pool(2)", "Pool(1)")
        + "    try:\n        pool.map(nap_and_square, [9, 5, 9], chunksize=1)\n"
        + "    except KeyboardInterrupt:\n        print(pool.apply_async(nap, [0.1]).get(20))",
        stop=True,
    )
    assert done.output.splitlines()[-2:] == ["9 squared is 81", "0.1"]


@posix
def test_an_interrupt_ends_only_the_running_tasks_of_an_executor():
    source = POOL.replace("pool = Pool(2)\n    pool.map(nap, [0.05] * 4)", "pass") + (
        "    executor = ProcessPoolExecutor(2)\n"
        "    futures = [executor.submit(nap_and_square, a) for a in [9, 9, 7, 7, 9, 9]]\n"
        "    try:\n        futures[-1].result()\n"
        "    except KeyboardInterrupt:\n        pass\n"
        "    executor.shutdown()\n"
        "    print('hit', sum(future.exception() is not None for future in futures))"
    )
    assert demonstrate(source, stop=True).output.splitlines()[-1] in ("hit 1", "hit 2")


@posix
def test_one_idle_worker_reads_the_queue_and_the_other_waits_for_its_lock():
    source = (
        "import faulthandler, os, signal, time\n"
        "from multiprocessing import Pool, active_children\n"
        "with Pool(2, faulthandler.register, [signal.SIGUSR1]) as pool:\n"
        "    pool.starmap(time.sleep, [(0.3,)] * 2, chunksize=1)\n"
        "    for child in active_children():\n"
        "        time.sleep(0.3)\n"
        "        os.kill(child.pid, signal.SIGUSR1)\n"
        "    time.sleep(0.3)\n"
    )
    stacks = demonstrate(source, cell=True).errors.split("most recent call first")[1:]
    tops = [re.findall(r" in (\w+)", stack) for stack in stacks]
    assert len(tops) == 2
    assert all("get" in top for top in tops)
    assert sorted("recv_bytes" in top for top in tops) == [False, True]
    assert sorted("__enter__" in top for top in tops) == [False, True]


def test_a_pool_without_a_reference_is_ended_by_the_garbage_collector():
    source = (
        "import gc, multiprocessing as m, time\nfrom multiprocessing.pool import Pool\n"
        "if __name__ == '__main__':\n"
        "    Plain = next(c for c in Pool.__mro__ if c.__module__ == 'multiprocessing.pool')\n"
        "    pool = Plain(2, context=m.get_context())\n"
        "    print(len(m.active_children()))\n"
        "    del pool\n    gc.collect()\n    end = time.monotonic() + 20\n"
        "    while m.active_children() and time.monotonic() < end: time.sleep(0.02)\n"
        "    print(len(m.active_children()))"
    )
    assert demonstrate(source).output == "2\n0\n"


@pytest.mark.skipif(sys.version_info < (3, 14), reason="terminate_workers came with 3.14")
@pytest.mark.parametrize("name", ["terminate_workers", "kill_workers"])
def test_terminate_workers_and_kill_workers_end_an_executor(name):
    executor = ProcessPoolExecutor(2)
    future = executor.submit(nap, 60)
    getattr(executor, name)()
    assert isinstance(future.exception(timeout=20), BrokenExecutor)


def test_sys_exit_in_a_task_hangs_a_pool_even_inside_result_or_error():
    source = POOL + (
        "    from functools import partial\n    import sys\n"
        "    from helpers.workers import result_or_error\n"
        "    pool.map(partial(result_or_error, sys.exit), ['wrong argument'])"
    )
    assert demonstrate(source).ending == "hangs"


def test_join_waits_for_a_task_that_was_lost():
    source = POOL + (
        "    results = pool.imap_unordered(nap_or_die, [-0.1, 0.1])\n    print(next(results))\n"
        "    pool.close()\n    pool.join()"
    )
    assert demonstrate(source).ending == "hangs"


class Unbuildable(Exception):
    """Cannot be rebuilt from what is pickled, be it raised or returned."""

    def __init__(self, row, reason):
        super().__init__(f"{row} {reason}")


def raise_unbuildable():
    raise Unbuildable(7, "empty")


def fail_at_start():
    raise ValueError


@pytest.mark.parametrize(
    ("initializer", "function"),
    [(None, raise_unbuildable), (None, partial(Unbuildable, 7, "empty")), (fail_at_start, int)],
    ids=["exception", "result", "initializer"],
)
def test_an_executor_breaks_for_other_reasons_than_a_killed_worker(initializer, function):
    with ProcessPoolExecutor(1, initializer=initializer) as executor:
        assert isinstance(executor.submit(function).exception(), BrokenProcessPool)


def test_the_timeout_error_of_multiprocessing_is_not_the_builtin_one():
    assert not issubclass(multiprocessing.TimeoutError, TimeoutError)


# -- claims of the prose beside cells whose output is a measurement


@posix
@pytest.mark.measures
def test_killed_and_stopped_workers_look_as_the_lesson_says():
    """Lesson 09: cell-33, cell-35, cell-61, free-count, cell-111, cell-117, cell-123.

    A new lane, a lock in every lane, which bar freezes, who is left after Stop (a pool, an
    executor), and orphans.
    """
    programs = "cell-29", "cell-59", "cell-65", "cell-67", "cell-121"
    names = run_cells("09", *programs, "cell-101", "cell-109", "cell-115")
    alone = (names[name] for name in ("killed", "locked", "frozen_bar", "free_bar", "orphans"))
    stopped = (names["head"] + "\n" + names[name] for name in ("bare", "unfinished"))
    with ThreadPoolExecutor(3) as threads:
        stopped_runs = threads.map(partial(demonstrate, stop=True), stopped)
        killed, locked, frozen, free, orphans = threads.map(demonstrate, alone)
    assert (killed.timeline.without_end, killed.timeline.workers) == ([2], 3)
    assert (len(locked.timeline.without_end), locked.timeline.workers) == (3, 3)
    assert [run.ending for run in (killed, locked, frozen, free)] == ["hangs"] * 4
    assert [int(sum(run.timeline.finish > 0)) for run in (killed, frozen, free)] == [7, 5, 5]
    assert sum(frozen.timeline.delivered > 0) < 5 == sum(free.timeline.delivered > 0)
    assert (orphans.ending, orphans.left >= 2) == ("killed", True)
    for run in stopped_runs:
        left = re.findall(r"\d workers are left", run.output)
        assert left == ["2 workers are left", "0 workers are left"]


def test_a_failed_task_does_not_stop_the_others():
    """Lesson 09, cell-11."""
    names = run_cells("09", "cell-03", "cell-09")
    assert not names["by_map"].missing
    assert (names["by_map"].delivered > 0).tolist() == [number == 2 for number in range(6)]


@pytest.mark.measures
def test_an_executor_ends_the_other_worker_too():
    """Lesson 09, broken-picture: tasks 2 and 3 have no end, and the last two never start."""
    names = run_cells("09", "cell-03") | {"broken_guess": Mock()}
    run = run_cells("09", "cell-43", **names)["recorder"].timeline()
    assert run.without_end == [2, 3]
    assert np.flatnonzero(np.isnan(run.start)).tolist() == [4, 5]


def test_a_function_from_a_cell_is_not_found_by_a_spawned_worker():
    """Lesson 09, from-a-cell-run."""
    names = run_cells("09", "cell-03", "cell-71", "from-a-cell-run")
    message = names["done"].errors.splitlines()[-1]
    assert names["done"].ending == "hangs"
    if sys.version_info < (3, 14):
        assert "Can't get attribute 'double'" in message
    else:
        assert "module '__main__' has no attribute 'double'" in message


LOADED_BY_SERVER = sys.version_info >= (3, 14, 1) or (3, 13, 8) <= sys.version_info < (3, 14)


@pytest.mark.parametrize(
    ("program", "spawn", "forkserver"),
    [
        ("change_in_main", "default changed default tau", "default default default tau"),
        ("change_in_workers", *["changed changed changed changed"] * 2),
    ],
)
def test_a_fresh_worker_knows_what_the_lesson_says(program, spawn, forkserver):
    """Lesson 09, fresh-run and fresh-fixed."""
    names = run_cells("09", "knows", "change-in-main", "change-in-workers")
    wanted = {
        "fork": "changed changed changed changed main",
        "spawn": f"{spawn} worker",
        "forkserver": f"{forkserver} {'server' if LOADED_BY_SERVER else 'worker'}",
    }
    runs = under_each_method(names["knows"] + "\n" + names[program])
    for method, run in runs.items():
        assert run.output.strip() == wanted[method].replace("tau", str(math.tau)), method


@posix
def test_an_idle_worker_reads_the_pipe_of_the_pool():
    """Lesson 09, cell-131."""
    stack = run_cells("09", "cell-03", "cell-129", "cell-131")["stack"]
    assert "recv_bytes" in stack
    assert "nap" not in stack


@posix
def test_a_lock_that_is_copied_stays_locked():
    """Lesson 09, cell-137."""
    for method, run in under_each_method(run_cells("09", "cell-135")["forked"]).items():
        assert run.ending == ("hangs" if method == "fork" else "ended")
        assert run.timeline.without_end == ([0] if method == "fork" else [])


@pytest.mark.measures
def test_only_close_and_join_lose_no_task():
    """Lesson 09, cell-95 and cell-97: how many of six naps ended, by the pool's end."""
    names = run_cells("09", "cell-03") | {"plot_runs": dict, "show": dict, "with_guess": Mock()}
    names = run_cells("09", "cell-91", "cell-93", "cell-95", **names)
    ended = {name: int(sum(run.finish > 0)) for name, run in names["runs"].items()}
    assert ended["close, join"] == 6
    assert ended["terminate"] < 6
    assert ended["with"] < 6


@pytest.mark.measures
def test_a_worker_that_computes_uses_processor_time():
    """Lesson 09, cpu-grown: only the worker that crunches uses processor time."""
    names = run_cells("09", "cell-03", "cell-125", "cell-127")
    old, new = names["before"], names["after"]
    grown = sorted(b - a for a, b in zip(old, new, strict=True))
    assert grown[1] > 0.05
    assert grown[0] < grown[1] / 3


# -- exercise 1, right


def continues_after_errors(pool, function, items):
    results, good, bad = pool.imap(function, items), [], set()
    for number in range(len(items)):
        try:
            good.append(next(results))
        except Exception:
            bad.add(number)
    return [good, bad]


def by_apply_async(pool, function, items):
    jobs = [pool.apply_async(function, (item,)) for item in items]
    pool.close()
    pool.join()
    good = tuple(job.get() for job in jobs if job.successful())
    return good, tuple(number for number, job in enumerate(jobs) if not job.successful())


def by_callbacks(pool, function, items):
    bad, jobs = [], []
    for number, item in enumerate(items):
        add = partial(lambda number, _: bad.append(number), number)
        jobs.append(pool.apply_async(function, (item,), error_callback=add))
    for job in jobs:
        job.wait()
    return [job.get() for job in jobs if job.successful()], bad


def as_they_come(pool, function, items):
    numbered = partial(with_number, partial(result_or_error, function))
    found = dict(pool.imap_unordered(numbered, enumerate(items), chunksize=5))
    failed = np.array([isinstance(found[n], Exception) for n in range(len(items))])
    good = np.array([found[n] for n in np.flatnonzero(~failed)])
    return good, np.flatnonzero(failed)


def starts_with_numbers(pool, function, items):
    jobs = {
        n: pool.starmap_async(result_or_error, [(function, item)]) for n, item in enumerate(items)
    }
    found = {n: job.get()[0] for n, job in jobs.items()}
    bad = {n for n, result in found.items() if isinstance(result, BaseException)}
    return [found[n] for n in found if n not in bad], sorted(bad, reverse=True)


# -- exercise 1, wrong


def pool_for_show(pool, function, items):
    pool.map(partial(result_or_error, abs), items)
    found = [result_or_error(function, item) for item in items]
    bad = [n for n, result in enumerate(found) if isinstance(result, Exception)]
    return [result for result in found if isinstance(result, float)], bad


def all_twice(pool, function, items):
    try:
        return pool.map(function, items), []
    except Exception:
        return as_they_come(pool, function, items)


def catches_two_kinds(pool, function, items):
    results, good, bad = pool.imap(function, items), [], []
    for number in range(len(items)):
        try:
            good.append(next(results))
        except (ValueError, TypeError):
            bad.append(number)
    return good, bad


def in_threads_of_our_own(pool, function, items):
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(partial(result_or_error, function), items))
    bad = [n for n, result in enumerate(found) if isinstance(result, Exception)]
    return [result for result in found if isinstance(result, float)], bad


def numbers_from_one(pool, function, items):
    good, bad = lesson_09.survive(pool, function, items)
    return good, [number + 1 for number in bad]


def errors_among_the_good(pool, function, items):
    found = pool.map(partial(result_or_error, function), items)
    return found, [n for n, result in enumerate(found) if isinstance(result, Exception)]


def one_error_ends_it(pool, function, items):
    return pool.map(function, items), []


def catches_one_kind(pool, function, items):
    results, good, bad = pool.imap(function, items), [], []
    for number in range(len(items)):
        try:
            good.append(next(results))
        except ValueError:
            bad.append(number)
    return good, bad


def stops_at_the_error(pool, function, items):
    good = []
    try:
        good.extend(pool.imap(function, items))
    except Exception:
        return good, [len(good)]


def in_chunks(pool, function, items):
    results, good, bad = pool.imap(function, items, chunksize=10), [], []
    for number in range(len(items)):
        try:
            good.append(next(results))
        except Exception:
            bad.append(number)
    return good, bad


def names_none(pool, function, items):
    return pool.map(partial(result_or_error, function), items), []


def without_a_pool(pool, function, items):
    found = [result_or_error(function, item) for item in items]
    bad = [n for n, result in enumerate(found) if isinstance(result, Exception)]
    return [result for result in found if isinstance(result, float)], bad


def one_at_a_time(pool, function, items):
    good, bad = [], []
    for number, item in enumerate(items):
        try:
            good.append(pool.apply(function, (item,)))
        except Exception:
            bad.append(number)
    return good, bad


def returns_the_items(pool, function, items):
    found = pool.map(partial(result_or_error, function), items)
    kept = [(n, item) for n, item in enumerate(items) if isinstance(found[n], float)]
    bad = sorted(set(range(len(items))) - {n for n, _ in kept})
    return [item for _, item in kept], bad


def only_a_list(pool, function, items):
    return pool.map(partial(result_or_error, function), items)


# -- exercise 2, right


def apply_async_with_a_limit(function, items):
    with Pool(2) as pool:
        jobs = [pool.apply_async(function, [item]) for item in items]
        done = {}
        for number, job in enumerate(jobs):
            try:
                done[number] = job.get(timeout=3)
            except multiprocessing.TimeoutError:
                done[number] = pool.apply(function, [items[number]])
    return tuple(done.values())


def next_with_a_limit(function, items):
    done = {}
    while len(done) < len(items):
        rest = [(number, item) for number, item in enumerate(items) if number not in done]
        with Pool(2) as pool:
            results = pool.imap_unordered(partial(with_number, function), rest)
            try:
                while True:
                    done.update([results.next(timeout=3)])
            except (multiprocessing.TimeoutError, StopIteration):
                pass
    return [done[number] for number in range(len(items))]


def as_completed_again(function, items):
    done = {}
    while rest := [number for number in range(len(items)) if number not in done]:
        with ProcessPoolExecutor(max_workers=2) as executor:
            futures = {executor.submit(function, items[number]): number for number in rest}
            for future in as_completed(futures):
                try:
                    done[futures[future]] = future.result()
                except BrokenExecutor:
                    continue
    return np.array([done[number] for number in sorted(done)])


def a_pool_for_each_task(function, items):
    done = []
    for item in items:
        while True:
            try:
                with ProcessPoolExecutor(2) as executor:
                    done.append(executor.submit(function, item).result())
                break
            except BrokenExecutor:
                pass
    return done


def by_hand(function, items):
    done = {}
    with multiprocessing.Manager() as manager:
        kept = manager.dict()
        while rest := [n for n in range(len(items)) if n not in kept]:
            pair = [
                multiprocessing.Process(target=keep_in, args=(kept, n, function, items[n]))
                for n in rest[:2]
            ]
            for process in pair:
                process.start()
            for process in pair:
                process.join()
        done.update(kept)
    return [done[n] for n in sorted(done)]


def keep_in(kept, number, function, item):
    kept[number] = function(item)


def limit_of_a_second(function, items):
    done = {}
    while len(done) < len(items):
        with Pool(2) as pool:
            jobs = {
                n: pool.apply_async(function, (items[n],))
                for n in range(len(items))
                if n not in done
            }
            for n, job in jobs.items():
                with suppress(multiprocessing.TimeoutError):
                    done[n] = job.get(1)
    return [done[n] for n in range(len(items))]


# -- exercise 2, wrong


def twelve_workers(function, items):
    done = {}
    while rest := [n for n in range(len(items)) if n not in done]:
        with ProcessPoolExecutor(12) as executor:
            futures = {n: executor.submit(function, items[n]) for n in rest}
        done |= {n: future.result() for n, future in futures.items() if not future.exception()}
    return [done[n] for n in range(len(items))]


def one_worker(function, items):
    done = {}
    while rest := [n for n in range(len(items)) if n not in done]:
        with ProcessPoolExecutor(1) as executor:
            futures = {n: executor.submit(function, items[n]) for n in rest}
        done |= {n: future.result() for n, future in futures.items() if not future.exception()}
    return [done[n] for n in range(len(items))]


def without_the_lost(function, items):
    with ProcessPoolExecutor(2) as executor:
        futures = [executor.submit(function, item) for item in items]
    return [future.result() for future in futures if not future.exception()]


def waits_forever(function, items):
    with Pool(2) as pool:
        return pool.map(function, items, chunksize=1)


def no_rescue(function, items):
    with ProcessPoolExecutor(2) as executor:
        return list(executor.map(function, items))


def no_work(function, items):
    return items


def in_our_process(function, items):
    return list(map(function, items))


def in_threads(function, items):
    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(function, items))


def rest_in_our_process(function, items):
    with ProcessPoolExecutor(2) as executor:
        futures = [executor.submit(function, item) for item in items]
    pairs = zip(futures, items, strict=True)
    return [function(item) if done.exception() else done.result() for done, item in pairs]


def all_again(function, items):
    try:
        return no_rescue(function, items)
    except BrokenExecutor:
        return no_rescue(function, items)


def all_again_after_a_limit(function, items):
    with Pool(2) as pool:
        try:
            return pool.map_async(function, items, chunksize=1).get(timeout=3)
        except multiprocessing.TimeoutError:
            return pool.map(function, items)


def in_order_only(function, items):
    done = []
    while len(done) < len(items):
        try:
            with ProcessPoolExecutor(2) as executor:
                for result in executor.map(function, items[len(done) :]):
                    done.append(result)
        except BrokenExecutor:
            pass
    return done


SURVIVE, RESCUE = lesson_09.one_bad_in_a_hundred, lesson_09.save_what_is_done
ANSWERS = [
    Answer(SURVIVE, lesson_09.survive),
    Answer(SURVIVE, continues_after_errors),
    Answer(SURVIVE, by_apply_async),
    Answer(SURVIVE, by_callbacks),
    Answer(SURVIVE, as_they_come),
    Answer(SURVIVE, catches_one_kind, "catches_one_kind raised "),
    Answer(SURVIVE, one_error_ends_it, "one_error_ends_it raised "),
    Answer(SURVIVE, stops_at_the_error, "failed; you say ["),
    Answer(SURVIVE, in_chunks, "tasks never started: they were lost after an error."),
    Answer(SURVIVE, names_none, "failed; you say []"),
    Answer(SURVIVE, without_a_pool, "is missing"),
    Answer(SURVIVE, one_at_a_time, "one task at a time"),
    Answer(SURVIVE, returns_the_items, "the results should be"),
    Answer(SURVIVE, only_a_list, "survive should return a pair"),
    Answer(SURVIVE, starts_with_numbers),
    Answer(SURVIVE, pool_for_show, "no worker of your pool returned"),
    Answer(SURVIVE, all_twice, "never started: they were lost after an error."),
    Answer(SURVIVE, catches_two_kinds, "catches_two_kinds raised OverflowError"),
    Answer(SURVIVE, in_threads_of_our_own, "is missing"),
    Answer(SURVIVE, numbers_from_one, "failed; you say ["),
    Answer(SURVIVE, errors_among_the_good, "; you returned 100"),
    Answer(RESCUE, lesson_09.rescue),
    Answer(RESCUE, by_hand),
    Answer(RESCUE, limit_of_a_second),
    Answer(RESCUE, twelve_workers, "a pool of yours has 12 workers. Make pools of two workers."),
    Answer(RESCUE, one_worker, "Make pools of two workers"),
    Answer(RESCUE, without_the_lost, "results; you returned "),
    Answer(RESCUE, waits_forever, "had not returned after 7 s"),
    Answer(RESCUE, apply_async_with_a_limit),
    Answer(RESCUE, next_with_a_limit),
    Answer(RESCUE, as_completed_again),
    Answer(RESCUE, a_pool_for_each_task),
    Answer(RESCUE, all_again, "were done, and then done again"),
    Answer(RESCUE, all_again_after_a_limit, "were done, and then done again"),
    Answer(RESCUE, in_order_only, "were done, and then done again"),
    Answer(RESCUE, no_rescue, "no_rescue raised BrokenProcessPool"),
    Answer(RESCUE, no_work, "the results should be"),
    Answer(RESCUE, in_our_process, "that would have killed this notebook"),
    Answer(RESCUE, in_threads, "that would have killed this notebook"),
    Answer(RESCUE, rest_in_our_process, "your own process ran "),
]


@pytest.mark.parametrize("answer", one_of_each(ANSWERS), ids=name_of)
def test_a_real_answer_gets_the_expected_verdict(answer):
    assert not wrong_verdict(answer)


BAD = [3, 50]
SEVERAL = [number / 100 for number in range(ITEMS)]  # what the tasks are called with
CALLS = [
    Call(nap, (each,), ValueError() if number in BAD else each + 1)
    for number, each in enumerate(SEVERAL)
]
GOOD = [call.returned for number, call in enumerate(CALLS) if number not in BAD]


@pytest.mark.parametrize(
    ("answer", "workers", "message"),
    [
        ((GOOD, [3, 50]), 4, "✓ Right: Measured: 98 results kept, 2 bad tasks named"),
        ([tuple(GOOD), {50, 3}], 4, "✓ Right: "),
        ((np.array(GOOD), np.array([50, 3])), 4, "✓ Right: "),
        ((GOOD, iter((3, 50))), 4, "✓ Right: "),
        ((GOOD, [3, 50]), 1, "one task at a time"),
        ((GOOD, [4, 51]), 4, "the tasks [3, 50] failed; you say [4, 51]."),
        (([*GOOD, None, None], [3, 50]), 4, "there should be 98 results; you returned 100."),
        ((GOOD[::-1], [3, 50]), 4, "not in the order of the tasks"),
        (([0.5] * 98, [3, 50]), 4, "the results should be [1.0, 1.01,"),
        ((None, [3, 50]), 4, "survive, as the first of its pair, returned nothing"),
        ((GOOD, 3), 4, "The second is of type int."),
        ((GOOD, "ab"), 4, "The second is of type str."),
        ((GOOD, [3, None]), 4, "The second contains None."),
        (GOOD, 4, "survive should return a pair"),
        (None, 4, "Its result is nothing (None)."),
        ({1: 2, 3: 4}, 4, "Its result is of type dict."),
    ],
    ids=range(16),
)
def test_survive_is_graded_by_its_pair_and_its_timeline(answer, workers, message):
    run = Survived(answer, GOOD, BAD, SEVERAL, CALLS, predict([0.1] * ITEMS, workers))
    assert message in verdict_of(lesson_09.grade_survive, run)


@pytest.mark.parametrize(
    ("calls", "message"),
    [
        ([], "0.0 is missing"),
        (CALLS * 2, "some ran again"),
        (CALLS[:-1], "0.99 is missing"),
        ([call._replace(returned=None) for call in CALLS], "no worker of your pool returned"),
    ],
    ids=range(4),
)
def test_survive_must_give_the_pool_each_item_once(calls, message):
    run = Survived((GOOD, BAD), GOOD, BAD, SEVERAL, calls, predict([0.1] * ITEMS, 4))
    assert message in verdict_of(lesson_09.grade_survive, run)


def test_survive_must_not_lose_the_rest_of_a_chunk():
    run = predict([0.1] * ITEMS, 4)
    start, finish = np.array(run.start), np.array(run.finish)
    start[4:9] = finish[3:9] = np.nan
    timeline = Timeline(run.worker, start, finish)
    survived = Survived((GOOD, BAD), GOOD, BAD, SEVERAL, CALLS, timeline)
    assert "5 tasks never started" in verdict_of(lesson_09.grade_survive, survived)


WANTED = [0.5, 0.1, 0.7, 0.3]


@pytest.mark.parametrize(
    ("results", "done", "by_us", "message"),
    [
        (WANTED, WANTED, 0, "✓ Right: All 4 results"),
        (np.array(WANTED), [*WANTED, 0.1], 0, "✓ Right: "),  # it was done while the executor broke
        (WANTED, WANTED * 2, 0, "4 tasks were done, and then done again."),
        (WANTED, [*WANTED, 0.1, 0.5], 0, "2 tasks were done, and then done again."),
        (WANTED, WANTED, 2, "your own process ran 2 of the tasks."),
        (WANTED, [], 0, "no worker ran 4 of the 4 tasks to its end."),
        (sorted(WANTED), WANTED, 0, "not in the order of the tasks"),
        (WANTED[:3], WANTED, 0, "there should be 4 results; you returned 3."),
        (None, WANTED, 0, "rescue returned nothing (None)."),
    ],
    ids=range(9),
)
def test_rescue_is_graded_by_what_workers_returned(results, done, by_us, message):
    run = Rescued(results, WANTED, done, by_us, sizes=[2, 2])
    assert message in verdict_of(lesson_09.grade_rescue, run)


def test_the_pools_of_rescue_must_have_two_workers():
    run = Rescued(WANTED, WANTED, WANTED, 0, sizes=[2, 12])
    assert "a pool of yours has 12 workers" in verdict_of(lesson_09.grade_rescue, run)


def test_die_once_is_harmless_the_second_time(tmp_path):
    marker = tmp_path / "died"
    with pytest.raises(RuntimeError, match="would have killed this notebook"):
        die_once(str(marker), 0.1, nap, 0.1)
    marker.touch()
    assert die_once(str(marker), 0.1, nap, 0.1) == nap_or_die(0.1) == 0.1


def test_the_four_mystery_runs_differ_as_the_lesson_says(monkeypatch, capsys):
    monkeypatch.setattr(lesson_09.last_problems, "truth", None)
    assert "run the cell with the pictures first" in lesson_09.which_problem.verdict({"A": "lock"})
    runs, names = lesson_09.mystery_runs(), {}
    lesson_09.which_problem.solution()
    exec(capsys.readouterr().out, names)
    assert lesson_09.which_problem.verdict(names["diagnosis"]).startswith("✓ Right: ")
    found = {}
    for name, run in runs.items():
        found[names["diagnosis"][name]] = (len(run.without_end), run.workers)
        assert len(run) == 8
        assert not (run.finish < run.start).any()
    assert found == {"healthy": (0, 2), "killed": (1, 3), "lock": (3, 3), "terminated": (2, 2)}


TRUTH = {"A": "lock", "B": "terminated", "C": "healthy", "D": "killed"}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (TRUTH, "✓ Right: "),
        (dict(reversed(TRUTH.items())), "✓ Right: "),
        (dict.fromkeys("ABCD", "killed"), "look again at A, B, C:"),
        (dict.fromkeys("ABC", "killed"), "answer for each of these: A, B, C, D."),
        (dict.fromkeys("ABCD", "slow"), "A is 'slow'; allowed are healthy, killed"),
        (TRUTH | {"A": ["lock"]}, "A is ['lock']; allowed are"),
    ],
    ids=range(6),
)
def test_the_diagnosis_is_graded(answer, message):
    assert message in verdict_of(lesson_09.grade_diagnosis, answer, TRUTH)


# -- exercise 4


def test_safe_script_refuses_a_stub_and_an_empty_string():
    assert lesson_09.safe_script.verdict(...) == NOT_TRIED
    assert lesson_09.safe_script.verdict(" \n") == "✗ Not yet: script is empty."


def test_safe_script_accepts_its_solution(capsys):
    lesson_09.safe_script.solution()
    names = {}
    exec(capsys.readouterr().out, names)
    assert lesson_09.safe_script.verdict(names["script"]).startswith("✓ Right: The same under ")


def test_the_unsafe_script_works_under_fork_only():
    for method, run in under_each_method(UNSAFE).items():
        assert (run.ending == "ended") == (method == "fork")
        assert method != "fork" or run.output.strip() == PRINTED


SCALE = UNSAFE[: UNSAFE.index("factor = 3")].replace("factor = 2", "factor = 3")
GUARD = 'if __name__ == "__main__":\n    with Pool(2) as pool:\n        '
SCRIPTS = {  # what would be graded wrongly if the check only compared what is printed
    "pool for show": (
        f"{SCALE}{GUARD}pool.map(abs, range(8))\n    print([scale(x) for x in range(8)])",
        "the workers ran scale 0 times",
    ),
    "results not used": (
        f"{SCALE}{GUARD}pool.map(scale, range(8))\n    print([3 * x for x in range(8)])",
        "the script does not print the results of the pool",
    ),
    "no guard": (
        f"{SCALE}with Pool(2) as pool:\n    print(pool.map(scale, range(8)))",
        "Which lines may only your own process run?",
    ),
    "docstring and future": (
        f'"""Scale."""\nfrom __future__ import annotations\n{SCALE}{GUARD}'
        "print(pool.map(scale, range(8)))",
        "✓ Right: ",
    ),
    "two arguments": (
        SCALE.replace("scale(x)", "scale(factor, x)").replace("factor = 3\n", "")
        + f"{GUARD}print(pool.starmap(scale, [(3, x) for x in range(8)]))",
        "✓ Right: ",
    ),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_safe_script_is_graded_by_what_workers_ran(name):
    script, message = SCRIPTS[name]
    assert message in lesson_09.safe_script.verdict(script)


def test_safe_script_refuses_a_value_below_the_guard():
    lines = UNSAFE.replace("factor = 3\n", 'if __name__ == "__main__":\n    factor = 3\n')
    script = lines.replace("with Pool", "    with Pool").replace("    print", "        print")
    assert "it prints [0, 2, 4" in lesson_09.safe_script.verdict(script)


EIGHT = predict([0.1] * 8, 2)
COPY = Copy(
    Demonstration("ended", str([3 * x + 7 for x in range(9)]), "", predict([0.1] * 9, 2), 0),
    [[x] for x in "876543210"],
    7,
)


@pytest.mark.parametrize(
    ("ending", "output", "left", "timeline", "message"),
    [
        ("ended", PRINTED + "\n", 0, EIGHT, "✓ Right: The same under spawn"),
        ("hangs", "", 0, EIGHT, "under spawn the script hangs: no message"),
        ("ended", "[1]", 0, EIGHT, "it prints [1]."),
        ("ended", "", 0, EIGHT, "it prints nothing."),
        ("ended", PRINTED, 2, EIGHT, "it leaves 2 processes"),
        ("ended", PRINTED, 0, Timeline([], [], []), "its last Pool ran 0 tasks"),
    ],
    ids=range(6),
)
def test_a_script_is_graded_by_its_runs(ending, output, left, timeline, message):
    run = Demonstration(ending, output, "", timeline, left)
    assert message in verdict_of(lesson_09.grade_script, {"spawn": run}, COPY)


@pytest.mark.parametrize(
    ("copy", "message"),
    [
        (COPY, "✓ Right: "),
        (COPY._replace(scaled=[]), "the workers ran scale 0 times"),
        (COPY._replace(scaled=[["0"]] * 8), "the workers ran scale 8 times"),
        (COPY._replace(added=0), "the script does not print the results of the pool"),
        (COPY._replace(scaled=None), "✓ Right: "),
        (COPY._replace(scaled=[["3", x] for x in "012345678"]), "✓ Right: "),
    ],
    ids=range(6),
)
def test_the_script_must_print_what_its_workers_returned(copy, message):
    run = Demonstration("ended", PRINTED, "", EIGHT, 0)
    assert message in verdict_of(lesson_09.grade_script, {"spawn": run}, copy)


# -- the lines of exercise 5

PATIENT = [9, 3, 6, 1, 8, 4, 7, 0, 5]


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        (PATIENT, "✓ Right: All four results arrived"),
        ([3, 9, *PATIENT[2:]], "✓ Right: "),
        ([9, 3, 6, 8, 1, 4, 7, 0, 5], "✓ Right: "),
        ([9, 3, 6, 1, 8, 4, 2, 0, 5], "it prints an empty list"),
        ([9, 3, 6, 1, 8, 4, 7, 5, 0], "it prints an empty list"),
        ([9, 3, 6, 1, 8, 4, 7, 2, 5], "it prints an empty list"),
        ([9, 3, 6, 1, 8, 4, 0, 7, 5], "ValueError: Pool is still running"),
        ([9, 3, 6, 1, 8, 7, 4, 0, 5], "ValueError: Pool not running"),
        ([9, 3, 6, 8, 4, 1, 7, 0, 5], "NameError: name 'done' is not defined"),
        (PATIENT[:8], "there should be 9 numbers; you gave 8."),
    ],
    ids=range(10),
)
def test_waiting_program_runs_the_lines(numbers, message):
    assert message in lesson_09.waiting_program.verdict(numbers)
