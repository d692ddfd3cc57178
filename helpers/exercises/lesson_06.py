"""The exercises of lesson 06, on running one command, and its guesses."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are printed as a reader would write them)

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from helpers.commands.programs import python
from helpers.exercises.checking import Exercise
from helpers.exercises.limits import AnswerError, WrongAnswerError, run_limited, track_instances
from helpers.exercises.programs import (
    IS_POSIX,
    NOISE,
    STUBBORN_HEARTBEAT,
    TOO_LONG,
    UTF_8,
    LimitedRun,
    Program,
    limit_problem,
    no_output,
    quick_programs,
    raise_problem,
    run_heartbeat,
    run_nappers,
    run_program,
    run_until_problem,
    run_with_limit,
)
from helpers.exercises.wording import kind_of, short_repr

lesson_06 = sys.modules[__name__]  # so that a solution reads as it does in the lesson
captured = {"capture_output": True, "encoding": "utf-8", "errors": "replace"}

# -- guesses: the idea behind each wrong option

arguments_seen = {
    "5 arguments": "A shell would split *two words*, but no shell reads a list.",
    "6 or more": "A shell would split words and replace stars and names. No shell reads a list.",
}
on_failure = {
    "raises an exception": "Only check=True does that. By default, you only get a return code."
}
with_shell = {
    "one command": "The string was meant as a file name, but in a shell, && begins another command."
}

# -- exercise 1: output_of(command) runs a program to its end and returns all of its stdout, and
# nothing else, as text (UTF-8, and invalid bytes do not stop it); if it fails, CalledProcessError.


class Printed(NamedTuple):
    """One program, and what was returned for it, or the CalledProcessError that was raised."""

    program: Program
    result: Any


def measure_output(output_of: Callable) -> tuple[list[Printed]]:
    """Let the answer run programs."""
    runs = (_run(output_of, program) for program in quick_programs())
    return run_until_problem(runs, _problem_of)


def _run(output_of: Callable, program: Program) -> Printed:
    try:
        result = run_program(output_of, program.what, program.command)
    except AnswerError as raised:
        if not isinstance(raised.error, subprocess.CalledProcessError):
            raise
        result = raised.error
    return Printed(program, result)


def grade_output(runs: list[Printed]) -> str:
    """Grade what was returned for each program."""
    raise_problem(runs, _problem_of)
    return f"{len(runs)} programs ran, and you returned all of their output."


def _problem_of(run: Printed) -> str:
    """Return what is wrong with what was returned for one program."""
    program, result = run
    failed = isinstance(result, subprocess.CalledProcessError)
    if program.code:
        missing = f"a program that {program.what} failed; you did not raise CalledProcessError."
        return "" if failed else missing
    if failed:
        return f"a program that {program.what} succeeded, and you raised CalledProcessError."
    if not isinstance(result, str):
        return f"the output should be text, a str; your result is {kind_of(result)}."
    result = result.replace("\r\n", "\n")
    if NOISE in result:
        return "the output contains lines of stderr. It should contain only those of stdout."
    if _is_text_of(result, program.text):
        return ""
    return (
        f"a program that {program.what}: you should return {short_repr(program.text)}, and "
        f"returned {short_repr(result)} ({len(result):,} characters)."
    )


def _is_text_of(result: str, wanted: str) -> bool:
    before, invalid, after = wanted.partition("\N{REPLACEMENT CHARACTER}")
    if not invalid:
        return result == wanted
    # The exercise does not say what replaces an invalid byte, but it is not another letter.
    middle = result[len(before) : len(result) - len(after)]
    ends = result.startswith(before) and result.endswith(after)
    return ends and len(result) >= len(before + after) and not middle.isalpha()


def output_of(command):
    done = subprocess.run(
        command, check=True, capture_output=True, encoding="utf-8", errors="replace"
    )
    return done.stdout


text_whatever_happens = Exercise(
    measure=measure_output,
    grade=grade_output,
    hint_text=(
        "Use four keywords of subprocess.run. A failure is silent without check, and text needs an "
        "encoding. text=True is not enough, because bytes that are not valid UTF-8 raise an error."
    ),
    right_answer=output_of,
)

# -- exercise 2: greet(name) lets GREETER greet, and returns the greeting with the name as it is.
# No name is run as a program, and the list GREETER stays as it is.

GREETING = "LESSON_06_GREETING"
# With UTF-8 on Windows too, where the names of folders may contain any letter.
GREETER = python(
    f"import os, sys; print(os.environ.get('{GREETING}', 'hello'), sys.argv[1])", options=UTF_8
)
_GREETER = tuple(GREETER)


class Greeting(NamedTuple):
    """One guest: what was returned, how many programs ran, which harm was done, if any.

    word: what the greeter says during this check, so that nobody can know it without the greeter.
    """

    guest: str
    result: Any
    programs: int
    harm: str = ""
    word: str = "hello"


def measure_greet(greet: Callable) -> tuple[list[Greeting]]:
    """Let the answer greet guests, some of them malicious, and record whether they did harm."""
    greetings = []
    word = os.environ[GREETING] = f"hello, guest {random.randint(100, 999)},"
    GREETER[:] = _GREETER
    try:
        with TemporaryDirectory() as folder, no_output():
            canary = Path(folder, "canary")
            for guest in _guests(f'echo x > "{canary}"'):
                with track_instances(subprocess.Popen) as programs:
                    result = run_limited(greet, guest)
                harm = "it was run as a program: it made a file" if canary.exists() else ""
                if tuple(GREETER) != _GREETER:
                    harm = "lesson_06.GREETER is a different list now: make a new list instead"
                greetings.append(Greeting(guest, result, len(programs), harm, word))
                if harm:
                    break
    finally:
        GREETER[:] = _GREETER
        del os.environ[GREETING]
    return (greetings,)


def _guests(attack: str) -> list[str]:
    name = random.choice(["Ann", "Ben", "Eve"])
    harmless = [
        f"{name}  Lee",
        f'{name} "the $HOME"',
        f" {name} ",
        f"{name} Zoë 李",
        f"{name} * %PATH% \\",
        f"--{name.lower()}",
    ]
    tricks = [
        f"{name} && {attack}",
        f"{name}; {attack}",
        f"$({attack})",
        f"' && {attack} && echo '",
    ]
    if IS_POSIX:  # on Windows, a line may not end inside an argument
        tricks.append(f"{name}\n{attack}")
    return [name, *random.sample(harmless, len(harmless)), *random.sample(tricks, len(tricks))]


def grade_greet(greetings: list[Greeting]) -> str:
    """Grade each greeting, and whether the greeter printed it."""
    for guest, _, _, harm, _ in greetings:
        if harm:
            raise WrongAnswerError(f"the name {short_repr(guest)}: {harm}.")
    for guest, result, programs, _, word in greetings:
        if not isinstance(result, str):
            raise WrongAnswerError(
                f"greet should return text, a str; your result is {kind_of(result)}."
            )
        text = result.replace("\r\n", "\n").removesuffix("\n")
        if text == f"{word} {guest}":
            continue
        if text == f"hello {guest}" and not programs:
            raise WrongAnswerError("the greeting is right, but no program ran to print it.")
        if text == f"hello {guest}":
            raise WrongAnswerError(
                f"you returned {short_repr(text)}, but the greeter printed {short_repr(word)} and "
                "the name: it greets differently in each check. Return what the greeter prints."
            )
        raise WrongAnswerError(
            f"the guest {short_repr(guest)} was greeted with {short_repr(result)}."
        )
    return f"{len(greetings)} guests, some of them malicious, and only the greeter was run."


def greet(name):
    return subprocess.run([*lesson_06.GREETER, name], **captured).stdout


close_the_hole = Exercise(
    measure=measure_greet,
    grade=grade_greet,
    hint_text=(
        "Do not search for dangerous characters, because you would miss some. Do not let a shell "
        "read the name at all. How does a list reach the program?"
    ),
    right_answer=greet,
)

# -- exercise 3: ending(command, seconds) returns "done", "failed" (also by a signal), "missing", or
# "too long" if the program takes more than `seconds`; it waits so long and no longer, and then the
# program is gone.

CAREFUL = 2.5  # seconds that an answer may take to end a program that refuses to end


def measure_ending(ending: Callable) -> tuple[list[LimitedRun]]:
    """Let the answer run programs that end in each of the four ways."""
    return run_until_problem(_endings(ending), _ending_problem)


def _endings(ending: Callable) -> Iterator[LimitedRun]:
    for program in quick_programs():
        wanted = "failed" if program.code else "done"
        yield run_with_limit(ending, program.what, program.command, wanted)
    missing = f"no-such-program-{random.randint(1, 9)}"
    yield run_with_limit(ending, "does not exist", [missing], "missing")
    seconds = random.choice([0.9, 1.0])
    yield run_heartbeat(
        ending, "refuses to end", partial(python, STUBBORN_HEARTBEAT), TOO_LONG, seconds
    )
    yield from run_nappers(ending, "done", _ending_problem)


def grade_ending(runs: list[LimitedRun]) -> str:
    """Grade the four words, and whether the program that took too long was ended in time."""
    raise_problem(runs, _ending_problem)
    return "You distinguished the four endings, and the program that took too long was ended."


def _ending_problem(run: LimitedRun) -> str:
    """Return what is wrong with one run."""
    if run.left:
        return (
            f"you returned {short_repr(run.returned)}, and the program is still running. It "
            "ignores SIGTERM, so only kill() ends it."
        )
    if problem := limit_problem(run):
        return problem
    if run.wanted == TOO_LONG and run.took > run.seconds + CAREFUL:
        return f"the program had a limit of {run.seconds:g} s, and you waited for {run.took:.1f} s."
    return ""


def ending(command, seconds):
    try:
        done = subprocess.run(command, timeout=seconds)
    except FileNotFoundError:
        return "missing"
    except subprocess.TimeoutExpired:
        return "too long"
    return "failed" if done.returncode else "done"


how_did_it_end = Exercise(
    measure=measure_ending,
    grade=grade_ending,
    hint_text=(
        "A missing program has no return code. It raises an exception, and so does a timeout. With "
        "Popen, a wait that times out does not end the program; run(timeout=...) kills it for you."
    ),
    right_answer=ending,
)
