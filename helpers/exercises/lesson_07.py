"""The exercises of lesson 07, on many commands at once, and its guesses."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are printed as a reader would write them)

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
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
from helpers.commands.programs import is_beating, napper, python, stop_heartbeat
from helpers.exercises.checking import Exercise, as_results
from helpers.exercises.lesson_06 import (
    IS_POSIX,
    STUBBORN_HEARTBEAT,
    UTF_8,
    killed_by,
    nap_limits,
    no_output,
    run_beside_ours,
    run_program,
)
from helpers.exercises.limits import (
    MachineBusyError,
    TimeLimitError,
    WrongAnswerError,
    run_limited,
)
from helpers.exercises.measuring import measure_with_control
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

# -- exercise 1: run_all(commands, at_once) runs each command once, as many at the same time as
# at_once allows and never more, waits for all, and returns their return codes in order.

BATCH_LIMIT = 8.0  # seconds that an answer may take for all programs of a batch
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


def measure_run_all(answer: Callable) -> tuple[list[Batch]]:
    """Let the answer run programs that record their times; a few at once, and then more."""
    batches: list[Batch] = []
    few, many = random.choice([2, 3]), random.choice([4, 5])
    with no_output():
        for at_once, count in [(few, few + random.randint(2, 4)), (many, many + 3)]:
            measure = partial(_batch, at_once=at_once, count=count)
            batches.append(measure_with_control(_ran_enough, measure, answer, run_all))
            if _batch_problem(batches[-1]):
                break
    return (batches,)


def _ran_enough(batch: Batch) -> bool:
    return batch.timeline.max_concurrency >= batch.at_once


def _batch(answer: Callable, at_once: int, count: int) -> Batch:
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
        codes = _codes_of(answer, programs, at_once)
        return Batch(at_once, wanted, codes, _recorded(paths))


def _codes_of(answer: Callable, programs: list[list[str]], at_once: int) -> Any:
    try:
        return run_limited(answer, programs, at_once, seconds=BATCH_LIMIT)
    except TimeLimitError as late:
        begin = perf_counter()
        subprocess.run(python("pass"))
        if perf_counter() - begin > 1:
            raise MachineBusyError from None
        raise WrongAnswerError(
            f"{late} Each of the {len(programs)} programs prints 120,000 characters and takes "
            "about half a second."
        ) from None


def _recorded(paths: list[Path]) -> Timeline:
    """Return the Timeline that the programs wrote into these files, each program a worker."""
    rows = [line.split() for path in paths if path.exists() for line in _lines_of(path)]
    complete = [row for row in rows if len(row) == 2]  # a program may be just writing
    start, finish = np.array(complete, dtype=float).reshape(-1, 2).T
    first = start.min(initial=np.inf)
    return Timeline(np.arange(len(start)), start - first, finish - first)


def _lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines()


def grade_run_all(batches: list[Batch]) -> str:
    """Grade how many programs ran at once, and their return codes."""
    for batch in batches:
        if problem := _batch_problem(batch):
            raise WrongAnswerError(problem)
    ran = [batch.timeline.max_concurrency for batch in batches]
    return f"Measured: {ran[0]} at a time, and {ran[-1]} where {batches[-1].at_once} were allowed."


def _batch_problem(batch: Batch) -> str:
    """Return what is wrong with one batch."""
    at_once, wanted, codes, timeline = batch
    if len(timeline) < len(wanted):
        return f"when you returned, {len(timeline)} of {len(wanted)} programs had ended."
    if len(timeline) > len(wanted):
        return f"{len(timeline)} programs ran, and there are {len(wanted)}: run each once."
    most = timeline.max_concurrency
    if most > at_once:
        return f"measured: {most} programs ran at the same time, and {at_once} were allowed."
    if most == 1:
        return "measured: the programs ran one after another, never two at a time."
    if most < at_once:
        return f"measured: {most} programs ran at the same time, where {at_once} were allowed."
    returned = as_results(codes, "run_all", len(wanted))
    if returned != wanted or any(isinstance(code, bool) for code in returned):
        return f"the return codes are {wanted}, and you returned {short_repr(returned)}."
    return ""


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

# -- exercise 2: follow(command, use) calls use(line) for each line of the program's stdout, in
# order and as it is (text or bytes, with or without its end), as soon as it is printed, and returns
# the return code.

FOLLOW_LIMIT = 6.0  # seconds that an answer may take for one program
PROMPT = 0.2  # seconds after which a line is late; one or two may be, on a busy machine
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
    """One program: what it is, its lines without their ends, its code, how many seconds after it
    was printed each line came, the lines that came, what was returned."""

    program: str
    lines: list[str]
    wanted: int
    late: list[float]
    came: list[str]
    code: Any


def measure_follow(answer: Callable) -> tuple[list[Followed]]:
    """Let the answer follow a slow program, one that prints much, and others that fail."""
    with no_output():
        runs = [measure_with_control(_was_prompt, _follow_slow, answer, follow)]
        for what, command, lines, wanted in _quick_programs():
            if _follow_problem(runs[-1]):
                break
            runs.append(_followed(answer, what, command, lines, wanted))
    return (runs,)


def _was_prompt(run: Followed) -> bool:
    """Return whether the lines came soon after they were printed, if all of them came."""
    if run.came != run.lines or not run.late:
        return True
    return median(run.late) < PROMPT and max(run.late) < 0.9 * WAITS


def _follow_slow(answer: Callable) -> Followed:
    lines = [f"{_word()} {number}" for number in range(random.randint(5, 7))]
    lines[2] = ""
    if sys.getfilesystemencoding() == "utf-8" and IS_POSIX:
        lines[3] += " Zürich"
    with TemporaryDirectory() as folder:
        printed = Path(folder, "printed")
        ended = [f"{line}\n" for line in lines[:-1]] + lines[-1:]  # the last line has no end
        program = python(PRINT_AND_WAIT, folder, WAITS, *ended, options=UTF_8)
        times: list[float] = []

        def note() -> None:
            times.append(perf_counter())
            Path(folder, str(len(times) - 1)).touch()

        run = _followed(answer, "prints lines one by one", program, lines, 0, note)
        began = map(float, printed.read_text().split() if printed.exists() else [])
        late = [came - time for came, time in zip(times, began, strict=False)]
        return run._replace(late=late)


def _quick_programs() -> list[tuple[str, list[str], list[str], int]]:
    """Return programs: what each does, its command, its lines, and its return code."""
    code, count = random.randint(2, 9), 100 * random.randint(2, 4)
    letters = random.choice("xyz")
    flood = (
        "import sys\n"
        "for n in range(int(sys.argv[1])):\n"
        "    print(str(n).rjust(999, sys.argv[2]), flush=True)\n"
        "    print('noise ' * 60, file=sys.stderr)"
    )
    word = _word()
    programs = [
        (
            f"prints {count} long lines, and complains as much on stderr",
            python(flood, count, letters),
            [str(number).rjust(999, letters) for number in range(count)],
            0,
        ),
        (
            f"returns {code}",
            python("import sys; print(sys.argv[1]); sys.exit(int(sys.argv[2]))", word, code),
            [word],
            code,
        ),
    ]
    if IS_POSIX:
        number = random.choice([9, 15])
        programs.append((f"is killed by the signal {number}", killed_by(number), [], -number))
    return programs


def _word() -> str:
    return "".join(random.choices("abcdefgh", k=5))


def _followed(
    answer: Callable,
    what: str,
    command: list[str],
    lines: list[str],
    wanted: int,
    note: Callable = lambda: None,
) -> Followed:
    came: list[str] = []

    def use(line: str | bytes) -> None:
        if not isinstance(line, str | bytes):
            raise WrongAnswerError(
                f"use takes a line of text; what it was given is {kind_of(line)}."
            )
        text = line.decode(errors="replace") if isinstance(line, bytes) else line
        if text.startswith("noise noise"):  # stream_lines also yields what is printed to stderr
            return
        came.append(text.rstrip())
        note()

    code = run_program(answer, what, command, use, limit=FOLLOW_LIMIT)
    return Followed(what, lines, wanted, [], came, code)


def grade_follow(runs: list[Followed]) -> str:
    """Grade whether every line came, when it came, and the return codes."""
    for run in runs:
        if problem := _follow_problem(run):
            raise WrongAnswerError(problem)
    late = median(runs[0].late or [0.0]) * 1000
    return f"Measured: most lines came {late:.1f} ms after they were printed, or sooner."


def _follow_problem(run: Followed) -> str:
    """Return what is wrong with how one program was followed."""
    what, lines, wanted, late, came, code = run
    for number, (line, text) in enumerate(zip(lines, came, strict=False), 1):
        if line != text:
            return (
                f"a program {what}. Its line {number} is {short_repr(line)}, and use was called "
                f"with {short_repr(text)}."
            )
    if len(came) != len(lines):
        return (
            f"a program {what}. It printed {len(lines)} lines, and use was called {len(came)} "
            "times. An empty line is a line, and so is a last one without an end."
        )
    if not _was_prompt(run):
        return f"measured: a line came {max(late):.1f} s after it was printed."
    if code is None or isinstance(code, bool) or code != wanted:
        return f"a program {what}: its code is {wanted}, and you returned {short_repr(code)}."
    return ""


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

# -- exercise 3: run_process_tree(command, seconds) returns the return code, or "too long" if the
# program takes more than `seconds`; when it returns, neither the program nor what it has started
# runs any more, even if the program has ended in time.

END_LIMIT = 5.0  # seconds for which an answer may go on after the limit of its program

# Programs that start a child which refuses SIGTERM: one waits for it, the other leaves it.
START_AND_WAIT = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.run([sys.executable, "-c", *sys.argv[1:]])
"""
LEAVE_ORPHAN = """
import subprocess, sys
*task, code = sys.argv[1:]
subprocess.Popen([sys.executable, "-c", *task])
sys.exit(int(code))
"""


