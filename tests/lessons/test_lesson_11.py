"""Lesson 11: its exercises accept right answers and refuse wrong ones; its predictions hold.

A wrong fixed keeps a problem, naps only half as long, or lets the pool do something else and
returns what was computed here; a right one hands over one nap at a time, longest first. A wrong
quick hands over one seed at a time, or draws outside the pool; a right one sends many seeds in one
message.
"""

import subprocess
import sys
import time
from functools import partial
from multiprocessing.pool import ThreadPool
from types import SimpleNamespace

import numpy as np
import pytest
from cells import run_cells
from grading import Answer, name_of, one_of_each, verdict_of, wrong_verdict

from helpers.exercises import lesson_11
from helpers.exercises.lesson_11 import grade_tiny, grade_uneven
from helpers.exercises.limits import Call, TimingError, WrongAnswerError
from helpers.exercises.wording import NOT_TRIED
from helpers.workers import draw_seeded, nap, with_number
from watchedpool import findings, predict

NAPS = [0.6, 0.5] + [0.1] * 18
LONGEST_FIRST = sorted(NAPS, reverse=True)


# -- exercise 1, right


def by_callbacks(pool, seconds):
    naps = []
    jobs = [pool.apply_async(nap, (s,), callback=naps.append) for s in sorted(seconds)[::-1]]
    for job in jobs:
        job.wait()
    while len(naps) < len(jobs):
        time.sleep(0.01)
    return naps


def by_apply_async(pool, seconds):
    jobs = [pool.apply_async(nap, [s]) for s in sorted(seconds, key=lambda s: -s)]
    return [job.get() for job in jobs]


def by_starmap(pool, seconds):
    return pool.starmap(nap, [(s,) for s in sorted(seconds, reverse=True)], chunksize=1)


def with_numbers(pool, seconds):
    seconds.sort(reverse=True)
    found = dict(pool.imap_unordered(partial(with_number, nap), enumerate(seconds)))
    return np.array([found[number] for number in range(len(seconds))])


# -- exercise 1, wrong


def still_in_chunks(pool, seconds):
    return list(pool.imap_unordered(nap, sorted(seconds, reverse=True), chunksize=2))


def not_sorted(pool, seconds):
    return list(pool.imap_unordered(nap, sorted(seconds)))


def half_the_naps(pool, seconds):
    list(pool.imap_unordered(nap, sorted([s / 2 for s in seconds], reverse=True)))
    return seconds


def no_naps(pool, seconds):
    list(pool.imap_unordered(abs, sorted(seconds, reverse=True)))
    return seconds


def long_naps_only(pool, seconds):
    list(pool.imap_unordered(nap, sorted(seconds, reverse=True)[:2]))
    return seconds


def an_iterator(pool, seconds):
    return pool.imap_unordered(nap, sorted(seconds, reverse=True))


# -- exercise 2, right


def in_larger_chunks(pool, seeds):
    return list(pool.imap(draw_seeded, seeds, chunksize=500))


def by_map_async(pool, seeds):
    return tuple(pool.map_async(draw_seeded, seeds).get())


def in_any_order(pool, seeds):
    numbered = partial(with_number, draw_seeded)
    found = dict(pool.imap_unordered(numbered, enumerate(seeds), chunksize=100))
    return [found[number] for number in range(len(seeds))]


def starmap_of_singles(pool, seeds):
    return pool.starmap(draw_seeded, zip(seeds, strict=True))


# -- exercise 2, wrong


def unordered(pool, seeds):
    return sorted(pool.imap_unordered(draw_seeded, seeds, chunksize=100))


def pool_for_show(pool, seeds):
    pool.map(abs, seeds)
    return [draw_seeded(seed) for seed in seeds]


def copies_what_was_drawn_here(pool, seeds):
    drawn = [draw_seeded(seed) for seed in seeds]
    pairs = [(seed, number) for seed, number in zip(seeds, drawn, strict=True)]
    return [number for _, number in pool.map(partial(with_number, abs), pairs)]


def without_the_pool(pool, seeds):
    return [draw_seeded(seed) for seed in seeds]


def in_threads(pool, seeds):
    with ThreadPool(4) as threads:
        return threads.map(draw_seeded, seeds)


