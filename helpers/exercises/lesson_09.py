"""The exercises of lesson 09, on pools that break, and its guesses."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are shown as a reader would write them)

import os
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from helpers.commands.demonstration import Demonstration, demonstrate, under_each_method
from helpers.exercises.checking import (
    Exercise,
    Wrong,
    as_results,
    check_order,
    is_ordered,
    kind_of,
    plain,
    short,
)
from helpers.exercises.limits import lend, run_limited
from helpers.timeline import Timeline
from helpers.workers import die_once, keep_result, nap_and_draw, result_or_error

LIMIT = 30.0  # seconds that an answer may take

# -- guesses: the idea behind each wrong option

one_fails = {
    "are stopped": "An error stops nobody: each worker simply takes the next task.",
    "run, if before it": "Order counts in a loop. In a pool, no task waits for another.",
}
after_the_error = {
    "no more": "A generator ends with its first error. This iterator only passes errors on.",
}
one_dies = {
    "raises an error": "An error is a message. Who is killed has no time to send one.",
    "runs task 2 again": "The pool starts a new worker, but nobody noted the old one's task.",
}
broken_executor = {
    "goes on": "An executor that has lost a worker trusts none of them, and ends them all.",
}
dead_holder = {
    "takes the lock": "Only its holder opens a lock, and nobody notes who that is.",
}
ways_to_define = {
    "def in a cell": "Its name is sent, not its code, and a fresh worker has no cells.",
    "lambda in a cell": "All lambdas have the same name, and only names are sent.",
    "function in a function": "A name that exists only inside a call cannot be looked up.",
}
end_of_with = {
    "run to their end": "The block of a file finishes its work. That of a pool terminates it.",
}
after_stop = {
    "none": "Stop ends the cell. A pool without a `with` block replaces workers that end.",
}

# -- exercise 1

ITEMS = 100


class Survived(NamedTuple):
    """One run: what was returned, the good results, the bad numbers, what the pool measured."""

    answer: Any
    good: list[float]
    bad: list[int]
    timeline: Timeline


def measure_survive(survive: Callable) -> tuple[Survived]:
    """Let the answer run a hundred naps, of which two to four fail, and not all with one error."""
    naps = [0.02 + number / 10_000 for number in range(ITEMS)]
    random.shuffle(naps)
    bad = sorted(random.sample(range(ITEMS), random.randint(2, 4)))
    failing = frozenset(naps[number] for number in bad)
    seed = random.randrange(10**6)
    func = partial(nap_and_draw, seed=seed, failing=failing)
    good = [_drawn(seed, nap) for nap in naps if nap not in failing]
    items: list[float | None] = list(naps)
    items[random.choice(bad)] = None  # raises TypeError, and the others ValueError
    pool = lend(4)
    answer = run_limited(survive, pool, func, items, seconds=LIMIT)
    return (Survived(answer, good, bad, pool.timeline()),)


def _drawn(seed: int, nap: float) -> float:
    """Return what nap_and_draw returns, without a nap."""
    return round(random.Random(f"{seed} {nap}").random(), 4)


def judge_survive(run: Survived) -> str:
    """Judge the pair that was returned, and whether the workers ran each item once."""
    good, bad, timeline = run.good, run.bad, run.timeline
    results, failed = _as_pair(run.answer)
    if len(timeline) != ITEMS:
        raise Wrong(f"the pool was given {len(timeline)} tasks. Give it each of {ITEMS}, once.")
    never = int(np.isnan(timeline.start).sum())
    lost = f" And {never} tasks never started: they were lost behind an error." if never else ""
    if failed != bad or lost:
        raise Wrong(f"the tasks {bad} failed; you say {short(failed)}.{lost}")
    check_order(as_results(results, "survive, as the first of its pair,", len(good)), good)
    if timeline.side_by_side < 1.5:
        raise Wrong("measured: one task at a time. Send them all before you wait for the first.")
    return f"Measured: {len(good)} results kept, {len(bad)} bad tasks named, all side by side."


def _as_pair(answer: Any) -> tuple[Any, list]:
    wanted = "a pair: the list of the good results, and the list of the numbers of the bad tasks"
    if answer is None or not isinstance(answer, Sequence | np.ndarray) or len(answer) != 2:
        raise Wrong(f"survive should return {wanted}. What it returned is {kind_of(answer)}.")
    results, failed = answer
    if not is_ordered(failed) and not isinstance(failed, set | frozenset):
        raise Wrong(f"survive should return {wanted}. The second is {kind_of(failed)}.")
    return results, sorted(map(plain, failed))


def survive(pool, function, items):
    found = pool.map(partial(result_or_error, function), items)
    good = [result for result in found if not isinstance(result, Exception)]
    bad = [number for number, result in enumerate(found) if isinstance(result, Exception)]
    return good, bad


one_bad_in_a_hundred = Exercise(
    name="survive",
    takes=Callable,
    measure=measure_survive,
    judge=judge_survive,
    hint_text=(
        "An error ends a for loop, not the iterator. Or let no error leave the task: a function "
        "of this lesson returns it as a value. How do you tell an error from a result?"
    ),
    solved=survive,
)

# -- exercise 2


class Rescued(NamedTuple):
    """One run: what was returned, what was wanted, what workers returned, how much we did."""

    results: Any
    wanted: list[float]
    done: list[float]
    by_us: int


def measure_rescue(rescue: Callable) -> tuple[Rescued]:
    """Let the answer run naps of which one kills its worker, once, and keep what was returned."""
    naps = random.sample([0.1, 0.11, 0.12, 0.13, 0.14, 0.15, 0.16, 0.17, 0.18], 8)
    killer = random.randrange(4)
    naps[killer] = random.choice([0.5, 0.55, 0.6])  # meanwhile, the other worker does several
    seed = random.randrange(10**6)
    with TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name, "kept")
        folder.mkdir()
        draw = partial(nap_and_draw, seed=seed)
        deadly = partial(die_once, str(Path(name, "died")), naps[killer], draw)
        func = partial(keep_result, str(folder), deadly)
        results = run_limited(rescue, func, list(naps), seconds=LIMIT)
        done = {int(path.name): path.read_text().split() for path in folder.iterdir()}
    return (
        Rescued(
            results,
            wanted=[_drawn(seed, nap) for nap in naps],
            done=[float(result) for each in done.values() for result in each],
            by_us=len(done.get(os.getpid(), [])),
        ),
    )


def judge_rescue(run: Rescued) -> str:
    """Judge the results, who made them, and how often."""
    results = as_results(run.results, "rescue", len(run.wanted))
    if run.by_us:
        raise Wrong(f"your own process ran {run.by_us} tasks. Give them to workers.")
    check_order(results, run.wanted)
    if missing := len(set(run.wanted) - set(run.done)):
        raise Wrong(f"no worker ran {missing} of the {len(run.wanted)} tasks to its end.")
    again = len(run.done) - len(run.wanted)
    if again > 1:  # one may have been done while its executor broke: nobody got its result
        raise Wrong(
            f"{again} tasks were done, and then done again. Keep every result that was there "
            "when the worker died, also those behind the killed task."
        )
    return f"All {len(results)} results, and what was done was not done again."


def rescue(function, items):
    done = {}
    while len(done) < len(items):
        rest = [number for number in range(len(items)) if number not in done]
        with ProcessPoolExecutor(2) as executor:
            futures = {number: executor.submit(function, items[number]) for number in rest}
        done |= {n: future.result() for n, future in futures.items() if not future.exception()}
    return [done[number] for number in range(len(items))]


save_what_is_done = Exercise(
    name="rescue",
    takes=Callable,
    measure=measure_rescue,
    judge=judge_rescue,
    hint_text=(
        "A Pool does not tell you that a worker died, an executor does. Promises that were kept "
        "before still hold their results. A broken executor takes nothing more; a new one does."
    ),
    solved=rescue,
)

# -- exercise 3

PATIENT = """
import time
from multiprocessing import Lock, Pool
from helpers.workers import nap_or_die, nap_or_die_in_turn, share_lock

