"""Lesson 05: its exercises accept right answers and refuse wrong ones, and its claims hold.

An order is wrong if it has different naps or if a long nap starts late; it is right if no order is
faster. A wrong recipe has no bar, or a bar over results in order, over what goes in, that moves in
bursts or ends too early; or its results are out of order, guessed from the tasks, sorted, or never
fetched; or it does no work, one task at a time, everything twice, or everything in the parent. A
right one uses callbacks, polling, numbered tasks, or futures of an executor of its own, and may
submit in a different order.
"""

import inspect
import io
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from queue import SimpleQueue

import numpy as np
import pytest
from cells import run_as_file
from grading import Answer, name_of, one_of_each, verdict_of, wrong_verdict
from tqdm import tqdm
from tqdm.contrib.concurrent import process_map

from helpers.bar_recipes import RECIPES, WORKERS, Bar, measure
from helpers.exercises import lesson_05
from helpers.exercises.limits import TimingError
from helpers.workers import nap, result_or_error, with_number
from watchedpool import Timeline, WatchedPool, plot_behind, predict

COUNTDOWN = [(10 - a) * 0.1 for a in range(10)]
MIXED = list(lesson_05.MIXED)
NAN = np.nan


# -- exercise 3


@pytest.mark.parametrize(
    ("order", "right"),
    [
        (sorted(MIXED, reverse=True), True),
        ([0.1 * number for number in range(10, 0, -1)], True),
        ([0.6, 0.7, 0.8, 0.9, 1.0, 0.5, 0.4, 0.3, 0.2, 0.1], True),
        (sorted(MIXED), False),
        (MIXED, False),
    ],
    ids=["longest first", "tenths", "another best one", "shortest first", "as given"],
)
def test_an_order_is_graded_by_the_prediction(order, right):
    verdict = verdict_of(lesson_05.grade_order, order, predict(order, 5))
    assert (
        verdict.startswith("✓ Right: Measured: 1.1") if right else "1.1 s are possible." in verdict
    )


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (np.sort(MIXED)[::-1], "✓ Right: Measured: 1."),
        (sorted(MIXED), "At the end, some workers have nothing to do."),
        ([0.1] * 10, "use the same 10 naps, each once"),
        (["a"] * 10, "'a' is not a valid nap."),
    ],
    ids=["array", "shortest first", "other naps", "text"],
)
def test_longest_first_runs_the_naps(order, message):
    assert message in lesson_05.longest_first.verdict(order)


# -- exercises 1 and 2, right


def by_polling(func, tasks, tqdm, pool):
    jobs = [pool.apply_async(func, (task,)) for task in tasks]
    with tqdm(total=len(tasks)) as bar:
        while bar.n < len(tasks):
            bar.update(sum(job.ready() for job in jobs) - bar.n)
            time.sleep(0.005)
    return [job.get() if job.successful() else None for job in jobs]


def numbered(func, tasks, tqdm, pool):
    pairs = pool.imap_unordered(partial(with_number, func), enumerate(tasks))
    return [result for _, result in sorted(tqdm(pairs, total=len(tasks)))]


def by_futures(func, tasks, tqdm, pool):
    with ProcessPoolExecutor(5) as executor:
        futures = [executor.submit(func, task) for task in tasks]
        for _ in tqdm(as_completed(futures), total=len(tasks)):
            pass
    return [None if future.exception() else future.result() for future in futures]


def longest_first(func, tasks, tqdm, pool):
    order = sorted(range(len(tasks)), key=tasks.__getitem__, reverse=True)
    results, bar, jobs = {}, tqdm(total=len(tasks)), []
    for number in order:

        def put(result, number=number):
            results[number] = result
            bar.update()

        jobs.append(pool.apply_async(func, (tasks[number],), callback=put))
    for job in jobs:
        job.wait()
    return tuple(results[number] for number in range(len(tasks)))


def try_number(func, pair):
    try:
        return pair[0], func(pair[1])
    except ValueError:
        return pair[0], None


def caught_in_the_worker(func, tasks, tqdm, pool):
    pairs = pool.imap_unordered(partial(try_number, func), enumerate(tasks))
    found = dict(tqdm(pairs, total=len(tasks)))
    return [found[number] for number in sorted(found)]


