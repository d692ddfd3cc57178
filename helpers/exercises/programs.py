"""Programs and names with which the exercises of lessons 06 and 07 try an answer.

Every table is one axis along which programs differ. `draw_programs` combines the axes, so that each
value occurs at least once, and in a different combination each time.
"""

import os
import random
import signal
from itertools import cycle, islice
from typing import NamedTuple

from helpers.commands.programs import python

PROGRAM = """
import os, signal, sys, time
{before}
time.sleep({seconds})
sys.stdout.buffer.write({stdout})
sys.stdout.flush()
sys.stderr.buffer.write({stderr})
sys.stderr.flush()
{end}
"""
REFUSE = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
KILLER = getattr(signal, "SIGKILL", signal.SIGTERM)
FLOOD = 300  # lines of 1,000 bytes: more than a pipe holds
SHARES = {"ends in time": 0.75, "takes too long": 1.4}  # of the patience of the caller


class Output(NamedTuple):
    """What a program writes to a stream: `unit`, so many `times`. WORD stands for any word."""

    unit: bytes
    times: int = 1

    @property
    def all(self) -> bytes:
        """Return all that is written."""
        return self.unit * self.times


ENDINGS = {
    "returns 0": 0,
    "returns {}": 1,  # stands for any positive number
    "is ended by a signal": -KILLER,
}
STDOUTS = {
    "prints nothing": Output(b""),
    "prints an empty line between two others": Output(b"one\n\nWORD\n"),
    "prints a last line that does not end": Output(b"one\nWORD"),
    "prints invalid UTF-8": Output(b"caf\xe9 WORD\nsugar\n"),
    "prints letters beyond ASCII": Output("Zürich WORD 東京\n".encode()),
    "prints 300,000 characters": Output(b"x" * 999 + b"\n", FLOOD),
}
STDERRS = {
    "writes nothing to stderr": Output(b""),
    "writes a line to stderr": Output(b"noise\n"),
    "writes 300,000 characters to stderr": Output(b"noise" * 199 + b"....\n", FLOOD),
}
NAMES = ["Mary Ann", "Lee  Roy", " Eve ", "Zoë", "李雷", "Æneas Ó Briain"]


class Program(NamedTuple):
    """A program, and what it does. what: completes the words "a program that …"."""

    what: str
    command: list[str]
    stdout: bytes
    stderr: bytes
    code: int

    @property
    def text(self) -> str:
        """Return what it prints to stdout, decoded with errors="replace"."""
        return self.stdout.decode("utf-8", "replace")


def program(
    what: str,
    stdout: Output = STDOUTS["prints nothing"],
    stderr: Output = STDERRS["writes nothing to stderr"],
    code: int = 0,
    seconds: float = 0,
    refuses_sigterm: bool = False,
) -> Program:
    """Return a program that waits, writes, and ends with this return code.

    code: below zero, the number of a signal that ends it. Windows has no such codes: there, the
    program returns the positive number.
    """
    word = "".join(random.choices("abcdefgh", k=5)).encode()
    stdout = stdout._replace(unit=stdout.unit.replace(b"WORD", word))
    end = f"os.kill(os.getpid(), {-code})" if code < 0 else f"sys.exit({code})"
    source = PROGRAM.format(
        before=REFUSE if refuses_sigterm else "",
        seconds=seconds,
        stdout=f"{stdout.unit!r} * {stdout.times}",
        stderr=f"{stderr.unit!r} * {stderr.times}",
        end=end,
    )
    code = abs(code) if os.name == "nt" else code
    return Program(what, python(source), stdout.all, stderr.all, code)


def draw_programs() -> list[Program]:
    """Return short programs in which each ending, each stdout and each stderr occurs."""
    count = max(map(len, (ENDINGS, STDOUTS, STDERRS)))
    rows = zip(*(_draw(axis, count) for axis in (ENDINGS, STDOUTS, STDERRS)), strict=True)
    programs = []
    for (ending, code), (prints, stdout), (writes, stderr) in rows:
        code = random.randint(1, 99) if code > 0 else code
        what = f"{prints}, {writes}, and {ending.format(code)}"
        programs.append(program(what, stdout, stderr, code))
    return programs


def lasting_programs(patience: float) -> list[Program]:
    """Return one program that ends within `patience` seconds, and one that takes too long.

    Both write more than a pipe holds, and only SIGKILL ends them earlier.
    """
    flood = STDOUTS["prints 300,000 characters"], STDERRS["writes 300,000 characters to stderr"]
    return [
        program(what, *flood, seconds=share * patience, refuses_sigterm=True)
        for what, share in SHARES.items()
    ]


def draw_names(count: int) -> list[str]:
    """Return different names with blanks or letters beyond ASCII, at least one of each."""
    return [*random.sample(NAMES[:3], count // 2), *random.sample(NAMES[3:], count - count // 2)]


def _draw(axis: dict, count: int) -> list[tuple]:
    """Return so many values of an axis, with their names: each at least once, in any order."""
    rows = list(islice(cycle(random.sample(list(axis.items()), len(axis))), count))
    return random.sample(rows, count)
