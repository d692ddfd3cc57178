"""Lesson 02: its exercises tell right from wrong, and its claims about pickling hold.

A table can be wrong as zip, exchanged, incomplete, doubled, without naps; right as tuples, lists,
arrays, iterators, in any order. cube can be wrong by what does not travel, the wrong place, another
function. collect can be wrong without a bar, with one that jumps, counts what goes in, or stops
short, with no work in the pool, one task at a time, other results; right over imap, by callbacks,
by polling, as_completed-like, with results put back.
"""

import multiprocessing
import pickle
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product

import numpy as np
import pytest
from judging import Answer, judged, name_of, one_of_each, said

from helpers import Timeline, workers
from helpers.exercises import lesson_02
from helpers.schedule import predict
from helpers.workers import nap_and_power

NAN = np.nan

# -- exercise 1

GRID = list(product([2, 3, 4], [0, 1, 2], [0.2]))


@pytest.mark.parametrize(
    "tasks",
    [
        GRID,
        GRID[::-1],
        [list(task) for task in GRID],
        [np.array(task) for task in GRID],
        [(np.int64(base), exponent, 0.1 * 2) for base, exponent, _ in GRID],
    ],
    ids=["product", "reversed", "lists", "arrays", "numpy"],
)
def test_a_table_may_have_many_forms(tasks):
    assert lesson_02.check_table(tasks) is None


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ([*zip([2, 3, 4], [0, 1, 2], [0.2] * 3, strict=True)], "each base should meet each"),
        ([*product([0, 1, 2], [2, 3, 4], [0.2])], "have changed places"),
        ([*product([2, 3, 4], [0, 1, 2])], "has no nap of 0.2 seconds"),
        ([*product([2, 3, 4], [0, 1, 2], [2])], "has no nap of 0.2 seconds"),
        ([*product([2, 3, 4], [0, 1], [0.2])], "there should be 9 tasks"),
        (GRID + GRID[:1], "each of these once"),
        ([2, 3, 4], "2 is no tuple"),
        (["2 0"], "'2 0' is no tuple"),
        ([("2", 0, 0.2)], "should be three numbers"),
        ([(2, 0, 0.2, 1)], "should be three numbers"),
    ],
    ids=range(10),
)
def test_table_answers_what_is_wrong(tasks, message):
    assert message in lesson_02.table.verdict(tasks)


def test_table_runs_the_tasks():
    tasks = product([2, 3, 4], [0, 1, 2], [0.2])
    assert lesson_02.table.verdict(tasks).startswith("Right! The powers are [1, 2, 4, 1, 3, 9,")


# -- exercise 2


def cubed(base):
    return nap_and_power(base, 3)


def quick_cube(base):
    return base**3


@pytest.mark.parametrize(
    ("cube", "message"),
    [
        (partial(nap_and_power, exponent=3), "Right!"),
        (partial(nap_and_power, exponent=3, seconds=0), "Right!"),
        (cubed, "Right!"),
        (lambda base: nap_and_power(base, 3), "cannot be sent to a worker"),
        (partial(nap_and_power, 3), "3 became the base"),
        (partial(nap_and_power, exponent=2), "the results are ["),
        (partial(nap_and_power, base=3), "multiple values for argument 'base'"),
        (nap_and_power, "missing 1 required positional argument"),
        (quick_cube, "nap_and_power did not make them"),
        (partial(pow, exp=3), "nap_and_power did not make them"),
    ],
    ids=range(10),
)
def test_cubes_answers_what_is_wrong(cube, message):
    assert message in lesson_02.cubes.verdict(cube)


@pytest.mark.parametrize("wrapped", [False, True])
def test_cubes_does_not_send_a_function_of_the_notebook(wrapped):
    def cube(base): ...

    cube.__module__ = "__main__"
    answer = partial(cube, exponent=3) if wrapped else partial(cube)
    assert "cube is defined in this notebook" in lesson_02.cubes.verdict(answer)


# -- exercise 3, right


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
    power = partial(workers.with_number, workers.power_of_tuple)
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


# -- exercise 3, wrong


def no_bar(pool, tasks, tqdm):
    return list(pool.imap(workers.power_of_tuple, tasks))


def around_the_input(pool, tasks, tqdm):
    return list(pool.imap(workers.power_of_tuple, tqdm(tasks)))


def over_starmap(pool, tasks, tqdm):
    return list(tqdm(pool.starmap(nap_and_power, tasks)))


def in_the_parent(pool, tasks, tqdm):
    return [nap_and_power(*task) for task in tqdm(tasks)]


def short_naps(pool, tasks, tqdm):
    quick = [(base, exponent, 0) for base, exponent, _ in tasks]
    return list(tqdm(pool.imap(workers.power_of_tuple, quick)))