def by_done_callback(func, tasks, tqdm, pool):
    executor, bar, futures = ProcessPoolExecutor(5), tqdm(total=len(tasks)), []
    for task in tasks:
        futures.append(executor.submit(func, task))
        futures[-1].add_done_callback(lambda _: bar.update())
    return [future.result() for future in futures]


def by_queue(func, tasks, tqdm, pool):
    arrived, results = SimpleQueue(), [None] * len(tasks)
    for number, task in enumerate(tasks):
        pool.apply_async(func, [task], callback=lambda result, n=number: arrived.put((n, result)))
    for _ in tqdm(range(len(tasks))):
        number, result = arrived.get()
        results[number] = result
    return results


def by_map_async(func, tasks, tqdm, pool):
    bar = tqdm(total=len(tasks), desc="naps")
    jobs = [pool.map_async(func, [task], callback=lambda _: bar.update(1)) for task in tasks]
    return [job.get()[0] for job in jobs]


def errors_as_results(func, tasks, tqdm, pool):
    safe, results = partial(with_number, partial(result_or_error, func)), [None] * len(tasks)
    for number, result in tqdm(pool.imap_unordered(safe, enumerate(tasks)), total=len(tasks)):
        results[number] = None if isinstance(result, ValueError) else result
    return results


# -- exercises 1 and 2, wrong


def no_total(func, tasks, tqdm, pool):
    return numbered(func, tasks, lambda pairs, total: tqdm(pairs), pool)


def total_of_12(func, tasks, tqdm, pool):
    return numbered(func, tasks, lambda pairs, total: tqdm(pairs, total=12), pool)


def without_the_first(func, tasks, tqdm, pool):
    pairs = pool.imap_unordered(partial(with_number, func), enumerate(tasks))
    return [result for _, result in sorted([next(pairs), *tqdm(pairs, total=len(tasks))])]


def in_chunks_of_two(func, tasks, tqdm, pool):
    pairs = pool.imap_unordered(partial(with_number, func), enumerate(tasks), 2)
    return [result for _, result in sorted(tqdm(pairs, total=len(tasks)))]


def slow_polling(func, tasks, tqdm, pool):
    jobs, bar = [pool.apply_async(func, (task,)) for task in tasks], tqdm(total=len(tasks))
    while bar.n < len(tasks):
        time.sleep(0.4)
        bar.update(sum(job.ready() for job in jobs) - bar.n)
    return [job.get() for job in jobs]


def callback_without_argument(func, tasks, tqdm, pool):
    bar = tqdm(total=len(tasks))
    jobs = [pool.apply_async(func, (task,), callback=lambda: bar.update()) for task in tasks]
    return [job.get() for job in jobs]


def callback_adds_the_result(func, tasks, tqdm, pool):
    bar = tqdm(total=len(tasks))
    jobs = [pool.apply_async(func, (task,), callback=bar.update) for task in tasks]
    return [job.get() for job in jobs]


def next_in_order(func, tasks, tqdm, pool):
    results, found, bar = pool.imap(func, tasks), [], tqdm(total=len(tasks))
    for _ in tasks:
        try:
            found.append(next(results))
        except ValueError:
            found.append(None)
        bar.update()
    return found


def zero_for_none(func, tasks, tqdm, pool):
    return [result or 0 for result in by_polling(func, tasks, tqdm, pool)]


def failed_again(func, tasks, tqdm, pool):
    results = by_polling(func, tasks, tqdm, pool)
    for task in [task for task, result in zip(tasks, results, strict=True) if result is None]:
        with suppress(ValueError):
            func(task)
    return results


def a_bar_for_failures(func, tasks, tqdm, pool):
    good, bad = tqdm(total=len(tasks)), tqdm(total=len(tasks))
    move = {"callback": lambda _: good.update(), "error_callback": lambda _: bad.update()}
    jobs = [pool.apply_async(func, (task,), **move) for task in tasks]
    for job in jobs:
        job.wait()
    return [job.get() if job.successful() else None for job in jobs]


