"""The exercises of lesson 09, on pools that break, and what is behind its wrong guesses."""

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from helpers.commands.demonstration import Demonstration, under_each_method
from helpers.exercises.checking import Exercise, Wrong, run_limited
from helpers.recording.pool import WatchedPool
from helpers.recording.recorder import Recorder
from helpers.schedule import predict
from helpers.timeline import Timeline
from helpers.workers import nap_or_die_once, nap_or_fail

LIMIT = 30.0  # seconds
ILLNESSES = ("healthy", "killed", "lock", "terminated")
PATIENTS = {"A": "lock", "B": "terminated", "C": "healthy", "D": "killed"}
UNSAFE = """from multiprocessing import Pool

factor = 2

def scale(x):
    return factor * x

factor = 3
with Pool(2) as pool:
    print(pool.map(scale, range(8)))"""
PRINTED = "[0, 3, 6, 9, 12, 15, 18, 21]"

# For each guess of the lesson: what is behind an option that was not measured.
MISCONCEPTIONS = {
    "fail_guess": {
        "are stopped": "An error stops nobody: each worker simply takes the next task.",
        "run, if before it": "Order counts in a loop. In a pool, no task waits for another.",
    },
    "next_guess": {
        "no more": "A generator ends with its first error. This iterator only passes errors on.",
    },
    "death_guess": {
        "raises an error": "An error is a message. Who is killed has no time to send one.",
        "runs task 2 again": "The pool starts a new worker, but nobody noted the old one's task.",
    },
    "broken_guess": {
        "goes on": "An executor that has lost a worker trusts none of them, and ends them all.",
    },
    "lock_guess": {
        "takes the lock": "Only its holder opens a lock, and nobody notes who that is.",
    },
    "way_guess": {
        "def in a cell": "Its name is sent, not its code, and a fresh worker has no cells.",
        "lambda in a cell": "All lambdas have the same name, and only names are sent.",
        "function in a function": "A name that exists only inside a call cannot be looked up.",
    },
    "with_guess": {
        "run to their end": "The block of a file finishes its work. That of a pool terminates it.",
    },
    "stop_guess": {
        "none": "Stop ends the cell. A pool without a `with` block replaces workers that end.",
    },
}


def patients() -> dict[str, Timeline]:
    """Return four runs of eight naps on two workers, each with another illness, or none."""
    return {name: _run_of(illness) for name, illness in PATIENTS.items()}


def _run_of(illness: str) -> Timeline:
    """Return what a pool of two records with this illness: eight naps of 0.3 seconds."""
    if illness == "lock":  # each task waits for its turn, and the worker of task 3 dies in it
        start = [0.0, 0.0, 0.2, 0.4, 0.6, 0.9, np.nan, np.nan]
        finish = [0.2, 0.4, 0.6, *[np.nan] * 5]
        return Timeline([0, 1, 0, 1, 0, 2, 0, 0], start, finish)
    run = predict([0.3] * 8, 2)
    worker, start, finish = (np.array(each) for each in (run.worker, run.start, run.finish))
    if illness == "killed":
        finish[3] = np.nan
        worker[5] = worker[7] = 2
        start[[5, 7]] += 0.15
        finish[[5, 7]] += 0.15
    if illness == "terminated":
        start[6:] = finish[4:] = np.nan
    return Timeline(worker, start, finish)


def _judge_survive(survive: Callable) -> str:
    bad = sorted(random.sample(range(100), 3))
    naps = [-0.02 if number in bad else 0.02 + number / 10_000 for number in range(100)]
    with WatchedPool(4) as pool:
        pool.warm_up()
        answer = run_limited(survive, pool, nap_or_fail, list(naps), seconds=LIMIT)
        timeline = pool.timeline()
    return _verdict_survive(answer, naps, timeline)


def _verdict_survive(answer: Any, naps: list[float], timeline: Timeline) -> str:
    bad = [number for number, seconds in enumerate(naps) if seconds < 0]
    good = [seconds for seconds in naps if seconds > 0]
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise Wrong("survive should return a pair: the good results, and the numbers of the bad.")
    results, failed = answer
    if not isinstance(results, list) or not isinstance(failed, list | tuple | set):
        raise Wrong("survive should return a pair of lists.")
    if sorted(failed) != bad:
        raise Wrong(f"the tasks {bad} failed; you say {sorted(failed)}.")
    if results != good:
        raise Wrong(f"there are {len(good)} good results, in the order of the items; see yours.")
    if len(timeline) != len(naps):
        raise Wrong(f"the pool was given {len(timeline)} tasks. Give it each item, once.")
    if timeline.side_by_side < 1.5:
        raise Wrong("measured: one task at a time. Send them all before you wait for the first.")
    return f"Measured: {len(good)} results kept, tasks {bad} named, and workers side by side."


