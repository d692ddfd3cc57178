"""Lesson 06: its exercises, and the claims of its prose that no cell shows.

A wrong output_of returns bytes, uses the wrong encoding, mixes stdout and stderr, ignores a
failure, or returns half the output or none; a right one uses run, check_output, Popen, asyncio, or
decodes bytes. A wrong greet uses a shell, runs no program, or changes the list; a right one uses a
list, or shlex with a POSIX shell. A wrong ending returns the wrong words, has a time limit of its
own, or leaves the program running; a right one uses run, or Popen and kill.
"""

import asyncio
import os
import shlex
import subprocess
import sys
import time

import pytest
from grading import Answer, name_of, one_of_each, verdict_of, wrong_verdict

from helpers.commands.programs import flood, napper, python
from helpers.exercises import lesson_06
from helpers.exercises.lesson_06 import Ended, Greeting, Printed

CAPTURED = {"capture_output": True, "encoding": "utf-8", "errors": "replace"}
pytestmark = pytest.mark.usefixtures("reaped")

# -- exercise 1, right


def by_check_output(command):
    return subprocess.check_output(
        command, encoding="utf-8", errors="ignore", stderr=subprocess.DEVNULL
    )


def decoded(command):
    done = subprocess.run(command, capture_output=True, check=True)
    return done.stdout.decode("utf-8", "backslashreplace")


def by_popen(command):
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        out = child.stdout.read().decode(errors="replace")
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    return out


async def by_asyncio(command):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    child = await asyncio.create_subprocess_exec(*command, **pipes)
    out, _ = await child.communicate()
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    return out.decode(errors="replace")


# -- exercise 1, wrong


def not_captured(command):
    return subprocess.run(command, stdout=subprocess.DEVNULL).stdout


def as_bytes(command):
    return subprocess.run(command, capture_output=True).stdout


def strict(command):
    return subprocess.run(command, capture_output=True, encoding="utf-8").stdout


def latin(command):
    options = {"capture_output": True, "encoding": "latin-1", "check": True}
    return subprocess.run(command, **options).stdout


def silent(command):
    return subprocess.run(command, **CAPTURED).stdout


def hard_wired(command):
    return "a; b\n"


def first_part(command):
    return subprocess.run(command, check=True, **CAPTURED).stdout[:1000]


def both_outputs(command):
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
    ).stdout


def stripped(command):
    return subprocess.run(command, check=True, **CAPTURED).stdout.strip()


def divides(*_):
    return 1 / 0


# -- exercise 2


def quoted(name):
    return subprocess.run(shlex.join([*lesson_06.GREETER, name]), shell=True, **CAPTURED).stdout


def by_a_copy(name):
    command = list(lesson_06.GREETER)
    command.append(name)
    return subprocess.check_output(command, encoding="utf-8")


def in_a_shell(name):
    return subprocess.run(f"echo hello {name}", shell=True, **CAPTURED).stdout


def in_quotes(name):
    return subprocess.run(f'echo "hello {name}"', shell=True, **CAPTURED).stdout


def in_single_quotes(name):
    return subprocess.run(f"echo 'hello {name}'", shell=True, **CAPTURED).stdout


def without_signs(name):
    clean = name.replace("&", "").replace(";", "")
    return subprocess.run(f"echo hello {clean}", shell=True, **CAPTURED).stdout


def by_itself(name):
    return f"hello {name}"


def appended(name):
    lesson_06.GREETER.append(name)
    return subprocess.run(lesson_06.GREETER, **CAPTURED).stdout


def to_all(name):
    return subprocess.run([*lesson_06.GREETER, "you"], **CAPTURED).stdout


def to_the_screen(name):
    subprocess.run([*lesson_06.GREETER, name], stdout=subprocess.DEVNULL)


# -- exercise 3


def by_killing(command, seconds):
    try:
        child = subprocess.Popen(command)
    except OSError:
        return "missing"
    try:
        return "failed" if child.wait(seconds) else "done"
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        return "too long"


def left_running(command, seconds):
    try:
        return "failed" if subprocess.Popen(command).wait(seconds) else "done"
    except FileNotFoundError:
        return "missing"
    except subprocess.TimeoutExpired:
        return "too long"


