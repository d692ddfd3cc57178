"""Lesson 08: what its exercises accept and refuse, and claims of its prose that no cell shows."""

import asyncio
import heapq
import json
import logging
import sys
import time
from concurrent.futures import (
    FIRST_COMPLETED,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    as_completed,
    wait,
)
from fractions import Fraction
from functools import partial
from itertools import chain, islice
from multiprocessing import Manager, Pool, Queue, SimpleQueue, get_all_start_methods
from pathlib import Path
from queue import Queue as ThreadQueue
from threading import Lock, Semaphore, Thread
from types import SimpleNamespace

import cloudpickle
import nbformat
import numpy as np
import pytest
from cells import run_cells
from grading import Answer, name_of, one_of_each, verdict_of, wrong_verdict
from leftovers import DEADLINE
from nbclient import NotebookClient

from helpers.commands.demonstration import demonstrate
from helpers.exercises import lesson_08
from helpers.exercises.lesson_08 import Followed
from helpers.workers import call_and_notify, nap_and_log, run_steps, share_log, share_queue
from watchedpool import Timeline, predict

NAN = np.nan
# As if a cell defined the answers: a process that they run in need not import this module.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

# -- exercise 1


def by_futures(function, tasks, tqdm):
    queue = Queue()
    with ProcessPoolExecutor(3, initializer=share_queue, initargs=(queue,)) as executor:
        futures = [executor.submit(function, steps) for steps in tasks]
        for _ in tqdm(range(sum(map(len, tasks)))):
            queue.get()
        return [future.result() for future in futures]


def by_manager(function, tasks, tqdm):
    with Manager() as manager, tqdm(total=sum(map(len, tasks))) as bar:
        queue = manager.Queue()
        with Pool(3, share_queue, (queue,)) as pool:
            job = pool.map_async(function, tasks, chunksize=1)
            while bar.n < bar.total:
                queue.get()
                bar.update()
            return job.get()


def by_polling(function, tasks, tqdm):
    queue = SimpleQueue()
    with Pool(3, share_queue, (queue,)) as pool, tqdm(total=sum(map(len, tasks))) as bar:
        job = pool.map_async(function, tasks, chunksize=1)
        while bar.n < bar.total:
            job.wait(0.005)
            while not queue.empty():
                queue.get()
                bar.update()
        return job.get()


def by_callbacks(function, tasks, tqdm):
    queue = SimpleQueue()
    with Pool(3, share_queue, (queue,), maxtasksperchild=1) as pool:
        jobs = [pool.apply_async(function, (steps,)) for steps in tasks]
        for _ in tqdm(range(sum(len(steps) for steps in tasks))):
            queue.get()
        return [job.get() for job in jobs]


def by_imap_in_a_thread(function, tasks, tqdm):
    queue, results = SimpleQueue(), []
    steps = sum(map(len, tasks))
    with Pool(3, share_queue, (queue,)) as pool:
        thread = Thread(target=lambda: results.extend(pool.imap(function, tasks)))
        thread.start()
        with tqdm(total=steps) as bar:
            for _ in range(steps):
                queue.get()
                bar.update(1)
        thread.join()
    return tuple(results)


def by_unordered_pairs(function, tasks, tqdm):
    queue = Queue()
    executor = ProcessPoolExecutor(3, initializer=share_queue, initargs=(queue,))
    with executor, tqdm(total=len([*chain(*tasks)])) as bar:
        places = {executor.submit(function, steps): i for i, steps in enumerate(tasks)}
        while bar.n < bar.total:
            queue.get()
            bar.update()
        found = {places[future]: future.result() for future in as_completed(places)}
    return [found[i] for i in range(len(tasks))]


def with_workers(count, function, tasks, tqdm, total=None, each=1, skip=0):
    """Do what `follow` asks for, with this number of workers, this total, these updates."""
    queue, steps = SimpleQueue(), sum(map(len, tasks))
    with Pool(count, share_queue, (queue,)) as pool, tqdm(total=total or steps) as bar:
        job = pool.map_async(function, tasks, chunksize=1)
        for number in range(steps):
            queue.get()
            bar.update(each if number >= skip else 0)
        return job.get()


