"""Programs with which the exercises of lessons 06 and 07 try an answer, and how they run them."""

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, NamedTuple, TypeVar

from helpers.commands.programs import HEARTBEAT, is_beating, napper, python, stop_heartbeat
from helpers.exercises.limits import (
    TIME_LIMIT,
    AnswerError,
    MachineBusyError,
    TimeLimitError,
    WrongAnswerError,
    run_limited,
)
from helpers.exercises.wording import short_repr

Run = TypeVar("Run")

IS_POSIX = os.name == "posix"  # Windows has no signals
UTF_8 = ("-X", "utf8")
NOISE = "noise noise"  # what programs write to stderr
STUBBORN_HEARTBEAT = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)" + HEARTBEAT
PROGRAM = f"""
import os, sys
unit, lines, complaints, code = {{stdout!r}}, {{lines}}, {{complaints}}, {{code}}
for n in range(lines):
    sys.stdout.buffer.write(unit.replace(b"NUMBER", b"%d" % n))
sys.stdout.flush()
for n in range(complaints):
    print("{NOISE}" * 10, file=sys.stderr)
os.kill(os.getpid(), -code) if code < 0 else sys.exit(code)
"""


class Program(NamedTuple):
    """A program, and what it does. what: completes the words "a program that …".

    command: runs it. stdout: all that it prints. code: its return code.
    """

    what: str
    command: list[str]
    stdout: bytes = b""
    code: int = 0

    @property
    def text(self) -> str:
        """Return what it prints, with a replacement character for a byte that is not UTF-8."""
        return self.stdout.decode("utf-8", "replace")

    @property
    def lines(self) -> list[str]:
        """Return the lines that it prints, without the blanks at their ends."""
        return [line.rstrip() for line in self.text.splitlines()]


def quick_programs() -> list[Program]:
    """Return programs that end soon, and differ in what they print and in how they end."""
    code, signal, lines = random.randint(2, 99), random.choice([9, 15]), random.randint(200, 400)
    word, other = (draw_word().encode() for _ in "12")
    bad = random.choice([b"\xe9", b"\xfc", b"\xff"])
    long_line = b"NUMBER " + b"x" * 990 + b"\n"
    programs = [
        _program("prints one line to stdout and thousands to stderr", word + b"; b\n", errors=True),
        _program("prints an empty line and no end of the last one", word + b"\n\n  " + other),
        _program("prints letters beyond ASCII", "Zürich 東京 ".encode() + word + b" \n"),
        _program("prints invalid UTF-8", word + b"af" + bad + b" " + other + b"\n"),
        _program(f"prints {lines} long lines, and many to stderr", long_line, lines, errors=True),
        _program("prints nothing", b""),
        _program(f"prints a line and returns {code}", word + b"\n", code=code),
    ]
    if IS_POSIX:
        programs.append(_program(f"is killed by the signal {signal}", b"", code=-signal))
    return programs


def _program(
    what: str, stdout: bytes, lines: int = 1, code: int = 0, errors: bool = False
) -> Program:
    complaints = 4000 if errors else 0
    source = PROGRAM.format(stdout=stdout, lines=lines, complaints=complaints, code=code)
    written = b"".join(stdout.replace(b"NUMBER", b"%d" % n) for n in range(lines))
    return Program(what, python(source), written, code)


def draw_word() -> str:
    """Return five letters that nobody can know before."""
    return "".join(random.choices("abcdefgh", k=5))


# -- running an answer


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


def run_until_problem(runs: Iterable[Run], problem_of: Callable[[Run], str]) -> tuple[list[Run]]:
    """Return the runs up to the first one with a problem. Those behind it would only take time."""
    done: list[Run] = []
    with no_output():
        for run in runs:
            done.append(run)
            if problem_of(run):
                break
    return (done,)


def raise_problem(
    runs: Iterable[Run],
    problem_of: Callable[[Run], str],
    error: type[WrongAnswerError] = WrongAnswerError,
) -> None:
    """Raise an error if there is a problem with one of the runs."""
    for run in runs:
        if problem := problem_of(run):
            raise error(problem)