def one_after_the_other(pool, seeds):
    return [pool.apply_async(draw_seeded, [seed]).get() for seed in seeds]


def half_of_them(pool, seeds):
    return pool.map(draw_seeded, seeds[:1000])


FIXED, QUICK = lesson_11.fix_uneven, lesson_11.fix_tiny
ANSWERS = [
    Answer(FIXED, lesson_11.fixed),
    Answer(FIXED, by_callbacks),
    Answer(FIXED, by_apply_async, "Results in order hide"),
    Answer(FIXED, by_starmap),
    Answer(FIXED, with_numbers),
    Answer(FIXED, still_in_chunks, "one problem is left"),
    Answer(FIXED, not_sorted, "longest first"),
    Answer(FIXED, half_the_naps, "is missing"),
    Answer(FIXED, no_naps, "the workers napped "),
    Answer(FIXED, long_naps_only, "is missing"),
    Answer(FIXED, an_iterator, "returned an iterator"),
    Answer(QUICK, lesson_11.quick),
    Answer(QUICK, in_larger_chunks),
    Answer(QUICK, by_map_async),
    Answer(QUICK, in_any_order),
    Answer(QUICK, starmap_of_singles),
    Answer(QUICK, one_after_the_other, "More than three times as fast is possible"),
    Answer(QUICK, unordered, "the list is not the one"),
    Answer(QUICK, pool_for_show, "no worker of your pool returned"),
    Answer(QUICK, copies_what_was_drawn_here, "the workers were given the numbers"),
    Answer(QUICK, without_the_pool, "should run each of 2000 tasks once"),
    Answer(QUICK, in_threads, "should run each of 2000 tasks once"),
    Answer(QUICK, half_of_them, "there should be 2000 results; you returned 1000."),
]


@pytest.mark.measures
@pytest.mark.parametrize("answer", one_of_each(ANSWERS), ids=name_of)
def test_a_real_answer_gets_the_expected_verdict(answer):
    assert not wrong_verdict(answer)


@pytest.mark.parametrize("name", ["fix_uneven", "fix_tiny"])
def test_each_exercise_refuses_a_stub_and_the_wrong_type(name):
    exercise = getattr(lesson_11, name)
    assert exercise.verdict(...) == NOT_TRIED
    assert "is of type int" in exercise.verdict(42)


@pytest.mark.parametrize(
    ("tasks", "options", "message"),
    [
        (NAPS, {"chunksize": 2, "method": "imap_unordered"}, "bursts"),
        (NAPS, {}, "Results in order"),
        (NAPS[::-1], {"method": "imap_unordered"}, "longest first"),
    ],
    ids=["chunks", "order", "shortest first"],
)
def test_a_half_fixed_program_gets_the_finding_that_is_left(tasks, options, message):
    with pytest.raises(WrongAnswerError, match=message):
        grade_uneven(tasks, NAPS, naps_of(NAPS), predict(tasks, 4, **options))


def naps_of(seconds):
    return [Call(nap, (each,), each) for each in seconds]


def draws_of(seeds):
    return [Call(draw_seeded, (seed,), draw_seeded(seed)) for seed in seeds]


def test_a_run_with_a_problem_may_be_the_fault_of_a_busy_machine():
    run = predict(NAPS[::-1], 4, method="imap_unordered")
    with pytest.raises(TimingError, match="one problem is left"):
        grade_uneven(NAPS, NAPS, naps_of(NAPS), run)


def test_a_fixed_program_is_accepted():
    run = predict(LONGEST_FIRST, 4, method="imap_unordered")
    assert "nothing is wrong" in grade_uneven(NAPS, NAPS[::-1], naps_of(NAPS), run)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (None, "nothing"),
        (NAPS[1:], "20"),
        ([None] * 20, "does not contain the naps"),
        ([0.0] * 20, "does not contain the naps"),
    ],
)
def test_wrong_results_are_refused(result, message):
    with pytest.raises(WrongAnswerError, match=message):
        grade_uneven(result, NAPS, naps_of(NAPS), predict(NAPS, 4))


