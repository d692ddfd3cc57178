"""The exercises of lesson 06, on running one command, and its guesses."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are shown as a reader would write them)

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, NamedTuple

from helpers.commands.programs import beater, beats, end_beats, flood, napper, python
from helpers.exercises.checking import Exercise, Wrong, kind_of, short
from helpers.exercises.limits import Raised, noted, run_limited

lesson_06 = sys.modules[__name__]  # so that a solution reads as in the lesson
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
    "one command": "It was meant as a file name, but to a shell && means *and then*, in any string."
}

# -- exercise 1

LIMIT = 10.0  # seconds that an answer may take for one program


class Printed(NamedTuple):
    """One program: what it is, what should come back (None: an exception), what did."""

    program: str
    wanted: str | None
    result: Any


def measure_output(output_of: Callable) -> tuple[list[Printed]]:
    """Let the answer run six programs; an exception of a failed program is its result."""
    word, size, code = (
        random.choice("abcdef"),
        1000 * random.randint(200, 400),
        random.randint(3, 9),
    )
    noisy = f"import sys; print('noise', file=sys.stderr); print({f'{word}; b'!r})"
    programs = [
        ("prints one line to stdout and one to stderr", python(noisy), f"{word}; b\n"),
        ("prints UTF-8", python("print('Zürich')", options=("-X", "utf8")), "Zürich\n"),
        ("prints no UTF-8", python(f"import os; os.write(1, b'{word}af\\xe9')"), f"{word}af"),
        (f"prints {size:,} characters", flood(size), ("x" * 999 + "\n") * (size // 1000)),
        ("prints nothing", python("pass"), ""),
        (f"returns {code}", python(f"import sys; print('x'); sys.exit({code})"), None),
    ]
    return ([Printed(what, want, _told(output_of, command)) for what, command, want in programs],)


def _told(output_of: Callable, command: list[str]) -> Any:
    """Return what the answer returned, or the CalledProcessError that it raised."""
    try:
        return run_limited(output_of, command, seconds=LIMIT)
    except Raised as raised:
        if isinstance(raised.error, subprocess.CalledProcessError):
            return raised.error
        raise


def judge_output(runs: list[Printed]) -> str:
    """Judge what came back of each program."""
    for program, wanted, result in runs:
        failed = isinstance(result, subprocess.CalledProcessError)
        if wanted is None and not failed:
            raise Wrong(f"a program that {program} failed; you did not raise CalledProcessError.")
        if wanted is not None and failed:
            raise Wrong(f"a program that {program} went well, and you raised CalledProcessError.")
        if wanted is None:
            continue
        if not isinstance(result, str):
            raise Wrong(f"the output should be text, a str; you returned {kind_of(result)}.")
        result = result.replace("\r\n", "\n")
        if "noise" in result:
            raise Wrong(
                "what the program writes to stderr is in the output. Only stdout should be."
            )
        # How to replace what cannot be read was not said; but it is no other letter.
        readable = result.startswith(wanted) and "é" not in result and "no UTF-8" in program
        if result != wanted and not readable:
            raise Wrong(
                f"a program that {program}: you should return {short(wanted)}, and returned "
                f"{short(result)} ({len(result):,} characters)."
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
    judge=judge_output,
    hint_text=(
        "A failure is silent by default, and text needs an encoding: four keywords of "
        "subprocess.run. text=True is not enough, because bytes that are no UTF-8 are an error."
    ),
    solved=output_of,
)

# -- exercise 2

# In UTF-8 on Windows, too, whose folders may have any letter in their names.
GREETER = python("import sys; print('hello', sys.argv[1])", options=("-X", "utf8"))
_GREETER = tuple(GREETER)


class Greeting(NamedTuple):
    """One guest: what came back, how many programs were run, what was done to the list."""

    guest: str
    result: Any
    programs: int
    harm: str = ""


def measure_greet(greet: Callable) -> tuple[list[Greeting]]:
    """Let the answer greet guests, some of them evil, and look whether anything happened."""
    greetings = []
    GREETER[:] = _GREETER
    try:
        with TemporaryDirectory() as folder:
            canary = Path(folder, "canary")
            for guest in _guests(f'echo x > "{canary}"'):
                with noted(subprocess.Popen) as programs:
                    result = run_limited(greet, guest, seconds=LIMIT)
                harm = "it was run as a program: it made a file" if canary.exists() else ""
                if tuple(GREETER) != _GREETER:
                    harm = "lesson_06.GREETER is another list now: make a new one instead"
                greetings.append(Greeting(guest, result, len(programs), harm))
    finally:
        GREETER[:] = _GREETER
    return (greetings,)


def _guests(evil: str) -> list[str]:
    name = random.choice(["Ann", "Ben", "Eve"])
    tricks = [f"{name} && {evil}", f"{name}; {evil}", f"$({evil})", f"' && {evil} && echo '"]
    return [name, f"{name}  Lee", f'{name} "the $HOME"', *random.sample(tricks, len(tricks))]


def judge_greet(greetings: list[Greeting]) -> str:
    """Judge each greeting, and whether a program made it."""
    for guest, result, programs, harm in greetings:
        if harm:
            raise Wrong(f"the name {short(guest)}: {harm}.")
        if not isinstance(result, str):
            raise Wrong(f"a text was wanted; you returned {kind_of(result)}.")
        if result.rstrip("\r\n") != f"hello {guest}":
            raise Wrong(f"the guest {short(guest)} was greeted with {short(result)}.")
        if not programs:
            raise Wrong("the greeting is right, but no program was run for it.")
    return f"{len(greetings)} guests, four of them evil, and nothing was run but the greeter."


def greet(name):
    return subprocess.run([*lesson_06.GREETER, name], **captured).stdout


close_the_hole = Exercise(
    name="greet",
    takes=Callable,
    measure=measure_greet,
    judge=judge_greet,
    hint_text=(
        "It is no use to look for evil characters: there are more of them than you know. Let no "
        "shell read the name at all. How does a list reach the program?"
    ),
    solved=greet,
)

# -- exercise 3


class Ended(NamedTuple):
    """One program: how it should end, what was said, how long that took, whether it is gone."""

    wanted: str
    said: Any
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
            run = _ended(ending, beater(path), random.choice([0.4, 0.5]), "too long")
            return ([*runs, run._replace(gone=not beats(path))],)
        finally:  # else the folder cannot go
            end_beats(path)


def _ended(ending: Callable, command: list[str], seconds: float, wanted: str) -> Ended:
    begin = perf_counter()
    said = run_limited(ending, command, seconds, seconds=LIMIT)
    return Ended(wanted, said, seconds, perf_counter() - begin)


def judge_ending(runs: list[Ended]) -> str:
    """Judge the four words, and whether what took too long was ended in time."""
    for wanted, said, seconds, took, gone in runs:
        if not gone:
            raise Wrong(f"you returned {short(said)}, and the program is still running.")
        if said != wanted:
            raise Wrong(
                f"for a program that is {wanted!r}, with {seconds:g} s, you returned {short(said)}."
            )
        if wanted == "too long" and took > seconds + 1:
            raise Wrong(f"the program might take {seconds:g} s, and you waited for {took:.1f} s.")
    return "Four endings told apart, and the program that took too long is gone."


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
    judge=judge_ending,
    hint_text=(
        "A missing program has no return code: it is an exception, and so is a timeout. With "
        "Popen, giving up waiting does not end the program; run(timeout=...) kills it for you."
    ),
    solved=ending,
)
