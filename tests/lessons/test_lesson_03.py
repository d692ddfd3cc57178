"""Lesson 03: its exercises accept right answers and refuse wrong ones; its claims about imap hold.

A wrong collect has no bar, or a bar that jumps, counts what goes in, stops too early or has the
wrong total; or it works beside the pool, runs one task at a time or all tasks twice, or returns the
wrong results. A right one uses imap, callbacks, polling, or imap_unordered with the results put
back into order. A wrong first_within waits too long or too short, uses a time limit of its own,
catches the wrong error or loses a result; a right one uses one timeout or many short ones. The
chunksize of exercise 2 is different each time.
"""

import asyncio
import multiprocessing
import sys
import time
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from inspect import signature
from itertools import repeat
from multiprocessing import Pool
from multiprocessing.pool import ThreadPool

import numpy as np
import pytest
from cells import run_as_file, run_cells
from grading import Answer, name_of, one_of_each, predict_naps, verdict_of, wrong_verdict

from helpers.bar_recipes import Bar
from helpers.exercises import lesson_03
from helpers.exercises.lesson_03 import Wait
from helpers.exercises.limits import Call, MachineBusyError
from helpers.workers import call_with_tuple, count_letters, nap, nap_and_power, with_number
from watchedpool import Timeline, WatchedPool, predict

WORDS = ["patience", "is", "bitter", "but", "its", "fruit", "is", "sweet"]


def counted(items, drawn):
    for item in items:
        drawn.append(item)
        yield item


# -- exercise 1, right

POWER = partial(call_with_tuple, nap_and_power)


def by_callback(pool, tasks, tqdm):
    with tqdm(total=len(tasks)) as bar:
        move = {"callback": lambda _: bar.update()}
        jobs = [pool.apply_async(nap_and_power, task, **move) for task in tasks]
        return [job.get() for job in jobs]


def by_polling(pool, tasks, tqdm):
    jobs = [pool.apply_async(nap_and_power, task) for task in tasks]
    with tqdm(total=len(tasks)) as bar:
        while bar.n < len(tasks):
            bar.update(sum(job.ready() for job in jobs) - bar.n)
            time.sleep(0.01)
    return [job.get() for job in jobs]


def in_order(pool, tasks, tqdm):
    jobs = [pool.apply_async(nap_and_power, task) for task in tasks]
    return tuple(job.get() for job in tqdm(jobs))


def put_back(pool, tasks, tqdm):
    power = partial(with_number, POWER)
    pairs = dict(tqdm(pool.imap_unordered(power, enumerate(tasks)), total=len(tasks)))
    return [pairs[number] for number in sorted(pairs)]


def empties_its_list(pool, tasks, tqdm):
    bar, jobs = tqdm(total=len(tasks)), []
    while tasks:
        jobs.append(pool.apply_async(nap_and_power, tasks.pop(0)))
    results = []
    for job in jobs:
        results.append(job.get())
        bar.update()
    return results


def by_keyword(pool, tasks, tqdm):
    jobs = [pool.apply_async(nap_and_power, (b, e), {"seconds": s}) for b, e, s in tasks]
    return [job.get() for job in tqdm(jobs)]


def one_starmap_per_task(pool, tasks, tqdm):
    jobs, results = [pool.starmap_async(nap_and_power, [task]) for task in tasks], []
    with tqdm(total=len(tasks)) as bar:
        for job in jobs:
            results.extend(job.get())
            bar.update(1)
    return results


# -- exercise 1, wrong


def for_show(pool, tasks, tqdm):
    pool.map(abs, range(len(tasks)))
    return in_the_parent(pool, tasks, tqdm)


def powers_beside_the_pool(pool, tasks, tqdm):
    naps = tqdm(pool.imap(nap, [seconds for _, _, seconds in tasks]), total=len(tasks))
    return [base**exponent for (base, exponent, _), _ in zip(tasks, naps, strict=True)]


def no_total(pool, tasks, tqdm):
    return list(tqdm(pool.imap(POWER, tasks)))


def total_of_100(pool, tasks, tqdm):
    results, bar = [], tqdm(total=100)
    for result in pool.imap(POWER, tasks):
        results.append(result)
        bar.update()
    return results


