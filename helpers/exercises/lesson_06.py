"""The exercises of lesson 06, on running one command, and its guesses."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are printed as a reader would write them)

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, NamedTuple

from helpers.commands.programs import (
    flood,
    heartbeat,
    is_beating,
    napper,
    python,
    stop_heartbeat,
)
from helpers.exercises.checking import Exercise
from helpers.exercises.limits import AnswerError, WrongAnswerError, run_limited, track_instances
from helpers.exercises.wording import kind_of, short_repr

lesson_06 = sys.modules[__name__]  # so that a solution reads as it does in the lesson
captured = {"capture_output": True, "encoding": "utf-8", "errors": "replace"}

# -- guesses: the idea behind each wrong option

arguments_seen = {
    "5 arguments": "A shell would split *two words*; no shell reads a list.",
    "6 or more": "A shell would split words and replace stars and names; no shell reads a list.",
}
on_failure = {
    "raises an exception": "Only check=True does that: by default, a failure is just a number."
}
with_shell = {
    "one command": "It was meant as a file name, but in a shell && joins two commands anywhere."
}

# -- exercise 1

PROGRAM_LIMIT = 10.0  # seconds that an answer may take for one program


class Printed(NamedTuple):
    """One program: what it is, what should be returned (None: an exception), what was returned."""

    program: str
    wanted: str | None
    result: Any


def measure_output(output_of: Callable) -> tuple[list[Printed]]:
    """Let the answer run six programs; a CalledProcessError counts as its result."""
    word, size, code = (
        random.choice("abcdef"),
        1000 * random.randint(200, 400),
        random.randint(3, 9),
    )
    noisy = f"import sys; print('noise', file=sys.stderr); print({f'{word}; b'!r})"
    programs = [
        ("prints one line to stdout and one to stderr", python(noisy), f"{word}; b\n"),
        ("prints UTF-8", python("print('Zürich')", options=("-X", "utf8")), "Zürich\n"),
        ("prints invalid UTF-8", python(f"import os; os.write(1, b'{word}af\\xe9')"), f"{word}af"),
        (f"prints {size:,} characters", flood(size), ("x" * 999 + "\n") * (size // 1000)),
        ("prints nothing", python("pass"), ""),
        (f"returns {code}", python(f"import sys; print('x'); sys.exit({code})"), None),
    ]
    return (
        [
            Printed(what, want, _output_or_error(output_of, command))
            for what, command, want in programs
        ],
    )


def _output_or_error(output_of: Callable, command: list[str]) -> Any:
    """Return what the answer returned, or the CalledProcessError that it raised."""
    try:
        return run_limited(output_of, command, seconds=PROGRAM_LIMIT)
    except AnswerError as raised:
        if isinstance(raised.error, subprocess.CalledProcessError):
            return raised.error
        raise


def grade_output(runs: list[Printed]) -> str:
    """Grade what was returned for each program."""
    for program, wanted, result in runs:
        failed = isinstance(result, subprocess.CalledProcessError)
        if wanted is None and not failed:
            raise WrongAnswerError(
                f"a program that {program} failed; you did not raise CalledProcessError."
            )
        if wanted is not None and failed:
            raise WrongAnswerError(
                f"a program that {program} succeeded, and you raised CalledProcessError."
            )
        if wanted is None:
            continue
        if not isinstance(result, str):
            raise WrongAnswerError(
                f"the output should be text, a str; what you returned is {kind_of(result)}."
            )
        result = result.replace("\r\n", "\n")
        if "noise" in result:
            raise WrongAnswerError(
                "what the program writes to stderr is in the output. Only stdout should be."
            )
        # The exercise does not say what replaces invalid bytes, but it is not another letter.
        acceptable = result.startswith(wanted) and "é" not in result and "invalid" in program
        if result != wanted and not acceptable:
            raise WrongAnswerError(
                f"a program that {program}: you should return {short_repr(wanted)}, and returned "
                f"{short_repr(result)} ({len(result):,} characters)."
            )
    return f"{len(runs)} programs ran, and all of their output is there."


def output_of(command):
    done = subprocess.run(
        command, check=True, capture_output=True, encoding="utf-8", errors="replace"
    )
    return done.stdout


text_whatever_happens = Exercise(
    name="output_of",
    takes=Callable,
    measure=measure_output,
    grade=grade_output,
    hint_text=(
        "A failure is silent by default, and text needs an encoding: four keywords of "
        "subprocess.run. text=True is not enough, because bytes that are not valid UTF-8 raise an "
        "error."
    ),
    right_answer=output_of,
)

# -- exercise 2

# With UTF-8 on Windows too, where the names of folders may contain any letter.
GREETER = python("import sys; print('hello', sys.argv[1])", options=("-X", "utf8"))
_GREETER = tuple(GREETER)


class Greeting(NamedTuple):
    """One guest: what was returned, how many programs ran, which harm was done, if any."""

    guest: str
    result: Any
    programs: int
    harm: str = ""


def measure_greet(greet: Callable) -> tuple[list[Greeting]]:
    """Let the answer greet guests, some of them malicious, and record whether they did harm."""
    greetings = []
    GREETER[:] = _GREETER
    try:
        with TemporaryDirectory() as folder:
            canary = Path(folder, "canary")
            for guest in _guests(f'echo x > "{canary}"'):
                with track_instances(subprocess.Popen) as programs:
                    result = run_limited(greet, guest, seconds=PROGRAM_LIMIT)
                harm = "it was run as a program: it made a file" if canary.exists() else ""
                if tuple(GREETER) != _GREETER:
                    harm = "lesson_06.GREETER is a different list now: make a new list instead"
                greetings.append(Greeting(guest, result, len(programs), harm))
    finally:
        GREETER[:] = _GREETER
    return (greetings,)


def _guests(attack: str) -> list[str]:
    name = random.choice(["Ann", "Ben", "Eve"])
    tricks = [
        f"{name} && {attack}",
        f"{name}; {attack}",
        f"$({attack})",
        f"' && {attack} && echo '",
    ]
    return [name, f"{name}  Lee", f'{name} "the $HOME"', *random.sample(tricks, len(tricks))]


def grade_greet(greetings: list[Greeting]) -> str:
    """Grade each greeting, and whether a program printed it."""
    for guest, result, programs, harm in greetings:
        if harm:
            raise WrongAnswerError(f"the name {short_repr(guest)}: {harm}.")
        if not isinstance(result, str):
            raise WrongAnswerError(
                f"greet should return text, a str; what you returned is {kind_of(result)}."
            )
        if result.rstrip("\r\n") != f"hello {guest}":
            raise WrongAnswerError(
                f"the guest {short_repr(guest)} was greeted with {short_repr(result)}."
            )
        if not programs:
            raise WrongAnswerError("the greeting is right, but no program ran to print it.")
    return f"{len(greetings)} guests, four of them malicious, and only the greeter was run."


def greet(name):
    return subprocess.run([*lesson_06.GREETER, name], **captured).stdout


close_the_hole = Exercise(
    name="greet",
    takes=Callable,
    measure=measure_greet,
    grade=grade_greet,
    hint_text=(
        "Do not look for dangerous characters: there are more of them than you know. Let no shell "
        "read the name at all. How does a list reach the program?"
    ),
    right_answer=greet,
)

# -- exercise 3


class Ended(NamedTuple):
    """One program: how it should end, what was returned, its limit, the time, whether it ended."""

    wanted: str
    returned: Any
    seconds: float
    took: float
    gone: bool = True


def measure_ending(ending: Callable) -> tuple[list[Ended]]:
    """Let the answer run programs that end in each of the four ways."""
    failing = python(f"import sys; sys.exit({random.randint(1, 9)})")
    quick = [(python("pass"), "done"), (failing, "failed"), (["no-such-program"], "missing")]
    runs = [
        _ended(ending, command, 15.0, wanted) for command, wanted in [*quick, (napper(1.5), "done")]
    ]
    with TemporaryDirectory() as folder:
        path = Path(folder, "beats")
        try:
            run = _ended(ending, heartbeat(path), random.choice([0.4, 0.5]), "too long")
            return ([*runs, run._replace(gone=not is_beating(path))],)
        finally:
            stop_heartbeat(path)  # otherwise the folder cannot be removed


def _ended(ending: Callable, command: list[str], seconds: float, wanted: str) -> Ended:
    begin = perf_counter()
    returned = run_limited(ending, command, seconds, seconds=PROGRAM_LIMIT)
    return Ended(wanted, returned, seconds, perf_counter() - begin)


def grade_ending(runs: list[Ended]) -> str:
    """Grade the four words, and whether the program that took too long was ended in time."""
    for wanted, returned, seconds, took, gone in runs:
        if not gone:
            raise WrongAnswerError(
                f"you returned {short_repr(returned)}, and the program is still running."
            )
        if returned != wanted:
            raise WrongAnswerError(
                f"for a program that should be {wanted!r}, with a limit of {seconds:g} s, "
                f"you returned {short_repr(returned)}."
            )
        if wanted == "too long" and took > seconds + 1:
            raise WrongAnswerError(
                f"the program had a limit of {seconds:g} s, and you waited for {took:.1f} s."
            )
    return "You told four endings apart, and the program that took too long is gone."


def ending(command, seconds):
    try:
        done = subprocess.run(command, timeout=seconds)
    except FileNotFoundError:
        return "missing"
    except subprocess.TimeoutExpired:
        return "too long"
    return "failed" if done.returncode else "done"


how_did_it_end = Exercise(
    name="ending",
    takes=Callable,
    measure=measure_ending,
    grade=grade_ending,
    hint_text=(
        "A missing program has no return code: it is an exception, and so is a timeout. With "
        "Popen, a wait that times out does not end the program; run(timeout=...) kills it for you."
    ),
    right_answer=ending,
)
