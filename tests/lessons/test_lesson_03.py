"""Lesson 03: its exercises tell right from wrong, and its claims about imap hold.

collect can be wrong by waiting in order, by losing the order, by counting in the parent, beside a
pool that counts or naps for nothing, one task at a time, in chunks; right with numbers, with the
words, by callbacks, by polling. first_within can be wrong by waiting on, by a patience of its own
(none, fixed, twice), by the wrong error, by losing a result; right with one timeout or many short
ones. The chunksize is another one each time.
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

import numpy as np
import pytest
from judging import Answer, judged, name_of, one_of_each, said, watched_by_the_rule

from helpers import Timeline
from helpers.exercises import lesson_03
from helpers.exercises.lesson_03 import Ask
from helpers.schedule import predict
from helpers.workers import count_letters, nap, with_argument, with_number


def counted(items, drawn):
    for item in items:
        drawn.append(item)
        yield item


# -- exercise 1, right


def by_words(pool, words):
    lengths = dict(pool.imap_unordered(partial(with_argument, count_letters), words))
    return [lengths[word] for word in words]


def by_callback(pool, words):
    lengths = [None] * len(words)
    jobs = []
    for number, word in enumerate(words):
        put = partial(lengths.__setitem__, number)
        jobs.append(pool.apply_async(count_letters, (word,), callback=put))
    for job in jobs:
        job.wait()
    return lengths


def by_polling(pool, words):
    waiting = {n: pool.apply_async(count_letters, (word,)) for n, word in enumerate(words)}
    lengths = {}
    while waiting:
        for number in [number for number, job in waiting.items() if job.ready()]:
            lengths[number] = waiting.pop(number).get()
        time.sleep(0.01)
    return tuple(lengths[number] for number in sorted(lengths))


def sorted_pairs(pool, words):
    pairs = pool.imap_unordered(partial(with_number, count_letters), enumerate(words))
    return [length for _, length in sorted(pairs)]


# -- exercise 1, wrong


def by_map(pool, words):
    return pool.map(count_letters, words)


def by_imap(pool, words):
    return list(pool.imap(count_letters, words))


def unordered(pool, words):
    return list(pool.imap_unordered(count_letters, words))


def promises_in_order(pool, words):
    jobs = [pool.apply_async(count_letters, (word,)) for word in words]
    return [job.get() for job in jobs]


def in_chunks(pool, words):
    pairs = pool.imap_unordered(partial(with_number, count_letters), enumerate(words), 3)
    return [length for _, length in sorted(pairs)]


def one_by_one(pool, words):
    return [pool.apply(count_letters, (word,)) for word in words]


def in_the_parent(pool, words):
    return [len(word) for word in words]


def beside_naps(pool, words):
    list(pool.imap_unordered(nap, [0.01] * len(words)))
    return [len(word) for word in words]


def never_taken(pool, words):
    jobs = [pool.apply_async(count_letters, (word,)) for word in words]
    for job in jobs:
        job.wait()
    return [len(word) for word in words]


def lazy(pool, words):
    return pool.imap(count_letters, words)


def half(pool, words):
    return by_words(pool, words[:4])


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


def patience_of_its_own(results, seconds):
    return by_position(results, 0.2)


def no_patience(results, seconds):
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


EARLY, PATIENCE = lesson_03.early_and_in_order, lesson_03.little_patience
ANSWERS = [
    Answer(EARLY, lesson_03.collect),
    Answer(EARLY, by_words),
    Answer(EARLY, by_callback),
    Answer(EARLY, by_polling),
    Answer(EARLY, sorted_pairs),
    Answer(EARLY, promises_in_order, "a finished task waited"),
    Answer(EARLY, by_map, "a finished task waited"),
    Answer(EARLY, by_imap, "a finished task waited"),
    Answer(EARLY, unordered, "not in the order of the tasks"),
    Answer(EARLY, in_chunks, "Not yet: "),
    Answer(EARLY, one_by_one, "only one task ran at a time"),
    Answer(EARLY, in_the_parent, "they ran 0 tasks to their end"),
    Answer(EARLY, beside_naps, "Let them run count_letters"),
    Answer(EARLY, never_taken, "you took no result of 8 tasks"),
    Answer(EARLY, lazy, "collect returned an iterator"),
    Answer(EARLY, half, "there should be 8 results; you returned 4."),
    Answer(PATIENCE, lesson_03.first_within),
    Answer(PATIENCE, by_position),
    Answer(PATIENCE, in_short_waits),
    Answer(PATIENCE, builtin_caught, "It is the one of multiprocessing"),
    Answer(PATIENCE, waits_on, "first_within returned after 1."),
    Answer(PATIENCE, not_caught, "raised TimeoutError, and nobody caught it"),
    Answer(PATIENCE, patience_of_its_own, "asked to wait 0.5 s at most, first_within gave up"),
    Answer(PATIENCE, no_patience, "gave up after 0.00 s"),
    Answer(PATIENCE, always_none, "It returned None."),
    Answer(PATIENCE, steals, "Not yet: "),
    Answer(PATIENCE, takes_all, "first_within returned after"),
    Answer(PATIENCE, no_such_argument, "raised TypeError"),
]


@pytest.mark.parametrize("answer", one_of_each(ANSWERS), ids=name_of)
def test_a_real_answer_is_judged(answer):
    assert not judged(answer)


WORDS = ["patience", "is", "bitter", "a"]
LENGTHS, NAPS = [8, 2, 6, 1], [0.8, 0.2, 0.6, 0.1]
AS_THEY_COME = predict(NAPS, 2, method="imap_unordered")


@pytest.mark.parametrize(
    ("lengths", "run", "told"),
    [
        (LENGTHS, AS_THEY_COME, "Right! Measured: in order"),
        (np.array(LENGTHS), AS_THEY_COME, "Right!"),
        (LENGTHS, predict(NAPS, 2), "a finished task waited 0.6 s to be shown."),
        (LENGTHS, predict(NAPS, 2, method="map"), "a finished task waited 0.7 s to be shown."),
        (LENGTHS, predict(NAPS, 1), "only one task ran at a time"),
        (LENGTHS, predict(NAPS[:3], 2), "they ran 3 tasks to their end"),
        (LENGTHS, predict([0.01] * 4, 2), "Let them run count_letters for each of the 4 words."),
        (
            LENGTHS,
            Timeline(AS_THEY_COME.worker, AS_THEY_COME.start, AS_THEY_COME.finish),
            "you took no result of 4 tasks",
        ),
        (LENGTHS[::-1], AS_THEY_COME, "not in the order of the tasks"),
        ([1, 2, 3, 4], AS_THEY_COME, "the results should be [8, 2, 6, 1]; they are"),
    ],
    ids=range(10),
)
def test_early_and_in_order_is_judged_by_its_timeline(lengths, run, told):
    assert told in said(lesson_03.judge_early, lengths, WORDS, run)


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (Ask(0.5, 0.5, None, None), "Right!"),
        (Ask(0.5, 0.1, None, None), "gave up after 0.10 s."),
        (Ask(0.5, 1.2, None, None), "returned after 1.2 s."),
        (Ask(0.5, 0.5, 1.2, None), "returned 1.2, and no result was there yet."),
        (Ask(20, 0.5, 1.2, 1.2), "Right!"),
        (Ask(20, 0.5, None, 1.2), "should return 1.2. It returned None."),
        (Ask(20, 0.5, 10**5000, 1.2), "It returned a number of more than 20 digits."),
    ],
    ids=range(7),
)
def test_patience_is_judged_by_what_was_asked(ask, told):
    assert told in said(lesson_03.judge_patience, [ask])


# -- exercise 3


@pytest.mark.parametrize("asked", lesson_03.CHUNKSIZES)
def test_a_chunksize_is_judged(asked):
    assert said(lesson_03.judge_chunksize, asked, asked).startswith("Right!")
    assert "ended together" in said(lesson_03.judge_chunksize, 2 * asked, asked)
    assert "no orange lines" in said(lesson_03.judge_chunksize, 1, asked)
    assert "would look different" in said(lesson_03.judge_chunksize, 5, asked)
    assert "20 digits" in said(lesson_03.judge_chunksize, 10**5000, asked)


def test_each_mystery_run_is_another(monkeypatch, capsys):
    monkeypatch.setattr(lesson_03, "_asked", [])
    monkeypatch.setattr(lesson_03, "watch", watched_by_the_rule)
    assert "run the cell with the picture first" in lesson_03.which_chunksize.verdict(4)
    sizes = []
    for _ in range(2):
        run = lesson_03.mystery_run()
        lesson_03.which_chunksize.solution()
        sizes.append(int(capsys.readouterr().out.split("=")[1]))
        assert lesson_03.which_chunksize.verdict(sizes[-1]).startswith("Right!")
        for first in range(0, 12, sizes[-1]):
            assert (run.finish[first : first + sizes[-1]] <= run.shown[first]).all()
    assert sizes[0] != sizes[1]


def test_default_chunksizes():
    methods = multiprocessing.pool.Pool
    assert signature(methods.imap).parameters["chunksize"].default == 1
    assert signature(methods.imap_unordered).parameters["chunksize"].default == 1
    assert signature(methods.map).parameters["chunksize"].default is None


@pytest.mark.skipif(sys.platform != "linux", reason="the size of a pipe differs")
def test_imap_draws_about_a_thousand_naps_into_the_pipe_of_linux():
    drawn = []
    with Pool(2) as pool:
        next(pool.imap(nap, counted(repeat(0.3), drawn)))
    assert 500 < len(drawn) < 2000


def test_results_that_arrived_can_be_taken_after_the_pool_has_ended():
    with Pool(1) as pool:
        results = pool.imap(abs, [-1, -2])
        pool.close()
        pool.join()
    assert list(results) == [1, 2]


@pytest.mark.parametrize("kind", [Pool, ProcessPoolExecutor])
def test_buffersize_limits_what_is_drawn(kind):
    """Where this Python has it: from 3.14 for the executor, from 3.16 for the pool."""
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
