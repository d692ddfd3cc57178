"""The exercises of lesson 06, on running one command, and its guesses."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are printed as a reader would write them)

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from time import perf_counter
from typing import Any, NamedTuple, TypeVar

from helpers.commands.programs import HEARTBEAT, flood, is_beating, napper, python, stop_heartbeat
from helpers.exercises.checking import Exercise
from helpers.exercises.limits import (
    AnswerError,
    MachineBusyError,
    TimeLimitError,
    WrongAnswerError,
    run_limited,
    track_instances,
)
from helpers.exercises.wording import kind_of, short_repr

Run = TypeVar("Run")

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

# -- what the exercises of this lesson and the next one share

IS_POSIX = os.name == "posix"  # Windows has no signals
UTF_8 = ("-X", "utf8")
STUBBORN_HEARTBEAT = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)" + HEARTBEAT


def killed_by(number: int) -> list[str]:
    """Return a program that sends this signal to itself."""
    return python("import os, sys; os.kill(os.getpid(), int(sys.argv[1]))", number)


@contextmanager
def no_output() -> Iterator[None]:
    """Throw away what programs print that an answer lets print; it would fill the notebook."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = {number: os.dup(number) for number in (1, 2)}
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in kept:
        os.dup2(nowhere, number)
    try:
        yield
    finally:
        for number, copy in kept.items():
            os.dup2(copy, number)
            os.close(copy)
        os.close(nowhere)


def seconds_of(command: list[str], limit: float) -> float:
    """Return how long it takes us to run a program, or to end it after `limit` seconds."""
    begin = perf_counter()
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(command, timeout=limit, capture_output=True)
    return perf_counter() - begin


def run_beside_ours(
    measure: Callable[[], Run], problem_of: Callable[[Run], str], command: list[str], seconds: float
) -> Run:
    """Return what `measure` returns, which lets an answer run the program `command`.

    Raises MachineBusyError if there is a problem with it, and if our own run of the program, at the
    same time and with the same limit in seconds, took half a second longer than it should.
    """
    ours: list[float] = []
    control = Thread(target=lambda: ours.append(seconds_of(command, seconds)))
    control.start()
    run = measure()
    control.join()
    should_take = min(seconds, float(command[-1]))
    if problem_of(run) and ours[0] > should_take + 0.5:
        raise MachineBusyError
    return run


def run_program(answer: Callable, what: str, command: list[str], *args: Any, limit: float) -> Any:
    """Return what the answer returns for a program that does `what`, within `limit` seconds.

    Raises what `run_limited` raises, with the program in its message; and MachineBusyError if the
    answer was late and the machine now needs more than a second to start a Python.
    """
    try:
        return run_limited(answer, command, *args, seconds=limit)
    except TimeLimitError as late:
        if seconds_of(python("pass"), limit) > 1:
            raise MachineBusyError from None
        raise WrongAnswerError(f"for a program that {what}: {late}") from None
    except AnswerError as raised:
        raised.args = (f"for a program that {what}: {raised}",)
        raise


# -- exercise 1: output_of(command) runs a program to its end and returns all of its stdout, and
# nothing else, as text (UTF-8, and invalid bytes do not stop it); if it fails, CalledProcessError.

PROGRAM_LIMIT = 6.0  # seconds that an answer may take for one program


class Printed(NamedTuple):
    """One program: what it is, what should be returned (None: an exception), what was returned.

    after: what should follow after bytes that are not valid UTF-8; None if there are none.
    """

    program: str
    wanted: str | None
    result: Any
    after: str | None = None


def measure_output(output_of: Callable) -> tuple[list[Printed]]:
    """Let the answer run programs; a CalledProcessError counts as its result."""
    runs = []
    with no_output():
        for what, command, wanted, after in _printing_programs():
            runs.append(Printed(what, wanted, _output_or_error(output_of, what, command), after))
            if _problem_of(runs[-1]):
                break  # what follows takes time, and nobody reads about it
    return (runs,)


