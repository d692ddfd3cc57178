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
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Pool
from tempfile import TemporaryFile

import pytest
from cells import sources_of
from grading import Answer, name_of, one_of_each, verdict_of, wrong_verdict

from helpers import commands
from helpers.commands.programs import flood, napper, python
from helpers.exercises import lesson_06
from helpers.exercises.lesson_06 import Greeting, Printed
from helpers.exercises.programs import LimitedRun, Program

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


def to_files(command):
    with TemporaryFile() as out, open(os.devnull, "w") as nowhere:
        subprocess.check_call(command, stdout=out, stderr=nowhere)
        out.seek(0)
        return out.read().decode("utf-8", "surrogateescape")


def by_threads(command):
    with (
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
        ) as child,
        ThreadPoolExecutor(2) as threads,
    ):
        out, _ = threads.map(lambda pipe: pipe.read(), [child.stdout, child.stderr])
    subprocess.CompletedProcess(command, child.returncode).check_returncode()
    return out


def by_run_command(command):
    return commands.run_command(command, timeout=5, check=True).stdout


# -- exercise 1, wrong


def signals_are_fine(command):
    done = subprocess.run(command, **CAPTURED)
    if done.returncode > 0:
        raise subprocess.CalledProcessError(done.returncode, command)
    return done.stdout


def unread_pipe(command):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as child:
        out = child.stdout.read().decode(errors="replace")
        child.wait()
    subprocess.CompletedProcess(command, child.returncode).check_returncode()
    return out


def waits_before_it_reads(command):
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if child.wait():
        raise subprocess.CalledProcessError(child.returncode, command)
    return child.stdout.read().decode(errors="replace")


def in_ascii(command):
    return subprocess.run(
        command, check=True, capture_output=True, encoding="ascii", errors="replace"
    ).stdout


def without_empty_lines(command):
    lines = subprocess.run(command, check=True, **CAPTURED).stdout.splitlines()
    return "".join(f"{line}\n" for line in lines if line)


def every_line_ended(command):
    lines = subprocess.run(command, check=True, **CAPTURED).stdout.split("\n")
    return "\n".join(lines).rstrip("\n") + "\n"


def up_to_the_bad_byte(command):
    out = subprocess.run(command, check=True, capture_output=True).stdout
    try:
        return out.decode()
    except UnicodeDecodeError as error:
        return out[: error.start].decode()


def another_exception(command):
    done = subprocess.run(command, **CAPTURED)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


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


async def greet_by_asyncio(name):
    child = await asyncio.create_subprocess_exec(*lesson_06.GREETER, name, stdout=subprocess.PIPE)
    return (await child.stdout.read()).decode()


def greet_in_a_process(name):
    with Pool(1) as pool:
        return pool.apply(subprocess.check_output, ([*lesson_06.GREETER, name],)).decode()


def without_its_end(name):
    return subprocess.check_output([*lesson_06.GREETER, name], text=True).rstrip("\n")


MY_GREETER = tuple(lesson_06.GREETER)


def by_an_old_copy(name):
    return subprocess.run([*MY_GREETER, name], **CAPTURED).stdout


def greet_stripped(name):
    return subprocess.run([*lesson_06.GREETER, name.strip()], **CAPTURED).stdout


def greet_in_ascii(name):
    plain = name.encode("ascii", "ignore").decode()
    return subprocess.run([*lesson_06.GREETER, plain], **CAPTURED).stdout


def each_word(name):
    return subprocess.run([*lesson_06.GREETER, *name.split()], **CAPTURED).stdout


def by_echo(name):
    return subprocess.run(["echo", "hello", name], **CAPTURED).stdout


def greeter_for_show(name):
    subprocess.run([*lesson_06.GREETER, name], **CAPTURED)
    return f"hello {name}\n"


def only_words(name):
    name = "".join(letter for letter in name if letter.isalnum() or letter == " ")
    return subprocess.run([*lesson_06.GREETER, name], **CAPTURED).stdout


def appended_for_a_moment(name):
    lesson_06.GREETER += [name]
    try:
        return subprocess.run(lesson_06.GREETER, **CAPTURED).stdout
    finally:
        lesson_06.GREETER.pop()


