"""Lesson 07: its exercises, and what its prose says without a cell."""

import contextlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from helpers import commands
from helpers.commands.programs import napper
from helpers.exercises import lesson_07
from helpers.exercises.checking import NOT_TRIED

NAMES = ["run_all", "follow", "run_family"]
pytestmark = pytest.mark.usefixtures("reaped")
each = pytest.mark.parametrize("name", NAMES)


def stub(one, two): ...


def codes(all_done):
    return [done.returncode for done in all_done]


@each
def test_solution_is_right(name):
    exercise = getattr(lesson_07, name)
    space = {
        "subprocess": subprocess,
        "ThreadPoolExecutor": ThreadPoolExecutor,
        "commands": commands,
    }
    exec(exercise.solution_text, space)
    assert exercise.verdict(space[name]).startswith("Right! Measured")


@each
def test_stub_wrong_types_and_exceptions_are_told(name):
    def divide(*_):
        return 1 / 0

    exercise = getattr(lesson_07, name)
    assert exercise.verdict(...) == exercise.verdict(stub) == NOT_TRIED
    assert f"{name} is of type list" in exercise.verdict([1])
    assert "divide raised ZeroDivisionError" in exercise.verdict(divide)


def one_by_one(commands, at_once):
    return codes(map(subprocess.run, commands))


def all_at_once(commands, at_once):
    children = [subprocess.Popen(command) for command in commands]
    return [child.wait() for child in children]


def as_they_come(commands, at_once):
    with ThreadPoolExecutor(at_once) as threads:
        return sorted(codes(threads.map(subprocess.run, commands)))


def no_waiting(commands, at_once):
    threads = ThreadPoolExecutor(at_once)
    for command in commands:
        threads.submit(subprocess.run, command)
    threads.shutdown(wait=False, cancel_futures=True)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (one_by_one, "one after another"),
        (all_at_once, "programs ran at the same time, and 3 may"),
        (as_they_come, "the return codes are [0, 0, 3"),
        (no_waiting, "of 9 programs had ended"),
    ],
)
def test_run_all_wrong(wrong, message):
    assert message in lesson_07.run_all.verdict(wrong)


def at_the_end(command, use):
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    for line in done.stdout.splitlines():
        use(line)
    return done.returncode


def first_only(command, use):
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as child:
        use(child.stdout.readline())


def no_code(command, use):
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as child:
        for line in child.stdout:
            use(line)


def at_most_100(command, use):
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as child:
        for _, line in zip(range(100), child.stdout, strict=False):
            use(line)
    return child.returncode


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (at_the_end, "s after it was printed"),
        (first_only, "use was called 1 times"),
        (no_code, "you returned None"),
        (at_most_100, "of 300 lines you passed 100 on"),
    ],
)
def test_follow_wrong(wrong, message):
    assert message in lesson_07.follow.verdict(wrong)


def kill_the_child(command, seconds):
    try:
        return subprocess.run(command, timeout=seconds).returncode
    except subprocess.TimeoutExpired:
        return "too long"


def always_zero(command, seconds):
    commands.run_command(command, timeout=seconds)
    return 0


def no_word(command, seconds):
    with contextlib.suppress(subprocess.TimeoutExpired):
        return commands.run_command(command, timeout=seconds).returncode


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (kill_the_child, "the program that your program started still runs"),
        (always_zero, "a program returned 3, and you returned 0"),
        (no_word, "you returned None"),
    ],
)
def test_run_family_wrong(wrong, message):
    assert message in lesson_07.run_family.verdict(wrong)


# -- what the prose says


@pytest.mark.skipif(sys.platform != "linux", reason="the size differs")
def test_a_pipe_holds_64_kib_on_linux():
    read, write = os.pipe()
    os.set_blocking(write, False)
    assert os.write(write, bytes(100_000)) == 65_536
    os.close(read)
    os.close(write)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no process groups")
def test_process_group_is_as_good_as_a_session():
    with subprocess.Popen(napper(60), process_group=0) as child:
        assert os.getpgid(child.pid) == child.pid
        assert os.getsid(child.pid) == os.getsid(0)
        commands.end_family(child)
    assert child.returncode == -9
