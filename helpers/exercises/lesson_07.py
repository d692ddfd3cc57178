"""The exercises of lesson 07, on many commands at once, and its guesses."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are printed as a reader would write them)

import os
import random
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from helpers import commands
from helpers.commands.programs import LEAVE_ORPHAN, START_AND_WAIT, python
from helpers.exercises.checking import Exercise, as_results
from helpers.exercises.limits import TimeLimitError, TimingError, WrongAnswerError, run_limited
from helpers.exercises.programs import (
    IS_POSIX,
    NOISE,
    STUBBORN_HEARTBEAT,
    TOO_LONG,
    UTF_8,
    LimitedRun,
    Program,
    draw_word,
    limit_problem,
    quick_programs,
    raise_problem,
    run_heartbeat,
    run_nappers,
    run_program,
    run_until_problem,
    run_with_limit,
)
from helpers.exercises.wording import kind_of, short_repr
from watchedpool.timeline import Timeline

# -- guesses: the idea behind each wrong option

at_once = {
    "1 program": "Even if only one thread at a time runs Python code, many threads can wait.",
    "8 programs": "All eight are submitted, but each thread runs one program at a time.",
}
apart = {
    "over half a second apart": (
        "The program *prints* the lines at different times, but writes them all at once."
    )
}
full_pipe = {
    "returns 0": (
        "The pipe has room for 1,000 bytes, but not for 100,000, and no process reads from it."
    )
}

# -- exercise 1: run_all(commands, at_once) runs each command once, as many at the same time as
# at_once allows and never more, waits for all, and returns their return codes in order.

MEETING = 1.5  # seconds for which a program waits until as many as allowed have started

# The first programs meet: each waits until so many of them have started, and then naps.
MEET = """
import os, sys, time
folder, name, allowed, patience, nap, code = sys.argv[1:]
start = time.perf_counter()
open(os.path.join(folder, name + ".start"), "a").close()
def files(end):
    return [each for each in os.listdir(folder) if each.endswith(end)]
while len(files(".start")) < int(allowed) and not files(".alone"):
    if time.perf_counter() > start + float(patience):
        open(os.path.join(folder, name + ".alone"), "a").close()
    time.sleep(0.01)
time.sleep(float(nap))
print("noise " * 20_000)
with open(os.path.join(folder, name), "a") as file:
    file.write(f"{start} {time.perf_counter()}\\n")