def two_workers(function, tasks, tqdm):
    return with_workers(2, function, tasks, tqdm)


def four_workers(function, tasks, tqdm):
    return with_workers(4, function, tasks, tqdm)


def twelve_workers(function, tasks, tqdm):
    return with_workers(12, function, tasks, tqdm)


def too_large_total(function, tasks, tqdm):
    return with_workers(3, function, tasks, tqdm, total=100)


def total_of_tasks(function, tasks, tqdm):
    return with_workers(3, function, tasks, tqdm, total=len(tasks))


def one_step_short(function, tasks, tqdm):
    return with_workers(3, function, tasks, tqdm, skip=1)


def counted_twice(function, tasks, tqdm):
    return with_workers(3, function, tasks, tqdm, each=2)


def no_total(function, tasks, tqdm):
    queue = SimpleQueue()
    with Pool(3, share_queue, (queue,)) as pool, tqdm() as bar:
        job = pool.map_async(function, tasks, chunksize=1)
        for _ in range(sum(map(len, tasks))):
            queue.get()
            bar.update()
        return job.get()


def task_by_task(function, tasks, tqdm):
    queue, results = SimpleQueue(), []
    with Pool(3, share_queue, (queue,)) as pool, tqdm(total=sum(map(len, tasks))) as bar:
        for result in pool.imap(function, tasks):
            results.append(result)
            bar.update(len(result))
    return results


def as_they_come(function, tasks, tqdm):
    queue = SimpleQueue()
    with Pool(3, share_queue, (queue,)) as pool:
        tasks = pool.imap_unordered(function, tasks)
        results, steps = [], 48
        with tqdm(total=steps) as bar:
            for result in tasks:
                while not queue.empty():
                    queue.get()
                    bar.update()
                results.append(result)
    return results


def no_results(function, tasks, tqdm):
    lesson_08.follow(function, tasks, tqdm)


def flat_results(function, tasks, tqdm):
    return [*chain(*lesson_08.follow(function, tasks, tqdm))]


def bar_of_tasks(function, tasks, tqdm):
    queue = SimpleQueue()
    with Pool(3, share_queue, (queue,)) as pool:
        return list(tqdm(pool.imap(function, tasks), total=len(tasks)))


def counted_at_the_end(function, tasks, tqdm):
    queue = SimpleQueue()
    with Pool(3, share_queue, (queue,)) as pool:
        results = pool.map(function, tasks, chunksize=1)
        for _ in tqdm(range(sum(map(len, tasks)))):
            queue.get()
        return results


def counted_before(function, tasks, tqdm):
    queue = SimpleQueue()
    with Pool(3, share_queue, (queue,)) as pool:
        job = pool.map_async(function, tasks, chunksize=1)
        list(tqdm(range(sum(map(len, tasks)))))
        return job.get()


def one_worker(function, tasks, tqdm):
    queue = SimpleQueue()
    with Pool(1, share_queue, (queue,)) as pool:
        job = pool.map_async(function, tasks, chunksize=1)
        for _ in tqdm(range(sum(map(len, tasks)))):
            queue.get()
        return job.get()


def no_bar(function, tasks, tqdm):
    queue = SimpleQueue()
    with Pool(3, share_queue, (queue,)) as pool:
        return pool.map(function, tasks, chunksize=1)


def tasks_back(function, tasks, tqdm):
    lesson_08.follow(function, tasks, tqdm)
    return tasks


def nothing_run(function, tasks, tqdm):
    return [list(tqdm(steps)) for steps in tasks]


# -- exercise 2


def by_semaphore(function, items, tqdm):
    free = Semaphore(8)

    def at_most():
        for item in items:
            free.acquire()
            yield item

    results = []
    with Pool(3) as pool:
        for result in tqdm(pool.imap_unordered(function, at_most())):
            free.release()
            results.append(result)
    return results


def in_batches(function, items, tqdm):
    results = []
    with Pool(3) as pool, tqdm() as bar:
        while batch := list(islice(items, 9)):
            for result in pool.imap_unordered(function, batch):
                results.append(result)
                bar.update()
    return results


