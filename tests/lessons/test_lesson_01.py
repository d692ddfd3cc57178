"""Lesson 01: its exercises accept right answers and refuse wrong ones, and its claims hold.

A wrong answer to exercise 1 or 3 does no work, returns its input, works in the parent or in a pool
of its own, uses one chunk or one call at a time, or returns no list, half a list or the wrong
order; it uses no seed or the same seed everywhere, or ignores the count. A right answer uses any
method of the pool, may submit in a different order, may return a tuple or an array, and may end the
pool or change its arguments, which are copies.
"""

import dataclasses
import importlib
import multiprocessing
import os
import random
import re
import subprocess
import sys
import time
import timeit
from functools import partial
from math import ceil, sin
from multiprocessing.pool import ThreadPool
from pathlib import Path

import nbformat
import numpy as np
import pytest
from grading import Answer, name_of, one_of_each, verdict_of, wrong_verdict

from helpers.commands.demonstration import under_each_method
from helpers.exercises import lesson_01
from helpers.exercises.limits import Call
from helpers.exercises.wording import TOO_BUSY
from helpers.workers import draw, draw_seeded, nap, with_number
from watchedpool import Timeline, WatchedPool, predict

ROOT = Path(__file__).resolve().parents[2]
METHODS = multiprocessing.get_all_start_methods()
fork = pytest.mark.skipif("fork" not in METHODS, reason="no fork here")

# -- exercise 1, right


def by_map_async(pool, naps):
    return pool.map_async(nap, naps).get()


def by_imap(pool, naps):
    return tuple(pool.imap(func=nap, iterable=naps))


def by_apply_async(pool, naps):
    jobs = [pool.apply_async(nap, (seconds,)) for seconds in naps]
    return [job.get() for job in jobs]


def by_starmap(pool, naps):
    return np.array(pool.starmap(nap, [(seconds,) for seconds in naps]))


def reversed_twice(pool, naps):
    return pool.map(nap, naps[::-1])[::-1]


def numbered(pool, naps):
    pairs = pool.imap_unordered(partial(with_number, nap), enumerate(naps))
    return [result for _, result in sorted(pairs)]


def ends_the_pool(pool, naps):
    with pool:
        results = pool.map(nap, naps)
    naps.clear()
    return results


def reported(pool, naps):
    results = {}
    jobs = [
        pool.apply_async(nap, (seconds,), callback=partial(results.__setitem__, place))
        for place, seconds in enumerate(naps)
    ]
    for job in jobs:
        job.wait()
    pool.close()
    pool.join()
    return [results[place] for place in range(len(naps))]


def nap_each(naps):
    return [nap(seconds) for seconds in naps]


def chunked_by_hand(pool, naps):
    first, second = pool.map(nap_each, [naps[:4], naps[4:]])
    return first + second


# -- exercise 1, wrong


def slept(pool, naps):
    pool.map(time.sleep, naps)
    return naps


def napped_twice(pool, naps):
    pool.map(nap, naps)
    return pool.map(nap, naps)


def longest_only(pool, naps):
    pool.map(nap, [max(naps)] * len(naps))
    return naps


def one_by_one_in_order(pool, naps):
    return [pool.map(nap, [seconds])[0] for seconds in naps]


def in_a_loop(pool, naps):
    return [nap(seconds) for seconds in naps]


def the_input(pool, naps):
    return naps


def no_naps(pool, naps):
    pool.map(nap, [0] * len(naps))
    return naps


def own_pool(pool, naps):
    with multiprocessing.Pool(2) as own:
        return own.map(nap, naps)


def in_threads(pool, naps):
    with ThreadPool(2) as threads:
        return threads.map(nap, naps)


def one_at_a_time(pool, naps):
    return [pool.apply(nap, [seconds]) for seconds in naps]


def in_one_chunk(pool, naps):
    return pool.map(nap, naps, chunksize=len(naps))


def as_they_come(pool, naps):
    return list(pool.imap_unordered(nap, naps))


