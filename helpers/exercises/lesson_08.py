"""The exercises of lesson 08, on bars for every need, and its guesses."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are shown as a reader would write them)

import random
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from functools import partial
from itertools import islice
from multiprocessing import Pool, SimpleQueue
from numbers import Real
from threading import Thread
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from helpers.bar_recipes import Bar
from helpers.exercises.checking import (
    Exercise,
    Wrong,
    as_results,
    check_bar,
    check_order,
    kind_of,
)
from helpers.exercises.limits import run_limited
from helpers.recording.recorder import Recorder
from helpers.schedule import predict
from helpers.timeline import Timeline, count_until
from helpers.workers import nap_and_draw, share_queue, walk

# -- guesses: the idea behind each wrong option

first_move = {
    "0.12 s": "That is the first step. The pool does not see it: a task is one piece to it.",
    "1 s": "That is the longest task. This bar takes results as they come, the shortest first.",
}
own_positions = {
    "3 lines": "It would be, if one process drew. Here three move one cursor, each for itself."
}
counted_first = {"10 tasks": "list() took all ten to count them. A generator gives each item once."}

# -- what exercises 1 and 2 share

WORKERS = 3
HIDDEN = 3  # so many, finished and not shown at one moment, are too many
TRIES = 3  # a busy machine is slow to draw any bar; one that lies does so each time


class Followed(NamedTuple):
    """What an answer did: its results and those that are wanted, a row a step or task, its bar.

    total: of the bar; None: it has none. ahead: most items taken and not done.
    """

    results: Any
    wanted: list
    run: Timeline
    made: bool
    total: float | None
    ahead: int = 0


def _secret() -> partial:
    """Return a function whose results only the workers know."""
    return partial(nap_and_draw, seed=random.randrange(10**6))


def _draws(secret: partial, naps: list[float]) -> list[float]:
    seed = secret.keywords["seed"]
    return [round(random.Random(f"{seed} {nap}").random(), 4) for nap in naps]


def _followed(recorder: Recorder, results: Any, wanted: list, ahead: int = 0) -> Followed:
    """Return what was measured; of the bars that were made, that which counted most."""
    bar = max(Bar.made, key=lambda bar: bar.n, default=None)
    total = None if bar is None else bar.total
    return Followed(results, wanted, recorder.timeline(bar), bar is not None, total, ahead)


def _is_prompt(run: Timeline) -> bool:
    return run.most_behind < HIDDEN and run.side_by_side >= 1.5


def _check_run(run: Timeline, wanted: int, what: str) -> None:
    ran = int(np.isfinite(run.finish).sum())
    if ran != wanted:
        raise Wrong(f"{ran} {what} were done, and there are {wanted}: each should be done once.")
    if run.side_by_side < 1.5:
        raise Wrong(
            f"measured: on average {run.side_by_side:.1f} {what} at a time, as if there were one "
            "worker. Let three work side by side."
        )


# -- exercise 1


def measure_steps(answer: Callable) -> tuple[Followed]:
    """Let the answer run tasks of several steps; each step is a row."""
    for _ in range(TRIES):
        tasks = [[_length() for _ in range(random.randint(5, 8))] for _ in range(6)]
        secret = _secret()
        Bar.made.clear()
        with Recorder() as recorder:
            function = partial(walk, step=recorder.watch(secret))
            results = run_limited(answer, function, [list(steps) for steps in tasks], Bar)
            wanted = [_draws(secret, steps) for steps in tasks]
            followed = _followed(recorder, results, wanted)
        if _is_prompt(followed.run):
            break
    return (followed,)


def _length() -> float:
    return round(random.uniform(0.04, 0.1), 4)


def judge_steps(followed: Followed) -> str:
    """Judge the steps, the results, and the bar."""
    steps = sum(map(len, followed.wanted))
    _check_run(followed.run, steps, "steps")
    check_order(as_results(followed.results, "it", len(followed.wanted)), followed.wanted)
    check_bar(followed.run, followed.made, HIDDEN, "steps")
    if followed.total != steps:
        raise Wrong(f"the total of the bar is {followed.total}; there are {steps} steps.")
    return (
        f"Measured: {steps} steps, of which at worst {followed.run.most_behind} were done and not "
        "shown, and all results in order."
    )


def follow(function, tasks, tqdm):
    def listen() -> None:
        for _ in iter(queue.get, None):
            bar.update()

    queue = SimpleQueue()
    with Pool(3, share_queue, (queue,)) as pool, tqdm(total=sum(map(len, tasks))) as bar:
        thread = Thread(target=listen, daemon=True)
        thread.start()
        try:
            return pool.map(function, tasks, chunksize=1)
        finally:
            queue.put(None)
            thread.join()


count_steps = Exercise(
    name="follow",
    takes=Callable,
    measure=measure_steps,
    judge=judge_steps,
    hint_text=(
        "What a call returns are tasks, never steps: no loop over results can count them. The "
        "workers tell of each step in a queue, if share_queue brought it to them. Let listening "
        "move the bar, and let map do what map does."
    ),
    solved=follow,
)

# -- exercise 2

MOST_AHEAD = 10
SLACK = 2  # items in hand, while their turn is waited for


def measure_unknown(answer: Callable) -> tuple[Followed]:
    """Let the answer run a function over a generator; note when each item was taken."""
    for _ in range(TRIES):
        naps = [_length() for _ in range(random.randint(40, 48))]
        secret, taken = _secret(), []
        Bar.made.clear()
        with Recorder() as recorder:
            begin = perf_counter()  # the time 0 of the timeline: when the first is watched
            function = recorder.watch(secret)
            results = run_limited(answer, function, _noted(naps, taken), Bar)
            finish = recorder.timeline().finish
            done = count_until(finish, np.array(taken) - begin)
            ahead = int(max(np.arange(1, len(taken) + 1) - done, default=0))
            followed = _followed(recorder, results, _draws(secret, naps), ahead)
        if _is_prompt(followed.run):
            break
    return (followed,)


def _noted(naps: list[float], taken: list[float]) -> Iterator[float]:
    for nap in naps:
        taken.append(perf_counter())
        yield nap


def judge_unknown(followed: Followed) -> str:
    """Judge the tasks, the results, how many items were taken ahead, and the bar."""
    run, wanted = followed.run, followed.wanted
    _check_run(run, len(wanted), "tasks")
    results = as_results(followed.results, "it", len(wanted))
    check_order(sorted(results, key=repr), sorted(wanted, key=repr))
    if followed.ahead > MOST_AHEAD + SLACK:
        raise Wrong(
            f"measured: at worst {followed.ahead} items were taken and not done; "
            f"{MOST_AHEAD} are allowed. Items may be large, and there may be no end of them."
        )
    check_bar(run, followed.made, HIDDEN)
    if followed.total not in (None, len(wanted)):
        raise Wrong(
            f"the total of the bar is {followed.total}, and there were {len(wanted)} items."
        )
    return (
        f"Measured: at worst {followed.ahead} items were taken and not done, and {run.most_behind} "
        "done and not shown."
    )


def keep_up(function, items, tqdm):
    results = []
    with ProcessPoolExecutor(3) as executor, tqdm() as bar:
        running = {executor.submit(function, item) for item in islice(items, 10)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                running |= {executor.submit(function, item) for item in islice(items, 1)}
                results.append(future.result())
                bar.update()
    return results


unknown_end = Exercise(
    name="keep_up",
    takes=Callable,
    measure=measure_unknown,
    judge=judge_unknown,
    hint_text=(
        "imap seems to take items as they are needed, but it takes what the pipe can hold. Send "
        "ten; then, for each that is done, one more: few_ahead does so. And a bar needs no total."
    ),
    solved=keep_up,
)

# -- exercise 3

CASES = 12
CLOSE = 0.02  # seconds


def measure_left(answer: Callable) -> tuple[list]:
    """Ask about a moment of each of some runs; return what was said, and the truth."""
    asked = []
    for _ in range(CASES):
        running, waiting, workers, truth = _moment()
        asked.append((run_limited(answer, list(running), list(waiting), workers), truth))
    return (asked,)


def _moment() -> tuple[list[float], list[float], int, float]:
    """Return what runs and what waits at a moment of some run, the workers, and what is left."""
    workers = random.randint(2, 5)
    naps = [round(random.uniform(0.2, 4), 2) for _ in range(random.randint(workers + 2, 14))]
    run = predict(naps, workers)
    now = random.uniform(0.1, 0.7) * run.makespan
    running = [
        end - now for start, end in zip(run.start, run.finish, strict=True) if start <= now < end
    ]
    waiting = [nap for nap, start in zip(naps, run.start, strict=True) if start > now]
    return list(map(float, running)), waiting, workers, float(run.makespan - now)


def judge_left(asked: list[tuple[Any, float]]) -> str:
    """Judge each forecast by the run that came true."""
    for said, _ in asked:
        if not isinstance(said, Real):
            raise Wrong(f"time_left should return seconds; what it returned is {kind_of(said)}.")
    worst, truth = max(asked, key=lambda pair: abs(pair[0] - pair[1]))
    if not abs(worst - truth) <= CLOSE:
        raise Wrong(f"you say {worst:.2f} s are left of a run, and it still took {truth:.2f} s.")
    return f"Of {len(asked)} runs, none ended more than {CLOSE} s before or after you said."


def time_left(running, waiting, workers):
    return predict(running + waiting, workers).makespan


how_long_still = Exercise(
    name="time_left",
    takes=Callable,
    measure=measure_left,
    judge=judge_left,
    hint_text=(
        "All that is left, divided by the workers, would be right if work could be cut like "
        "bread. But the last task is one piece. The pool gives the next task to the worker that "
        "is free first, and predict does the same: what still runs is, for it, a task that starts "
        "now."
    ),
    solved=time_left,
)
