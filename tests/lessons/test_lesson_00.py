"""Lesson 00: its exercises accept right answers and refuse wrong ones, and its claims hold.

An answer to same_end is wrong if the number or kind of naps is wrong, or if the two lanes do not
end together. It is right with any naps, in any order, whose lanes end together. lightest_way is a
table: each wrong entry has a reason.
"""

import sys

import numpy as np
import pytest
from cells import run_cells, sources_of
from grading import verdict_of

from helpers.commands.demonstration import under_each_method
from helpers.exercises import lesson_00
from helpers.exercises.wording import NOT_TRIED
from watchedpool import predict, usable_cores


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
    assert verdict.startswith("✓ Right: Measured: both workers were busy until")


@pytest.mark.parametrize(
    "naps", [[0.5] * 5, [0.3, 0.3, 0.3, 0.3, 1.2], [1.31, 0.3, 0.3, 0.3, 0.3]], ids=str
)
def test_same_end_refuses_naps_whose_lanes_end_apart(naps):
    verdict = verdict_of(lesson_00.grade_ends, naps, predict(naps, 2))
    assert verdict.startswith("✗ Not yet: measured: one worker ended at ")
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
    assert lesson_00.same_end.verdict(naps).startswith("✓ Right: Measured: both")
    assert "Draw the two lanes" in lesson_00.same_end.verdict((0.3, 0.3, 0.3, 0.3, 0.6))


def test_lightest_way_accepts_its_own_table():
    assert lesson_00.lightest_way.verdict(lesson_00.JOBS).startswith("✓ Right: ")


@pytest.mark.parametrize("job", lesson_00.JOBS)
def test_lightest_way_gives_a_reason_against_each_wrong_answer(job):
    for way in set(lesson_00.WAYS) - {lesson_00.JOBS[job]}:
        verdict = lesson_00.lightest_way.verdict(lesson_00.JOBS | {job: way})
        assert verdict.startswith(f"✗ Not yet: {lesson_00.WHY[job, way]}")
        assert verdict.endswith(f"Look at '{job}' again.")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lesson_00.JOBS | {"wait for 100 web pages": "asyncio"}, "is 'asyncio'; allowed are loop,"),
        (lesson_00.JOBS | {"wait for 100 web pages": ["loop"]}, "is ['loop']; allowed are loop,"),
        (
            lesson_00.JOBS | {"wait for 100 web pages": np.array(["loop", "threads"])},
            "; allowed are loop,",
        ),
        ({"wait for 100 web pages": "threads"}, "answer for each of these: wait"),
        (lesson_00.JOBS | {"wait for 100 web pages": ...}, NOT_TRIED),
    ],
    ids=["unknown way", "list", "array", "one only", "half filled"],
)
def test_lightest_way_says_what_is_wrong_with_the_answer(answer, message):
    assert message in lesson_00.lightest_way.verdict(answer)


def test_the_switch_interval_is_five_milliseconds():
    assert sys.getswitchinterval() == pytest.approx(0.005)


# -- claims of the prose


NAPS = [2, 1.8, 1.6, 1.4, 1.2, 1, 0.8, 0.6, 0.4, 0.2]


def test_the_stuck_bar_says_0_while_four_tasks_are_finished():
    """Lesson 00, stuck-bar."""
    assert str(NAPS) in sources_of("00")["stuck-bar"]
    assert predict(NAPS, 5, method="imap").worst == (2.0, 4, 0)
    assert predict(NAPS, 5, method="imap_unordered").most_behind == 0


@pytest.mark.skipif(sys.platform != "linux", reason="Windows and macOS have spawn")
def test_the_eight_lines_run_as_a_file_under_every_start_method():
    """Lesson 00, fix."""
    program = sources_of("00")["fix"]
    assert len([line for line in program.splitlines() if line]) == 8
    assert "watchedpool" not in program
    assert "helpers" not in program
    assert str(NAPS) in program
    for run in under_each_method(program.replace(str(NAPS), "[0.1] * 10")).values():
        assert (run.ending, run.output) == ("ended", "10 results\n")
        assert "10/10" in run.errors


def run_each_way(cell):
    """Run a cell that runs tasks in each of the three ways, without its picture."""
    imported = run_cells("00", "cell-09") | {"show": id, "plot_runs": dict}
    return run_cells("00", "ways", cell, **imported)


@pytest.mark.measures
def test_two_workers_of_either_kind_nap_in_about_half_the_time_of_one():
    """Lesson 00, cell-39 and cell-42."""
    makespan = {name: run.makespan for name, run in run_each_way("cell-39")["napped"].items()}
    alone = makespan.pop("one worker")
    assert max(makespan.values()) < 0.75 * alone
    assert min(makespan.values()) > 0.4 * alone


@pytest.mark.measures
@pytest.mark.skipif(
    not getattr(sys, "_is_gil_enabled", lambda: True)(), reason="a Python without the lock"
)
def test_two_crunching_threads_keep_one_core_busy_and_take_longer_per_task():
    """Lesson 00, cell-47 and cell-53."""
    names = run_each_way("cell-47")
    names = run_cells("00", "cell-53", **names)
    assert names["busy"]["two threads"] < 1.3
    length = {name: np.mean(run.finish - run.start) for name, run in names["crunched"].items()}
    assert length["two threads"] > 1.4 * length["one worker"]
    if usable_cores() > 1:
        assert names["busy"]["two processes"] > 1.1 * names["busy"]["two threads"]
