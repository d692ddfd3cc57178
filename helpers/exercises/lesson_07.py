"""The exercises of lesson 07, on many commands at once, and its guesses."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are printed as a reader would write them)

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
    flood,
    is_beating,
    leave_orphan,
    napper,
    process_tree,
    python,
    record_times,
    steps,
    stop_heartbeat,
)
from helpers.exercises.checking import Exercise, as_results
from helpers.exercises.limits import WrongAnswerError, run_limited
from helpers.exercises.wording import kind_of, short_repr
from watchedpool.timeline import Timeline

# -- guesses: the idea behind each wrong option

at_once = {
    "1 program": "Only one thread at a time runs Python, but a thread that waits needs no turn.",
    "8 programs": "All eight are submitted, but each thread runs one to its end before the next.",
}
apart = {
    "over half a second apart": "They are *printed* apart, but programs write into a pipe in bulk."
}
full_pipe = {
    "returns 0": "The pipe has room for 1,000 bytes, but not for 100,000, and no one empties it."
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
    """Let the answer run programs that record their times; two at once, and then four."""
    return ([_batch(run_all, 2, 5), _batch(run_all, 4, 8)],)


def _batch(run_all: Callable, at_once: int, count: int) -> Batch:
    naps = [random.choice([0.2, 0.3, 0.4]) for _ in range(count)]
    wanted = random.sample([0, 0, 0, 0, 0, 1, 3, 7][:count], count)
    wanted[0], wanted[1] = random.sample([0, 5], 2)
    with TemporaryDirectory() as folder:
        paths = [Path(folder, str(number)) for number in range(count)]
        programs = [record_times(*each) for each in zip(paths, naps, wanted, strict=True)]
        codes = run_limited(run_all, programs, at_once, seconds=LIMIT)
        return Batch(at_once, wanted, codes, _recorded(paths))


def _recorded(paths: list[Path]) -> Timeline:
    """Return the Timeline that the programs wrote into these files, each program a worker."""
    rows = [path.read_text().split() for path in paths if path.exists()]
    complete = [row for row in rows if len(row) == 2]  # a program may be just writing
    start, finish = np.array(complete, dtype=float).reshape(-1, 2).T
    first = start.min(initial=np.inf)
    return Timeline(np.arange(len(start)), start - first, finish - first)


def grade_run_all(batches: list[Batch]) -> str:
    """Grade how many programs ran at once, and their return codes."""
    for at_once, wanted, codes, timeline in batches:
        if len(timeline) < len(wanted):
            raise WrongAnswerError(
                f"when you returned, {len(timeline)} of {len(wanted)} programs had ended."
            )
        most = timeline.max_concurrency
        if most > at_once:
            raise WrongAnswerError(
                f"measured: {most} programs ran at the same time, and {at_once} were allowed."
            )
        if most == 1:
            raise WrongAnswerError(
                "measured: the programs ran one after another, never two at a time."
            )
        if most < at_once - 1:
            raise WrongAnswerError(
                f"measured: {most} programs ran at the same time, where {at_once} were allowed."
            )
        returned = as_results(codes, "run_all", len(wanted))
        if returned != wanted:
            raise WrongAnswerError(
                f"the return codes are {wanted}, and you returned {short_repr(returned)}."
            )
    ran = [batch.timeline.max_concurrency for batch in batches]
    return f"Measured: {ran[0]} at a time, and {ran[1]} where {batches[1].at_once} were allowed."


def run_all(commands, at_once):
    with ThreadPoolExecutor(at_once) as threads:
        return [done.returncode for done in threads.map(subprocess.run, commands)]


some_at_a_time = Exercise(
    name="run_all",
    takes=Callable,
    measure=measure_run_all,
    grade=grade_run_all,
    hint_text=(
        "If you start all programs and then wait, they all run at once. And a loop of run runs "
        "one at a time. What can wait for three programs at the same time? Three threads."
    ),
    right_answer=run_all,
)

# -- exercise 2


class Followed(NamedTuple):
    """One program: how many lines and letters it prints, its code, how late each line came, the
    lines that came, what was returned."""

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
    came: list[str] = []
    times: list[float] = []

    def use(line: str | bytes) -> None:
        if not isinstance(line, str | bytes):
            raise WrongAnswerError(
                f"use takes a line of text; what it was given is {kind_of(line)}."
            )
        came.append(line.decode(errors="replace") if isinstance(line, bytes) else line)
        times.append(perf_counter())

    code = run_limited(follow, command, use, seconds=LIMIT)
    late = [time - _printed_at(line) for time, line in zip(times, came, strict=True) if timed]
    return Followed(lines, letters, wanted, late, came, code)


def _printed_at(line: str) -> float:
    """Return the time with which a line of `steps` ends."""
    try:
        return float(line.split()[-1])
    except (IndexError, ValueError):
        raise WrongAnswerError(
            f"use was called with {short_repr(line)}, which is not a whole line."
        ) from None


def grade_follow(runs: list[Followed]) -> str:
    """Grade whether every line came, when it came, and the return codes."""
    for lines, letters, wanted, late, came, code in runs:
        size = sum(len(line.rstrip("\r\n")) for line in came)
        if len(came) != lines:
            raise WrongAnswerError(
                f"{lines} lines were printed, and use was called {len(came)} times."
            )
        if late and sorted(late)[-2] > 0.2:  # one may be late on a busy machine
            raise WrongAnswerError(f"measured: a line came {max(late):.1f} s after it was printed.")
        if letters and size != letters:
            raise WrongAnswerError(
                f"the lines have {letters:,} letters, and you passed {size:,} on."
            )
        if code != wanted or isinstance(code, bool):
            raise WrongAnswerError(
                f"a program returned {wanted}, and you returned {short_repr(code)}."
            )
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
    grade=grade_follow,
    hint_text=(
        "run and communicate return when the program has ended: that is too late for a bar. You "
        "can loop over a Popen's stdout while the program runs. Ask for the code at the end."
    ),
    right_answer=follow,
)

# -- exercise 3


class TreeRun(NamedTuple):
    """One program: its code or "too long", what was returned, its limit, the time, what is left."""

    wanted: int | str
    returned: Any
    seconds: float
    took: float
    left: bool = False


def measure_run_process_tree(run_process_tree: Callable) -> tuple[list[TreeRun]]:
    """Let the answer run programs that end by themselves, or leave others behind."""
    with _protect_own_group():
        return (_tree_runs(run_process_tree),)


@contextmanager
def _protect_own_group() -> Iterator[None]:
    """Raise WrongAnswerError instead of killing the process group of this notebook."""
    killpg, tried = getattr(os, "killpg", None), []
    wrong = WrongAnswerError(
        "that would have ended this notebook: a child without a session or group of its own is in "
        "the notebook's group."
    )

    def protected_killpg(group: int, number: int) -> None:
        if group == os.getpgrp():
            tried.append(group)
            raise wrong
        killpg(group, number)

    if killpg:
        os.killpg = protected_killpg
    try:
        yield
    except WrongAnswerError:
        if tried:
            raise wrong from None
        raise
    finally:
        if killpg:
            os.killpg = killpg


def _tree_runs(run_process_tree: Callable) -> list[TreeRun]:
    code = random.randint(2, 9)
    runs = [
        _tree_run(run_process_tree, python(f"import sys; sys.exit({code})"), 15.0, code),
        _tree_run(run_process_tree, napper(1.5), 15.0, 0),
    ]
    with TemporaryDirectory() as folder:
        cases = [("dots", process_tree, random.choice([0.8, 1.0]), "too long")]
        if os.name == "posix":  # on Windows a program whose parent has ended cannot be found
            cases.append(("more dots", leave_orphan, 15.0, 0))
        for name, program, seconds, wanted in cases:
            path = Path(folder, name)
            try:
                run = _tree_run(run_process_tree, program(path), seconds, wanted)
                runs.append(run._replace(left=is_beating(path)))
            finally:
                stop_heartbeat(path)  # otherwise the folder cannot be removed
    return runs


def _tree_run(
    run_process_tree: Callable, command: list[str], seconds: float, wanted: int | str
) -> TreeRun:
    begin = perf_counter()
    returned = run_limited(run_process_tree, command, seconds, seconds=LIMIT)
    return TreeRun(wanted, returned, seconds, perf_counter() - begin)


def grade_run_process_tree(runs: list[TreeRun]) -> str:
    """Grade what was returned, when, and whether anything is still running."""
    for wanted, returned, seconds, took, left in runs:
        if left and wanted == "too long":
            raise WrongAnswerError(
                "you have returned, and the program that your program started is still running."
            )
        if left:
            raise WrongAnswerError(
                "a program ended in time, and the program that it had started is still running."
            )
        if returned != wanted or isinstance(returned, bool):
            what = "took too long" if wanted == "too long" else f"returned {wanted} in time"
            raise WrongAnswerError(f"a program {what}, and you returned {short_repr(returned)}.")
        if wanted == "too long" and took > seconds + 1:
            raise WrongAnswerError(
                f"the program had a limit of {seconds:g} s, and you waited for {took:.1f} s."
            )
    return "Measured: the program is gone, and so is the one that it had started."


def run_process_tree(command, seconds):
    child = commands.start(command)
    in_time = commands.has_ended(child, within=seconds)
    commands.kill_process_tree(child)
    return child.returncode if in_time else "too long"


whole_process_tree = Exercise(
    name="run_process_tree",
    takes=Callable,
    measure=measure_run_process_tree,
    grade=grade_run_process_tree,
    hint_text=(
        "kill() ends one program, not the programs that it has started. Start the child in a "
        "session of its own, and end the whole group, even if the program has ended in time, "
        "before you ask for its return code. helpers.commands has these steps."
    ),
    right_answer=run_process_tree,
)