def by_three_threads(function, items, tqdm):
    lock, results = Lock(), []

    def work(pool, bar):
        while True:
            with lock:
                item = next(items, None)
            if item is None:
                return
            results.append(pool.apply(function, (item,)))
            with lock:
                bar.update()

    with Pool(3) as pool, tqdm() as bar:
        threads = [Thread(target=work, args=(pool, bar)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return results


async def by_asyncio(function, items, tqdm):
    loop, gate, results = asyncio.get_running_loop(), asyncio.Semaphore(10), []
    with ProcessPoolExecutor(3) as executor, tqdm() as bar:

        async def run(item):
            try:
                results.append(await loop.run_in_executor(executor, function, item))
                bar.update()
            finally:
                gate.release()

        running = []
        await gate.acquire()
        for item in items:
            running.append(asyncio.create_task(run(item)))
            await gate.acquire()
        await asyncio.gather(*running)
    return results


def growing_total(function, items, tqdm):
    results = []
    with ProcessPoolExecutor(3) as executor, tqdm(total=0) as bar:

        def submit(count):
            futures = {executor.submit(function, item) for item in islice(items, count)}
            bar.total += len(futures)
            return futures

        running = submit(6)
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                running |= submit(1)
                bar.update()
                results.append(future.result())
    return results


def by_callbacks_and_semaphore(function, items, tqdm):
    free, results = Semaphore(10), []
    with Pool(3) as pool, tqdm() as bar:

        def keep(result):
            results.append(result)
            bar.update()
            free.release()

        for item in items:
            free.acquire()
            pool.apply_async(function, (item,), callback=keep)
        pool.close()
        pool.join()
    return results


def ahead_with(function, items, tqdm, workers=3, ahead=10, total=None):
    """Do what `keep_up` asks for, with other numbers."""
    results = []
    with ProcessPoolExecutor(workers) as executor, tqdm(total=total) as bar:
        running = {executor.submit(function, item) for item in islice(items, ahead)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                running |= {executor.submit(function, item) for item in islice(items, 1)}
                results.append(future.result())
                bar.update()
    return results


def by_two_workers(function, items, tqdm):
    return ahead_with(function, items, tqdm, workers=2)


def by_twelve_workers(function, items, tqdm):
    return ahead_with(function, items, tqdm, workers=12)


def fifteen_ahead(function, items, tqdm):
    return ahead_with(function, items, tqdm, ahead=15)


def total_of_a_hundred(function, items, tqdm):
    return ahead_with(function, items, tqdm, total=100)


def total_of_ten(function, items, tqdm):
    return ahead_with(function, items, tqdm, total=10)


def bar_in_order(function, items, tqdm):
    free = Semaphore(8)

    def at_most():
        for item in items:
            free.acquire()
            yield item

    results = []
    with Pool(3) as pool:
        for result in tqdm(pool.imap(function, at_most())):
            free.release()
            results.append(result)
    return results


def bar_of_batches(function, items, tqdm):
    results = []
    with Pool(3) as pool, tqdm() as bar:
        while batch := list(islice(items, 9)):
            results += pool.map(function, batch, chunksize=1)
            bar.update(len(batch))
    return results


def bar_around_the_items(function, items, tqdm):
    items, results = iter(tqdm(items)), []
    with ProcessPoolExecutor(3) as executor:
        running = {executor.submit(function, item) for item in islice(items, 10)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                running |= {executor.submit(function, item) for item in islice(items, 1)}
                results.append(future.result())
    return results


def last_ones_lost(function, items, tqdm):
    results, running = [], set()
    with ProcessPoolExecutor(3) as executor, tqdm() as bar:
        for item in items:
            running.add(executor.submit(function, item))
            if len(running) == 10:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                results += [future.result() for future in done]
                bar.update(len(done))
    return results


def items_back(function, items, tqdm):
    kept = []
    lesson_08.keep_up(function, (kept.append(item) or item for item in items), tqdm)
    return kept


def in_turn(function, items, tqdm):
    with Pool(3) as pool:
        return [pool.apply(function, (item,)) for item in tqdm(items)]


def all_at_once(function, items, tqdm):
    with Pool(3) as pool:
        return list(tqdm(pool.imap_unordered(function, items)))


def counted_first(function, items, tqdm):
    items = list(items)
    with ProcessPoolExecutor(3) as executor:
        futures = [executor.submit(function, item) for item in items]
        for _ in tqdm(as_completed(futures), total=len(items)):
            pass
        return [future.result() for future in futures]


def ten_and_no_more(function, items, tqdm):
    with Pool(3) as pool:
        return list(tqdm(pool.imap_unordered(function, islice(items, 10))))


# -- exercise 3


def by_hand(running, waiting, workers):
    free = sorted([*running, *[0.0] * (workers - len(running))])
    for nap in waiting:
        free[0] += nap
        free.sort()
    return free[-1]


def by_heap(running, waiting, workers):
    ends = [*running]
    heapq.heapify(ends)
    for nap in waiting:
        heapq.heapreplace(ends, ends[0] + nap)
    return max(ends)


def by_events(running, waiting, workers):
    now, running, waiting = 0.0, sorted(running), waiting[::-1]
    while running:
        step = running.pop(0)
        now += step
        running = [each - step for each in running]
        if waiting:
            running = sorted([*running, waiting.pop()])
    return now


def in_numpy(running, waiting, workers):
    free = np.zeros(workers)
    for seconds in running + waiting:
        free[free.argmin()] += seconds
    return np.array(free.max())


def as_a_fraction(running, waiting, workers):
    return Fraction(by_heap(running, waiting, workers))


def by_finish(running, waiting, workers):
    run = predict([*running, *waiting], workers, method="imap_unordered")
    return max(run.finish) - min(run.start)


def emptied(running, waiting, workers):
    while waiting:
        running.sort()
        running[0] += waiting.pop(0)
    return max(running)


def shortest_first(running, waiting, workers):
    return predict(running + sorted(waiting), workers).makespan


def longest_first(running, waiting, workers):
    return predict(running + sorted(waiting)[::-1], workers).makespan


def waiting_first(running, waiting, workers):
    return predict(waiting + running, workers).makespan


def dealt_in_turn(running, waiting, workers):
    return max(sum((running + waiting)[i::workers]) for i in range(workers))


def even_after_the_longest(running, waiting, workers):
    return max(running) + sum(waiting) / workers


def one_worker_less(running, waiting, workers):
    return predict(running + waiting, workers - 1).makespan


def in_whole_seconds(running, waiting, workers):
    return round(by_heap(running, waiting, workers))


def in_milliseconds(running, waiting, workers):
    return 1000 * by_heap(running, waiting, workers)


def only_while_tasks_wait(running, waiting, workers):
    max(waiting)
    return by_heap(running, waiting, workers)


def always_true(running, waiting, workers):
    return True


def nothing(running, waiting, workers):
    return float("nan")


def a_loop_in_c(running, waiting, workers):
    return sum(range(10**12))


def no_end(running, waiting, workers):
    while True:
        pass


def really_run(running, waiting, workers):
    with ThreadPoolExecutor(workers) as threads:
        begin = time.perf_counter()
        list(threads.map(time.sleep, running + waiting))
        return time.perf_counter() - begin


def divided_evenly(running, waiting, workers):
    return sum(running + waiting) / workers


def only_what_runs(running, waiting, workers):
    return max(running)


def as_text(running, waiting, workers):
    return "soon"


STEPS, UNKNOWN, LEFT = lesson_08.count_steps, lesson_08.unknown_end, lesson_08.how_long_still
ANSWERS = [
    Answer(STEPS, lesson_08.follow),
    Answer(STEPS, by_futures),
    Answer(STEPS, by_manager),
    Answer(STEPS, by_polling),
    Answer(STEPS, by_callbacks),
    Answer(STEPS, by_imap_in_a_thread),
    Answer(STEPS, by_unordered_pairs),
    Answer(STEPS, two_workers, "2 steps at the same time. There should be 3 workers."),
    Answer(STEPS, four_workers, "4 steps at the same time. There should be 3 workers."),
    Answer(STEPS, twelve_workers, "There should be 3 workers."),
    Answer(STEPS, too_large_total, "the total of the bar is 100; there are "),
    Answer(STEPS, total_of_tasks, "the total of the bar is "),
    Answer(STEPS, one_step_short, "the bar ended at "),
    Answer(STEPS, counted_twice, "steps that were not finished."),
    Answer(STEPS, no_total, "the bar has no total"),
    Answer(STEPS, task_by_task, "steps were finished that the bar had not counted."),
    Answer(STEPS, as_they_come, "✗ Not yet: "),
    Answer(STEPS, no_results, "follow returned nothing (None)"),
    Answer(STEPS, flat_results, "results; you returned "),
    Answer(STEPS, bar_of_tasks, "the bar ended at "),
    Answer(STEPS, counted_at_the_end, "steps were finished that the bar had not counted."),
    Answer(STEPS, counted_before, "steps that were not finished."),
    Answer(STEPS, one_worker, "as if there were one worker."),
    Answer(STEPS, no_bar, "no bar moved."),
    Answer(STEPS, tasks_back, "the results should be ["),
    Answer(STEPS, nothing_run, "0 steps were done"),
    Answer(UNKNOWN, lesson_08.keep_up),
    Answer(UNKNOWN, by_semaphore),
    Answer(UNKNOWN, in_batches),
    Answer(UNKNOWN, by_three_threads),
    Answer(UNKNOWN, by_asyncio),
    Answer(UNKNOWN, growing_total),
    Answer(UNKNOWN, by_callbacks_and_semaphore),
    Answer(UNKNOWN, by_two_workers, "2 tasks at the same time. There should be 3 workers."),
    Answer(UNKNOWN, by_twelve_workers, "There should be 3 workers."),
    Answer(UNKNOWN, fifteen_ahead, "at worst 15 items were taken and not done"),
    Answer(UNKNOWN, total_of_a_hundred, "the total of the bar is 100; there are "),
    Answer(UNKNOWN, total_of_ten, "the total of the bar is 10; there are "),
    Answer(UNKNOWN, bar_in_order, "tasks were finished that the bar had not counted."),
    Answer(UNKNOWN, bar_of_batches, "tasks were finished that the bar had not counted."),
    Answer(UNKNOWN, bar_around_the_items, "tasks that were not finished"),
    Answer(UNKNOWN, last_ones_lost, "there should be "),
    Answer(UNKNOWN, items_back, "the results should be ["),
    Answer(UNKNOWN, all_at_once, "items were taken and not done"),
    Answer(UNKNOWN, counted_first, "items were taken and not done"),
    Answer(UNKNOWN, ten_and_no_more, "10 tasks were done"),
    Answer(UNKNOWN, in_turn, "as if there were one worker."),
    Answer(LEFT, lesson_08.time_left),
    Answer(LEFT, by_hand),
    Answer(LEFT, by_heap),
    Answer(LEFT, by_events),
    Answer(LEFT, in_numpy),
    Answer(LEFT, as_a_fraction),
    Answer(LEFT, by_finish),
    Answer(LEFT, emptied),
    Answer(LEFT, shortest_first, "your forecast is "),
    Answer(LEFT, longest_first, "your forecast is "),
    Answer(LEFT, waiting_first, "your forecast is "),
    Answer(LEFT, dealt_in_turn, "your forecast is "),
    Answer(LEFT, even_after_the_longest, "your forecast is "),
    Answer(LEFT, one_worker_less, "your forecast is "),
    Answer(LEFT, in_whole_seconds, "your forecast is "),
    Answer(LEFT, in_milliseconds, "your forecast is "),
    Answer(
        LEFT,
        only_while_tasks_wait,
        "near the end, when no task waits, only_while",
    ),
    Answer(LEFT, always_true, "its result is of type bool"),
    Answer(LEFT, nothing, "your forecast is nan s, and the run took"),
    Answer(LEFT, divided_evenly, "your forecast is "),
    Answer(LEFT, only_what_runs, "your forecast is "),
    Answer(LEFT, as_text, "time_left should return seconds"),
]
SLOW = [
    Answer(LEFT, a_loop_in_c, "had not returned after 7 s"),
    Answer(LEFT, no_end, "had not returned after 7 s"),
    Answer(LEFT, really_run, "had not returned after 7 s"),
]
ANSWERS += SLOW


@pytest.mark.parametrize("answer", one_of_each(ANSWERS), ids=name_of)
def test_a_real_answer_gets_the_expected_verdict(answer):
    assert not wrong_verdict(answer)


QUICK = [answer for answer in ANSWERS if answer.exercise is LEFT and answer not in SLOW]


@pytest.mark.parametrize("answer", QUICK, ids=name_of)
def test_every_forecast_gets_the_expected_verdict(answer):
    assert not wrong_verdict(answer)


WANTED = [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]
NAPS = [0.1, 0.15, 0.2, 0.25, 0.3, 0.35]
PROMPT = predict(NAPS, 3, method="imap_unordered")


BAR = SimpleNamespace(n=6, total=6)


def counted_at(moments):
    """Return the run with a bar that counted at these moments."""
    return Timeline(PROMPT.worker, PROMPT.start, PROMPT.finish, moments)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({}, "✓ Right: Measured: 6 steps"),
        ({"results": tuple(WANTED)}, "✓ Right: "),
        ({"results": WANTED[::-1]}, "not in the order of the tasks."),
        ({"results": None}, "follow returned nothing (None)."),
        ({"run": counted_at([0.9] * 6)}, "steps were finished that the bar had not counted."),
        ({"run": counted_at([0.0] * 6)}, "the bar counted 6 steps that were not finished."),
        ({"bar": SimpleNamespace(n=5, total=6)}, "the bar ended at 5 of 6 steps."),
        ({"run": predict(NAPS, 1)}, "as if there were one worker."),
        ({"run": predict(NAPS, 2)}, "2 steps at the same time. There should be 3"),
        ({"run": predict(NAPS, 6)}, "6 steps at the same time. There should be 3"),
        ({"run": predict(NAPS[:5], 3)}, "5 steps were done, and there are 6"),
        ({"run": predict(NAPS * 2, 3)}, "12 steps were done, and there are 6"),
        ({"bar": None}, "no bar moved."),
        ({"bar": SimpleNamespace(n=6, total=2)}, "the total of the bar is 2; there are 6 steps."),
        ({"bar": SimpleNamespace(n=6, total=None)}, "the bar has no total"),
    ],
    ids=range(15),
)
def test_a_bar_of_steps_is_graded_by_its_timeline(changed, message):
    followed = Followed(WANTED, WANTED, PROMPT, BAR)._replace(**changed)
    assert message in verdict_of(lesson_08.grade_steps, followed)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({}, "✓ Right: Measured: at worst 10 items were taken"),
        ({"bar": SimpleNamespace(n=6, total=None)}, "✓ Right: "),
        ({"results": NAPS[::-1]}, "✓ Right: "),
        ({"results": NAPS[:-1]}, "there should be 6 results"),
        ({"bar": SimpleNamespace(n=6, total=9)}, "the total of the bar is 9; there are 6 tasks."),
        ({"ahead": 13}, "at worst 13 items were taken and not done"),
        ({"run": predict(NAPS[:5], 3)}, "5 tasks were done, and there are 6"),
        ({"bar": None}, "no bar moved."),
    ],
    ids=range(8),
)
def test_keep_up_is_graded_by_how_many_items_were_taken(changed, message):
    followed = Followed(NAPS, NAPS, PROMPT, BAR, 10)._replace(**changed)
    assert message in verdict_of(lesson_08.grade_unknown, followed)


