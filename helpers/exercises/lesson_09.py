"""The exercises of lesson 09, on pools that break, and its guesses."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are printed as a reader would write them)

import ast
import multiprocessing
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from math import inf
from multiprocessing.pool import Pool, ThreadPool
from numbers import Real
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from helpers.commands.demonstration import Demonstration, demonstrate, under_each_method
from helpers.exercises.checking import (
    Exercise,
    Mystery,
    as_results,
    check_calls,
    check_choices,
    check_order,
    is_ordered,
    without_numpy,
)
from helpers.exercises.limits import (
    Call,
    TimingError,
    WrongAnswerError,
    make_pool,
    run_limited,
    track_instances,
)
from helpers.exercises.line_order import check_run, numbered, run_lines
from helpers.exercises.measuring import expected_results, kept_results, secret_function
from helpers.exercises.wording import kind_of, short_repr, short_text
from helpers.workers import die_once, keep_result, result_or_error, with_number
from watchedpool.timeline import Timeline

# -- guesses: the idea behind each wrong option

one_fails = {
    "are stopped": "An error does not stop the other tasks: each worker simply takes the next one.",
    "run, if before it": "Order matters in a loop. In a pool, no task waits for another task.",
}
after_the_error = {
    "no more": "A generator ends with its first error. This iterator only passes errors on.",
}
one_dies = {
    "2": "The pool starts a new worker, and the two workers run all other tasks.",
    "8": "The pool starts a new worker, but does not know the old worker's task.",
}
broken_executor = {
    "goes on": "An executor that has lost one worker ends all its other workers, too.",
}
dead_holder = {
    "1": "A killed worker never releases its lock, so the other worker waits for it forever.",
    "2": "The pool also starts a new worker, which waits for the lock, too.",
}
ways_to_define = {
    "def": "Its name is sent, not its code, and a new Python process has no cells.",
    "lambda": "All lambdas have the same name, and only names are sent.",
    "nested def": "A name that exists only inside a call cannot be looked up.",
}
end_of_with = {
    "2": "The end of the block does not wait for the tasks that are running.",
    "6": "The end of a with block closes a file, but it terminates a pool.",
}
after_stop = {
    "the two old ones": "Stop ends these workers, and the pool replaces workers that end.",
}

# -- exercise 1: four workers, several at a time, run each of the hundred tasks once. The result is
# a pair: what they returned, in the order of the tasks, and the numbers of those that failed, in
# any order. The check varies the naps, how many fail, and which; always with three kinds of errors.

ITEMS = 100


class Survived(NamedTuple):
    """One run: what was returned, the good results, the bad numbers, what the pool did.

    calls: of the pool. items: what the function was to be called with.
    """

    answer: Any
    good: list[float]
    bad: list[int]
    items: list
    calls: list[Call]
    timeline: Timeline


def measure_survive(answer: Callable) -> tuple[Survived]:
    """Let the answer run a hundred naps, of which three to five fail."""
    naps = [0.02 + number / 10_000 for number in range(ITEMS)]
    random.shuffle(naps)
    bad = random.sample(range(ITEMS), random.randint(3, 5))
    func = secret_function(failing=[naps[number] for number in bad])
    items: list[float | None] = list(naps)
    items[bad[0]] = None  # raises TypeError
    items[bad[1]] = inf  # raises OverflowError, and the others ValueError
    good = [each for each in expected_results(func, naps) if each is not None]
    pool = make_pool(4)
    pair = run_limited(answer, pool, func, list(items))
    return (Survived(pair, good, sorted(bad), items, pool.calls, pool.timeline()),)


def grade_survive(run: Survived) -> str:
    """Grade the pair that was returned, and whether the workers ran each item once."""
    good, bad, timeline = run.good, run.bad, run.timeline
    results, failed = _as_pair(run.answer)
    never = int(np.isnan(timeline.start).sum())
    lost = f" {never} tasks never started: they were lost after an error." if never else ""
    if failed != bad:
        raise WrongAnswerError(f"the tasks {bad} failed; you say {short_repr(failed)}.{lost}")
    if lost:
        raise WrongAnswerError(lost.strip())
    check_calls(run.calls, run.items)
    results = as_results(results, "survive, as the first of its pair,", len(good))
    check_order(results, good)
    check_calls(run.calls, None, results)
    if timeline.mean_concurrency < 1.5:
        raise TimingError(
            "measured: one task at a time. Submit all tasks before you wait for the first result."
        )
    return (
        f"Measured: {len(good)} results kept, {len(bad)} bad tasks named, "
        f"{timeline.mean_concurrency:.1f} tasks at a time."
    )


def _as_pair(answer: Any) -> tuple[Any, list]:
    wanted = "a pair: the list of the good results, and the list of the numbers of the bad tasks"
    if answer is None or not isinstance(answer, Sequence | np.ndarray) or len(answer) != 2:
        raise WrongAnswerError(f"survive should return {wanted}. Its result is {kind_of(answer)}.")
    results, failed = answer
    if not is_ordered(failed) and not isinstance(failed, set | frozenset):
        raise WrongAnswerError(f"survive should return {wanted}. The second is {kind_of(failed)}.")
    numbers = [without_numpy(number) for number in failed]
    for number in numbers:
        if not isinstance(number, Real):
            raise WrongAnswerError(
                f"survive should return {wanted}. The second contains {short_repr(number)}."
            )
    return results, sorted(numbers)


def survive(pool, function, items):
    found = pool.map(partial(result_or_error, function), items)
    good = [result for result in found if not isinstance(result, Exception)]
    bad = [number for number, result in enumerate(found) if isinstance(result, Exception)]
    return good, bad


one_bad_in_a_hundred = Exercise(
    measure=measure_survive,
    grade=grade_survive,
    hint_text=(
        "An error ends a for loop, but not the iterator. You can also catch each error in its "
        "task: a function of this lesson returns the error as a value. How do you tell an error "
        "from a result?"
    ),
    right_answer=survive,
)

# -- exercise 2: pools of two worker processes run each task to its end once. The result is what
# they returned, as a list, in the order of the items. One task kills its worker, the first time.
# The check varies the number of tasks, their naps, and which one kills.


class Rescued(NamedTuple):
    """One run: what was returned and wanted, what workers returned, what this process ran.

    sizes: how many workers each pool had that the answer made.
    """

    results: Any
    wanted: list[float]
    done: list[float]
    by_us: int
    sizes: list[int]


def measure_rescue(answer: Callable) -> tuple[Rescued]:
    """Let the answer run naps, one of which kills its worker once; keep what workers returned."""
    naps = [hundredths / 100 for hundredths in random.sample(range(6, 15), random.randint(7, 9))]
    killer = random.randrange(4)
    naps[killer] = random.choice([0.5, 0.55, 0.6])  # meanwhile, the other worker runs several
    draw = secret_function()
    with TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name, "kept")
        folder.mkdir()
        deadly = partial(die_once, str(Path(name, "died")), naps[killer], draw)
        func = partial(keep_result, str(folder), deadly)
        with track_instances(Pool) as pools, track_instances(ProcessPoolExecutor) as executors:
            results = run_limited(answer, func, list(naps))
        done, by_us = kept_results(folder)
    sizes = [pool._processes for pool in pools if not isinstance(pool, ThreadPool)]
    sizes += [executor._max_workers for executor in executors]
    run = Rescued(results, expected_results(draw, naps), done, by_us, sizes)
    return (run,)


def _rescue_by_waiting(function: Callable, items: list) -> list:
    """Rescue by waiting a second for each result, as the text allows."""
    done: dict[int, Any] = {}
    while rest := [pair for pair in enumerate(items) if pair[0] not in done]:
        with Pool(2) as pool, suppress(multiprocessing.TimeoutError, StopIteration):
            results = pool.imap_unordered(partial(with_number, function), rest)
            while True:
                done.update([results.next(timeout=1)])
    return [done[number] for number in range(len(items))]


def grade_rescue(run: Rescued) -> str:
    """Grade the results, which processes computed them, and how often."""
    results = as_results(run.results, "rescue", len(run.wanted))
    if run.by_us:
        raise WrongAnswerError(
            f"your own process ran {run.by_us} of the tasks. Give them to workers."
        )
    check_order(results, run.wanted)
    if missing := len(set(run.wanted) - set(run.done)):
        raise WrongAnswerError(
            f"no worker ran {missing} of the {len(run.wanted)} tasks to its end."
        )
    if others := set(run.sizes) - {2}:
        raise WrongAnswerError(
            f"a pool of yours has {max(others)} workers. Make pools of two workers."
        )
    # One task may have ended while its executor broke, so that its result was lost.
    if (again := len(run.done) - len(run.wanted)) > 1:
        raise TimingError(
            f"{again} tasks were done, and then done again. Keep every result that was there when "
            "the worker died, including the results of tasks after the killed one."
        )
    return f"All {len(results)} results, and no completed task was run again."


def rescue(function, items):
    done = {}
    while len(done) < len(items):
        rest = [number for number in range(len(items)) if number not in done]
        with ProcessPoolExecutor(2) as executor:
            futures = {number: executor.submit(function, items[number]) for number in rest}
        done |= {n: future.result() for n, future in futures.items() if not future.exception()}
    return [done[number] for number in range(len(items))]


save_what_is_done = Exercise(
    measure=measure_rescue,
    grade=grade_rescue,
    hint_text=(
        "A Pool does not report that a worker died; an executor does. Futures that were done "
        "before still hold their results. A broken executor accepts no more tasks, but a new "
        "executor does."
    ),
    right_answer=rescue,
    control=_rescue_by_waiting,
)

# -- exercise 3: the problem of each of four recorded runs, in words. The check varies which run has
# which problem, the naps, and which of them is the bad one.

MYSTERY_PROGRAM = """
import time
from multiprocessing import Lock
from helpers.workers import nap_or_die, nap_or_die_in_turn, share_lock
from watchedpool import WatchedPool

