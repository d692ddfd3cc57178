"""Lesson 00: its exercises tell right from wrong, its claims hold."""

import sys

import pytest

from helpers.exercises import lesson_00
from helpers.exercises.checking import NOT_TRIED


def solve(exercise):
    """Return the answer that the exercise's own solution gives."""
    names = {}
    exec(exercise.solution_text, names)
    return names[exercise.name]


@pytest.mark.parametrize("name", ["same_end", "lightest_way"])
def test_the_solution_is_right(name):
    exercise = getattr(lesson_00, name)
    assert exercise.verdict(solve(exercise)).startswith("Right!")
    assert exercise.verdict(...) == NOT_TRIED
    assert exercise.verdict(42).startswith(f"Not yet: {exercise.name} is of type int")
    assert exercise.verdict(type(solve(exercise))()) == f"Not yet: {exercise.name} is empty."


@pytest.mark.parametrize(
    ("naps", "said"),
    [
        ([0.5] * 5, "measured: one worker ended at 1.0 s, the other at 1.5 s."),
        ([0.3, 0.3, 0.3, 0.3, 1.2], "Draw the two lanes on paper"),
        ([0.5] * 4, "there should be five naps; you gave 4."),
        ([0.1] * 5, "0.1 is no nap."),
        (["a"] * 5, "'a' is no nap."),
        ([float("nan")] * 5, "nan is no nap."),
        ([0.5, ..., 0.5, 0.5, 0.5], NOT_TRIED),
    ],
    ids=["equal", "long one last", "four", "too short", "text", "nan", "half filled"],
)
def test_same_end_says_what_is_wrong(naps, said):
    assert said in lesson_00.same_end.verdict(naps)


@pytest.mark.parametrize("job", lesson_00.JOBS)
def test_lightest_way_knows_a_reason_against_each_wrong_answer(job):
    for way in set(lesson_00.WAYS) - {lesson_00.JOBS[job]}:
        said = lesson_00.lightest_way.verdict(lesson_00.JOBS | {job: way})
        assert said.startswith(f"Not yet: {lesson_00._WHY[job, way]}")
        assert said.endswith(f"Look at '{job}' again.")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lesson_00.JOBS | {"wait for 100 web pages": "asyncio"}, "'asyncio' is none of loop,"),
        (lesson_00.JOBS | {"wait for 100 web pages": ["loop"]}, "['loop'] is none of loop,"),
        ({"wait for 100 web pages": "threads"}, "answer for each of these jobs: wait"),
        (lesson_00.JOBS | {"wait for 100 web pages": ...}, NOT_TRIED),
    ],
    ids=["unknown way", "list", "one only", "half filled"],
)
def test_lightest_way_says_what_is_wrong(answer, said):
    assert said in lesson_00.lightest_way.verdict(answer)


def test_a_thread_switches_about_every_five_milliseconds():
    assert sys.getswitchinterval() == pytest.approx(0.005)