def test_quick_must_be_three_times_as_fast_and_run_each_task():
    before, seeds = 0.04, list(range(400))
    wanted, calls = [draw_seeded(seed) for seed in seeds], draws_of(seeds)
    slow, fast = predict([1e-4] * 400, 2), predict([1e-4] * 400, 4, None, "map")
    verdict = verdict_of(grade_tiny, wanted, seeds, calls, before, slow)
    assert "More than three times" in verdict
    assert "Measured" in verdict_of(grade_tiny, wanted, seeds, calls, before, fast)
    verdict = verdict_of(grade_tiny, wanted, seeds, calls[:4], before, fast)
    assert "should run each of 400 tasks once" in verdict


def test_each_fix_removes_one_finding():
    jobs = [0.6] + [0.1] * 14 + [0.7]
    first = predict(jobs, 4, chunksize=2)
    steps = [first, predict(jobs, 4), predict(jobs, 4, method="imap_unordered")]
    steps.append(predict(sorted(jobs, reverse=True), 4, method="imap_unordered"))
    names = [{finding.name for finding in findings(step)} for step in steps]
    assert names == [
        {"chunks", "straggler", "order"},
        {"straggler", "order"},
        {"straggler"},
        {"nothing"},
    ]


# -- claims of the prose beside cells whose output is a measurement


def run_lesson(*ids, **names):
    """Run cells of the lesson after its imports, showing nothing; return all names."""
    imports = run_cells("11", "cell-03")
    return run_cells("11", *ids, **imports | {"show": id, "replay": id} | names)


EXECUTORS = """
from concurrent.futures.process import ProcessPoolExecutor
from concurrent.futures.thread import ThreadPoolExecutor

if __name__ == "__main__":
    with ProcessPoolExecutor(1) as processes, ThreadPoolExecutor(1) as threads:
        print([*processes.map(abs, [-1, -2, -3]), *threads.map(abs, [-4, -5])])
"""


def test_executors_are_watched_however_they_were_imported(tmp_path):
    """Lesson 11, Fine print."""
    (tmp_path / "program.py").write_text(EXECUTORS)
    command = [sys.executable, "-m", "watchedpool", "program.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8")
    assert done.stdout == "[1, 2, 3, 4, 5]\n"
    assert "3 tasks on 1 worker" in done.stderr
    assert "2 tasks on 1 worker" in done.stderr


def test_the_program_with_apply_keeps_one_worker_busy():
    """Lesson 11, tiny-run."""
    pool = run_lesson("tiny-run")["pool"]
    assert len(pool.timeline()) == 8
    assert pool.timeline().max_concurrency == 1


@pytest.mark.measures
def test_the_watch_sees_four_hidden_tasks_and_draws_a_small_picture():
    """Lesson 11: cell-15, cell-17 (four are hidden), cell-18 (the size of the picture)."""
    lag = run_cells("11", "program")["lag"].replace("0.2", "0.1")
    names = run_lesson("cell-11", "cell-13", lag=lag)
    assert "4 were done and 0 delivered" in " ".join(names["report"].split())
    assert run_cells("11", "cell-18", **names)["size"] < 30_000


@pytest.mark.measures
def test_a_watched_pool_hides_several_results():
    """Lesson 11, cell-26: as many as in cell-15 and cell-22."""
    assert run_lesson("cell-24")["hidden"].most_behind > 1


@pytest.mark.measures
def test_the_fixed_program_takes_less_than_three_quarters_of_the_time():
    """Lesson 11: cell-42, the runs of cell-30 and cell-40."""
    names = run_lesson("cell-28", "cell-30", "cell-38", "cell-40")
    assert names["fixed_run"].makespan < 0.75 * names["slow_run"].makespan


@pytest.mark.measures
def test_threads_and_processes_are_quicker_than_a_loop_for_naps():
    """Lesson 11: cell-46, and the prose of cell-47."""
    verdicts = []
    ran = run_lesson("timer", "cell-46", for_naps=SimpleNamespace(compare=verdicts.append))
    assert verdicts == ["half as long"]
    assert ran["took"]["threads"] < 0.75 * ran["took"]["loop"]
    assert ran["took"]["processes"] < ran["took"]["loop"]