def async_result(pool, naps):
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


# -- exercise 3, right


def numpy_draw(seed):
    return np.random.default_rng(seed).random()


def by_numpy(pool, count):
    return pool.map(numpy_draw, range(count))


def by_generators(pool, count):
    return pool.map(random.Random.random, [random.Random(seed) for seed in range(count)])


def seeded_apply_async(pool, count):
    jobs = [pool.apply_async(draw_seeded, (10 * number,)) for number in range(count)]
    return [job.get() for job in jobs]


def seeded_pairs(pool, count):
    pairs = pool.imap_unordered(partial(with_number, draw_seeded), enumerate(range(7, 7 + count)))
    return [number for _, number in sorted(pairs)]


def as_they_are_drawn(pool, count):
    return list(pool.imap_unordered(draw_seeded, range(count)))


def many_draws(count):
    generator = random.Random(count)
    return [generator.random() for _ in range(count)]


def in_one_task(pool, count):
    return pool.apply(many_draws, [count])


def evaluated(pool, count):
    return pool.map(
        eval, [f"__import__('random').Random({seed}).random()" for seed in range(count)]
    )


# -- exercise 3, wrong


def unchanged(number):
    return number


def passed_on(pool, count):
    return pool.map(unchanged, [draw_seeded(seed) for seed in range(count)])


def as_floats(pool, count):
    return pool.map(float, [draw_seeded(seed) for seed in range(count)])


def shuffled_seeds(pool, count):
    seeds = pool.map(unchanged, range(count))
    random.Random(3).shuffle(seeds)
    return seeds


def computed(pool, count):
    return pool.map(sin, range(1, count + 1))


def unseeded(pool, count):
    return pool.map(draw, [0.01] * count, chunksize=1)


def one_seed(pool, count):
    return pool.map(draw_seeded, [7] * count)


def here(pool, count):
    return [draw_seeded(seed) for seed in range(count)]


def here_while_they_work(pool, count):
    pool.map(nap, [0.01] * count)
    return [draw_seeded(seed) for seed in range(count)]


def their_numbers(pool, count):
    return pool.map(abs, range(count))


def in_words(pool, count):
    return [str(number) for number in pool.map(draw_seeded, range(count))]


def unreturned(pool, count):
    pool.map(draw_seeded, range(count))


def always_six(pool, count):
    return pool.map(draw_seeded, range(6))


