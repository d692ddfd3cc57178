"""Lesson 08: what its exercises accept and refuse, and claims of its prose that no cell shows."""

import json
import logging
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from itertools import islice
from multiprocessing import Manager, Pool, Queue, SimpleQueue
from pathlib import Path
from queue import Queue as ThreadQueue
from threading import Semaphore

import numpy as np
import pytest
from grading import Answer, name_of, one_of_each, verdict_of, wrong_verdict

from helpers.commands.demonstration import demonstrate
from helpers.exercises import lesson_08
from helpers.exercises.lesson_08 import Followed
from helpers.workers import call_and_notify, nap_and_log, run_steps, share_log, share_queue
from watchedpool import Timeline, predict

NAN = np.nan

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
    Answer(STEPS, bar_of_tasks, "the bar ended at 6 of "),
    Answer(STEPS, counted_at_the_end, "steps were finished that the bar had not counted."),
    Answer(STEPS, counted_before, "steps that were not finished."),
    Answer(STEPS, one_worker, "as if there were one worker."),
    Answer(STEPS, no_bar, "no bar moved."),
    Answer(STEPS, tasks_back, "the results should be ["),
    Answer(STEPS, nothing_run, "0 steps were done"),
    Answer(UNKNOWN, lesson_08.keep_up),
    Answer(UNKNOWN, by_semaphore),
    Answer(UNKNOWN, in_batches),
    Answer(UNKNOWN, all_at_once, "items were taken and not done"),
    Answer(UNKNOWN, counted_first, "items were taken and not done"),
    Answer(UNKNOWN, ten_and_no_more, "10 tasks were done"),
    Answer(UNKNOWN, in_turn, "as if there were one worker."),
    Answer(LEFT, lesson_08.time_left),
    Answer(LEFT, by_hand),
    Answer(LEFT, divided_evenly, "of a run are left"),
    Answer(LEFT, only_what_runs, "of a run are left"),
    Answer(LEFT, as_text, "time_left should return seconds"),
]


@pytest.mark.parametrize("answer", one_of_each(ANSWERS), ids=name_of)
def test_a_real_answer_gets_the_expected_verdict(answer):
    assert not wrong_verdict(answer)


@pytest.mark.parametrize("answer", [a for a in ANSWERS if a.exercise is LEFT], ids=name_of)
def test_every_forecast_gets_the_expected_verdict(answer):
    assert not wrong_verdict(answer)


WANTED = [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]
NAPS = [0.1, 0.15, 0.2, 0.25, 0.3, 0.35]
PROMPT = predict(NAPS, 3, method="imap_unordered")


def counted_at(moments):
    """Return the run with a bar that counted at these moments."""
    return Timeline(PROMPT.worker, PROMPT.start, PROMPT.finish, moments)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({}, "Right! Measured: 6 steps"),
        ({"results": tuple(WANTED)}, "Right!"),
        ({"results": WANTED[::-1]}, "not in the order of the tasks."),
        ({"results": None}, "follow returned nothing (None)."),
        ({"run": counted_at([0.9] * 6)}, "steps were finished that the bar had not counted."),
        ({"run": counted_at([0.0] * 6)}, "the bar counted 6 steps that were not finished."),
        ({"run": counted_at([*PROMPT.finish[:5], NAN])}, "the bar ended at 5 of 6 steps."),
        ({"run": predict(NAPS, 1)}, "as if there were one worker."),
        ({"run": predict(NAPS[:5], 3)}, "5 steps were done, and there are 6"),
        ({"run": predict(NAPS * 2, 3)}, "12 steps were done, and there are 6"),
        ({"made": False}, "no bar moved."),
        ({"total": 2}, "the total of the bar is 2; there are 6 steps."),
    ],
    ids=range(12),
)
def test_a_bar_of_steps_is_graded_by_its_timeline(changed, message):
    followed = Followed(WANTED, WANTED, PROMPT, True, 6)._replace(**changed)
    assert message in verdict_of(lesson_08.grade_steps, followed)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({}, "Right! Measured: at worst 10 items were taken"),
        ({"total": 6}, "Right!"),
        ({"results": NAPS[::-1]}, "Right!"),
        ({"results": NAPS[:-1]}, "there should be 6 results"),
        ({"total": 9}, "the total of the bar is 9, and there were 6 items."),
        ({"ahead": 13}, "at worst 13 items were taken and not done"),
        ({"run": predict(NAPS[:5], 3)}, "5 tasks were done, and there are 6"),
        ({"made": False}, "no bar moved."),
    ],
    ids=range(8),
)
def test_keep_up_is_graded_by_how_many_items_were_taken(changed, message):
    followed = Followed(NAPS, NAPS, PROMPT, True, None, 10)._replace(**changed)
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
    bars = [text for text in texts if text.startswith(("all steps", "worker ", "made above"))]
    assert len(bars) == 5
    assert all("  0%|" in text for text in bars)


def test_a_demonstration_keeps_carriage_returns():
    assert demonstrate(r"print('one\rtwo')").output == "one\rtwo\n"


PRINTS = """
from multiprocessing import Pool, SimpleQueue
from threading import Thread
from tqdm import tqdm

def share_queue(shared):
    global queue
    queue = shared

def task(number):
    queue.put(f"begins {number}")
    return number

if __name__ == "__main__":
    queue = SimpleQueue()
    with Pool(1, share_queue, (queue,)) as pool:
        listening = Thread(target=lambda: [tqdm.write(text) for text in iter(queue.get, None)])
        listening.start()
        list(tqdm(pool.imap(task, range(3)), total=3, mininterval=0))
        queue.put(None)
        listening.join()
"""


def test_tqdm_write_prints_above_the_bar():
    done = demonstrate(PRINTS)
    assert (done.ending, done.output) == ("ended", "begins 0\nbegins 1\nbegins 2\n")
    assert "3/3" in done.errors.split("\r")[-1]