def _judge_rescue(rescue: Callable) -> str:
    naps = [0.2, 0.2, 0.2, 0.2, -0.5, 0.6, 0.2, 0.2]
    with TemporaryDirectory() as folder, Recorder() as recorder:
        function = recorder.watch(partial(nap_or_die_once, str(Path(folder, "died"))))
        results = run_limited(rescue, function, list(naps), seconds=LIMIT)
        timeline = recorder.timeline()
    return _verdict_rescue(results, naps, timeline)


def _verdict_rescue(results: Any, naps: list[float], timeline: Timeline) -> str:
    if results != [abs(seconds) for seconds in naps]:
        raise Wrong(f"the results should be {[abs(seconds) for seconds in naps]}, not {results}.")
    if timeline.workers < 3:
        raise Wrong("your own process ran the tasks, or one worker did. Use pools of two workers.")
    runs = len(timeline)
    if runs > len(naps) + 3:  # what was in work, and what the executor had handed out, is lost
        raise Wrong(f"{len(naps)} tasks were run {runs} times. Run again only what was not done.")
    return f"All {len(naps)} results, and what was done was not done again."


def _judge_patients(diagnosis: dict) -> str:
    if set(diagnosis) != set(PATIENTS):
        raise Wrong(
            f"the runs are {', '.join(PATIENTS)}; you name {', '.join(map(str, diagnosis))}."
        )
    for name, said in diagnosis.items():
        if said not in ILLNESSES:
            raise Wrong(f"{name} is {said!r}; allowed are {', '.join(ILLNESSES)}.")
    wrong = [name for name, said in diagnosis.items() if said != PATIENTS[name]]
    if wrong:
        raise Wrong(f"look again at {', '.join(wrong)}: which bars have no end, in which lanes?")
    return "Each illness has its own mark, and you can read them without the program."


def _judge_script(script: str) -> str:
    return _verdict_script(under_each_method(script))


def _verdict_script(runs: dict[str, Demonstration]) -> str:
    for method, run in runs.items():
        if run.ending != "ended":
            last = (run.errors.strip().splitlines() or ["no message"])[-1]
            raise Wrong(f"under {method} the script {run.ending}: {last}")
        if run.output.strip() != PRINTED:
            raise Wrong(
                f"under {method} it should print {PRINTED}; it prints {run.output.strip()}."
            )
        if run.left:
            raise Wrong(f"under {method} it leaves {run.left} processes behind.")
        if len(run.timeline) != 8:
            raise Wrong(f"under {method} a pool ran {len(run.timeline)} tasks; there are 8.")
    return f"The same under {', '.join(runs)}, and nothing is left."


survive = Exercise(
    name="survive",
    takes=Callable,
    judge=_judge_survive,
    hint_text=(
        "An error ends a for loop, not the iterator. Or let no error leave the task: a function "
        "of this lesson returns it as a value. How do you tell an error from a result?"
    ),
    solution_text="""def survive(pool, function, items):
    found = pool.map(partial(result_or_error, function), items)
    good = [result for result in found if not isinstance(result, Exception)]
    bad = [number for number, result in enumerate(found) if isinstance(result, Exception)]
    return good, bad""",
)

rescue = Exercise(
    name="rescue",
    takes=Callable,
    judge=_judge_rescue,
    hint_text=(
        "A Pool does not tell you that a worker died, an executor does. Promises that were kept "
        "before still hold their results. A broken executor takes nothing more; a new one does."
    ),
    solution_text="""def rescue(function, items):
    done = {}
    while len(done) < len(items):
        rest = [number for number in range(len(items)) if number not in done]
        with ProcessPoolExecutor(2) as executor:
            futures = {number: executor.submit(function, items[number]) for number in rest}
        done |= {n: future.result() for n, future in futures.items() if not future.exception()}
    return [done[number] for number in range(len(items))]""",
)

four_patients = Exercise(
    name="diagnosis",
    takes=dict,
    judge=_judge_patients,
    hint_text=(
        "Look at the bars without an end. None: healthy. One, and a new lane goes on: killed. Who "
        "holds a lock keeps all others waiting, the new worker too. Terminate ends both workers "
        "at one moment, and no third lane begins."
    ),
    solution_text=f"diagnosis = {PATIENTS}",
)

safe_script = Exercise(
    name="script",
    takes=str,
    judge=_judge_script,
    hint_text=(
        "A worker that starts afresh imports the file, so the pool belongs below a guard. And what "
        "else you put below the guard, only your own process does: where must factor get its value?"
    ),
    solution_text='''script = """
from multiprocessing import Pool

factor = 3

def scale(x):
    return factor * x

if __name__ == "__main__":
    with Pool(2) as pool:
        print(pool.map(scale, range(8)))
"""''',
)