COLLECT, DRAWS = lesson_01.collect_naps, lesson_01.same_draws
ANSWERS = [
    Answer(COLLECT, lesson_01.collect),
    Answer(COLLECT, by_map_async),
    Answer(COLLECT, by_imap),
    Answer(COLLECT, by_apply_async),
    Answer(COLLECT, by_starmap),
    Answer(COLLECT, reversed_twice),
    Answer(COLLECT, numbered),
    Answer(COLLECT, ends_the_pool),
    Answer(COLLECT, reported),
    Answer(COLLECT, chunked_by_hand),
    Answer(COLLECT, slept, "no worker of your pool returned"),
    Answer(COLLECT, napped_twice, "some ran again"),
    Answer(COLLECT, longest_only, "is missing"),
    Answer(COLLECT, one_by_one_in_order, "the naps came one after the other"),
    Answer(COLLECT, one_at_a_time, "the naps came one after the other"),
    Answer(COLLECT, in_a_loop, "the workers of your pool did not run all"),
    Answer(COLLECT, the_input, "the workers of your pool did not run all"),
    Answer(COLLECT, no_naps, "the workers of your pool did not run all"),
    Answer(COLLECT, own_pool, "the workers of your pool did not run all"),
    Answer(COLLECT, in_threads, "the workers of your pool did not run all"),
    Answer(COLLECT, in_one_chunk, "all tasks were in one chunk."),
    Answer(COLLECT, as_they_come, "but not in the order of the tasks."),
    Answer(COLLECT, async_result, "collect returned an AsyncResult"),
    Answer(COLLECT, forgotten, "collect returned nothing (None). Is there a `return`?"),
    Answer(COLLECT, lazy, "collect returned an iterator"),
    Answer(COLLECT, half, "results; you returned 4."),
    Answer(COLLECT, halved, "the workers of your pool did not run all"),
    Answer(COLLECT, in_a_lambda, "in_a_lambda raised"),
    Answer(DRAWS, lesson_01.draws),
    Answer(DRAWS, by_numpy),
    Answer(DRAWS, by_generators),
    Answer(DRAWS, seeded_apply_async),
    Answer(DRAWS, seeded_pairs),
    Answer(DRAWS, as_they_are_drawn),
    Answer(DRAWS, in_one_task),
    Answer(DRAWS, evaluated),
    Answer(DRAWS, passed_on, "the workers only returned what they were given"),
    Answer(DRAWS, as_floats, "the workers only returned what they were given"),
    Answer(DRAWS, shuffled_seeds, "the workers only returned what they were given"),
    Answer(DRAWS, computed, "sin draws no random number."),
    Answer(DRAWS, here_while_they_work, "no worker of your pool returned"),
    Answer(DRAWS, unseeded, "✗ Not yet: "),
    Answer(DRAWS, one_seed, "Did those tasks begin with the same seed?"),
    Answer(DRAWS, here, "no worker of your pool returned"),
    Answer(DRAWS, their_numbers, "the workers only returned what they were given"),
    Answer(DRAWS, in_words, "draws should return numbers"),
    Answer(DRAWS, unreturned, "draws returned nothing (None)."),
    Answer(DRAWS, always_six, "results; you returned 6."),
]


@pytest.mark.parametrize("answer", one_of_each(ANSWERS), ids=name_of)
def test_a_real_answer_gets_the_expected_verdict(answer):
    assert not wrong_verdict(answer)


NAPS = [0.4, 0.1, 0.3, 0.2]


def calls_of(function, arguments, returned):
    """Return the calls of tasks of one argument each."""
    return [Call(function, (a,), r) for a, r in zip(arguments, returned, strict=True)]


NAPPED = calls_of(nap, NAPS, NAPS)
SERIAL = Timeline(
    worker=[0, 1, 0, 1],
    start=[0, 0.4, 0.5, 0.8],
    finish=[0.4, 0.5, 0.8, 1],
    delivered=[0.4, 0.5, 0.8, 1],
)


@pytest.mark.parametrize(
    ("results", "calls", "run", "message"),
    [
        (NAPS, NAPPED, predict(NAPS, 2), "✓ Right: Measured: 1.7 naps at a time"),
        (NAPS, NAPPED[::-1], predict(NAPS, 2, 2, "map"), "✓ Right: Measured: 2.0 naps at a time"),
        (tuple(NAPS), NAPPED, predict(NAPS, 2, method="imap_unordered"), "✓ Right: "),
        (np.array(NAPS), NAPPED, predict(NAPS, 2), "✓ Right: "),
        (NAPS, NAPPED, predict(NAPS, 1, method="map"), "✗ Not yet: one worker ran everything"),
        (NAPS, NAPPED, SERIAL, "the results are right, but the naps came one after the other"),
        (
            NAPS,
            [],
            predict([], 2),
            "the workers of your pool did not run all the 4 naps",
        ),
        (NAPS, NAPPED[:3], predict(NAPS[:3], 2), "they worked for 0.8 of 1.0 seconds."),
        (NAPS, NAPPED + NAPPED, predict(NAPS * 2, 2), "✗ Not yet: the workers of your pool should"),
        (NAPS, calls_of(nap, NAPS, [None] * 4), predict(NAPS, 2), "no worker of your pool"),
        (NAPS, calls_of(nap, [0.4] * 4, NAPS), predict(NAPS, 2), "0.1 is missing."),
        (sorted(NAPS), NAPPED, predict(NAPS, 2), "every result is there, but not in the order"),
        (
            [1] * 4,
            NAPPED,
            predict(NAPS, 2),
            "the results should be [0.4, 0.1, 0.3, 0.2];",
        ),
        (NAPS[:3], NAPPED, predict(NAPS, 2), "there should be 4 results; you returned 3."),
        (None, NAPPED, predict(NAPS, 2), "✗ Not yet: collect returned nothing (None)."),
    ],
    ids=range(15),
)
def test_collect_is_graded_by_its_calls_and_timeline(results, calls, run, message):
    assert message in verdict_of(lesson_01.grade_collect, results, NAPS, calls, run)