if __name__ == "__main__":
    with WatchedPool(2, share_lock, [Lock()]) as pool:
        pool.warm_up()  # so that both workers begin together
        pool.map_async({task}, {naps}, chunksize=1)
        ended = unended = 0
        while {going_on}:
            time.sleep(0.02)
            run = pool.timeline()
            ended, unended = sum(run.finish > 0), len(run.without_end)
"""
PROBLEMS = {  # what the tasks are, whether the bad one dies, and until when the pool is left alone
    "healthy": ("nap_or_die", 1, "ended < 8"),
    "killed": ("nap_or_die", -1, "ended < 7"),
    "lock": ("nap_or_die_in_turn", -1, "unended < 3"),
    "terminated": ("nap_or_die", 1, "ended < 2 * {bad} or unended < 2"),
}
last_problems = Mystery(
    name="diagnosis",
    before="run the cell with the pictures first: the runs are different each time.",
)


def mystery_runs() -> dict[str, Timeline]:
    """Record four runs of eight naps on two workers, at the same time: three problems, and none."""
    problems = dict(zip("ABCD", random.sample(sorted(PROBLEMS), len(PROBLEMS)), strict=True))
    with ThreadPoolExecutor() as threads:
        runs = dict(zip(problems, threads.map(run_with, problems.values()), strict=True))
    last_problems.truth = problems
    return runs


def run_with(problem: str) -> Timeline:
    """Record a pool of two workers with this problem: eight equal naps, one of which may be bad."""
    task, sign, going_on = PROBLEMS[problem]
    nap, bad = random.choice([0.2, 0.25, 0.3]), random.choice([1, 2, 3])
    naps = [nap * (sign if number == bad else 1) for number in range(8)]
    program = MYSTERY_PROGRAM.format(task=task, naps=naps, going_on=going_on.format(bad=bad))
    return demonstrate(program).timeline


def grade_diagnosis(diagnosis: dict[str, str], truth: dict[str, str]) -> str:
    """Grade which problem was named for each run."""
    check_choices(diagnosis, truth, PROBLEMS)
    if wrong := [name for name in truth if diagnosis[name] != truth[name]]:
        raise WrongAnswerError(
            f"look again at {', '.join(wrong)}: which blocks have no end, and in which lanes?"
        )
    return "Each problem looks different, and you can see it without the program."


which_problem = Exercise(
    measure=last_problems.measure,
    grade=grade_diagnosis,
    hint_text=(
        "Look at the blocks without an end. If there is no such block, the run was healthy. If "
        "there is one, and a new lane begins, a worker was killed. If the killed worker held the "
        "lock, the other worker and the new worker wait forever. terminate ends both workers at "
        "the same moment, and no third lane begins."
    ),
    right_answer=last_problems,
    takes=dict,
)

# -- exercise 4: under every start method, the script ends, prints what its author sees, and leaves
# no process; the workers of its Pool run scale once for each number, and it prints what they
# return. The text fixes the numbers. The check also runs a copy with more numbers, whose workers
# return other results than scale would return here.

UNSAFE = """from multiprocessing import Pool

