"""Lesson 01: its exercises tell right from wrong, its claims hold."""

import importlib
import multiprocessing
import os
import pickle
import random
import subprocess
import sys
import time
import timeit
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from math import ceil
from pathlib import Path

import numpy as np
import pytest

from helpers import WatchedPool
from helpers.exercises import lesson_01
from helpers.exercises.checking import NOT_TRIED
from helpers.workers import draw, draw_seeded, nap

ROOT = Path(__file__).resolve().parents[2]
METHODS = multiprocessing.get_all_start_methods()
fork = pytest.mark.skipif("fork" not in METHODS, reason="no fork here")


def solve(exercise):
    """Return the answer that the exercise's own solution gives."""
    names = {"nap": nap, "draw_seeded": draw_seeded}
    exec(exercise.solution_text, names)
    return names[exercise.name]


def stub(pool, argument): ...


@pytest.mark.parametrize(
    ("name", "untouched"), [("collect_naps", stub), ("better_chunks", ...), ("same_draws", stub)]
)
def test_the_solution_is_right(name, untouched):
    exercise = getattr(lesson_01, name)
    assert exercise.verdict(solve(exercise)).startswith("Right!")
    assert exercise.verdict(untouched) == NOT_TRIED
    assert exercise.verdict("x").startswith(f"Not yet: {exercise.name} is of type str")


# -- exercise 1


def in_a_loop(pool, naps):
    return [nap(seconds) for seconds in naps]


def one_at_a_time(pool, naps):
    return [pool.apply(nap, [seconds]) for seconds in naps]


def in_one_chunk(pool, naps):
    return pool.map(nap, naps, chunksize=len(naps))


def as_they_come(pool, naps):
    return list(pool.imap_unordered(nap, naps))


def promised(pool, naps):
    return pool.map_async(nap, naps)


def forgotten(pool, naps):
    pool.map(nap, naps)


def lazy(pool, naps):
    return pool.imap(nap, naps)


def half(pool, naps):
    return pool.map(nap, naps[:4])


def halved(pool, naps):
    return pool.map(nap, [seconds / 2 for seconds in naps])


def in_a_lambda(pool, naps):
    return pool.map(lambda seconds: nap(seconds), naps)


@pytest.mark.parametrize(
    ("collect", "said"),
    [
        (in_a_loop, "the workers did not nap: you did, in a loop."),
        (one_at_a_time, "the naps came one after the other"),
        (in_one_chunk, "all tasks were in one chunk."),
        (as_they_come, "but not in the order of the naps."),
        (promised, "collect returned a promise of results"),
        (forgotten, "collect returned nothing (None). Is there a `return`?"),
        (lazy, "collect should return a list; it returned a _Results."),
        (half, "there should be 8 results; you returned 4."),
        (halved, "not what nap returned for each item."),
        (in_a_lambda, "in_a_lambda raised"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_collect_says_what_is_wrong(collect, said):
    assert said in lesson_01.collect_naps.verdict(collect)


def test_a_collect_that_never_returns_is_given_up(monkeypatch):
    limited = lesson_01.run_limited
    monkeypatch.setattr(lesson_01, "run_limited", lambda *args: limited(*args, seconds=0.5))

    def endless(pool, naps):
        while True:
            pass

    assert "had not returned after 0.5 s" in lesson_01.collect_naps.verdict(endless)


# -- exercise 2


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (4, "One worker has most of the four long naps."),
        (32, "measured: one worker ran everything."),
        (0, "0 is no chunk size. Use a whole number from 1 to 32."),
        (True, "True is no chunk size."),
        (2.0, "size is of type float, and should be an int."),
    ],
)
def test_better_chunks_says_what_is_wrong(size, said):
    assert said in lesson_01.better_chunks.verdict(size)


def test_one_task_a_chunk_is_right_too():
    assert lesson_01.better_chunks.verdict(1).startswith("Right!")


# -- exercise 3


def unseeded(pool, count):
    return pool.map(draw, [0.01] * count, chunksize=1)


def one_seed(pool, count):
    return pool.map(draw_seeded, [7] * count)


def here(pool, count):
    return [draw_seeded(seed) for seed in range(count)]


def in_words(pool, count):
    return [str(number) for number in pool.map(draw_seeded, range(count))]


def unreturned(pool, count):
    pool.map(draw_seeded, range(count))


@pytest.mark.parametrize(
    ("draws", "said"),
    [
        (one_seed, "those tasks began with the same seed."),
        (here, "were not drawn in the workers"),
        (in_words, "draws should return numbers"),
        (unreturned, "draws returned nothing (None)."),
    ],
    ids=["one seed", "here", "in words", "nothing"],
)
def test_same_draws_says_what_is_wrong(draws, said):
    assert said in lesson_01.same_draws.verdict(draws)


def test_same_draws_refuses_numbers_without_a_seed():
    said = lesson_01.same_draws.verdict(unseeded)
    assert "some numbers are the same" in said or "a second run drew other numbers" in said


# -- claims of the prose


@pytest.mark.parametrize(("tasks", "workers"), [(16, 2), (100, 5), (7, 3), (1000, 3), (2, 4)])
def test_default_chunks_are_four_for_each_worker(tasks, workers):
    with WatchedPool(workers) as pool:
        promise = pool.map_async(abs, range(tasks))
        assert promise._chunksize == ceil(tasks / (4 * workers))
        promise.get()


def test_abs_is_over_in_a_fraction_of_a_microsecond():
    assert min(timeit.repeat("abs(-5)", number=1000, repeat=5)) / 1000 < 1e-6


@pytest.mark.skipif(sys.platform != "linux", reason="Windows and macOS have spawn")
def test_the_default_start_method_on_linux():
    program = "import multiprocessing; print(multiprocessing.get_start_method())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == ("fork" if sys.version_info < (3, 14) else "forkserver")


def from_random(_):
    time.sleep(0.2)
    return random.random()


def from_numpy(_):
    time.sleep(0.2)
    return float(np.random.random())


def different(draw_one):
    np.random.random()  # in use before the fork
    with multiprocessing.get_context("fork").Pool(4) as pool:
        return len(set(pool.map(draw_one, range(4), chunksize=1)))


@fork
def test_forked_workers_repeat_numpy_but_not_random():
    assert different(from_numpy) < 4
    assert different(from_random) == 4


@pytest.mark.parametrize("method", METHODS)
def test_after_an_edit_only_fork_runs_the_old_code(method, tmp_path, monkeypatch):
    (tmp_path / "edited.py").write_text("def f(_):\n    return 'old'\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    importlib.invalidate_caches()
    try:
        module = importlib.import_module("edited")
        (tmp_path / "edited.py").write_text("def f(_):\n    return 'the new one'\n")
        with multiprocessing.get_context(method).Pool(1) as pool:
            ran = pool.map_async(module.f, [0]).get(timeout=60)
        assert ran == ["old" if method == "fork" else "the new one"]
        before = module.f
        importlib.reload(module)
        with pytest.raises(pickle.PicklingError, match="it's not the same object as"):
            pickle.dumps(before)
    finally:
        sys.modules.pop("edited", None)


def test_a_time_limit_of_multiprocessing_is_not_the_builtin_one():
    assert not issubclass(multiprocessing.TimeoutError, TimeoutError)


def test_a_killed_worker_is_missed_by_an_executor_and_not_by_a_pool():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(abs, [-1]) == 1
        with pytest.raises(multiprocessing.TimeoutError):
            pool.map_async(os._exit, [1]).get(timeout=1)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as executor, pytest.raises(BrokenProcessPool):
        list(executor.map(os._exit, [1]))
