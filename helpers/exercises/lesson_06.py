"""The exercises of lesson 06, on running one command."""

import subprocess
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from helpers.commands.programs import beater, beats, flood, python
from helpers.exercises.checking import Exercise, Wrong, run_limited

# In UTF-8 on Windows, too, whose folders may have any letter in their names.
GREETER = python("import sys; print('hello', sys.argv[1])", options=("-X", "utf8"))
LATIN = python(r"import sys; sys.stdout.buffer.write(b'caf\xe9')")
NOISY = python("import sys; print('no noise', file=sys.stderr); print(sys.argv[1])", "a; b")
FAILING = python("import sys; sys.exit(3)")


def _failure_told(function: Callable) -> Callable:
    """Return `function` so that it returns a CalledProcessError that it raises."""

    @wraps(function)
    def told(*args: Any) -> Any:
        try:
            return function(*args)
        except subprocess.CalledProcessError as error:
            return error

    return told


def _judge_output_of(output_of: Callable) -> str:
    told = _failure_told(output_of)
    out = run_limited(told, NOISY)
    if not isinstance(out, str):
        raise Wrong(f"the output is of type {type(out).__name__}, and should be text, a str.")
    if "noise" in out:
        raise Wrong("what the program writes to stderr is in the output. Only stdout should be.")
    if out.strip() != "a; b":
        raise Wrong(f"the program printed 'a; b', and you returned {out!r}.")
    if run_limited(told, LATIN) != "caf\ufffd":
        raise Wrong("of the bytes b'caf\\xe9' the readable ones, and one \ufffd, should be left.")
    size = len(run_limited(told, flood(300_000)))
    if size != 300_000:
        raise Wrong(f"a program printed 300,000 characters, and you returned {size:,}.")
    if not isinstance(run_limited(told, FAILING), subprocess.CalledProcessError):
        raise Wrong("a program returned 3, and you did not raise CalledProcessError.")
    if run_limited(told, python("pass")) != "":
        raise Wrong("a program that prints nothing should give an empty text.")
    return "Five programs ran, and all of their output is there."


def _judge_greet(greet: Callable) -> str:
    with TemporaryDirectory() as folder:
        canary = Path(folder, "canary")
        evil = f'echo x > "{canary}"'
        guests = ["Ann", "Ann  Lee", f"Ann && {evil}", f"Ann; {evil}", f"$(echo x > {canary})"]
        greetings = {}
        for name in [*guests, f"' && {evil} && echo '"]:
            greetings[name] = run_limited(greet, name)
            if canary.exists():
                raise Wrong(f"the name {name!r} was run as a program: it made a file.")
    for name, out in greetings.items():
        if not isinstance(out, str):
            raise Wrong(f"you returned {type(out).__name__}, and a text was wanted.")
        if out.strip() != f"hello {name}":
            raise Wrong(f"the guest {name!r} was greeted with {out.strip()!r}.")
    return "Six guests, four of them evil, and nothing was run but the greeter."


def _judge_ending(ending: Callable) -> str:
    quick = {"done": python("pass"), "failed": FAILING, "missing": ["no-such-program"]}
    for word, command in quick.items():
        said = run_limited(ending, command, 15.0)
        if said != word:
            raise Wrong(f"for a program that is {word!r} you returned {said!r}.")
    with TemporaryDirectory() as folder:
        path = Path(folder, "beats")
        said = run_limited(ending, beater(path), 1.5, seconds=15.0)
        if beats(path):
            raise Wrong(f"you returned {said!r}, and the program is still running.")
        if said != "too long":
            raise Wrong(f"for a program that takes too long you returned {said!r}.")
    return "Four endings told apart, and the program that took too long is gone."


output_of = Exercise(
    name="output_of",
    takes=Callable,
    judge=_judge_output_of,
    hint_text=(
        "A failure is silent by default, and text needs an encoding: four keywords of "
        "subprocess.run. text=True is not enough, because bytes that are no UTF-8 are an error."
    ),
    solution_text=(
        "def output_of(command):\n"
        "    done = subprocess.run(\n"
        '        command, capture_output=True, check=True, encoding="utf-8", errors="replace"\n'
        "    )\n"
        "    return done.stdout"
    ),
)

greet = Exercise(
    name="greet",
    takes=Callable,
    judge=_judge_greet,
    hint_text=(
        "It is no use to look for evil characters: there are more of them than you know. Let no "
        "shell read the name at all. How does a list reach the program?"
    ),
    solution_text=(
        "def greet(name):\n    return subprocess.run([*lesson_06.GREETER, name], **captured).stdout"
    ),
)

ending = Exercise(
    name="ending",
    takes=Callable,
    judge=_judge_ending,
    hint_text=(
        "A missing program has no return code: it is an exception, and so is a timeout. With "
        "Popen, giving up waiting does not end the program; run(timeout=...) kills it for you."
    ),
    solution_text=(
        "def ending(command, seconds):\n"
        "    try:\n"
        "        done = subprocess.run(command, timeout=seconds)\n"
        "    except FileNotFoundError:\n"
        '        return "missing"\n'
        "    except subprocess.TimeoutExpired:\n"
        '        return "too long"\n'
        '    return "failed" if done.returncode else "done"'
    ),
)
