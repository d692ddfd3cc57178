"""The exercises of lesson 07, on many commands at once, and its guesses."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are shown as a reader would write them)

import os
import random
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from helpers import commands
from helpers.commands.programs import (
    beats,
    deserter,
    end_beats,
    family,
    flood,
    napper,
    noter,
    python,
    steps,
)
from helpers.exercises.checking import Exercise, Wrong, as_results, short
from helpers.exercises.limits import run_limited
from helpers.timeline import Timeline

# -- guesses: the idea behind each wrong option

at_once = {
    "1 program": "Only one thread runs Python at a time, but a thread that waits needs no turn.",
    "8 programs": "All eight wait in line, but each thread runs one to its end before the next.",
}
apart = {
    "over half a second apart": "They are *printed* apart, but into a pipe, programs write in bulk."
}
full_pipe = {
    "returns 0": "1,000 bytes fit into the pipe; 100,000 do not, and nobody takes any out."
}

# -- exercise 1

LIMIT = 15.0  # seconds that an answer may take


class Batch(NamedTuple):
    """One call of run_all: how many at once, the codes, what was returned, what was measured."""

    at_once: int
    wanted: list[int]
    codes: Any
    timeline: Timeline


def measure_run_all(run_all: Callable) -> tuple[list[Batch]]:
    """Let the answer run programs that note their start and end; two at once, and then four."""
    return ([_batch(run_all, 2, 5), _batch(run_all, 4, 8)],)


def _batch(run_all: Callable, at_once: int, count: int) -> Batch:
    naps = [random.choice([0.2, 0.3, 0.4]) for _ in range(count)]
    wanted = random.sample([0, 0, 0, 0, 0, 1, 3, 7][:count], count)
    wanted[0], wanted[1] = random.sample([0, 5], 2)
    with TemporaryDirectory() as folder:
        paths = [Path(folder, str(number)) for number in range(count)]
        programs = [noter(*each) for each in zip(paths, naps, wanted, strict=True)]
        codes = run_limited(run_all, programs, at_once, seconds=LIMIT)
        return Batch(at_once, wanted, codes, _noted(paths))


def _noted(paths: list[Path]) -> Timeline:
    """Return the Timeline that the programs of these files wrote down, each a worker."""
    notes = [path.read_text().split() for path in paths if path.exists()]
    start, finish = np.array(notes, dtype=float).reshape(-1, 2).T
    first = start.min(initial=np.inf)
    return Timeline(np.arange(len(start)), start - first, finish - first)


def judge_run_all(batches: list[Batch]) -> str:
    """Judge how many programs ran at once, and their codes."""
    for at_once, wanted, codes, timeline in batches:
        if len(timeline) < len(wanted):
            raise Wrong(f"when you returned, {len(timeline)} of {len(wanted)} programs had ended.")
        most = timeline.most_at_once
        if most > at_once:
            raise Wrong(f"measured: {most} programs ran at the same time, and {at_once} may.")
        if most == 1:
            raise Wrong("measured: the programs ran one after another, never two at a time.")
        if most < at_once - 1:
            raise Wrong(f"measured: {most} programs ran at the same time, where {at_once} might.")
        returned = as_results(codes, "run_all", len(wanted))
        if returned != wanted:
            raise Wrong(f"the return codes are {wanted}, and you returned {short(returned)}.")
    ran = [batch.timeline.most_at_once for batch in batches]
    return f"Measured: {ran[0]} at a time, and {ran[1]} where {batches[1].at_once} might."


def run_all(commands, at_once):
    with ThreadPoolExecutor(at_once) as threads:
        return [done.returncode for done in threads.map(subprocess.run, commands)]


some_at_a_time = Exercise(
    name="run_all",
    takes=Callable,
    measure=measure_run_all,
    judge=judge_run_all,
    hint_text=(
        "To start all and then wait is no limit: they all run at once. And a loop of run is no "
        "side by side. Who can wait for three programs at the same time? Three threads."
    ),
    solved=run_all,
)

# -- exercise 2


class Followed(NamedTuple):
    """One program: how many lines of how many letters it prints, how late each came, the codes."""

    lines: int
    letters: int
    wanted: int
    late: list[float]
    came: list[str]
    code: Any


def measure_follow(follow: Callable) -> tuple[list[Followed]]:
    """Let the answer follow a slow program, one that prints much, and one that fails."""
    slow, count, code = random.randint(4, 5), 100 * random.randint(2, 4), random.randint(2, 9)
    failing = python(f"import sys; print('x'); sys.exit({code})")
    return (
        [
            _followed(follow, steps(slow, 0.3, "-u"), slow, 0, 0, timed=True),
            _followed(follow, flood(1000 * count), count, 999 * count, 0),
            _followed(follow, failing, 1, 1, code),
        ],
    )


def _followed(
    follow: Callable, command: list[str], lines: int, letters: int, wanted: int, timed: bool = False
) -> Followed:
    late: list[float] = []
    came: list[str] = []

    def use(line: str | bytes) -> None:
        came.append(line.decode() if isinstance(line, bytes) else line)
        if timed:
            late.append(perf_counter() - float(came[-1].split()[-1]))

    code = run_limited(follow, command, use, seconds=LIMIT)
    return Followed(lines, letters, wanted, late, came, code)


def judge_follow(runs: list[Followed]) -> str:
    """Judge whether every line came, when it came, and the return codes."""
    for lines, letters, wanted, late, came, code in runs:
        size = sum(len(line.rstrip("\r\n")) for line in came)
        if len(came) != lines:
            raise Wrong(f"{lines} lines were printed, and use was called {len(came)} times.")
        if late and sorted(late)[-2] > 0.2:  # one may be late on a busy machine
            raise Wrong(f"measured: a line came {max(late):.1f} s after it was printed.")
        if letters and size != letters:
            raise Wrong(f"the lines have {letters:,} letters, and you passed {size:,} on.")
        if code != wanted or isinstance(code, bool):
            raise Wrong(f"a program returned {wanted}, and you returned {short(code)}.")
    return f"Measured: the first line came {runs[0].late[0] * 1000:.1f} ms after it was printed."


def follow(command, use):
    pipe = {"stdout": subprocess.PIPE, "encoding": "utf-8", "errors": "replace"}
    with subprocess.Popen(command, **pipe) as child:
        for line in child.stdout:
            use(line)
    return child.returncode


follow_a_program = Exercise(
    name="follow",
    takes=Callable,
    measure=measure_follow,
    judge=judge_follow,
    hint_text=(
        "run and communicate return when the program has ended: then it is too late for a bar. A "
        "Popen's stdout can be looped over while the program runs. Ask for the code at the end."
    ),
    solved=follow,
)

# -- exercise 3


class Family(NamedTuple):
    """One program: its code or "too long", what was returned, in what time, what still runs."""

    wanted: int | str
    said: Any
    seconds: float
    took: float
    left: bool = False


def measure_run_family(run_family: Callable) -> tuple[list[Family]]:
    """Let the answer run programs that end by themselves, or leave others behind."""
    with _own_group_spared():
        return (_families(run_family),)


@contextmanager
def _own_group_spared() -> Iterator[None]:
    """Within it, nobody ends the group of this process, and so the notebook: that is Wrong."""
    end, tried = getattr(os, "killpg", None), []
    wrong = Wrong(
        "that would have ended this notebook: a child without a session or group of its own is in "
        "yours."
    )

    def spared(group: int, number: int) -> None:
        if group == os.getpgrp():
            tried.append(group)
            raise wrong
        end(group, number)

    if end:
        os.killpg = spared
    try:
        yield
    except Wrong:
        if tried:
            raise wrong from None
        raise
    finally:
        if end:
            os.killpg = end


def _families(run_family: Callable) -> list[Family]:
    code = random.randint(2, 9)
    runs = [
        _run_family(run_family, python(f"import sys; sys.exit({code})"), 15.0, code),
        _run_family(run_family, napper(1.5), 15.0, 0),
    ]
    with TemporaryDirectory() as folder:
        cases = [("dots", family, random.choice([0.8, 1.0]), "too long")]
        if os.name == "posix":  # on Windows nobody finds a program whose parent has ended
            cases.append(("more dots", deserter, 15.0, 0))
        for name, program, seconds, wanted in cases:
            path = Path(folder, name)
            try:
                run = _run_family(run_family, program(path), seconds, wanted)
                runs.append(run._replace(left=beats(path)))
            finally:  # else the folder cannot go
                end_beats(path)
    return runs


def _run_family(
    run_family: Callable, command: list[str], seconds: float, wanted: int | str
) -> Family:
    begin = perf_counter()
    said = run_limited(run_family, command, seconds, seconds=LIMIT)
    return Family(wanted, said, seconds, perf_counter() - begin)


def judge_run_family(runs: list[Family]) -> str:
    """Judge what was returned, when, and whether anything still runs."""
    for wanted, said, seconds, took, left in runs:
        if left and wanted == "too long":
            raise Wrong("you are back, and the program that your program started still runs.")
        if left:
            raise Wrong("a program ended in time, and the one that it had started still runs.")
        if said != wanted or isinstance(said, bool):
            what = "took too long" if wanted == "too long" else f"returned {wanted} in time"
            raise Wrong(f"a program {what}, and you returned {short(said)}.")
        if wanted == "too long" and took > seconds + 1:
            raise Wrong(f"the program might take {seconds:g} s, and you waited for {took:.1f} s.")
    return "Measured: the program is gone, and so is the one it had started."


def run_family(command, seconds):
    child = commands.start(command)
    in_time = commands.has_ended(child, within=seconds)
    commands.end_family(child)
    return child.returncode if in_time else "too long"


the_whole_family = Exercise(
    name="run_family",
    takes=Callable,
    measure=measure_run_family,
    judge=judge_run_family,
    hint_text=(
        "kill() ends one program, not those it has started. Put the child into a session of its "
        "own when you start it, and end the whole group, also if the program has ended in time, "
        "and before you ask for its code. helpers.commands has these steps."
    ),
    solved=run_family,
)
