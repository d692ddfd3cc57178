"""Lesson 00: its exercises tell right from wrong, its claims hold.

same_end can be wrong by the number or kind of naps, by naps that the rule deals otherwise; right
by any numbers, in any order, whose lanes end together. lightest_way is a table: every wrong entry
has its reason.
"""

import sys

import numpy as np
import pytest
from judging import said

from helpers.exercises import lesson_00
from helpers.exercises.checking import NOT_TRIED
from helpers.schedule import predict


@pytest.mark.parametrize(
    "naps",
    [[1.2, 0.3, 0.3, 0.3, 0.3], [0.6, 0.3, 0.3, 0.6, 0.6], [1.0, 0.5, 0.5, 0.5, 0.5]],
    ids=str,
)
def test_same_end_knows_what_is_right(naps):
    told = said(lesson_00.judge_ends, naps, predict(naps, 2))
    assert told.startswith("Right! Measured: both workers were busy until")


@pytest.mark.parametrize("naps", [[0.5] * 5, [0.3, 0.3, 0.3, 0.3, 1.2]], ids=str)
def test_same_end_knows_what_is_wrong(naps):
    told = said(lesson_00.judge_ends, naps, predict(naps, 2))
    assert told.startswith("Not yet: measured: one worker ended at ")
    assert "Draw the two lanes on paper" in told


@pytest.mark.parametrize(
    ("naps", "told"),
    [
        ([0.5] * 4, "there should be five naps; you gave 4."),
        ([0.1] * 5, "0.1 is no nap. Use seconds, from 0.3 to 2."),
        (["a"] * 5, "'a' is no nap."),
        ([True] * 5, "True is no nap."),
        ([float("nan")] * 5, "nan is no nap."),
        ([10**5000] * 5, "a number of more than 20 digits is no nap."),
    ],
    ids=["four", "too short", "text", "bool", "nan", "huge"],
)
def test_same_end_says_what_is_no_answer(naps, told):
    assert told in lesson_00.same_end.verdict(naps)


def test_same_end_runs_the_naps():
    naps = np.array([0.6, 0.3, 0.3, 0.6, 0.6])
    assert lesson_00.same_end.verdict(naps).startswith("Right! Measured: both")
    assert "Draw the two lanes" in lesson_00.same_end.verdict((0.3, 0.3, 0.3, 0.3, 0.6))


def test_lightest_way_is_right_about_its_own_table():
    assert lesson_00.lightest_way.verdict(lesson_00.JOBS).startswith("Right!")


@pytest.mark.parametrize("job", lesson_00.JOBS)
def test_lightest_way_knows_a_reason_against_each_wrong_answer(job):
    for way in set(lesson_00.WAYS) - {lesson_00.JOBS[job]}:
        told = lesson_00.lightest_way.verdict(lesson_00.JOBS | {job: way})
        assert told.startswith(f"Not yet: {lesson_00.WHY[job, way]}")
        assert told.endswith(f"Look at '{job}' again.")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lesson_00.JOBS | {"wait for 100 web pages": "asyncio"}, "'asyncio' is none of loop,"),
        (lesson_00.JOBS | {"wait for 100 web pages": ["loop"]}, "['loop'] is none of loop,"),
        ({"wait for 100 web pages": "threads"}, "answer for each of these jobs: wait"),
        (lesson_00.JOBS | {"wait for 100 web pages": ...}, NOT_TRIED),
    ],
    ids=["unknown way", "list", "one only", "half filled"],
)
def test_lightest_way_says_what_is_wrong(answer, told):
    assert told in lesson_00.lightest_way.verdict(answer)


def test_a_thread_switches_about_every_five_milliseconds():
    assert sys.getswitchinterval() == pytest.approx(0.005)