# -- the functions for workers


@pytest.fixture
def reports():
    """Return the queue in which a worker would report, used in this process."""
    queue = ThreadQueue()
    share_queue(queue)
    return queue


def test_a_failing_task_is_reported_too(reports):
    with pytest.raises(ZeroDivisionError):
        call_and_notify(partial(divmod, 1), 0)
    assert reports.qsize() == 1


def test_run_steps_reports_each_step(reports):
    assert run_steps([1, 2, 3], str) == ["1", "2", "3"]
    assert reports.qsize() == 3


def test_log_messages_of_a_worker_go_into_the_queue(monkeypatch):
    root, records = logging.getLogger(), ThreadQueue()
    monkeypatch.setattr(root, "handlers", root.handlers)
    monkeypatch.setattr(root, "level", root.level)
    share_log(records)
    nap_and_log(0.0)
    assert records.get(timeout=1).getMessage() == "a nap of 0 s begins"


# -- claims of the prose that no cell shows


def test_stored_notebook_bars_read_zero_percent():
    lesson = Path(__file__).parents[2] / "notebooks" / "08-a-bar-for-every-need.ipynb"
    cells = json.loads(lesson.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    texts = ["".join(output.get("data", {}).get("text/plain", [])) for output in outputs]
    bars = [text for text in texts if text.startswith(("worker ", "made above"))]
    assert len(bars) == 4
    assert all("  0%|" in text for text in bars)


def test_a_demonstration_keeps_carriage_returns():
    assert demonstrate(r"print('one\rtwo')").output == "one\rtwo\n"


def steps_bar():
    return run_cells("08", "steps")["steps_bar"]


@pytest.mark.parametrize("method", get_all_start_methods())
def test_a_program_s_bar_counts_all_steps(method):
    """Lesson 08, steps."""
    done = demonstrate(steps_bar(), method=method)
    assert done.ending == "ended"
    assert "15/15" in done.errors.split("\r")[-1]


@pytest.mark.parametrize("method", get_all_start_methods())
def test_each_worker_has_a_bar_that_stays_in_its_line(method):
    """Lesson 08, worker-bars."""
    names = run_cells("08", "worker-bars", "cell-37")
    program = steps_bar().partition("if __name__")[0] + names["worker_bars"]
    done = demonstrate(program, method=method)
    assert done.ending == "ended"
    lines = names["screen"](done.errors)
    assert [line.partition(":")[0] for line in lines] == ["worker 0", "worker 1", "worker 2"]


def test_an_error_ends_the_loop_over_messages_and_is_raised():
    """Lesson 08, steps-how."""
    done = demonstrate(steps_bar().replace("time.sleep(seconds)", "seconds / 0"))
    assert done.ending == "failed"
    assert "ZeroDivisionError" in done.errors


def test_map_async_calls_no_callback_for_an_empty_list():
    """Lesson 08, Fine print."""
    called = []
    with Pool(1) as pool:
        assert pool.map_async(abs, [], 1, called.append, called.append).get() == []
    assert called == []


PRINTS = """
from multiprocessing import Pool, SimpleQueue
from tqdm import tqdm

def share_queue(shared):
    global queue
    queue = shared

def task(number):
    queue.put(f"begins {number}")

def end(_):
    queue.put(None)

if __name__ == "__main__":
    queue = SimpleQueue()
    with Pool(1, share_queue, [queue]) as pool, tqdm(total=3, mininterval=0) as bar:
        job = pool.map_async(task, range(3), 1, end, end)
        while text := queue.get():
            tqdm.write(text)
            bar.update()
"""


def test_tqdm_write_prints_above_the_bar():
    done = demonstrate(PRINTS)
    assert (done.ending, done.output) == ("ended", "begins 0\nbegins 1\nbegins 2\n")
    assert "3/3" in done.errors.split("\r")[-1]


IN_A_WORKER = """
from tqdm import tqdm
from tqdm.notebook import tqdm as notebook_bar

def say(number):
    print("number", number, flush=True)

def text_bar(number):
    list(tqdm(range(3)))

def widget(number):
    list(notebook_bar(range(3)))
"""


@pytest.mark.measures
@pytest.mark.skipif(sys.platform != "linux", reason="ipykernel catches this on Linux")
@pytest.mark.parametrize("method", get_all_start_methods())
def test_prints_and_text_bars_of_workers_appear_in_the_running_cell(method, tmp_path, monkeypatch):
    """Lesson 08, Fine print; and a bar of tqdm.notebook never moves there."""
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # with it, ipykernel does not catch what they print
    (tmp_path / "in_a_worker.py").write_text(IN_A_WORKER)
    context = f"multiprocessing.get_context({method!r})"
    setup = f"import in_a_worker, multiprocessing, time; mp = {context}"
    # The nap leaves the kernel time to read what the worker has written.
    run = "with mp.Pool(1) as pool: pool.map(in_a_worker.{}, [7]), pool.map(time.sleep, [0.5])"
    sources = [setup, *map(run.format, ["say", "text_bar", "widget"])]
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, sources)))
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=DEADLINE, resources=resources).execute()
    said, drawn, widget = (
        "".join(output.get("text", "") for output in cell.outputs) for cell in notebook.cells[1:]
    )
    assert said.split() == ["number", "7"]
    assert "3/3" in drawn
    assert "3/3" not in widget