def one_by_one(pool, tasks, tqdm):
    return [pool.apply(nap_and_power, task) for task in tqdm(tasks)]


def backwards(pool, tasks, tqdm):
    return list(tqdm(pool.imap(workers.power_of_tuple, tasks)))[::-1]


def not_unpacked(pool, tasks, tqdm):
    return list(tqdm(pool.imap(nap_and_power, tasks)))


def lazy(pool, tasks, tqdm):
    return tqdm(pool.imap(workers.power_of_tuple, tasks))


def half_a_bar(pool, tasks, tqdm):
    results, bar = [], tqdm(total=len(tasks))
    for result in pool.imap(workers.power_of_tuple, tasks):
        results.append(result)
        if len(results) < 7:
            bar.update()
    return results


BAR = lesson_02.moving_bar
ANSWERS = [
    Answer(BAR, lesson_02.collect),
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
]


@pytest.mark.parametrize("answer", one_of_each(ANSWERS), ids=name_of)
def test_a_real_answer_is_judged(answer):
    assert not judged(answer)


POWERS = [4, 8, 9, 27]
RUN = predict([0.2] * 4, 2)


def shown(at):
    """Return the run with a bar that counted at these moments."""
    return Timeline(RUN.worker, RUN.start, RUN.finish, at)


@pytest.mark.parametrize(
    ("results", "run", "made", "told"),
    [
        (POWERS, RUN, True, "Right! Measured: the bar had counted 2 of 4"),
        (tuple(POWERS), predict([0.2] * 4, 2, method="imap_unordered"), True, "Right!"),
        (POWERS, shown([0.2, 0.25, 0.4, 0.45]), True, "Right!"),
        (POWERS, RUN, False, "Not yet: there is no bar."),
        (POWERS, predict([0.2] * 4, 2, method="map"), True, "had counted 0 of 4"),
        (POWERS, shown([0, 0, 0, 0]), True, "the bar counted 4 tasks that were not finished."),
        (POWERS, shown([0.2, 0.2, 0.4, NAN]), True, "the bar ended at 3 of 4."),
        (POWERS, predict([0.2] * 4, 1), True, "only one task ran at a time"),
        (POWERS, predict([0.2] * 3, 2), True, "the pool ran 3 tasks to their end"),
        (POWERS, predict([0.01] * 4, 2), True, "Give every task to the pool"),
        (POWERS[::-1], RUN, True, "not in the order of the tasks"),
        ([1, 2, 3, 4], RUN, True, "the results should be [4, 8, 9, 27]; they are [1, 2, 3, 4]."),
    ],
    ids=range(12),
)
def test_a_moving_bar_is_judged_by_its_timeline(results, run, made, told):
    assert told in said(lesson_02.judge_moving, results, POWERS, run, made)


# -- what the prose says


def test_a_lambda_is_not_found_by_its_name():
    nameless = eval("lambda base: base", {"__name__": __name__})
    with pytest.raises(pickle.PicklingError):
        pickle.dumps(nameless)


def test_a_local_function_cannot_be_pickled():
    def local():
        pass

    error = pickle.PicklingError if sys.version_info >= (3, 14) else AttributeError
    with pytest.raises(error, match="local object"):
        pickle.dumps(local)


def test_an_open_file_and_the_locks_cannot_be_pickled():
    with open(__file__) as file, pytest.raises(TypeError):
        pickle.dumps(file)
    with pytest.raises(TypeError):
        pickle.dumps(threading.Lock())
    with pytest.raises(RuntimeError, match="through inheritance"):
        pickle.dumps(multiprocessing.Lock())


def test_the_executors_map_stops_at_the_shortest_list():
    with ProcessPoolExecutor(1) as executor:
        assert list(executor.map(pow, [2, 3, 4], [1, 2])) == [2, 9]


def test_three_lists_of_a_hundred_make_a_million_tasks():
    assert sum(1 for _ in product(range(100), repeat=3)) == 1_000_000


def test_starmap_unpacks_strings():
    with multiprocessing.Pool(1) as pool:
        assert pool.starmap(max, ["ab"]) == ["b"]


class Heavy:
    """Counts how often it is pickled; a worker gets the number 0 in its place."""

    sent = 0

    def __reduce__(self):
        Heavy.sent += 1
        return int, (0,)


def test_what_partial_fills_in_travels_with_every_chunk():
    with multiprocessing.Pool(1) as pool:
        assert pool.map(partial(max, Heavy()), [1, 2, 3, 4, 5, 6], chunksize=2) == [
            1,
            2,
            3,
            4,
            5,
            6,
        ]
    assert Heavy.sent == 3