def test_collect_does_not_blame_an_answer_for_a_busy_machine():
    slow = NAPS, NAPS, NAPPED, predict(NAPS, 1, method="map")
    busy = dataclasses.replace(COLLECT, measure=lambda _: slow)
    assert busy.verdict(lesson_01.collect) == TOO_BUSY


# -- exercise 2


@pytest.mark.parametrize("size", range(1, 33))
def test_a_chunksize_is_right_if_both_workers_are_busy(size):
    run = predict(lesson_01.UNEVEN_NAPS, 2, size, "map")
    verdict = verdict_of(lesson_01.grade_chunks, size, run)
    assert verdict.startswith("✓ Right: ") == (size in (1, 2))
    assert ("one worker ran everything" in verdict) == (size == 32)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (np.int64(2), "✓ Right: "),
        (4, "One worker has most of the four long naps."),
        (0, "0 is not a chunk size here. Use a whole number from 1 to 32."),
        (10**5000, "a number of more than 20 digits is not a chunk size"),
    ],
    ids=["numpy", "default", "zero", "huge"],
)
def test_better_chunks_runs_the_naps_of_the_exercise(size, message, monkeypatch):
    monkeypatch.setattr(lesson_01, "UNEVEN_NAPS", [])  # the reader's
    assert message in lesson_01.better_chunks.verdict(size)


# -- exercise 3


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([[0.3, 0.1, 0.2]] * 2, "✓ Right: 3 different numbers"),
        ([[0.3, 0.1, 0.2], (0.3, 0.2, 0.1)], "✓ Right: "),
        ([[0.3, 0.1, 0.2], [0.3, 0.2, 0.4]], "a second run drew different numbers"),
        ([[0.1, 0.3, 0.1]] * 2, "some numbers are the same. Did those tasks begin"),
        ([[0.1, 0.2, 0.3]] * 2, "your numbers are sorted by size"),
        ([[0.3, 0.1, 0.7]] * 2, "no worker of your pool returned 0.7."),
        ([[0.3, 0.1, "x"]] * 2, "draws should return numbers; 'x' is not a number."),
    ],
    ids=range(7),
)
def test_draws_are_graded_by_what_the_workers_drew(runs, message):
    calls = calls_of(draw_seeded, range(5), [0.1, 0.1, 0.2, 0.3, 0.4])
    assert message in verdict_of(lesson_01.grade_draws, [(run, calls) for run in runs], 3)


# -- claims of the prose


def test_map_delivers_all_results_after_the_last_task_is_finished():
    """Lesson 01, cell-14."""
    with WatchedPool(2) as pool:
        pool.map(nap, [0.2, 0.01, 0.01, 0.01])
    run = pool.timeline()
    assert len(set(run.delivered)) == 1
    assert min(run.delivered) >= max(run.finish)


def test_the_first_four_naps_end_at_three_moments():
    """Lesson 01, cell-11."""
    assert len(set(predict([0.8, 0.2, 0.6, 0.4], 2).finish.round(3))) == 3


IN_A_CELL = """
from multiprocessing import Pool

def double(x):
    return 2 * x

with Pool(1) as pool:
    print(pool.map(double, [21]))
"""