def ordered(func, tasks, tqdm, pool):
    return list(tqdm(pool.imap(func, tasks), total=len(tasks)))


def unordered(func, tasks, tqdm, pool):
    return list(tqdm(pool.imap_unordered(func, tasks), total=len(tasks)))


def sorted_again(func, tasks, tqdm, pool):
    return sorted(unordered(func, tasks, tqdm, pool), reverse=True)


def around(func, tasks, tqdm, pool):
    return pool.map(func, tqdm(tasks))


def in_chunks(func, tasks, tqdm, pool):
    pairs = pool.imap_unordered(partial(with_number, func), enumerate(tasks), 3)
    return [result for _, result in sorted(tqdm(pairs, total=len(tasks)))]


def in_turn(func, tasks, tqdm, pool):
    return [pool.apply(func, (task,)) for task in tqdm(tasks)]


def here(func, tasks, tqdm, pool):
    return [func(task) for task in tqdm(tasks)]


def no_bar(func, tasks, tqdm, pool):
    return pool.map(func, tasks)


def no_task(func, tasks, tqdm, pool):
    return list(tqdm(tasks))


def twice(func, tasks, tqdm, pool):
    unordered(func, tasks, tqdm, pool)
    return pool.map(func, tasks)


def half_a_bar(func, tasks, tqdm, pool):
    with tqdm(total=len(tasks)) as bar:
        move = {"callback": lambda _: bar.update(bar.n < 5)}
        jobs = [pool.apply_async(func, (task,), **move) for task in tasks]
        return [job.get() for job in jobs]


def nothing(func, tasks, tqdm, pool):
    unordered(func, tasks, tqdm, pool)


def the_tasks(func, tasks, tqdm, pool):
    unordered(func, tasks, tqdm, pool)
    return tasks


def two_arguments(func, tasks):
    return []


def no_error_callback(func, tasks, tqdm, pool):
    with tqdm(total=len(tasks)) as bar:
        jobs = [pool.apply_async(func, (t,), callback=lambda _: bar.update()) for t in tasks]
        for job in jobs:
            job.wait()
    return [job.get() if job.successful() else None for job in jobs]


def never_fetched(func, tasks, tqdm, pool):
    with tqdm(total=len(tasks)) as bar:
        move = {"callback": lambda _: bar.update(), "error_callback": lambda _: bar.update()}
        for job in [pool.apply_async(func, (task,), **move) for task in tasks]:
            job.wait()
    return [task if task > 0 else None for task in tasks]


def all_none(func, tasks, tqdm, pool):
    never_fetched(func, tasks, tqdm, pool)
    return [None] * len(tasks)


def left_out(func, tasks, tqdm, pool):
    return [result for result in by_polling(func, tasks, tqdm, pool) if result is not None]