def all_is_done(command, seconds):
    subprocess.run(command, timeout=seconds)
    return "done"


def at_most_a_second(command, seconds):
    return lesson_06.ending(command, 1)


def at_most_three_seconds(command, seconds):
    return lesson_06.ending(command, 3)


def in_other_words(command, seconds):
    return lesson_06.ending(command, seconds).upper()


OUTPUT, GREET, END = (
    lesson_06.text_whatever_happens,
    lesson_06.close_the_hole,
    lesson_06.how_did_it_end,
)
ANSWERS = [
    Answer(OUTPUT, lesson_06.output_of),
    Answer(OUTPUT, by_check_output),
    Answer(OUTPUT, decoded),
    Answer(OUTPUT, by_popen),
    Answer(OUTPUT, by_asyncio),
    Answer(OUTPUT, silent, "you did not raise CalledProcessError"),
    Answer(OUTPUT, not_captured, "what you returned is nothing (None)"),
    Answer(OUTPUT, as_bytes, "of type bytes"),
    Answer(OUTPUT, latin, "prints UTF-8: you should return 'Zürich"),
    Answer(OUTPUT, hard_wired, "you"),
    Answer(OUTPUT, first_part, "(1,000 characters)"),
    Answer(OUTPUT, both_outputs, "Not yet: "),
    Answer(OUTPUT, stripped, "you should return "),
    Answer(OUTPUT, divides, "divides raised ZeroDivisionError"),
    Answer(GREET, lesson_06.greet),
    Answer(GREET, by_a_copy),
    Answer(GREET, appended, "lesson_06.GREETER is a different list now"),
    Answer(GREET, by_itself, "no program ran to print it"),
    Answer(GREET, to_all, "was greeted with 'hello you"),
    Answer(GREET, to_the_screen, "what you returned is nothing (None)"),
    Answer(GREET, divides, "divides raised ZeroDivisionError"),
    Answer(END, lesson_06.ending),
    Answer(END, by_killing),
    Answer(END, left_running, "is still running"),
    Answer(END, all_is_done, "all_is_done raised FileNotFoundError"),
    Answer(END, at_most_a_second, "'done', with a limit of 15 s, you returned 'too long'"),
    Answer(END, at_most_three_seconds, "and you waited for "),
    Answer(END, in_other_words, "you returned 'DONE'"),
    Answer(END, divides, "divides raised ZeroDivisionError"),
]
if os.name == "posix":  # the shell of Windows differs, and there `strict` only prints its error
    ANSWERS += [
        Answer(OUTPUT, strict, "UnicodeDecodeError"),
        Answer(GREET, quoted),
        Answer(GREET, in_a_shell, "Not yet: "),
        Answer(GREET, in_quotes, "Not yet: "),
        Answer(GREET, in_single_quotes, "was run as a program"),
        Answer(GREET, without_signs, "Not yet: "),
    ]


@pytest.mark.parametrize("answer", one_of_each(ANSWERS), ids=name_of)
def test_a_real_answer_gets_the_expected_verdict(answer):
    assert not wrong_verdict(answer)


def test_greeter_is_restored_after_an_answer_changed_it():
    before = list(lesson_06.GREETER)
    assert "is a different list now" in lesson_06.close_the_hole.verdict(appended)
    assert before == lesson_06.GREETER


FAILED = subprocess.CalledProcessError(3, "x")


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (Printed("p", "a\n", "a\r\n"), "Right!"),
        (Printed("prints invalid UTF-8", "caf", "caf\ufffd"), "Right!"),
        (Printed("prints invalid UTF-8", "caf", "caf"), "Right!"),
        (
            Printed("prints invalid UTF-8", "caf", "café"),
            "you should return 'caf', and returned 'café'",
        ),
        (Printed("fails", None, FAILED), "Right!"),
        (Printed("fails", None, "x"), "you did not raise CalledProcessError"),
        (Printed("p", "a", FAILED), "succeeded, and you raised CalledProcessError"),
        (Printed("p", "a\n", b"a\n"), "what you returned is of type bytes"),
        (Printed("p", "a\n", "noise\na\n"), "what the program writes to stderr is in the output"),
        (Printed("p", "x" * 3000, "x" * 2000), "(2,000 characters)."),
    ],
    ids=range(10),
)
def test_the_output_of_a_program_is_graded(run, message):
    verdict = verdict_of(lesson_06.grade_output, [run])
    assert message in verdict
    assert len(verdict) < 300


