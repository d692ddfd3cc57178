"""Lesson 00: its exercises accept right answers and refuse wrong ones, and its claims hold.

An answer to same_end is wrong if the number or kind of naps is wrong, or if the two lanes do not
end together. It is right with any naps, in any order, whose lanes end together. lightest_way is a
table: each wrong entry has a reason.
"""

import sys
from multiprocessing import Pool
from multiprocessing.pool import ThreadPool

import numpy as np
import pytest
from grading import verdict_of

from helpers.exercises import lesson_00
from helpers.exercises.checking import NOT_TRIED
from helpers.workers import nap
from watchedpool import Recorder, predict


@pytest.mark.parametrize(
    "naps",
    [
        [1.2, 0.3, 0.3, 0.3, 0.3],
        [0.6, 0.3, 0.3, 0.6, 0.6],
        [1.0, 0.5, 0.5, 0.5, 0.5],
        [1.3, 0.3, 0.3, 0.3, 0.3],  # exactly 0.1 s apart
        [1.1, 0.3, 0.3, 0.3, 0.3],
    ],
    ids=str,
)
def test_same_end_accepts_naps_whose_lanes_end_together(naps):
    verdict = verdict_of(lesson_00.grade_ends, naps, predict(naps, 2))
    assert verdict.startswith("Right! Measured: both workers were busy until")


@pytest.mark.parametrize(
    "naps", [[0.5] * 5, [0.3, 0.3, 0.3, 0.3, 1.2], [1.31, 0.3, 0.3, 0.3, 0.3]], ids=str
)
def test_same_end_refuses_naps_whose_lanes_end_apart(naps):
    verdict = verdict_of(lesson_00.grade_ends, naps, predict(naps, 2))
    assert verdict.startswith("Not yet: measured: one worker ended at ")
    assert "Draw the two lanes on paper" in verdict


@pytest.mark.parametrize(
    ("naps", "message"),
    [
        ([0.5] * 4, "there should be five naps; you gave 4."),
        ([0.1] * 5, "0.1 is not a valid nap. Use seconds, from 0.3 to 2."),
        (["a"] * 5, "'a' is not a valid nap."),
        ([True] * 5, "True is not a valid nap."),
        ([float("nan")] * 5, "nan is not a valid nap."),
        ([10**5000] * 5, "a number of more than 20 digits is not a valid nap."),
    ],
    ids=["four", "too short", "text", "bool", "nan", "huge"],
)
def test_same_end_says_what_is_wrong_with_the_naps(naps, message):
    assert message in lesson_00.same_end.verdict(naps)


def test_same_end_runs_the_naps():
    naps = np.array([0.6, 0.3, 0.3, 0.6, 0.6])
    assert lesson_00.same_end.verdict(naps).startswith("Right! Measured: both")
    assert "Draw the two lanes" in lesson_00.same_end.verdict((0.3, 0.3, 0.3, 0.3, 0.6))


def test_lightest_way_accepts_its_own_table():
    assert lesson_00.lightest_way.verdict(lesson_00.JOBS).startswith("Right!")


@pytest.mark.parametrize("job", lesson_00.JOBS)
def test_lightest_way_gives_a_reason_against_each_wrong_answer(job):
    for way in set(lesson_00.WAYS) - {lesson_00.JOBS[job]}:
        verdict = lesson_00.lightest_way.verdict(lesson_00.JOBS | {job: way})
        assert verdict.startswith(f"Not yet: {lesson_00.WHY[job, way]}")
        assert verdict.endswith(f"Look at '{job}' again.")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lesson_00.JOBS | {"wait for 100 web pages": "asyncio"}, "'asyncio' is not one of loop,"),
        (lesson_00.JOBS | {"wait for 100 web pages": ["loop"]}, "['loop'] is not one of loop,"),
        (
            lesson_00.JOBS | {"wait for 100 web pages": np.array(["loop", "threads"])},
            "is not one of loop,",
        ),
        ({"wait for 100 web pages": "threads"}, "answer for each of these jobs: wait"),
        (lesson_00.JOBS | {"wait for 100 web pages": ...}, NOT_TRIED),
    ],
    ids=["unknown way", "list", "array", "one only", "half filled"],
)
def test_lightest_way_says_what_is_wrong_with_the_answer(answer, message):
    assert message in lesson_00.lightest_way.verdict(answer)


def test_the_switch_interval_is_five_milliseconds():
    assert sys.getswitchinterval() == pytest.approx(0.005)


@pytest.mark.measures
def test_two_workers_of_either_kind_nap_in_about_half_the_time_of_a_loop():
    """Lesson 00, cell-41."""
    naps, makespan = [0.4] * 4, {}
    with Recorder() as recorder:
        list(map(recorder.track(nap), naps))
    loop = recorder.timeline().makespan
    for kind in (ThreadPool, Pool):
        with Recorder() as recorder, kind(2) as pool:
            pool.map(recorder.track(nap), naps)
        makespan[kind] = recorder.timeline().makespan
    assert max(makespan.values()) < 0.75 * loop
    assert min(makespan.values()) > 0.4 * loop