def as_one_string(name):
    command = f"{shlex.join(lesson_06.GREETER)} '{name}'"
    return subprocess.run(command, shell=True, **CAPTURED).stdout


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


def by_communicate(command, seconds):
    if shutil.which(command[0]) is None:
        return "missing"
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
        try:
            child.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            return "too long"
    return "done" if child.returncode == 0 else "failed"


def politely(command, seconds):
    try:
        with subprocess.Popen(command) as child:
            try:
                return "failed" if child.wait(seconds) else "done"
            except subprocess.TimeoutExpired:
                child.terminate()
                try:
                    child.wait(1)
                except subprocess.TimeoutExpired:
                    child.kill()
                return "too long"
    except FileNotFoundError:
        return "missing"


async def ending_by_asyncio(command, seconds):
    try:
        child = await asyncio.create_subprocess_exec(*command)
    except FileNotFoundError:
        return "missing"
    try:
        return "failed" if await asyncio.wait_for(child.wait(), seconds) else "done"
    except TimeoutError:
        child.kill()
        await child.wait()
        return "too long"


def ending_by_polling(command, seconds):
    end = time.monotonic() + seconds
    try:
        child = subprocess.Popen(command)
    except FileNotFoundError:
        return "missing"
    while time.monotonic() < end:
        if child.poll() is not None:
            return "failed" if child.returncode else "done"
        time.sleep(0.02)
    child.kill()
    child.wait()
    return "too long"


def by_check_call(command, seconds):
    try:
        subprocess.run(command, timeout=seconds, check=True, **CAPTURED)
    except subprocess.CalledProcessError:
        return "failed"
    except subprocess.TimeoutExpired:
        return "too long"
    except OSError:
        return "missing"
    else:
        return "done"


def half_the_patience(command, seconds):
    return lesson_06.ending(command, seconds / 2)


def twice_the_patience(command, seconds):
    return lesson_06.ending(command, seconds * 2)


def three_seconds_more(command, seconds):
    return lesson_06.ending(command, seconds + 3)


def signals_are_done(command, seconds):
    try:
        done = subprocess.run(command, timeout=seconds)
    except FileNotFoundError:
        return "missing"
    except subprocess.TimeoutExpired:
        return "too long"
    return "failed" if done.returncode > 0 else "done"


def with_an_unread_pipe(command, seconds):
    try:
        child = subprocess.Popen(command, stdout=subprocess.PIPE)
        return "failed" if child.wait(seconds) else "done"
    except FileNotFoundError:
        return "missing"
    except subprocess.TimeoutExpired:
        child.kill()
        return "too long"


def only_asked_to_end(command, seconds):
    try:
        child = subprocess.Popen(command)
        return "failed" if child.wait(seconds) else "done"
    except FileNotFoundError:
        return "missing"
    except subprocess.TimeoutExpired:
        child.terminate()
        return "too long"


def asked_to_end_and_waited_for(command, seconds):
    try:
        with subprocess.Popen(command) as child:
            return "failed" if child.wait(seconds) else "done"
    except FileNotFoundError:
        return "missing"
    except subprocess.TimeoutExpired:
        child.terminate()
        child.wait()
        return "too long"


def complaints_are_failures(command, seconds):
    try:
        done = subprocess.run(command, timeout=seconds, **CAPTURED)
    except FileNotFoundError:
        return "missing"
    except subprocess.TimeoutExpired:
        return "too long"
    return "failed" if done.stderr else "done"