def counted_before_it_is_done(pool, tasks, tqdm):
    jobs, results = [pool.apply_async(nap_and_power, task) for task in tasks], []
    bar = tqdm(total=len(tasks))
    for job in jobs:
        bar.update()
        results.append(job.get())
    return results


def without_the_first(pool, tasks, tqdm):
    results = pool.imap(POWER, tasks)
    return [next(results), *tqdm(results, total=len(tasks))]


def twice(pool, tasks, tqdm):
    for _ in tqdm(pool.imap_unordered(POWER, tasks), total=len(tasks)):
        pass
    return pool.starmap(nap_and_power, tasks)


def callback_called_too_early(pool, tasks, tqdm):
    bar = tqdm(total=len(tasks))
    jobs = [pool.apply_async(nap_and_power, task, callback=bar.update()) for task in tasks]
    return [job.get() for job in jobs]


def no_bar(pool, tasks, tqdm):
    return list(pool.imap(POWER, tasks))


def around_the_input(pool, tasks, tqdm):
    return list(pool.imap(POWER, tqdm(tasks)))


def over_starmap(pool, tasks, tqdm):
    return list(tqdm(pool.starmap(nap_and_power, tasks)))


def in_the_parent(pool, tasks, tqdm):
    return [nap_and_power(*task) for task in tqdm(tasks)]


def short_naps(pool, tasks, tqdm):
    quick = [(base, exponent, 0) for base, exponent, _ in tasks]
    return list(tqdm(pool.imap(POWER, quick)))


def one_by_one(pool, tasks, tqdm):
    return [pool.apply(nap_and_power, task) for task in tqdm(tasks)]


def backwards(pool, tasks, tqdm):
    return list(tqdm(pool.imap(POWER, tasks)))[::-1]


def not_unpacked(pool, tasks, tqdm):
    return list(tqdm(pool.imap(nap_and_power, tasks)))


def lazy(pool, tasks, tqdm):
    return tqdm(pool.imap(POWER, tasks))


def half_a_bar(pool, tasks, tqdm):
    results, bar = [], tqdm(total=len(tasks))
    for result in pool.imap(POWER, tasks):
        results.append(result)
        if len(results) < 7:
            bar.update()
    return results


# -- exercise 3, right


def by_position(results, seconds):
    try:
        return results.next(seconds)
    except multiprocessing.TimeoutError:
        return None