@pytest.mark.parametrize(
    ("greeting", "message"),
    [
        (Greeting("Ann", "hello Ann\r\n", 1), "Right!"),
        (Greeting("Ann", "hello Ann", 2), "Right!"),
        (Greeting("Ann", "hello Ann", 0), "no program ran to print it"),
        (Greeting("Ann ", "hello Ann\n", 1), "the guest 'Ann ' was greeted with 'hello Ann"),
        (
            Greeting("Ann", b"hello Ann", 1),
            "greet should return text, a str; what you returned is of type bytes",
        ),
        (Greeting("Ann", "hello Ann", 1, "it was run"), "the name 'Ann': it was run."),
    ],
    ids=range(6),
)
def test_a_greeting_is_graded(greeting, message):
    assert message in verdict_of(lesson_06.grade_greet, [greeting])


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (Ended("done", "done", 15, 1.5), "Right!"),
        (Ended("too long", "too long", 0.5, 0.6), "Right!"),
        (Ended("done", "failed", 15, 0.1), "'done', with a limit of 15 s, you returned 'failed'."),
        (Ended("too long", "too long", 0.5, 2), "you waited for 2.0 s."),
        (Ended("too long", "too long", 0.5, 0.6, gone=False), "the program is still running."),
        (Ended("missing", None, 15, 0.1), "you returned None."),
    ],
    ids=range(6),
)
def test_an_ending_is_graded(run, message):
    assert message in verdict_of(lesson_06.grade_ending, [run])


# -- claims of the prose that no cell shows


def test_run_captures_100_mb():
    begin = time.perf_counter()
    done = subprocess.run(flood(100_000_000), capture_output=True, timeout=60)
    assert len(done.stdout.replace(b"\r", b"")) == 100_000_000
    assert time.perf_counter() - begin < 60


def test_run_with_a_timeout_leaves_no_process():
    with pytest.raises(subprocess.TimeoutExpired, match="timed out after"):
        subprocess.run(napper(60), timeout=0.3)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no signals")
def test_a_signal_is_a_negative_code_or_128_more_after_a_shell():
    kill = python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert subprocess.run(kill).returncode == -9
    done = subprocess.run(["sh", "-c", "kill -TERM $$"])
    assert done.returncode == -15
    inner = "sh -c 'kill -TERM $$'; exit $?"
    assert subprocess.run(inner, shell=True).returncode == 143


@pytest.mark.skipif(os.name != "posix", reason="Windows joins the list")
def test_a_shell_runs_only_the_first_item_of_a_list():
    done = subprocess.run(["echo", "hello"], shell=True, **CAPTURED)
    assert done.stdout == "\n"


def test_a_missing_folder_raises_like_a_missing_program():
    missing = FileNotFoundError if os.name == "posix" else NotADirectoryError
    with pytest.raises(missing):
        subprocess.run(python("pass"), cwd="no-such-folder")


def test_the_message_of_a_failure_lacks_stderr():
    with pytest.raises(subprocess.CalledProcessError) as caught:
        subprocess.run(python("import sys; sys.exit('disk' + ' full')"), check=True, **CAPTURED)
    assert "disk full" not in str(caught.value)
    assert ("'['" in str(caught.value)) == (sys.version_info < (3, 15))


@pytest.mark.skipif(sys.version_info < (3, 13), reason="colours came with 3.13")
@pytest.mark.parametrize(("switch", "coloured"), [("1", True), ("0", False)])
def test_tracebacks_are_coloured_from_python_3_13(switch, coloured):
    env = os.environ | {"FORCE_COLOR": "1", "PYTHON_COLORS": switch}
    done = subprocess.run(python("1 / 0"), env=env, **CAPTURED)
    assert ("\x1b[" in done.stderr) == coloured