factor = 2

def scale(x):
    return factor * x

factor = 3
with Pool(2) as pool:
    print(pool.map(scale, range(8)))"""
PRINTED = "[0, 3, 6, 9, 12, 15, 18, 21]"
# In the copy, this decorates scale. Each call writes a line with its arguments to stderr.
PROBE = """
def _probe(function):
    import functools, multiprocessing, os
    @functools.wraps(function)
    def probed(*args, **keywords):
        in_worker = multiprocessing.parent_process() is not None
        if in_worker:
            line = " ".join(["scaled", *map(repr, args), *map(repr, keywords.values())])
            os.write(2, f"{line}\\n".encode())
        return function(*args, **keywords) + ADDED * in_worker
    return probed
"""


class Copy(NamedTuple):
    """A run of a copy of the script.

    scaled: the arguments of each call of scale in a worker; None if the script has no def of it.
    added: what its workers add to each result.
    """

    run: Demonstration
    scaled: list[list[str]] | None
    added: int


def measure_script(script: str) -> tuple[dict[str, Demonstration], Copy | None]:
    """Run the text as a script, under every start method; if it prints the right list, a copy."""
    runs = under_each_method(script)
    return runs, _run_copy(script) if all(map(_is_right, runs.values())) else None


def _run_copy(script: str) -> Copy:
    """Run a copy of the script with more numbers, and with a decorated scale."""
    added = random.randint(1000, 2000)
    copy = script.replace("range(8)", f"range({random.randint(9, 12)})")
    decorated = _decorate_scale(copy, PROBE.replace("ADDED", str(added)))
    run = demonstrate(decorated or copy)
    if not decorated:
        return Copy(run, None, 0)
    scaled = [line.split()[1:] for line in run.errors.splitlines() if line.startswith("scaled ")]
    return Copy(run, scaled, added)


def _decorate_scale(script: str, probe: str) -> str | None:
    """Return the script with `probe` at its top as the decorator of scale; None without a def."""
    tree = ast.parse(script)
    names = [
        each
        for each in ast.walk(tree)
        if isinstance(each, ast.FunctionDef) and each.name == "scale"
    ]
    if not names:
        return None
    for function in names:
        function.decorator_list.insert(0, ast.Name("_probe", ast.Load()))
    top = 0 if ast.get_docstring(tree) is None else 1
    while isinstance(tree.body[top], ast.ImportFrom) and tree.body[top].module == "__future__":
        top += 1
    tree.body[top:top] = ast.parse(probe).body
    return ast.unparse(ast.fix_missing_locations(tree))


def _is_right(run: Demonstration) -> bool:
    return run.ending == "ended" and run.output.strip() == PRINTED


def grade_script(runs: dict[str, Demonstration], copy: Copy | None) -> str:
    """Grade what each run printed and left behind, and whether a pool ran the tasks."""
    for method, run in runs.items():
        if run.ending != "ended":
            raise WrongAnswerError(f"under {method} the script {run.ending}: {_why_failed(run)}")
        printed = run.output.strip()
        if printed != PRINTED:
            raise WrongAnswerError(
                f"under {method} it should print {PRINTED}; "
                f"it prints {short_text(printed) or 'nothing'}."
            )
        if run.left:
            raise WrongAnswerError(f"under {method} it leaves {run.left} processes behind.")
        if len(run.timeline) != 8:
            raise WrongAnswerError(
                f"under {method} its last Pool ran {len(run.timeline)} tasks. "
                "Let a Pool run scale for each of the 8 numbers."
            )
    count, printed = len(copy.run.timeline), copy.run.output.strip()
    numbers = sorted(map(str, range(count)))
    columns = map(sorted, zip(*copy.scaled or [], strict=False))
    if copy.scaled is not None and numbers not in columns:
        raise WrongAnswerError(
            f"the workers ran scale {len(copy.scaled)} times. Let a Pool run scale for each number."
        )
    if printed != str([3 * x + copy.added for x in range(count)]):
        raise WrongAnswerError("the script does not print the results of the pool.")
    return f"The same under {', '.join(runs)}, and no process is left."


def _why_failed(run: Demonstration) -> str:
    if "bootstrapping phase" in run.errors:
        return (
            "each worker runs the file from its beginning, and would start a pool of its own "
            "there. Which lines may only your own process run?"
        )
    return short_text((run.errors.strip().splitlines() or ["no message"])[-1])


safe_script = Exercise(
    measure=measure_script,
    grade=grade_script,
    hint_text=(
        "A worker that is a new Python process imports the file, so the pool belongs below a "
        "guard. But only your own process runs the code below the guard: where must factor get its "
        "value?"
    ),
    right_answer='''script = """
