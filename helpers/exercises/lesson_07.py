"""The exercises of lesson 07, on many commands at once."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from helpers.commands.programs import beats, family, flood, noter, python, steps
from helpers.exercises.checking import Exercise, Wrong, run_limited
from helpers.timeline import Timeline

NAPS = [0.5, 0.3, 0.4, 0.2, 0.5, 0.3, 0.4, 0.2, 0.3]
CODES = [0, 0, 3, 0, 0, 0, 0, 1, 0]
AT_ONCE = 3


def _noted(paths: list[Path]) -> Timeline:
    """Return the Timeline that the programs of these files wrote down, each a worker."""
    notes = [path.read_text().split() for path in paths if path.exists()]
    start, finish = np.array(notes, dtype=float).reshape(-1, 2).T
    first = start.min(initial=np.inf)
    return Timeline(np.arange(len(start)), start - first, finish - first)


def _judge_run_all(run_all: Callable) -> str:
    with TemporaryDirectory() as folder:
        paths = [Path(folder, str(number)) for number in range(len(NAPS))]
        commands = [noter(*each) for each in zip(paths, NAPS, CODES, strict=True)]
        codes = run_limited(run_all, commands, AT_ONCE)
        timeline = _noted(paths)
    if len(timeline) < len(NAPS):
        raise Wrong(f"when you returned, {len(timeline)} of {len(NAPS)} programs had ended.")
    at_once = timeline.most_at_once
    if at_once > AT_ONCE:
        raise Wrong(f"measured: {at_once} programs ran at the same time, and {AT_ONCE} may.")
    if at_once == 1:
        raise Wrong("measured: the programs ran one after another, never two at a time.")
    if codes != CODES:
        raise Wrong(f"the return codes are {CODES}, and you returned {codes!r}.")
    return f"Measured: {at_once} at a time, {len(NAPS)} programs in {timeline.makespan:.1f} s."


def _judge_follow(follow: Callable) -> str:
    late: list[float] = []
    lines: list[str] = []

    def use(line: str) -> None:
        late.append(perf_counter() - float(line.split()[-1]))

    code = run_limited(follow, steps(4, 0.4, "-u"), use)
    if len(late) != 4:
        raise Wrong(f"four lines were printed, and use was called {len(late)} times.")
    if min(late[:3]) > 0.3:
        raise Wrong(f"measured: the first line came {late[0]:.1f} s after it was printed.")
    if code != 0:
        raise Wrong(f"the return code is 0, and you returned {code!r}.")
    run_limited(follow, flood(300_000), lines.append)
    size = sum(len(line.rstrip("\n")) for line in lines)
    if (len(lines), size) != (300, 299_700):
        raise Wrong(f"of 300 lines you passed {len(lines)} on, with {size:,} of 299,700 letters.")
    code = run_limited(follow, python("import sys; sys.exit(3)"), lines.append)
    if code != 3:
        raise Wrong(f"a program returned 3, and you returned {code!r}.")
    return f"Measured: the first line came {late[0] * 1000:.1f} ms after it was printed."


def _judge_run_family(run_family: Callable) -> str:
    for code in (0, 3):
        said = run_limited(run_family, python(f"import sys; sys.exit({code})"), 15.0)
        if said != code or said is False:
            raise Wrong(f"a program returned {code}, and you returned {said!r}.")
    with TemporaryDirectory() as folder:
        path = Path(folder, "beats")
        said = run_limited(run_family, family(path), 2.0, seconds=15.0)
        if beats(path):
            raise Wrong("you are back, and the program that your program started still runs.")
        if said != "too long":
            raise Wrong(f"for a program that takes too long you returned {said!r}.")
    return "Measured: the program is gone, and so is the one it had started."


run_all = Exercise(
    name="run_all",
    takes=Callable,
    judge=_judge_run_all,
    hint_text=(
        "To start all and then wait is no limit: they all run at once. And a loop of run is no "
        "side by side. Who can wait for three programs at the same time? Three threads."
    ),
    solution_text=(
        "def run_all(commands, at_once):\n"
        "    with ThreadPoolExecutor(at_once) as threads:\n"
        "        return [done.returncode for done in threads.map(subprocess.run, commands)]"
    ),
)

follow = Exercise(
    name="follow",
    takes=Callable,
    judge=_judge_follow,
    hint_text=(
        "run and communicate return when the program has ended: then it is too late for a bar. A "
        "Popen's stdout can be looped over while the program runs. Ask for the code at the end."
    ),
    solution_text=(
        "def follow(command, use):\n"
        '    pipe = {"stdout": subprocess.PIPE, "encoding": "utf-8", "errors": "replace"}\n'
        "    with subprocess.Popen(command, **pipe) as child:\n"
        "        for line in child.stdout:\n"
        "            use(line)\n"
        "    return child.returncode"
    ),
)

run_family = Exercise(
    name="run_family",
    takes=Callable,
    judge=_judge_run_family,
    hint_text=(
        "kill() ends one program, not those it has started. Put the child into a session of its "
        "own when you start it, and end the whole group. helpers.commands has both steps."
    ),
    solution_text=(
        "def run_family(command, seconds):\n"
        "    child = subprocess.Popen(command, start_new_session=True)\n"
        "    try:\n"
        "        return child.wait(seconds)\n"
        "    except subprocess.TimeoutExpired:\n"
        '        return "too long"\n'
        "    finally:\n"
        "        commands.end_family(child)  # os.killpg, or what Windows has instead"
    ),
)