def in_short_waits(results, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            return results.next(timeout=min(0.02, seconds))
        except multiprocessing.TimeoutError:
            pass


def with_slices(results, seconds):
    end = time.perf_counter() + seconds
    while (left := end - time.perf_counter()) > 0:
        try:
            return results.next(timeout=min(left, 1.0))
        except multiprocessing.TimeoutError:
            continue
    return None


async def in_another_thread(results, seconds):
    try:
        return await asyncio.to_thread(results.next, seconds)
    except multiprocessing.TimeoutError:
        return None


# -- exercise 3, wrong


def half(results, seconds):
    return by_position(results, seconds / 2)


def double(results, seconds):
    return by_position(results, 2 * seconds)


def at_most_three(results, seconds):
    return by_position(results, min(seconds, 3))


def milliseconds(results, seconds):
    return by_position(results, 1000 * seconds)


def none_for_zero(results, seconds):
    return by_position(results, seconds) or None


def asks_again(results, seconds):
    result = by_position(results, seconds)
    return by_position(results, seconds) if result is None else result


def waits_on(results, seconds):
    return next(results)


def not_caught(results, seconds):
    return results.next(timeout=seconds)


def builtin_caught(results, seconds):
    try:
        return results.next(timeout=seconds)
    except TimeoutError:
        return None


def own_time_limit(results, seconds):
    return by_position(results, 0.2)


def no_time_limit(results, seconds):
    return by_position(results, 0)


def always_none(results, seconds):
    time.sleep(min(seconds, 0.5))
    seconds = None
    return seconds


def steals(results, seconds):
    thread = ThreadPool(1).apply_async(next, (results,))
    try:
        return thread.get(seconds)
    except multiprocessing.TimeoutError:
        return None


def takes_all(results, seconds):
    list(results)


def no_such_argument(results, seconds):
    return results.next(seconds=seconds)


BAR, PATIENCE = lesson_03.moving_bar, lesson_03.little_patience
ANSWERS = [
    Answer(BAR, lesson_03.collect),
    Answer(BAR, by_callback),
    Answer(BAR, by_polling),
    Answer(BAR, in_order),
    Answer(BAR, put_back),
    Answer(BAR, empties_its_list),
    Answer(BAR, around_the_input, "It counts what goes in, not what comes out."),
    Answer(BAR, by_keyword),
    Answer(BAR, one_starmap_per_task),
    Answer(BAR, no_bar, "no bar moved."),
    Answer(BAR, over_starmap, "the bar had counted 0 of 8"),
    Answer(BAR, in_the_parent, "should run each of 8 tasks once;"),
    Answer(BAR, for_show, "should run each of 8 tasks once;"),
    Answer(BAR, powers_beside_the_pool, "should run each of 8 tasks once;"),
    Answer(BAR, short_naps, "should run each of 8 tasks once;"),
    Answer(BAR, twice, "some ran again."),
    Answer(BAR, no_total, "the bar has no total"),
    Answer(BAR, total_of_100, "the total of the bar is 100; there are 8 tasks."),
    Answer(BAR, without_the_first, "the bar ended at 7 of 8 tasks."),
    Answer(BAR, counted_before_it_is_done, "tasks that were not finished."),
    Answer(BAR, callback_called_too_early, "receives results: TypeError"),
    Answer(BAR, one_by_one, "never two tasks at the same time"),
    Answer(BAR, backwards, "not in the order of the tasks"),
    Answer(BAR, not_unpacked, "missing 1 required positional argument"),
    Answer(BAR, lazy, "✗ Not yet: "),
    Answer(BAR, half_a_bar, "the bar ended at 6 of 8 tasks."),
    Answer(PATIENCE, lesson_03.first_within),
    Answer(PATIENCE, by_position),
    Answer(PATIENCE, in_short_waits),
    Answer(PATIENCE, with_slices),
    Answer(PATIENCE, in_another_thread),
    Answer(PATIENCE, builtin_caught, "It is the TimeoutError of multiprocessing"),
    Answer(PATIENCE, waits_on, "first_within had not returned after 1."),
    Answer(PATIENCE, not_caught, "raised TimeoutError and did not catch it"),
    Answer(PATIENCE, own_time_limit, "s at most, first_within gave up after 0.2"),
    Answer(PATIENCE, half, "first_within gave up after 0."),
    Answer(PATIENCE, double, "s at most, first_within returned after 1."),
    Answer(PATIENCE, at_most_three, "called next with timeout=3, and then gave up."),
    Answer(PATIENCE, milliseconds, "first_within had not returned after 1."),
    Answer(PATIENCE, none_for_zero, "should return 0. It returned None."),
    Answer(PATIENCE, asks_again, "s at most, first_within returned after 1."),
    Answer(PATIENCE, no_time_limit, "gave up after 0.00 s"),
    Answer(PATIENCE, always_none, "first_within gave up after 0.5"),
    Answer(PATIENCE, steals, "✗ Not yet: "),
    Answer(PATIENCE, takes_all, "first_within had not returned after"),
    Answer(PATIENCE, no_such_argument, "raised TypeError"),
]


@pytest.mark.parametrize("answer", one_of_each(ANSWERS), ids=name_of)
def test_a_real_answer_gets_the_expected_verdict(answer):
    assert not wrong_verdict(answer)


TASKS = [(2, 2, 0.2), (2, 3, 0.2), (3, 2, 0.2), (3, 3, 0.2)]
POWERS = [4, 8, 9, 27]
RUN = predict([0.2] * 4, 2)
CALLS = [Call(nap_and_power, task, power) for task, power in zip(TASKS, POWERS, strict=True)]


def delivered(at):
    """Return the run with a bar that counted at these moments."""
    return Timeline(RUN.worker, RUN.start, RUN.finish, at)


def bar(count=4, total=4):
    return Bar(total=total, initial=count)


@pytest.mark.parametrize(
    ("results", "calls", "run", "moved", "message"),
    [
        (POWERS, CALLS, RUN, bar(), "✓ Right: Measured: the bar had counted 2 of 4"),
        (tuple(POWERS), CALLS, predict([0.2] * 4, 2, method="imap_unordered"), bar(), "✓ Right: "),
        (POWERS, CALLS, delivered([0.2, 0.25, 0.4, 0.45]), bar(), "✓ Right: "),
        (POWERS, CALLS, RUN, None, "✗ Not yet: no bar moved."),
        (POWERS, CALLS, RUN, bar(total=None), "the bar has no total"),
        (POWERS, CALLS, RUN, bar(total=9), "the total of the bar is 9; there are 4 tasks."),
        (POWERS, CALLS, RUN, bar(3), "the bar ended at 3 of 4 tasks."),
        (POWERS, CALLS, predict([0.2] * 4, 2, method="map"), bar(), "had counted 0 of 4"),
        (POWERS, CALLS, delivered([0, 0, 0, 0]), bar(), "counted 4 tasks that were not finished."),
        (POWERS, CALLS, predict([0.2] * 4, 1), bar(), "never two tasks at the same time"),
        (POWERS, CALLS[:3], RUN, bar(), "each of 4 tasks once; (3, 3, 0.2) is missing."),
        (POWERS, CALLS * 2, RUN, bar(), "some ran again."),
        (POWERS[::-1], CALLS, RUN, bar(), "not in the order of the tasks"),
        ([1, 2, 3, 4], CALLS, RUN, bar(), "should be [4, 8, 9, 27]; they are [1, 2, 3, 4]."),
    ],
    ids=range(14),
)
def test_a_moving_bar_is_graded_by_its_timeline(results, calls, run, moved, message):
    assert message in verdict_of(lesson_03.grade_moving, TASKS, results, calls, run, moved)


@pytest.mark.parametrize(
    ("wait", "message"),
    [
        (Wait(0.5, 0.5, None, None), "✓ Right: "),
        (Wait(0.5, 5.0, None, None, (0.5,)), "✓ Right: "),
        (Wait(0.5, 0.1, None, None), "gave up after 0.10 s."),
        (Wait(0.5, 1.2, None, None, (1.0,)), "returned after 1.2 s."),
        (Wait(0.5, 1.2, None, None, (0.25, 0.25)), "returned after 1.2 s."),
        (Wait(0.5, 0.5, 7, None), "returned 7, although there was no result yet."),
        (Wait(0.5, 1.7, lesson_03.HANGS, None), "had not returned after 1.7 s."),
        (Wait(20, 0.5, 1.2, 1.2), "✓ Right: "),
        (Wait(20, 0.5, 0, 0, (0.1,)), "✓ Right: "),
        (Wait(20, 0.5, None, 1.2), "should return 1.2. It returned None."),
        (Wait(20, 0.1, None, 1.2, (3,)), "called next with timeout=3, and then gave up."),
        (Wait(20, 0.5, None, 0), "should return 0. It returned None."),
        (Wait(20, 0.5, 10**5000, 1.2), "It returned a number of more than 20 digits."),
    ],
    ids=range(13),
)
def test_first_within_is_graded_by_its_time_and_result(wait, message):
    assert message in verdict_of(lesson_03.grade_patience, [wait, wait], 1.2)


def test_a_result_that_comes_too_soon_means_a_busy_machine():
    with pytest.raises(MachineBusyError):
        lesson_03.grade_patience([Wait(0.5, 0.6, 1.2, None)], 1.2)


# -- exercise 2


@pytest.mark.parametrize("asked", lesson_03.CHUNKSIZES)
def test_each_wrong_chunksize_gets_its_own_message(asked):
    assert verdict_of(lesson_03.grade_chunksize, asked, asked).startswith("✓ Right: ")
    assert "ended together" in verdict_of(lesson_03.grade_chunksize, 2 * asked, asked)
    assert "the workers would take turns" in verdict_of(lesson_03.grade_chunksize, 1, asked)
    assert "the lanes would look different" in verdict_of(lesson_03.grade_chunksize, 5, asked)
    assert "20 digits" in verdict_of(lesson_03.grade_chunksize, 10**5000, asked)


def test_mystery_runs_differ_in_their_chunksize(monkeypatch, capsys):
    monkeypatch.setattr(lesson_03.last_chunksize, "truth", None)
    monkeypatch.setattr(lesson_03, "measure_naps", predict_naps)
    assert "run the cell with the picture first" in lesson_03.which_chunksize.verdict(4)
    sizes = []
    for _ in range(2):
        run = lesson_03.mystery_run()
        lesson_03.which_chunksize.solution()
        sizes.append(int(capsys.readouterr().out.split("=")[1]))
        assert lesson_03.which_chunksize.verdict(sizes[-1]).startswith("✓ Right: ")
        for first in range(0, 12, sizes[-1]):
            assert (run.finish[first : first + sizes[-1]] <= run.delivered[first]).all()
    assert sizes[0] != sizes[1]


def test_imap_has_chunksize_one_by_default_and_map_none():
    methods = multiprocessing.pool.Pool
    assert signature(methods.imap).parameters["chunksize"].default == 1
    assert signature(methods.imap_unordered).parameters["chunksize"].default == 1
    assert signature(methods.map).parameters["chunksize"].default is None


@pytest.mark.skipif(sys.platform != "linux", reason="the size of a pipe differs")
def test_imap_takes_about_a_thousand_naps_in_advance_on_linux():
    drawn = []
    with Pool(2) as pool:
        next(pool.imap(nap, counted(repeat(0.3), drawn)))
    assert 500 < len(drawn) < 2000


def test_the_recipe_runs_as_a_file_of_its_own(tmp_path):
    assert run_as_file("03", "recipe", tmp_path) == ""


def test_the_timeout_error_of_multiprocessing_is_not_the_built_in_one():
    assert not issubclass(multiprocessing.TimeoutError, TimeoutError)


def test_results_can_be_taken_after_the_pool_has_ended():
    with Pool(1) as pool:
        results = pool.imap(abs, [-1, -2])
        pool.close()
        pool.join()
    assert list(results) == [1, 2]


@pytest.mark.parametrize("kind", [Pool, ProcessPoolExecutor])
def test_buffersize_limits_how_many_items_are_taken(kind):
    """Executors have buffersize from Python 3.14 on, pools from 3.16 on."""
    drawn = []
    with kind(2) as workers:
        method = workers.map if kind is ProcessPoolExecutor else workers.imap
        has_limit = "buffersize" in signature(method).parameters
        assert has_limit == (sys.version_info >= ((3, 14) if method.__name__ == "map" else (3, 16)))
        results = method(
            nap, counted(repeat(0.02, 12), drawn), **{"buffersize": 4} if has_limit else {}
        )
        next(results)
        assert len(drawn) in ((4, 5) if has_limit else (12,))
        list(results)


# -- claims about time: the cells print numbers, which are not compared


@pytest.mark.measures
def test_the_first_result_of_imap_unordered_comes_first_and_that_of_map_last():
    """Lesson 03, three-runs, cell-28 and cell-32."""
    firsts = {}
    for call in ("map", "imap", "imap_unordered"):
        with WatchedPool(3) as pool:
            pool.warm_up()
            list(getattr(pool, call)(count_letters, WORDS))
        firsts[call] = min(pool.timeline().delivered)
    assert firsts["imap_unordered"] < 0.7 * firsts["imap"] < 0.7 * firsts["map"]


@pytest.mark.measures
def test_imap_draws_hundreds_of_quick_tasks_while_nobody_takes_results():
    """Lesson 03, cell-48."""
    drawn = []
    with Pool(3) as pool:
        results = pool.imap(nap, counted(repeat(0), drawn))
        next(results)
        nap(0.5)
        assert len(drawn) > 100


@pytest.mark.measures
def test_three_workers_with_six_tasks_ahead_are_much_faster_than_one():
    """Lesson 03, cell-59. The function `bounded` is the one of cell-53."""
    bounded = run_cells("03", "cell-53", deque=deque)["bounded"]
    with WatchedPool(3) as pool:
        pool.warm_up()
        assert len(list(bounded(pool, nap, repeat(0.1, 30), ahead=6))) == 30
    assert 30 * 0.1 / pool.timeline().makespan > 1.5


@pytest.mark.measures
def test_the_results_of_a_chunk_come_together():
    """Lesson 03, cell-70 and cell-74."""
    with WatchedPool(2) as pool:
        list(pool.imap_unordered(nap, [0.15] * 12, chunksize=3))
    run = pool.timeline()
    for first in range(0, 12, 3):
        chunk = slice(first, first + 3)
        assert np.ptp(run.delivered[chunk]) < np.ptp(run.finish[chunk]) / 2