HONEST, FAILURES = lesson_05.honest_and_ordered, lesson_05.count_failures
ANSWERS = [
    Answer(HONEST, lesson_05.collect),
    Answer(HONEST, lesson_05.collect_all),
    Answer(HONEST, by_polling),
    Answer(HONEST, numbered),
    Answer(HONEST, by_futures),
    Answer(HONEST, longest_first),
    Answer(HONEST, by_done_callback),
    Answer(HONEST, by_queue),
    Answer(HONEST, by_map_async),
    Answer(HONEST, ordered, "tasks were finished that the bar had not counted."),
    Answer(HONEST, sorted_again, "but not in the order of the tasks."),
    Answer(HONEST, unordered, "but not in the order of the tasks."),
    Answer(HONEST, around, "tasks that were not finished."),
    Answer(HONEST, in_chunks, "tasks were finished that the bar had not counted."),
    Answer(HONEST, in_turn, "as if there were one worker."),
    Answer(HONEST, here, "as if there were one worker."),
    Answer(HONEST, no_bar, "no bar moved."),
    Answer(HONEST, no_task, "0 tasks were done"),
    Answer(HONEST, twice, "tasks were done, and there are"),
    Answer(HONEST, half_a_bar, "the bar ended at 5 of"),
    Answer(HONEST, nothing, "your function returned nothing (None)."),
    Answer(HONEST, the_tasks, "the results should be ["),
    Answer(HONEST, two_arguments, "two_arguments raised TypeError"),
    Answer(HONEST, no_total, "the bar has no total"),
    Answer(HONEST, total_of_12, "the total of the bar is 12; there are "),
    Answer(HONEST, without_the_first, "the bar ended at "),
    Answer(HONEST, in_chunks_of_two, "tasks were finished that the bar had not counted."),
    Answer(HONEST, slow_polling, "tasks were finished that the bar had not counted."),
    Answer(
        HONEST, callback_without_argument, "that calls callbacks and receives results: TypeError"
    ),
    Answer(HONEST, callback_adds_the_result, "the bar ended at "),
    Answer(FAILURES, lesson_05.collect_all),
    Answer(FAILURES, by_polling),
    Answer(FAILURES, by_futures),
    Answer(FAILURES, caught_in_the_worker),
    Answer(FAILURES, errors_as_results),
    Answer(FAILURES, next_in_order, "tasks were finished that the bar had not counted."),
    Answer(FAILURES, zero_for_none, "the results should be ["),
    Answer(FAILURES, failed_again, "tasks were done, and there are"),
    Answer(FAILURES, a_bar_for_failures, "the bar ended at "),
    Answer(FAILURES, no_error_callback, "the bar ended at "),
    Answer(FAILURES, ordered, "ordered raised ValueError: the nap of 0."),
    Answer(FAILURES, never_fetched, "the results should be ["),
    Answer(FAILURES, all_none, "the results should be ["),
    Answer(FAILURES, left_out, "results; you returned"),
]


@pytest.mark.parametrize("answer", one_of_each(ANSWERS), ids=name_of)
def test_a_real_answer_gets_the_expected_verdict(answer):
    assert not wrong_verdict(answer)


WANTED = [round(0.1 * number, 1) for number in range(10)]
HONESTLY = predict(COUNTDOWN, 5, method="apply_async")


def counted_at(moments):
    """Return the run with a bar that counted at these moments."""
    return Timeline(HONESTLY.worker, HONESTLY.start, HONESTLY.finish, moments)


@pytest.mark.parametrize(
    ("results", "run", "message"),
    [
        (
            WANTED,
            HONESTLY,
            "✓ Right: Measured: results in order, and a bar that is at worst 0 behind",
        ),
        (tuple(WANTED), predict(COUNTDOWN, 5, method="imap_unordered"), "✓ Right: "),
        (WANTED, counted_at(HONESTLY.finish + 0.01), "✓ Right: "),
        (WANTED, predict(COUNTDOWN, 5), "4 tasks were finished that the bar had not counted."),
        (WANTED, predict(COUNTDOWN, 5, method="map"), "5 tasks were finished that the bar"),
        (
            WANTED,
            predict(COUNTDOWN, 5, 2, "imap_unordered"),
            "tasks were finished that the bar had not counted.",
        ),
        (WANTED, counted_at([0.0] * 10), "the bar counted 10 tasks that were not finished."),
        (WANTED, counted_at(None), "no bar moved."),
        (WANTED, counted_at([*HONESTLY.finish[:8], NAN, NAN]), "the bar ended at 8 of 10 tasks."),
        (WANTED, predict(COUNTDOWN, 1, method="imap_unordered"), "as if there were one worker."),
        (WANTED, predict(COUNTDOWN[:9], 5), "9 tasks were done, and there are 10"),
        (WANTED, predict([*COUNTDOWN, 0.1], 5), "11 tasks were done, and there are 10"),
        (WANTED[::-1], HONESTLY, "not in the order of the tasks."),
        (COUNTDOWN, HONESTLY, "the results should be [0.0, 0.1, "),
        (None, HONESTLY, "your function returned nothing (None)."),
    ],
    ids=range(15),
)
def test_a_recipe_is_graded_by_its_timeline(results, run, message):
    counted = int(np.isfinite(run.delivered).sum())
    bar = Bar(total=len(run), initial=counted)
    assert message in verdict_of(lesson_05.grade_bar, results, WANTED, run, bar)