# -- claims of the prose that a cell measures: its output is not compared


def run_lesson(*ids, **names):
    """Run cells of the lesson after its imports, drawing nothing; return all names."""
    imports = run_cells("08", "cell-03")
    not_drawn = dict.fromkeys(("plot_progress", "plot_workers", "show"), lambda *_, **__: None)
    return SimpleNamespace(**run_cells("08", *ids, **imports | not_drawn | names))


@pytest.mark.measures
def test_a_bar_moves_with_steps_and_otherwise_with_whole_tasks():
    """Lesson 08, cell-11 and cell-25: a bar over tasks waits for one, a bar of steps does not."""
    verdicts = []
    first_move = SimpleNamespace(compare=verdicts.append)
    ran = run_lesson(
        "end", "cell-05", "cell-09", "cell-11", "cell-23", "steps-picture", first_move=first_move
    )
    assert verdicts == ["0.6 s"]
    assert len(ran.steps) == 15
    assert ran.steps.longest_stall < ran.whole.longest_stall


@pytest.mark.measures
def test_bars_of_three_processes_leave_more_than_three_lines():
    """Lesson 08, cell-41."""
    verdicts = []
    own_guess = SimpleNamespace(compare=verdicts.append)
    ran = run_lesson("cell-35", "cell-37", "cell-41", own_guess=own_guess)
    assert verdicts == ["more"]
    assert len(ran.lines) > 3