if __name__ == "__main__":
    with Pool(2, share_lock, [Lock()]) as pool:
        pool.warm_up()  # it is a watched one; so both workers begin together
        pool.map_async({task}, {naps}, chunksize=1)
        ended = unended = 0
        while {going_on}:
            time.sleep(0.02)
            run = pool.timeline()
            ended, unended = sum(run.finish > 0), len(run.without_end)
"""
ILLNESSES = {  # what the tasks are, whether the bad one dies, and until when the pool is left alone
    "healthy": ("nap_or_die", 1, "ended < 8"),
    "killed": ("nap_or_die", -1, "ended < 7"),
    "lock": ("nap_or_die_in_turn", -1, "unended < 3"),
    "terminated": ("nap_or_die", 1, "ended < 2 * {bad} or unended < 2"),
}
_asked: dict[str, str] = {}  # the illness of each run that was shown last


def patients() -> dict[str, Timeline]:
    """Record four runs of eight naps on two workers, side by side: three illnesses, and none."""
    illnesses = random.sample(sorted(ILLNESSES), len(ILLNESSES))
    with ThreadPoolExecutor() as threads:
        runs = dict(zip("ABCD", threads.map(run_of, illnesses), strict=True))
    _asked.update(zip("ABCD", illnesses, strict=True))
    return runs


def run_of(illness: str) -> Timeline:
    """Record a pool of two with this illness: eight equal naps, and one of them may be bad."""
    task, sign, going_on = ILLNESSES[illness]
    nap, bad = random.choice([0.2, 0.25, 0.3]), random.choice([1, 2, 3])
    naps = [nap * (sign if number == bad else 1) for number in range(8)]
    program = PATIENT.format(task=task, naps=naps, going_on=going_on.format(bad=bad))
    return demonstrate(program).timeline


def measure_patients(diagnosis: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the answer, and what was shown."""
    if not _asked:
        raise Wrong("run the cell with the pictures first: the runs are others each time.")
    return diagnosis, dict(_asked)