class TreeRun(NamedTuple):
    """One program: its code or "too long", what was returned, its limit, what is left.

    took: seconds. program: what it does.
    """

    wanted: int | str
    returned: Any
    seconds: float
    took: float
    left: bool = False
    program: str = ""


def measure_run_process_tree(answer: Callable) -> tuple[list[TreeRun]]:
    """Let the answer run programs that end by themselves, or leave others behind."""
    runs: list[TreeRun] = []
    with _protect_own_group(), no_output():
        for run in _tree_runs(answer):
            runs.append(run)
            if _tree_problem(run):
                break
    return (runs,)


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


def _tree_runs(answer: Callable) -> Iterator[TreeRun]:
    code = random.randint(2, 99)
    noisy = "import sys; print('noise ' * 20_000); sys.exit(int(sys.argv[1]))"
    quick = [
        (f"prints much and returns {code}", python(noisy, code), code),
        ("returns 0", python("pass"), 0),
    ]
    if IS_POSIX:
        number = random.choice([9, 15])
        quick.append((f"is killed by the signal {number}", killed_by(number), -number))
    for what, command, wanted in quick:
        yield _tree_run(answer, what, command, 4.0, wanted)
    cases: list[tuple[str, list[str], float, int | str]] = [
        ("starts another one and waits for it", [START_AND_WAIT], 1.0, "too long")
    ]
    if IS_POSIX:  # on Windows a program whose parent has ended cannot be found
        orphan = (f"starts another one and returns {code}", [LEAVE_ORPHAN, str(code)], 4.0, code)
        cases.append(orphan)
    for what, (source, *rest), seconds, wanted in cases:
        with TemporaryDirectory() as folder:
            path = Path(folder, "dots")
            command = python(source, STUBBORN_HEARTBEAT, path, *rest)
            try:
                run = _tree_run(answer, what, command, seconds, wanted)
                yield run._replace(left=is_beating(path))
            finally:
                stop_heartbeat(path)  # otherwise the folder cannot be removed
    for lasts, seconds in nap_limits():
        wanted, command = 0 if lasts < seconds else "too long", napper(lasts)
        measure = partial(_tree_run, answer, f"takes {lasts:g} s", command, seconds, wanted)
        yield run_beside_ours(measure, _tree_problem, command, seconds)


