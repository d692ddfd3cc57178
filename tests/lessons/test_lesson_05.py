"""Lesson 05: its exercises tell right from wrong, its claims hold on the installed versions."""

import inspect
import io
from importlib.metadata import version

import numpy as np
import pytest
from tqdm import tqdm

from helpers import Timeline, plots
from helpers.bar_recipes import RECIPES, measure
from helpers.exercises import lesson_05
from helpers.exercises.checking import NOT_TRIED

COUNTDOWN = [(10 - a) * 0.1 for a in range(10)]
NAN = np.nan


def solve(exercise):
    """Return the answer that the exercise's own solution gives."""
    names = {"naps_today": lesson_05.MIXED}
    exec(exercise.solution_text, names)
    return names[exercise.name]


EXERCISES = ["longest_first", "honest_and_ordered", "count_failures"]


@pytest.mark.parametrize("name", EXERCISES)
def test_the_solution_is_right(name):
    exercise = getattr(lesson_05, name)
    assert exercise.verdict(solve(exercise)).startswith("Right! Measured:")


@pytest.mark.parametrize("name", EXERCISES)
def test_what_is_no_answer_is_told_so(name):
    exercise = getattr(lesson_05, name)
    assert exercise.verdict(...) == NOT_TRIED
    assert exercise.verdict(42).startswith(f"Not yet: {exercise.name} is of type int")


def test_one_moment_of_a_busy_machine_does_not_make_an_answer_wrong(monkeypatch):
    run, stalls = lesson_05._run, [True, True, False]

    def sometimes_late(*args):
        results, timeline = run(*args)
        if stalls.pop(0):
            late = np.full(len(timeline), timeline.end)
            timeline = Timeline(timeline.worker, timeline.start, timeline.finish, late)
        return results, timeline

    monkeypatch.setattr(lesson_05, "_run", sometimes_late)
    exercise = lesson_05.honest_and_ordered
    assert exercise.verdict(solve(exercise)).startswith("Right! Measured:")
    stalls[:] = [True] * lesson_05.TRIES
    assert "finished tasks were not shown" in exercise.verdict(solve(exercise))
    assert not stalls


@pytest.mark.parametrize("name", ["honest_and_ordered", "count_failures"])
def test_a_stub_is_not_tried(name):
    def stub(func, tasks, tqdm, pool): ...

    assert getattr(lesson_05, name).verdict(stub) == NOT_TRIED


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (sorted(lesson_05.MIXED), "1.1 s are possible. At the end, some workers"),
        (lesson_05.MIXED, "1.1 s are possible. At the end, some workers"),
        ([0.1] * 10, "use the same ten naps"),
        (["a"] * 10, "use the same ten naps"),
        ([], "order is empty"),
    ],
    ids=["shortest first", "as given", "other naps", "text", "empty"],
)
def test_longest_first_says_what_is_wrong(order, said):
    assert said in lesson_05.longest_first.verdict(order)


def ordered(func, tasks, tqdm, pool):
    return list(tqdm(pool.imap(func, tasks), total=len(tasks)))


def unordered(func, tasks, tqdm, pool):
    return list(tqdm(pool.imap_unordered(func, tasks), total=len(tasks)))


def around(func, tasks, tqdm, pool):
    return pool.map(func, tqdm(tasks))


def in_turn(func, tasks, tqdm, pool):
    return [pool.apply(func, (task,)) for task in tqdm(tasks)]


def no_bar(func, tasks, tqdm, pool):
    return pool.map(func, tasks)


def no_task(func, tasks, tqdm, pool):
    return list(tqdm(tasks))


def half_a_bar(func, tasks, tqdm, pool):
    with tqdm(total=len(tasks)) as bar:
        for number, _ in enumerate(pool.imap_unordered(func, tasks)):
            bar.update(number % 2)
    return tasks


def nothing(func, tasks, tqdm, pool):
    unordered(func, tasks, tqdm, pool)


def other_results(func, tasks, tqdm, pool):
    unordered(func, tasks, tqdm, pool)
    return [task + 1 for task in tasks]