def judge_patients(diagnosis: dict[str, str], asked: dict[str, str]) -> str:
    """Judge which illness was named for each run."""
    if set(diagnosis) != set(asked):
        raise Wrong(f"name the illness of each run: {', '.join(asked)}.")
    for name, said in diagnosis.items():
        if said not in list(ILLNESSES):
            raise Wrong(f"{name} is {short(said)}; allowed are {', '.join(ILLNESSES)}.")
    if wrong := [name for name in asked if diagnosis[name] != asked[name]]:
        raise Wrong(f"look again at {', '.join(wrong)}: which bars have no end, in which lanes?")
    return "Each illness has its own mark, and you can read them without the program."


four_patients = Exercise(
    name="diagnosis",
    takes=dict,
    measure=measure_patients,
    judge=judge_patients,
    hint_text=(
        "Look at the bars without an end. None: healthy. One, and a new lane goes on: killed. Who "
        "holds a lock keeps all others waiting, the new worker too. Terminate ends both workers "
        "at one moment, and no third lane begins."
    ),
    solved=lambda: f"diagnosis = {_asked or '...  # run the pictures first'}",
)

# -- exercise 4

UNSAFE = """from multiprocessing import Pool

factor = 2

def scale(x):
    return factor * x

factor = 3
with Pool(2) as pool:
    print(pool.map(scale, range(8)))"""
PRINTED = "[0, 3, 6, 9, 12, 15, 18, 21]"


def measure_script(script: str) -> tuple[dict[str, Demonstration], Demonstration]:
    """Run the text as a script, under every start method; and once more, with nine numbers."""
    return under_each_method(script), demonstrate(script.replace("range(8)", "range(9)"))


def judge_script(runs: dict[str, Demonstration], nine: Demonstration) -> str:
    """Judge what each run printed and left, and whether a pool ran the tasks."""
    for method, run in runs.items():
        if run.ending != "ended":
            last = (run.errors.strip().splitlines() or ["no message"])[-1]
            raise Wrong(f"under {method} the script {run.ending}: {short(last, text=True)}")
        printed = run.output.strip()
        if printed != PRINTED:
            raise Wrong(
                f"under {method} it should print {PRINTED}; "
                f"it prints {short(printed, text=True) or 'nothing'}."
            )
        if run.left:
            raise Wrong(f"under {method} it leaves {run.left} processes behind.")
        if len(run.timeline) != 8:
            raise Wrong(
                f"under {method} its last Pool ran {len(run.timeline)} tasks. "
                "Let a Pool run scale for each of the 8 numbers."
            )
    if nine.output.strip() != str([3 * x for x in range(len(nine.timeline))]):
        raise Wrong(
            f"with range(9) in place of range(8) it prints {short(nine.output.strip(), text=True)}."
            " Print what the pool returns."
        )
    return f"The same under {', '.join(runs)}, and nothing is left."


safe_script = Exercise(
    name="script",
    takes=str,
    measure=measure_script,
    judge=judge_script,
    hint_text=(
        "A worker that starts afresh imports the file, so the pool belongs below a guard. And what "
        "else you put below the guard, only your own process does: where must factor get its value?"
    ),
    solved='''script = """
from multiprocessing import Pool

factor = 3

def scale(x):
    return factor * x

if __name__ == "__main__":
    with Pool(2) as pool:
        print(pool.map(scale, range(8)))
"""''',
)