def _tree_run(
    answer: Callable, what: str, command: list[str], seconds: float, wanted: int | str
) -> TreeRun:
    begin = perf_counter()
    returned = run_program(answer, what, command, seconds, limit=seconds + END_LIMIT)
    return TreeRun(wanted, returned, seconds, perf_counter() - begin, program=what)


def grade_run_process_tree(runs: list[TreeRun]) -> str:
    """Grade what was returned, and whether anything is still running."""
    for run in runs:
        if problem := _tree_problem(run):
            raise WrongAnswerError(problem)
    return "Measured: the program is gone, and so is the one that it had started."


def _tree_problem(run: TreeRun) -> str:
    """Return what is wrong with one run."""
    wanted, returned, seconds, took, left, program = run
    if left and wanted == "too long":
        return (
            "you have returned, and the program that your program started is still running. (It "
            "refuses when it is asked to end, by SIGTERM.)"
        )
    if left:
        return "a program ended in time, and the program that it had started is still running."
    right = returned == wanted and type(returned) is not bool
    if not right:
        return (
            f"a program {program}, with a limit of {seconds:g} s: you should return {wanted!r}, "
            f"and you returned {short_repr(returned)}."
        )
    if wanted == "too long" and took < 0.95 * seconds:
        return f"the program had a limit of {seconds:g} s, and you waited for {took:.1f} s only."
    return ""


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