@pytest.mark.parametrize(
    ("bar", "message"),
    [
        (None, "no bar moved. Make one with the tqdm that is passed in."),
        (Bar(total=None, initial=10), "the bar has no total"),
        (Bar(total=12, initial=10), "the total of the bar is 12; there are 10 tasks."),
    ],
    ids=["no bar", "no total", "large total"],
)
def test_a_recipe_without_a_full_bar_is_refused(bar, message):
    assert message in verdict_of(lesson_05.grade_bar, WANTED, WANTED, HONESTLY, bar)


def test_a_late_bar_may_be_the_fault_of_a_busy_machine():
    bar = Bar(total=10, initial=10)
    with pytest.raises(TimingError, match="4 tasks were finished that the bar had not counted"):
        lesson_05.grade_bar(WANTED, WANTED, predict(COUNTDOWN, 5), bar)


# -- the recipes


def test_the_bar_to_copy_runs_as_a_file_of_its_own(tmp_path):
    assert "10/10" in run_as_file("05", "recipe", tmp_path)


def waited(run):
    """Return the longest time that a finished task waited for the bar."""
    return np.nanmax(run.lag)


@pytest.mark.measures
def test_each_recipe_is_as_honest_as_the_lesson_says():
    """Lesson 05, cell-09, cell-15, cell-27, cell-33, cell-49, cell-51, cell-53 and cell-54."""
    recipes, naps = RECIPES | {"numbered": numbered_recipe}, [seconds / 2 for seconds in COUNTDOWN]
    returned = {}

    def keeping(name):
        def recipe(*args, **kwargs):
            returned[name] = recipes[name](*args, **kwargs)

        return recipe

    runs = measure({name: keeping(name) for name in recipes}, naps)
    for name, results in returned.items():
        assert sorted(results, reverse=True) == naps
        if "unordered" not in name:
            assert results == naps
    total = {name: float(sum(run.lag)) for name, run in runs.items()}
    assert total["imap"] > sum(predict(naps, WORKERS).lag) / 2
    # On a busy machine, which is slow to draw any bar, the number of tasks that wait is not a good
    # measure of honesty.
    honest = {name for name, run in runs.items() if waited(run) < waited(runs["imap"]) / 2}
    honest = {name for name in honest if not runs[name].most_ahead}
    assert honest == {"imap_unordered", "apply_async, callback", "as_completed", "numbered"}
    assert all(total[name] < total["imap"] for name in honest)
    four = {name: total[name] for name in list(RECIPES)[:6] if "around" not in name}
    assert max(four, key=four.get) == "imap, chunks of 2"
    behind = {name: run.most_behind for name, run in runs.items()}
    assert min(behind["map"], behind["imap"], behind["Executor.map"]) >= 3
    assert behind["imap, chunks of 2"] >= 8
    assert runs["map, bar around the tasks"].most_ahead >= 8


def numbered_recipe(func, tasks, tqdm, pool, **_):
    return numbered(func, tasks, tqdm, pool)


@pytest.mark.measures
def test_shortest_first_takes_longer_and_the_forecast_of_tqdm_is_wrong():
    """Lesson 05, cell-39, cell-41, cell-99 and cell-101."""
    with WatchedPool(WORKERS) as pool:
        pool.warm_up()
        list(pool.imap_unordered(nap, COUNTDOWN))
        longest = pool.timeline()
        pool.forget()
        list(pool.imap_unordered(nap, COUNTDOWN[::-1]))
        shortest = pool.timeline()
    assert shortest.makespan > 1.15 * longest.makespan
    truth = np.ptp(longest.finish)
    assert min([0.5, 1.1, 5.5], key=lambda seconds: abs(seconds - truth)) == 0.5
    ends = np.sort(shortest.finish)
    assert ends[-1] - ends[4] > 0.8


def by_process_map(func, tasks, tqdm, **options):
    options = {name: options[name] for name in options if name not in ("pool", "executor")}
    return process_map(func, tasks, max_workers=WORKERS, tqdm_class=tqdm, **options)