os.kill(os.getpid(), -int(code)) if int(code) < 0 else sys.exit(int(code))
"""


class Batch(NamedTuple):
    """One call of run_all: how many at once, the codes, what was returned, what was measured."""

    at_once: int
    wanted: list[int]
    codes: Any
    timeline: Timeline


def measure_run_all(run_all: Callable) -> tuple[list[Batch]]:
    """Let the answer run programs that record their times; a few at once, and then more."""
    few, many = random.choice([2, 3]), random.choice([4, 5])
    sizes = [(few, few + random.randint(2, 4)), (many, many + 3)]
    batches = (_batch(run_all, *size) for size in sizes)
    return run_until_problem(batches, lambda batch: _batch_problem(batch) or _too_few(batch))


def _batch(run_all: Callable, at_once: int, count: int) -> Batch:
    wanted = [0, *random.sample(range(1, 100), count - 2), -random.choice([9, 15])]
    if not IS_POSIX:
        wanted[-1] = 3
    random.shuffle(wanted)
    with TemporaryDirectory() as folder:
        paths = [Path(folder, str(number)) for number in range(count)]
        programs = [
            python(MEET, folder, path.name, at_once, MEETING, random.uniform(0.25, 0.35), code)
            for path, code in zip(paths, wanted, strict=True)
        ]
        try:
            codes = run_limited(run_all, programs, at_once)
        except TimeLimitError as late:
            raise TimeLimitError(
                f"{late} Each of the {count} programs prints 120,000 characters and takes about "
                "half a second."
            ) from None
        return Batch(at_once, wanted, codes, _recorded(paths))


def _recorded(paths: list[Path]) -> Timeline:
    """Return the Timeline that the programs wrote into these files, each program a worker."""
    rows = [
        line.split() for path in paths if path.exists() for line in path.read_text().splitlines()
    ]
    complete = [row for row in rows if len(row) == 2]  # a program may be just writing
    start, finish = np.array(complete, dtype=float).reshape(-1, 2).T
    first = start.min(initial=np.inf)
    return Timeline(np.arange(len(start)), start - first, finish - first)


def grade_run_all(batches: list[Batch]) -> str:
    """Grade how many programs ran at once, and their return codes."""
    raise_problem(batches, _batch_problem)
    raise_problem(batches, _too_few, TimingError)
    ran = [batch.timeline.max_concurrency for batch in batches]
    return f"Measured: {ran[0]} at a time, and {ran[-1]} when {batches[-1].at_once} were allowed."


def _batch_problem(batch: Batch) -> str:
    """Return what is wrong with one batch."""
    at_once, wanted, codes, timeline = batch
    if len(timeline) < len(wanted):
        return f"when you returned, {len(timeline)} of {len(wanted)} programs had ended."
    if len(timeline) > len(wanted):
        return f"{len(timeline)} programs ran, but there are {len(wanted)}: run each once."
    most = timeline.max_concurrency
    if most > at_once:
        return f"measured: {most} programs ran at the same time, and {at_once} were allowed."
    returned = as_results(codes, "run_all", len(wanted))
    if returned != wanted or any(isinstance(code, bool) for code in returned):
        return f"the return codes are {wanted}, and you returned {short_repr(returned)}."
    return ""


def _too_few(batch: Batch) -> str:
    """Return what is wrong if fewer programs ran at the same time than were allowed."""
    most = batch.timeline.max_concurrency
    if most == 1:
        return "measured: the programs ran one after another, never two at the same time."
    if most < batch.at_once:
        return f"measured: {most} programs ran at the same time; {batch.at_once} were allowed."
    return ""


def run_all(commands, at_once):
    with ThreadPoolExecutor(at_once) as threads:
        return [done.returncode for done in threads.map(subprocess.run, commands)]


some_at_a_time = Exercise(
    measure=measure_run_all,
    grade=grade_run_all,
    hint_text=(
        "If you start all programs and then wait, they all run at once. A loop that calls run "
        "starts one program at a time. Three threads can wait for three programs at the same time."
    ),
    right_answer=run_all,
)

# -- exercise 2: follow(command, use) calls use(line) for each line of the program's stdout, in
# order and as it is (text or bytes, with or without its end), as soon as it is printed, and returns
# the return code.

PROMPT = 0.2  # seconds after which a line is late
WAITS = 1.5  # seconds for which the program waits until its line has come

# After each line, the program waits until the line has come: a file says so. At the end it writes
# when it printed each line.
PRINT_AND_WAIT = """
import os, sys, time
folder, patience, *lines = sys.argv[1:]
printed, patience = [], float(patience)
for number, line in enumerate(lines):
    time.sleep(0.03)
    printed.append(time.perf_counter())
    sys.stdout.write(line)
    sys.stdout.flush()
    end = time.perf_counter() + patience
    # Nobody can know that a line is over before its end, or the end of the output.
    while line.endswith("\\n") and not os.path.exists(os.path.join(folder, str(number))):
        if time.perf_counter() > end:
            patience = 0
            break
        time.sleep(0.005)
with open(os.path.join(folder, "printed"), "w") as file:
    print(*printed, file=file)