def missing_is_failed(command, seconds):
    word = lesson_06.ending(command, seconds)
    return "failed" if word == "missing" else word


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
    Answer(OUTPUT, to_files),
    Answer(OUTPUT, by_threads),
    Answer(OUTPUT, by_run_command),
    Answer(OUTPUT, unread_pipe, "to stderr: unread_pipe had not returned after 7 s"),
    Answer(OUTPUT, waits_before_it_reads, "to stderr: waits_before_it_reads had not returned"),
    Answer(OUTPUT, in_ascii, "prints letters beyond ASCII: you should"),
    Answer(OUTPUT, without_empty_lines, "prints an empty line"),
    Answer(OUTPUT, every_line_ended, "no end of the last one: you should return"),
    Answer(OUTPUT, up_to_the_bad_byte, "prints invalid UTF-8: you should return"),
    Answer(OUTPUT, another_exception, "another_exception raised RuntimeError"),
    Answer(OUTPUT, silent, "you did not raise CalledProcessError"),
    Answer(OUTPUT, not_captured, "your result is nothing (None)"),
    Answer(OUTPUT, as_bytes, "of type bytes"),
    Answer(OUTPUT, latin, "prints letters beyond ASCII: you should"),
    Answer(OUTPUT, hard_wired, "you"),
    Answer(OUTPUT, first_part, " characters)"),
    Answer(OUTPUT, both_outputs, "✗ Not yet: "),
    Answer(OUTPUT, stripped, "you should return "),
    Answer(OUTPUT, divides, "divides raised ZeroDivisionError"),
    Answer(GREET, lesson_06.greet),
    Answer(GREET, by_a_copy),
    Answer(GREET, greet_by_asyncio),
    Answer(GREET, greet_in_a_process),
    Answer(GREET, without_its_end),
    Answer(GREET, by_an_old_copy),
    Answer(GREET, appended_for_a_moment),
    Answer(GREET, greet_stripped, "was greeted with"),
    Answer(GREET, greet_in_ascii, "was greeted with"),
    Answer(GREET, each_word, "was greeted with"),
    Answer(GREET, only_words, "was greeted with"),
    Answer(GREET, greeter_for_show, "Return what the greeter prints."),
    Answer(GREET, appended, "lesson_06.GREETER is a different list now"),
    Answer(GREET, by_itself, "no program ran to print it"),
    Answer(GREET, to_all, "was greeted with 'hello, guest "),
    Answer(GREET, to_the_screen, "your result is nothing (None)"),
    Answer(GREET, divides, "divides raised ZeroDivisionError"),
    Answer(END, lesson_06.ending),
    Answer(END, by_killing),
    Answer(END, by_communicate),
    Answer(END, politely),
    Answer(END, ending_by_asyncio),
    Answer(END, ending_by_polling),
    Answer(END, by_check_call),
    Answer(END, half_the_patience, "s only."),
    Answer(END, twice_the_patience, "should return 'too long', and you returned 'done'"),
    Answer(END, three_seconds_more, "and you waited for "),
    Answer(END, with_an_unread_pipe, "to stderr, with a limit of 4 s"),
    Answer(END, complaints_are_failures, "should return 'done', and you returned 'failed'"),
    Answer(END, missing_is_failed, "should return 'missing', and you returned 'failed'"),
    Answer(END, left_running, "is still running"),
    Answer(END, all_is_done, "and you returned 'done'"),
    Answer(END, at_most_a_second, "should return 'done', and you returned 'too long'"),
    Answer(END, at_most_three_seconds, "should return 'done', and you returned 'too long'"),
    Answer(END, in_other_words, "you returned 'DONE'"),
    Answer(END, divides, "divides raised ZeroDivisionError"),
]
if os.name == "posix":  # the shell of Windows differs, and there `strict` only prints its error
    ANSWERS += [
        Answer(OUTPUT, signals_are_fine, "is killed by the signal"),
        Answer(GREET, by_echo, "Return what the greeter prints."),
        Answer(GREET, as_one_string, "✗ Not yet: "),
        Answer(END, signals_are_done, "is killed by the signal"),
        Answer(END, only_asked_to_end, "only kill() ends it"),
        Answer(END, asked_to_end_and_waited_for, "for a program that refuses to end: asked_to_end"),
        Answer(OUTPUT, strict, "UnicodeDecodeError"),
        Answer(GREET, quoted),
        Answer(GREET, in_a_shell, "✗ Not yet: "),
        Answer(GREET, in_quotes, "✗ Not yet: "),
        Answer(GREET, in_single_quotes, "was run as a program"),
        Answer(GREET, without_signs, "✗ Not yet: "),
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
    ("stdout", "result", "message"),
    [
        (b"a\n", "a\r\n", "✓ Right: "),
        (b"caf\xe9!", "caf\ufffd!", "✓ Right: "),
        (b"caf\xe9!", "caf!", "✓ Right: "),
        (b"caf\xe9!", "caf\\xe9!", "✓ Right: "),
        (b"caf\xe9!", "café!", "you should return 'caf\ufffd!', and returned 'café!'"),
        (b"caf\xe9!", "caf", "and returned 'caf' (3 characters)."),
        (b"a!\xe9!", "a!", "and returned 'a!' (2 characters)."),
        (b"a", FAILED, "succeeded, and you raised CalledProcessError"),
        (b"a\n", b"a\n", "your result is of type bytes"),
        (b"a\n", "noise noise\na\n", "the output contains lines of stderr"),
        (b"x" * 3000, "x" * 2000, "(2,000 characters)."),
    ],
    ids=range(11),
)
def test_the_output_of_a_program_is_graded(stdout, result, message):
    run = Printed(Program("prints", [], stdout), result)
    verdict = verdict_of(lesson_06.grade_output, [run])
    assert message in verdict
    assert len(verdict) < 300