def test_process_map_counts_as_the_lesson_says():
    """Up to tqdm 4.69 it counts in order; from 4.70 on, as tasks end, in bursts of the workers."""
    recipes = {"plain": by_process_map, "imap": RECIPES["imap"]}
    recipes["each"] = partial(by_process_map, miniters=1)
    recipes["chunks"] = partial(by_process_map, chunksize=2)
    runs = measure(recipes, COUNTDOWN)
    assert all(np.isfinite(run.finish).all() for run in runs.values())
    ends = {name: int(np.isfinite(run.delivered).sum()) for name, run in runs.items()}
    assert ends["plain"] == ends["each"] == 10
    known = {"4.69.0": 10, "4.69.1": 10, "4.70.0": 5, "4.70.1": 5}  # issue 1791: chunks, not tasks
    assert ends["chunks"] == known.get(version("tqdm"), 10)
    if tuple(map(int, version("tqdm").split(".")[:2])) >= (4, 70):
        assert waited(runs["each"]) < waited(runs["imap"]) / 2


def test_measure_leaves_no_process_when_a_recipe_fails():
    def broken(func, tasks, tqdm, **_):
        raise RuntimeError("broken recipe")

    with pytest.raises(RuntimeError, match="broken recipe"):
        measure({"broken": broken}, COUNTDOWN)


def test_without_a_bar_no_task_is_delivered():
    runs = measure({"none": lambda func, tasks, tqdm, pool, **_: pool.map(func, tasks)}, [0.01] * 3)
    assert np.isnan(runs["none"].delivered).all()


def test_plot_behind_says_what_is_wrong_with_each_bar():
    honest = Timeline([0, 1], [0, 0], [1, 2], [1, 2])
    late = Timeline([0, 1, 2], [0, 0, 0], [1, 2, 3], [3, 3, 3])
    early = Timeline([0, 1], [0, 0], [1, 2], [0, 0])
    short = Timeline([0, 1, 2], [0, 0, 0], [1, 2, 3], [3, NAN, NAN])
    ax = plot_behind({"a": honest, "b": late, "c": early, "d": short})
    assert ax.get_title("left").startswith("1 of 4 bars is never more than one task off")
    assert ax.get_label().endswith("a: honest; b: 2 behind; c: 2 ahead; d: 2 behind.")
    rows = " ".join(text.get_text() for text in ax.texts)
    assert rows.count("2 behind") == 2
    assert rows.count("2 ahead") == 1
    ax.figure.savefig(io.BytesIO())


# -- claims of the prose that no cell shows


def test_a_bar_over_imap_hides_four_tasks_for_one_task_second():
    """Lesson 05, cell-08 and cell-10; cell-54 and the fine print on `map`."""
    ordered = predict(COUNTDOWN, WORKERS)
    assert ordered.most_behind == 4
    assert sum(ordered.lag) == pytest.approx(0.4 + 0.3 + 0.2 + 0.1)
    assert ordered.finish.argmin() == 4
    assert predict(COUNTDOWN, WORKERS, method="map").most_behind == 5


def test_the_gain_of_longest_first_is_as_the_lesson_says():
    """Lesson 05, straggler-3, straggler-4 and the fine print."""
    last, first = predict([0.1] * 20 + [0.5], WORKERS), predict([0.5] + [0.1] * 20, WORKERS)
    assert last.makespan / first.makespan == pytest.approx(2 - 1 / WORKERS) == 1.8
    assert predict([3, 3, 2, 2, 2], 2).makespan == 7
    assert predict([3, 2, 2, 3, 2], 2).makespan == 6


def test_tqdm_predicts_the_time_left_from_the_average_so_far():
    """Lesson 05, cell-97, left-before and cell-101."""
    left = tqdm.format_meter(1, 10, 0.6, bar_format="{remaining_s}")
    assert float(left) == pytest.approx(0.6 / 1 * 9)
    truth = np.ptp(predict(COUNTDOWN, WORKERS).finish)
    assert float(left) / truth == pytest.approx(10, rel=0.1)  # "about ten times"
    left = tqdm.format_meter(5, 10, 0.5, bar_format="{remaining_s}")
    assert float(left) == pytest.approx(0.5)
    assert inspect.signature(tqdm.__init__).parameters["smoothing"].default == 0.3