@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGINT for demonstrate")
def test_only_a_forked_worker_finds_a_function_from_a_cell():
    """Lesson 01, cell-57, cell-60 and the fine print."""
    runs = under_each_method(IN_A_CELL, cell=True)
    for method, run in runs.items():
        wanted = ("ended", "[42]\n") if method == "fork" else ("hangs", "")
        assert (run.ending, run.output) == wanted
        assert ("attribute 'double'" in run.errors) == (method != "fork")


@pytest.mark.parametrize(("tasks", "workers"), [(16, 2), (100, 5), (7, 3), (1000, 3), (2, 4)])
def test_map_makes_about_four_chunks_per_worker_by_default(tasks, workers):
    with WatchedPool(workers) as pool:
        result = pool.map_async(abs, range(tasks))
        assert result._chunksize == ceil(tasks / (4 * workers))
        result.get()


def test_abs_takes_less_than_a_microsecond():
    assert min(timeit.repeat("abs(-5)", number=1000, repeat=5)) / 1000 < 1e-6


@pytest.mark.measures
def test_a_spawned_worker_costs_more_than_ten_messages():
    """Lesson 01, cell-27."""
    begin = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.apply(abs, [-1])
        start = time.perf_counter() - begin
        for _ in range(100):
            pool.apply(abs, [-1])
        send = (time.perf_counter() - begin - start) / 100
    assert start > 10 * send


@pytest.mark.measures
def test_the_default_chunk_of_long_naps_takes_one_and_a_half_times_as_long_as_chunks_of_1():
    """Lesson 01, cell-39."""
    naps, runs = [0.5] * 3 + [0.02] * 21, {}
    with WatchedPool(2) as pool:
        pool.map(nap, [0.2, 0.2], chunksize=1)
        for size in (1, None):
            pool.forget()
            pool.map(nap, naps, chunksize=size)
            runs[size] = pool.timeline().work
    assert 1.25 < runs[None].makespan / runs[1].makespan < 1.8


@pytest.mark.measures
def test_tiny_tasks_sent_alone_are_more_than_twice_as_slow_as_a_loop_or_chunks():
    """Lesson 01, cell-45."""
    numbers, seconds = range(-5000, 0), {}
    begin = time.perf_counter()
    [abs(number) for number in numbers]
    seconds["a loop"] = time.perf_counter() - begin
    with multiprocessing.Pool(2) as pool:
        pool.map(abs, [-1, -1])
        for name, size in {"chunksize 1": 1, "default chunks": None}.items():
            begin = time.perf_counter()
            pool.map(abs, numbers, chunksize=size)
            seconds[name] = time.perf_counter() - begin
    assert seconds["chunksize 1"] > 2 * max(seconds["a loop"], seconds["default chunks"])


@pytest.mark.measures
def test_eight_workers_nap_at_the_same_time_on_any_number_of_cores():
    """Lesson 01, cell-75."""
    with WatchedPool(8) as pool:
        pool.map(nap, [0.5] * 8)
    assert pool.timeline().work.makespan < 8 * 0.5 / 2


@pytest.mark.skipif(sys.platform != "linux", reason="Windows and macOS have spawn")
def test_the_script_with_a_guard_runs_under_every_start_method():
    lesson = nbformat.read(next(ROOT.glob("notebooks/01*.ipynb")), as_version=4)
    (script,) = re.findall(
        r"```python\n(.*?)```", "".join(c.source for c in lesson.cells), re.DOTALL
    )
    for run in under_each_method(script).values():
        assert (run.ending, run.output) == ("ended", "[0, 2, 4, 6, 8]\n")


def test_the_default_start_method_is_that_of_the_python_version():
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


@pytest.mark.parametrize("method", [method for method in METHODS if method != "forkserver"])
def test_after_an_edit_a_new_forked_worker_runs_the_old_code(method, tmp_path, monkeypatch):
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
    finally:
        sys.modules.pop("edited", None)


def test_timeout_error_of_multiprocessing_is_not_the_built_in_one():
    assert not issubclass(multiprocessing.TimeoutError, TimeoutError)