def test_a_failed_program_must_raise_an_exception():
    failing = Program("fails", [], code=3)
    assert "✓ Right: " in verdict_of(lesson_06.grade_output, [Printed(failing, FAILED)])
    silent = verdict_of(lesson_06.grade_output, [Printed(failing, "x")])
    assert "fails failed; you did not raise CalledProcessError" in silent


@pytest.mark.parametrize(
    ("greeting", "message"),
    [
        (Greeting("Ann", "hello Ann\r\n", 1), "✓ Right: "),
        (Greeting("Ann", "hello Ann", 2), "✓ Right: "),
        (Greeting("Ann", "servus Ann", 0, word="servus"), "✓ Right: "),
        (Greeting("Ann", "hello Ann", 1, word="servus"), "Return what the greeter prints."),
        (Greeting("Ann", "hello Ann", 0, word="servus"), "no program ran to print it"),
        (Greeting("Ann ", "hello Ann\n", 1), "the guest 'Ann ' was greeted with 'hello Ann"),
        (
            Greeting("Ann", b"hello Ann", 1),
            "greet should return text, a str; your result is of type bytes",
        ),
        (Greeting("Ann", "hello Ann", 1, "it was run"), "the name 'Ann': it was run."),
    ],
    ids=range(8),
)
def test_a_greeting_is_graded(greeting, message):
    assert message in verdict_of(lesson_06.grade_greet, [greeting])


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (LimitedRun("ends", 15, "done", "done", 1.5), "✓ Right: "),
        (LimitedRun("ends", 0.5, "too long", "too long", 0.6), "✓ Right: "),
        (
            LimitedRun("ends", 15, "done", "failed", 0.1),
            "should return 'done', and you returned 'failed'.",
        ),
        (LimitedRun("ends", 0.5, "too long", "too long", 4), "you waited for 4.0 s."),
        (LimitedRun("ends", 1, "too long", "too long", 0.5), "you waited for 0.5 s only."),
        (
            LimitedRun("ends", 0.5, "too long", "too long", 0.6, left=True),
            "the program is still running.",
        ),
        (LimitedRun("ends", 15, "missing", None, 0.1), "you returned None."),
    ],
    ids=range(7),
)
def test_an_ending_is_graded(run, message):
    assert message in verdict_of(lesson_06.grade_ending, [run])


# -- claims of the prose that no cell shows


def test_the_recipe_runs_as_a_file(tmp_path):
    """Lesson 06, recipe."""
    path = tmp_path / "recipe.py"
    path.write_text(sources_of("06")["recipe"], encoding="utf-8")
    assert subprocess.run([sys.executable, str(path)], **CAPTURED).stdout == "hello\n"


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


def test_a_shell_returns_a_number_for_a_missing_program():
    done = subprocess.run("no-such-program", shell=True, **CAPTURED)
    assert done.returncode == (127 if os.name == "posix" else 1)


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