def run_program(
    answer: Callable, what: str, command: list[str], *args: Any, limit: float = TIME_LIMIT
) -> Any:
    """Return what the answer returns for a program that does `what`, within `limit` seconds.

    Raises what `run_limited` raises, with the program in its message; and MachineBusyError if the
    answer was late and the machine now needs more than a second to start a Python.
    """
    try:
        return run_limited(answer, command, *args, seconds=limit)
    except TimeLimitError as late:
        if _seconds_of(python("pass"), limit) > 1:
            raise MachineBusyError from None
        raise WrongAnswerError(f"for a program that {what}: {late}") from None
    except AnswerError as raised:
        raised.args = (f"for a program that {what}: {raised}",)
        raise


def _seconds_of(command: list[str], limit: float) -> float:
    """Return how long it takes us to run a program, or to end it after `limit` seconds."""
    begin = perf_counter()
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(command, timeout=limit, capture_output=True)
    return perf_counter() - begin


# -- answers that run a program for a limited time: ending(command, seconds) of lesson 06, and
# run_process_tree(command, seconds) of lesson 07

TOO_LONG = "too long"
PATIENCE = 3.0  # seconds for which an answer may go on after the limit of its program


class LimitedRun(NamedTuple):
    """One program with a limit in seconds, what should be returned, and what was returned.

    took: seconds. left: whether anything of it still ran afterwards.
    """

    program: str
    seconds: float
    wanted: int | str
    returned: Any
    took: float
    left: bool = False


def run_with_limit(
    answer: Callable, what: str, command: list[str], wanted: int | str, seconds: float = 4.0
) -> LimitedRun:
    """Let the answer run a program that does `what`."""
    begin = perf_counter()
    returned = run_program(answer, what, command, seconds, limit=seconds + PATIENCE)
    return LimitedRun(what, seconds, wanted, returned, perf_counter() - begin)


def run_heartbeat(
    answer: Callable,
    what: str,
    command: Callable[[Path], list[str]],
    wanted: int | str = TOO_LONG,
    seconds: float = 4.0,
) -> LimitedRun:
    """Let the answer run a program, and look whether its stubborn heartbeat is left.

    command: takes the path of the heartbeat.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder, "beats")
        try:
            run = run_with_limit(answer, what, command(path), wanted, seconds)
            return run._replace(left=is_beating(path))
        finally:
            stop_heartbeat(path)  # otherwise the folder cannot be removed


def run_nappers(
    answer: Callable, done: int | str, problem_of: Callable[[LimitedRun], str]
) -> Iterator[LimitedRun]:
    """Let the answer run a program that ends in time, and one that takes too long.

    A limit of half or twice as long would be noticed, and so would one of three seconds. If there
    is a problem, it may be that of a busy machine: then our own run of the program, at the same
    time and with the same limit, takes half a second longer than it should.

    done: what the answer should return for the first one.

    Raises MachineBusyError if our own run took too long.
    """
    short, long = round(random.uniform(1.2, 1.4), 1), round(random.uniform(4.3, 4.6), 1)
    for lasts, seconds, wanted in [(3.2, long, done), (short + 1, short, TOO_LONG)]:
        command = napper(lasts)
        with ThreadPoolExecutor(1) as thread:
            ours = thread.submit(_seconds_of, command, seconds)
            run = run_with_limit(answer, f"takes {lasts:g} s", command, wanted, seconds)
        if problem_of(run) and ours.result() > min(lasts, seconds) + 0.5:
            raise MachineBusyError
        yield run


def limit_problem(run: LimitedRun) -> str:
    """Return what is wrong with what was returned, or when."""
    if run.returned != run.wanted or isinstance(run.returned, bool):
        return (
            f"for a program that {run.program}, with a limit of {run.seconds:g} s, you should "
            f"return {run.wanted!r}, and you returned {short_repr(run.returned)}."
        )
    if run.wanted == TOO_LONG and run.took < 0.95 * run.seconds:
        return (
            f"the program had a limit of {run.seconds:g} s, and you waited for {run.took:.1f} s "
            "only."
        )
    return ""
