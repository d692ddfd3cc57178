"""Lesson 03: its exercises accept right answers and refuse wrong ones; its claims about imap hold.

A wrong collect has no bar, or a bar that jumps, counts what goes in or stops too early; or it does
no work in the pool, runs one task at a time, or returns the wrong results. A right one uses imap,
callbacks, polling, or imap_unordered with the results put back into order. A wrong first_within
waits too long, uses a time limit of its own, catches the wrong error or loses a result; a right one
uses one timeout or many short ones. The chunksize of exercise 3 is different each time.
"""

import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from inspect import signature
from itertools import repeat
from multiprocessing import Pool
from multiprocessing.pool import ThreadPool

import pytest
from grading import Answer, name_of, one_of_each, predict_naps, verdict_of, wrong_verdict

from helpers.exercises import lesson_03
from helpers.exercises.lesson_03 import Call
from helpers.workers import call_with_tuple, nap, nap_and_power, with_number
from watchedpool import Timeline, predict


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


# -- exercise 1, wrong


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


# -- exercise 2, right


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


# -- exercise 2, wrong


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
    Answer(BAR, no_bar, "there is no bar."),
    Answer(BAR, over_starmap, "the bar had counted 0 of 8"),
    Answer(BAR, in_the_parent, "Give every task to the pool"),
    Answer(BAR, short_naps, "Give every task to the pool"),
    Answer(BAR, one_by_one, "only one task ran at a time"),
    Answer(BAR, backwards, "not in the order of the tasks"),
    Answer(BAR, not_unpacked, "missing 1 required positional argument"),
    Answer(BAR, lazy, "Not yet: "),
    Answer(BAR, half_a_bar, "the bar ended at 6 of 8."),
    Answer(PATIENCE, lesson_03.first_within),
    Answer(PATIENCE, by_position),
    Answer(PATIENCE, in_short_waits),
    Answer(PATIENCE, builtin_caught, "It is the TimeoutError of multiprocessing"),
    Answer(PATIENCE, waits_on, "first_within returned after 1."),
    Answer(PATIENCE, not_caught, "raised TimeoutError and did not catch it"),
    Answer(PATIENCE, own_time_limit, "asked to wait 0.5 s at most, first_within gave up"),
    Answer(PATIENCE, no_time_limit, "gave up after 0.00 s"),
    Answer(PATIENCE, always_none, "It returned None."),
    Answer(PATIENCE, steals, "Not yet: "),
    Answer(PATIENCE, takes_all, "first_within returned after"),
    Answer(PATIENCE, no_such_argument, "raised TypeError"),
]


@pytest.mark.parametrize("answer", one_of_each(ANSWERS), ids=name_of)
def test_a_real_answer_gets_the_expected_verdict(answer):
    assert not wrong_verdict(answer)


POWERS = [4, 8, 9, 27]
RUN = predict([0.2] * 4, 2)


def delivered(at):
    """Return the run with a bar that counted at these moments."""
    return Timeline(RUN.worker, RUN.start, RUN.finish, at)


@pytest.mark.parametrize(
    ("results", "run", "made", "message"),
    [
        (POWERS, RUN, True, "Right! Measured: the bar had counted 2 of 4"),
        (tuple(POWERS), predict([0.2] * 4, 2, method="imap_unordered"), True, "Right!"),
        (POWERS, delivered([0.2, 0.25, 0.4, 0.45]), True, "Right!"),
        (POWERS, RUN, False, "Not yet: there is no bar."),
        (POWERS, predict([0.2] * 4, 2, method="map"), True, "had counted 0 of 4"),
        (POWERS, delivered([0, 0, 0, 0]), True, "the bar counted 4 tasks that were not finished."),
        (POWERS, delivered([0.2, 0.2, 0.4, float("nan")]), True, "the bar ended at 3 of 4."),
        (POWERS, predict([0.2] * 4, 1), True, "only one task ran at a time"),
        (POWERS, predict([0.2] * 3, 2), True, "the pool completed 3 tasks"),
        (POWERS, predict([0.01] * 4, 2), True, "Give every task to the pool"),
        (POWERS[::-1], RUN, True, "not in the order of the tasks"),
        ([1, 2, 3, 4], RUN, True, "the results should be [4, 8, 9, 27]; they are [1, 2, 3, 4]."),
    ],
    ids=range(12),
)
def test_a_moving_bar_is_graded_by_its_timeline(results, run, made, message):
    assert message in verdict_of(lesson_03.grade_moving, results, POWERS, run, made)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (Call(0.5, 0.5, None, None), "Right!"),
        (Call(0.5, 0.1, None, None), "gave up after 0.10 s."),
        (Call(0.5, 1.2, None, None), "returned after 1.2 s."),
        (Call(0.5, 0.5, 1.2, None), "returned 1.2, although there was no result yet."),
        (Call(20, 0.5, 1.2, 1.2), "Right!"),
        (Call(20, 0.5, None, 1.2), "should return 1.2. It returned None."),
        (Call(20, 0.5, 10**5000, 1.2), "It returned a number of more than 20 digits."),
    ],
    ids=range(7),
)
def test_first_within_is_graded_by_its_time_and_result(call, message):
    assert message in verdict_of(lesson_03.grade_patience, [call])


# -- exercise 3


@pytest.mark.parametrize("asked", lesson_03.CHUNKSIZES)
def test_each_wrong_chunksize_gets_its_own_message(asked):
    assert verdict_of(lesson_03.grade_chunksize, asked, asked).startswith("Right!")
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
        assert lesson_03.which_chunksize.verdict(sizes[-1]).startswith("Right!")
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