def _printing_programs() -> list[tuple[str, list[str], str | None, str | None]]:
    """Return programs: what each does, its command, what it prints, and that after a bad byte."""
    word, size, code = _word(), 1000 * random.randint(200, 400), random.randint(2, 99)
    lines = f"  {_word()} Zürich\n\n{_word()} 東京 "
    bad = random.choice([0xE9, 0xFC, 0xFF])
    writes = "import sys; sys.stdout.buffer.write(bytes.fromhex(sys.argv[1]))"
    before, after = f"{word}af", f" {_word()}\n"
    noisy = "import sys; sys.stderr.write('noise\\n' * 40_000); print(sys.argv[1])"
    raw = before.encode() + bytes([bad]) + after.encode()
    failing = "import sys; print(sys.argv[1]); sys.exit(int(sys.argv[2]))"
    return [
        (
            "prints one line to stdout and thousands to stderr",
            python(noisy, f"{word}; b"),
            f"{word}; b\n",
            None,
        ),
        (
            "prints an empty line, letters beyond ASCII, and no end of the last line",
            python(writes, lines.encode().hex()),
            lines,
            None,
        ),
        ("prints invalid UTF-8", python(writes, raw.hex()), before, after),
        (f"prints {size:,} characters", flood(size), ("x" * 999 + "\n") * (size // 1000), None),
        ("prints nothing", python("pass"), "", None),
        (f"prints a line and returns {code}", python(failing, word, code), None, None),
        *(
            [(f"is killed by the signal {number}", killed_by(number), None, None)]
            if IS_POSIX and (number := random.choice([9, 15]))
            else []
        ),
    ]


def _word() -> str:
    return "".join(random.choices("abcdefgh", k=5))


def _output_or_error(output_of: Callable, what: str, command: list[str]) -> Any:
    """Return what the answer returned, or the CalledProcessError that it raised."""
    try:
        return run_program(output_of, what, command, limit=PROGRAM_LIMIT)
    except AnswerError as raised:
        if isinstance(raised.error, subprocess.CalledProcessError):
            return raised.error
        raise


def grade_output(runs: list[Printed]) -> str:
    """Grade what was returned for each program."""
    for run in runs:
        if problem := _problem_of(run):
            raise WrongAnswerError(problem)
    return f"{len(runs)} programs ran, and all of their output is there."


def _problem_of(run: Printed) -> str:
    """Return what is wrong with what was returned for one program."""
    program, wanted, result, _ = run
    failed = isinstance(result, subprocess.CalledProcessError)
    if wanted is None:
        return (
            ""
            if failed
            else f"a program that {program} failed; you did not raise CalledProcessError."
        )
    if failed:
        return f"a program that {program} succeeded, and you raised CalledProcessError."
    if not isinstance(result, str):
        return f"the output should be text, a str; what you returned is {kind_of(result)}."
    result = result.replace("\r\n", "\n")
    if "noise" in result:
        return "what the program writes to stderr is in the output. Only stdout should be."
    if _is_text_of(result, run):
        return ""
    wanted += "" if run.after is None else f"\N{REPLACEMENT CHARACTER}{run.after}"
    return (
        f"a program that {program}: you should return {short_repr(wanted)}, and returned "
        f"{short_repr(result)} ({len(result):,} characters)."
    )


def _is_text_of(result: str, run: Printed) -> bool:
    if run.after is None:
        return result == run.wanted
    # The exercise does not say what replaces an invalid byte, but it is not another letter.
    size = len(run.wanted) + len(run.after)
    middle = result[len(run.wanted) : len(result) - len(run.after)]
    ends = result.startswith(run.wanted) and result.endswith(run.after)
    return ends and len(result) >= size and not middle.isalpha()


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
                    result = run_limited(greet, guest, seconds=PROGRAM_LIMIT)
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
                f"greet should return text, a str; what you returned is {kind_of(result)}."
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

# -- exercise 3: ending(command, seconds) returns "done", "failed" (also by a signal), "missing", or
# "too long" if the program takes more than `seconds`; it waits so long and no longer, and then the
# program is gone.

CAREFUL = 2.5  # seconds that an answer may take to end a program that refuses to end
PATIENT = 3.0  # seconds: how much longer than the limit an answer waits at worst


class Ended(NamedTuple):
    """One program: how it should end, what was returned, its limit, the time, whether it ended."""

    wanted: str
    returned: Any
    seconds: float
    took: float
    gone: bool = True
    program: str = ""


def measure_ending(ending: Callable) -> tuple[list[Ended]]:
    """Let the answer run programs that end in each of the four ways."""
    code = random.randint(1, 9)
    noisy = "import sys; [each.write('noise\\n' * 30_000) for each in (sys.stdout, sys.stderr)]"
    quick = [
        ("ends at once", python("pass"), "done"),
        (f"returns {code}", python(f"import sys; sys.exit({code})"), "failed"),
        ("does not exist", [f"no-such-program-{code}"], "missing"),
        ("prints much", python(noisy), "done"),
    ]
    if IS_POSIX:
        number = random.choice([9, 15])
        quick.append((f"is killed by the signal {number}", killed_by(number), "failed"))
    runs: list[Ended] = []
    with no_output():
        for run in chain((_ended(ending, *each) for each in quick), _slow_endings(ending)):
            runs.append(run)
            if _ending_problem(run):
                break
    return (runs,)


def _slow_endings(ending: Callable) -> Iterator[Ended]:
    with TemporaryDirectory() as folder:
        path = Path(folder, "beats")
        try:
            seconds = random.choice([0.9, 1.0])
            program = python(STUBBORN_HEARTBEAT, path)
            run = _ended(ending, "refuses to end", program, "too long", seconds)
            yield run._replace(gone=not is_beating(path))
        finally:
            stop_heartbeat(path)  # otherwise the folder cannot be removed
    for lasts, seconds in nap_limits():
        wanted = "done" if lasts < seconds else "too long"
        yield _with_control(ending, f"takes {lasts:g} s", napper(lasts), wanted, seconds)


def nap_limits() -> list[tuple[float, float]]:
    """Return how long two nappers take, and their limits: one ends in time, the other does not.

    A limit of half or twice as long would be noticed, and so would one of three seconds.
    """
    short, long = random.uniform(1.7, 1.9), random.uniform(4.6, 5.0)
    return [(round(0.7 * long, 1), round(long, 1)), (round(short + 1.1, 1), round(short, 1))]


def _with_control(
    ending: Callable, what: str, command: list[str], wanted: str, seconds: float
) -> Ended:
    measure = partial(_ended, ending, what, command, wanted, seconds)
    return run_beside_ours(measure, _ending_problem, command, seconds)


def _ended(
    ending: Callable, what: str, command: list[str], wanted: str, seconds: float = 4.0
) -> Ended:
    begin = perf_counter()
    returned = run_program(ending, what, command, seconds, limit=seconds + PATIENT)
    return Ended(wanted, returned, seconds, perf_counter() - begin, program=what)


def grade_ending(runs: list[Ended]) -> str:
    """Grade the four words, and whether the program that took too long was ended in time."""
    for run in runs:
        if problem := _ending_problem(run):
            raise WrongAnswerError(problem)
    return "You told four endings apart, and the program that took too long is gone."


def _ending_problem(run: Ended) -> str:
    """Return what is wrong with one run."""
    wanted, returned, seconds, took, gone, program = run
    if not gone:
        return (
            f"you returned {short_repr(returned)}, and the program is still running. It refuses "
            "when it is asked to end (SIGTERM); only kill() ends it."
        )
    if not isinstance(returned, str) or returned != wanted:
        return (
            f"for a program that {program}, with a limit of {seconds:g} s, you should return "
            f"{wanted!r}, and you returned {short_repr(returned)}."
        )
    if wanted == "too long" and took < 0.95 * seconds:
        return f"the program had a limit of {seconds:g} s, and you waited for {took:.1f} s only."
    if wanted == "too long" and took > seconds + CAREFUL:
        return f"the program had a limit of {seconds:g} s, and you waited for {took:.1f} s."
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
