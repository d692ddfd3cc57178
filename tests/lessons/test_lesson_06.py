"""Lesson 06: its exercises, and what its prose says without a cell."""

import os
import subprocess
import sys
import time

import pytest

from helpers.commands.programs import flood, napper, python
from helpers.exercises import lesson_06
from helpers.exercises.checking import NOT_TRIED

CAPTURED = {"capture_output": True, "encoding": "utf-8", "errors": "replace"}
EXERCISES = {"output_of": lesson_06.output_of, "greet": lesson_06.greet, "ending": lesson_06.ending}
pytestmark = pytest.mark.usefixtures("reaped")
each = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)


def stub(*_): ...


def answer(code, name):
    space = {"subprocess": subprocess, "lesson_06": lesson_06, "captured": CAPTURED}
    exec(code, space)
    return space[name]


def kept(**options):
    return lambda command: subprocess.run(command, **options).stdout


@each
def test_solution_is_right(exercise):
    assert exercise.verdict(answer(exercise.solution_text, exercise.name)).startswith("Right!")


@each
def test_stub_and_wrong_types_are_told(exercise):
    assert exercise.verdict(...) == NOT_TRIED
    assert exercise.verdict(stub) == NOT_TRIED
    assert f"{exercise.name} is of type int" in exercise.verdict(7)
    assert f"{exercise.name} is nothing (None)" in exercise.verdict(None)


@each
def test_an_answer_that_raises_is_told(exercise):
    def divide(*_):
        return 1 / 0

    assert "divide raised ZeroDivisionError" in exercise.verdict(divide)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (kept(), "of type NoneType"),
        (kept(capture_output=True), "of type bytes"),
        pytest.param(
            kept(capture_output=True, encoding="utf-8"),
            "UnicodeDecodeError",
            marks=pytest.mark.skipif(os.name != "posix", reason="Windows only prints the error"),
        ),
        (kept(capture_output=True, encoding="latin-1", check=True), "should be left"),
        (kept(**CAPTURED), "did not raise CalledProcessError"),
        (lambda command: "a; b", "should be left"),
        (lambda command: kept(**CAPTURED)(command)[:1000], "you returned 1,000"),
        (
            lambda command: subprocess.getoutput(subprocess.list2cmdline(command)),
            "stderr is in the output",
        ),
    ],
)
def test_output_of_wrong(wrong, message):
    assert message in lesson_06.output_of.verdict(wrong)


@pytest.mark.skipif(os.name != "posix", reason="the shell of Windows knows other tricks")
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ('f"echo hello {name}"', "was run as a program: it made a file"),
        ("f'echo hello \"{name}\"'", "was run as a program"),
        ("f\"echo hello '{name}'\"", "was run as a program"),
        ("f\"echo hello {name.replace('&', '').replace(';', '')}\"", "was run as a program"),
    ],
)
def test_greet_wrong(code, message):
    source = f"def greet(name): return subprocess.run({code}, shell=True, **captured).stdout"
    assert message in lesson_06.greet.verdict(answer(source, "greet"))


def test_greet_that_greets_somebody_else():
    told = lesson_06.greet.verdict(lambda name: "hello you")
    assert "the guest 'Ann' was greeted with 'hello you'" in told
    assert "you returned NoneType" in lesson_06.greet.verdict(lambda name: print())


def test_ending_that_leaves_the_program_running():
    def ending(command, seconds):
        try:
            process = subprocess.Popen(command)
            return "failed" if process.wait(seconds) else "done"
        except FileNotFoundError:
            return "missing"
        except subprocess.TimeoutExpired:
            return "too long"

    assert "is still running" in lesson_06.ending.verdict(ending)


def test_ending_that_takes_all_for_done():
    def ending(command, seconds):
        subprocess.run(command, timeout=seconds)
        return "done"

    assert "for a program that is 'failed' you returned 'done'" in lesson_06.ending.verdict(ending)


# -- what the prose says


def test_a_flood_of_100_mb_fits_into_a_capture():
    begin = time.perf_counter()
    done = subprocess.run(flood(100_000_000), capture_output=True, timeout=60)
    assert len(done.stdout.replace(b"\r", b"")) == 100_000_000
    assert time.perf_counter() - begin < 60


def test_run_with_a_timeout_kills_and_reaps():
    with pytest.raises(subprocess.TimeoutExpired, match="timed out after"):
        subprocess.run(napper(60), timeout=0.3)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no signals")
def test_signals_are_negative_and_128_more_after_a_shell():
    kill = python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert subprocess.run(kill).returncode == -9
    done = subprocess.run(["sh", "-c", "kill -TERM $$"])
    assert done.returncode == -15
    inner = "sh -c 'kill -TERM $$'; exit $?"
    assert subprocess.run(inner, shell=True).returncode == 143


@pytest.mark.skipif(os.name != "posix", reason="Windows joins the list")
def test_a_shell_and_a_list_run_only_the_first_item():
    done = subprocess.run(["echo", "hello"], shell=True, **CAPTURED)
    assert done.stdout == "\n"


def test_a_missing_folder_raises_as_a_missing_program_does():
    missing = FileNotFoundError if os.name == "posix" else NotADirectoryError
    with pytest.raises(missing):
        subprocess.run(python("pass"), cwd="no-such-folder")


def test_the_message_of_a_failure_differs_and_lacks_stderr():
    with pytest.raises(subprocess.CalledProcessError) as caught:
        subprocess.run(python("import sys; sys.exit('disk' + ' full')"), check=True, **CAPTURED)
    assert "disk full" not in str(caught.value)
    assert ("'['" in str(caught.value)) == (sys.version_info < (3, 15))


@pytest.mark.skipif(sys.version_info < (3, 13), reason="colours came with 3.13")
@pytest.mark.parametrize(("switch", "coloured"), [("1", True), ("0", False)])
def test_error_messages_are_coloured_from_3_13(switch, coloured):
    env = os.environ | {"FORCE_COLOR": "1", "PYTHON_COLORS": switch}
    done = subprocess.run(python("1 / 0"), env=env, **CAPTURED)
    assert ("\x1b[" in done.stderr) == coloured