def two_arguments(func, tasks):
    return []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ordered, "finished tasks were not shown."),
        (unordered, "all results are there, but not in the order"),
        (around, "the bar counted 10 tasks that were not finished."),
        (in_turn, "as if there were one worker."),
        (no_bar, "no bar moved."),
        (no_task, "func was run 0 times"),
        (half_a_bar, "the bar ended at 5 of 10."),
        (nothing, "it returned NoneType."),
        (other_results, "and should return [0.8,"),
        (two_arguments, "two_arguments raised TypeError"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_honest_and_ordered_says_what_is_wrong(answer, said):
    assert said in lesson_05.honest_and_ordered.verdict(answer)


def test_an_answer_that_never_returns_is_given_up(monkeypatch):
    def endless(func, tasks, tqdm, pool):
        while True:
            pass

    monkeypatch.setattr(lesson_05, "LIMIT", 0.5)
    assert "endless had not returned" in lesson_05.honest_and_ordered.verdict(endless)


def no_error_callback(func, tasks, tqdm, pool):
    with tqdm(total=len(tasks)) as bar:
        jobs = [pool.apply_async(func, (t,), callback=lambda _: bar.update()) for t in tasks]
        for job in jobs:
            job.wait()
    return [job.get() if job.successful() else None for job in jobs]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (no_error_callback, "the bar ended at 8 of 10."),
        (ordered, "ordered raised ValueError: the nap of 0.64 s failed"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_count_failures_says_what_is_wrong(answer, said):
    assert said in lesson_05.count_failures.verdict(answer)


# -- the recipes


def waited(run):
    """Return how long, at most, a finished task waited for the bar."""
    return np.nanmax(run.lag)


def test_each_recipe_returns_the_results_and_lies_as_the_lesson_says():
    returned = {}

    def keeping(name):
        def recipe(*args, **kwargs):
            returned[name] = RECIPES[name](*args, **kwargs)

        return recipe

    names = [name for name in RECIPES if "process_map" not in name and "joblib" not in name]
    runs = measure({name: keeping(name) for name in names}, COUNTDOWN)
    for name in names:
        assert sorted(returned[name], reverse=True) == COUNTDOWN
        if "unordered" not in name:
            assert returned[name] == COUNTDOWN
    behind = {name: run.most_behind for name, run in runs.items()}
    # How many wait is no measure of honesty on a busy machine, which is slow to draw any bar.
    prompt = {name for name in names if waited(runs[name]) < waited(runs["imap"]) / 2}
    assert {name for name in prompt if not runs[name].most_ahead} == {
        "imap_unordered",
        "apply_async, callback",
        "as_completed",
    }
    assert min(behind["map"], behind["imap"], behind["Executor.map"]) >= 3
    assert behind["imap, chunks of 2"] >= 8
    assert runs["map, bar around the tasks"].most_ahead == 10


def test_what_process_map_does_is_what_the_lesson_says():
    """Up to tqdm 4.69 it counts in order; from 4.70 as tasks end, drawn in lumps of the workers."""
    names = [name for name in RECIPES if name.startswith("process_map")]
    runs = measure({name: RECIPES[name] for name in [*names, "imap"]}, COUNTDOWN)
    assert all(np.isfinite(run.finish).all() for run in runs.values())
    ends = {name: int(np.isfinite(run.shown).sum()) for name, run in runs.items()}
    assert ends["process_map"] == ends["process_map, miniters=1"] == 10
    known = {"4.69.0": 10, "4.69.1": 10, "4.70.0": 5, "4.70.1": 5}  # issue 1791: chunks, not tasks
    assert ends["process_map, chunks of 2"] == known.get(version("tqdm"), 10)
    if tuple(map(int, version("tqdm").split(".")[:2])) >= (4, 70):
        assert waited(runs["process_map, miniters=1"]) < waited(runs["imap"]) / 2


def test_measure_leaves_nothing_when_a_recipe_fails():
    def broken(func, tasks, tqdm, **_):
        raise RuntimeError("burnt")

    with pytest.raises(RuntimeError, match="burnt"):
        measure({"broken": broken}, COUNTDOWN)


def test_a_recipe_without_a_bar_shows_nothing():
    runs = measure({"none": lambda func, tasks, tqdm, pool, **_: pool.map(func, tasks)}, [0.01] * 3)
    assert np.isnan(runs["none"].shown).all()


def test_behind_says_of_each_bar_what_is_wrong_with_it():
    honest = Timeline([0, 1], [0, 0], [1, 2], [1, 2])
    late = Timeline([0, 1, 2], [0, 0, 0], [1, 2, 3], [3, 3, 3])
    early = Timeline([0, 1], [0, 0], [1, 2], [0, 0])
    short = Timeline([0, 1, 2], [0, 0, 0], [1, 2, 3], [3, NAN, NAN])
    ax = plots.plot_behind({"a": honest, "b": late, "c": early, "d": short})
    assert ax.get_title("left") == "1 of 4 bars is never more than one task off, blinks aside"
    assert ax.get_label().endswith("a: honest; b: 2 behind; c: 2 ahead; d: 2 behind.")
    assert [text.get_text() for text in ax.texts].count(" 2 ") == 3  # the peaks
    ax.figure.savefig(io.BytesIO())


# -- what the prose says and no cell computes


def test_the_time_left_is_the_average_so_far_times_what_is_missing():
    left = tqdm.format_meter(1, 10, 0.6, bar_format="{remaining_s}")
    assert float(left) == pytest.approx(0.6 / 1 * 9)
    assert inspect.signature(tqdm.__init__).parameters["smoothing"].default == 0.3