"""


class Followed(NamedTuple):
    """One program: its lines that came, and what was returned.

    late: how many seconds after it was printed each line came.
    """

    program: Program
    came: list[str]
    code: Any
    late: Sequence[float] = ()


def measure_follow(follow: Callable) -> tuple[list[Followed]]:
    """Let the answer follow a slow program, one that prints much, and others that fail."""
    runs = _followed_programs(follow)
    return run_until_problem(runs, lambda run: _follow_problem(run) or _lateness(run))


def _followed_programs(follow: Callable) -> Iterator[Followed]:
    yield _follow_slow(follow)
    for program in quick_programs():
        is_ascii = program.text.isascii()
        # Text has another encoding on Windows; and the exercise does not ask for invalid bytes.
        if is_ascii or (IS_POSIX and "\N{REPLACEMENT CHARACTER}" not in program.text):
            yield _follow(follow, program)


def _follow_slow(answer: Callable) -> Followed:
    lines = [f"{draw_word()} {number}\n" for number in range(random.randint(5, 7))]
    lines[2] = "\n"
    lines[-1] = lines[-1].rstrip()  # nothing ends the last line
    with TemporaryDirectory() as folder:
        printed = Path(folder, "printed")
        command = python(PRINT_AND_WAIT, folder, WAITS, *lines, options=UTF_8)
        program = Program("prints lines one by one", command, "".join(lines).encode())
        times: list[float] = []

        def note() -> None:
            times.append(perf_counter())
            Path(folder, str(len(times) - 1)).touch()

        run = _follow(answer, program, note)
        began = map(float, printed.read_text().split() if printed.exists() else [])
        late = [came - time for came, time in zip(times, began, strict=False)]
        return run._replace(late=late)


def _follow(answer: Callable, program: Program, note: Callable = lambda: None) -> Followed:
    came: list[str] = []

    def use(line: str | bytes) -> None:
        if not isinstance(line, str | bytes):
            raise WrongAnswerError(f"use takes a line of text; its argument is {kind_of(line)}.")
        text = line.decode(errors="replace") if isinstance(line, bytes) else line
        if text.startswith(NOISE):  # stream_lines also yields what is printed to stderr
            return
        came.append(text.rstrip())
        note()

    code = run_program(answer, program.what, program.command, use)
    return Followed(program, came, code)


def grade_follow(runs: list[Followed]) -> str:
    """Grade whether every line came, when it came, and the return codes."""
    raise_problem(runs, _follow_problem)
    raise_problem(runs, _lateness, TimingError)
    late = 1000 * median(runs[0].late)
    return f"Measured: most lines came {late:.1f} ms after they were printed, or sooner."


def _lateness(run: Followed) -> str:
    """Return what is wrong if lines came late; one or two may, on a busy machine."""
    if not run.late or (median(run.late) < PROMPT and max(run.late) < 0.9 * WAITS):
        return ""
    return f"measured: a line came {max(run.late):.1f} s after it was printed."


def _follow_problem(run: Followed) -> str:
    """Return what is wrong with the lines of one program, or with its code."""
    program, came, code, _ = run
    what, lines = f"a program that {program.what}", program.lines
    for number, (line, text) in enumerate(zip(lines, came, strict=False), 1):
        if line != text:
            return (
                f"{what}: its line {number} is {short_repr(line)}, and use was called with "
                f"{short_repr(text)}."
            )
    if len(came) != len(lines):
        return (
            f"{what}: it printed {len(lines)} lines, and use was called {len(came)} times. An "
            "empty line is a line, and so is a last one without an end."
        )
    if code is None or isinstance(code, bool) or code != program.code:
        return f"{what}: its code is {program.code}, and you returned {short_repr(code)}."
    return ""


def follow(command, use):
    pipe = {"stdout": subprocess.PIPE, "encoding": "utf-8", "errors": "replace"}
    with subprocess.Popen(command, **pipe) as child:
        for line in child.stdout:
            use(line)
    return child.returncode


follow_a_program = Exercise(
    measure=measure_follow,
    grade=grade_follow,
    hint_text=(
        "run and communicate return when the program has ended, which is too late for a bar. You "
        "can loop over the stdout of a Popen while the program runs. Ask for the return code at "
        "the end."
    ),
    right_answer=follow,
)

# -- exercise 3: run_process_tree(command, seconds) returns the return code, or "too long" if the
# program takes more than `seconds`; when it returns, neither the program nor what it has started
# runs any more, even if the program has ended in time.


def measure_run_process_tree(run_process_tree: Callable) -> tuple[list[LimitedRun]]:
    """Let the answer run programs that end by themselves, or leave others behind."""
    with _protect_own_group():
        return run_until_problem(_tree_runs(run_process_tree), _tree_problem)


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


def _tree_runs(answer: Callable) -> Iterator[LimitedRun]:
    for program in quick_programs():
        yield run_with_limit(answer, program.what, program.command, program.code)

    tree = partial(python, START_AND_WAIT, STUBBORN_HEARTBEAT)
    yield run_heartbeat(answer, "starts another one and waits for it", tree, TOO_LONG, 1.0)
    if IS_POSIX:  # on Windows a program whose parent has ended cannot be found
        orphan = partial(python, LEAVE_ORPHAN, STUBBORN_HEARTBEAT)
        yield run_heartbeat(answer, "starts another one and returns 0", orphan, 0)
    yield from run_nappers(answer, 0, _tree_problem)


def grade_run_process_tree(runs: list[LimitedRun]) -> str:
    """Grade what was returned, and whether anything is still running."""
    raise_problem(runs, _tree_problem)
    return "Measured: the program has ended, and so has the program that it had started."


def _tree_problem(run: LimitedRun) -> str:
    """Return what is wrong with one run."""
    if run.left and run.wanted == TOO_LONG:
        return (
            "you have returned, and the program that your program started is still running. (It "
            "refuses when it is asked to end, by SIGTERM.)"
        )
    if run.left:
        return "a program ended in time, and the program that it had started is still running."
    return limit_problem(run)


def run_process_tree(command, seconds):
    child = commands.start(command)
    in_time = commands.has_ended(child, within=seconds)
    commands.kill_process_tree(child)
    return child.returncode if in_time else "too long"


whole_process_tree = Exercise(
    measure=measure_run_process_tree,
    grade=grade_run_process_tree,
    hint_text=(
        "kill() ends one program, not the programs that it has started. Start the child in a "
        "session of its own, and end the whole group, even if the program has ended in time, "
        "before you ask for its return code. helpers.commands has these three steps."
    ),
    right_answer=run_process_tree,
)