from multiprocessing import Pool

factor = 3

def scale(x):
    return factor * x

if __name__ == "__main__":
    with Pool(2) as pool:
        print(pool.map(scale, range(8)))
"""''',
    takes=str,
)

# -- exercise 5: nine of ten lines make a program whose tasks all end before its pool does. It
# prints what the callback received.

LINES = (
    "    pool.join()",
    "    done = []",
    "    pool.terminate()",
    "from helpers.workers import nap",
    "    pool.map_async(nap, [0.3] * 4, callback=done.extend)",
    "    print(done)",
    'if __name__ == "__main__":',
    "    pool.close()",
    "    pool = Pool(2)",
    "from multiprocessing import Pool",
)
NUMBERED = numbered(LINES)


def measure_ending(numbers: list) -> tuple[Demonstration]:
    """Run the program that these numbers make."""
    return (run_lines(LINES, numbers),)


def grade_ending(run: Demonstration) -> str:
    """Grade what the program printed."""
    printed = check_run(run)
    if printed == str([0.3] * 4):
        return "All four results arrived before the pool ended, and no process is left."
    if printed == "[]":
        raise WrongAnswerError(
            "it prints an empty list: the results had not arrived, or were lost with their tasks. "
            "Which method lets the tasks finish, and which one waits for them?"
        )
    raise WrongAnswerError(f"it should print four results; it prints {printed or 'nothing'}.")


waiting_program = Exercise(
    measure=measure_ending,
    grade=grade_ending,
    hint_text=(
        "One method ends the workers at once. Another says that no more tasks will come, and only "
        "after that call can a third one wait until all tasks have finished."
    ),
    right_answer="program = [9, 3, 6, 1, 8, 4, 7, 0, 5]",
    takes=list,
)