@pytest.mark.measures
def test_prints_of_workers_break_the_bar():
    """Lesson 08, cell-63: several lines have the one bar, and a print stands behind it."""
    lines = run_lesson("cell-37", "cell-59", "cell-63").lines
    assert len(lines) > 1
    assert any("squared" in line for line in lines)


@pytest.mark.measures
def test_a_growing_total_is_complete_before_the_first_result():
    """Lesson 08, cell-83; here the naps leave more time for that."""
    ran = run_lesson("cell-81", "cell-83", find=lambda: iter([0.2] * 10))
    assert (len(ran.pool.timeline()), ran.totals[0], ran.bar.n) == (10, 10, 10)


@pytest.mark.measures
def test_a_bar_over_reports_hides_fewer_tasks_than_one_over_chunks():
    """Lesson 08, cell-103."""
    ran = run_lesson("end", "cell-99", "cell-101")
    assert ran.over_reports.most_behind < ran.over_results.most_behind


@pytest.mark.measures
def test_a_forecast_by_the_rule_is_best_and_one_by_count_is_worst():
    """Lesson 08, cell-115 and cell-117: also if the lengths are learnt from the first task."""
    forecasts = ("cell-105", "cell-107", "cell-109", "cell-111", "left-picture", "cell-113")
    ran = run_lesson(*forecasts, "cell-115", "cell-117")
    assert ran.worst["by rule"] < ran.worst["by length"] / 5
    assert ran.worst["by count"] > ran.worst["by length"]
    learnt = abs(ran.by_rule(ran.now, ran.learnt) - (max(ran.ends) - ran.now))
    assert learnt < ran.worst["by length"] / 5
