"""The exercises of lesson 08, on bars for every need, and its guesses."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are printed as a reader would write them)

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
from helpers.exercises.checking import Exercise, as_results, check_bar, check_order
from helpers.exercises.limits import WrongAnswerError, run_limited
from helpers.exercises.measuring import (
    expected_results,
    measure_until,
    run_with_bar,
    secret_function,
)
from helpers.exercises.wording import kind_of
from helpers.workers import run_steps, share_queue
from watchedpool.recording.recorder import Recorder
from watchedpool.schedule import predict
from watchedpool.timeline import Timeline, count_until

# -- guesses: the idea behind each wrong option

first_move = {
    "0.12 s": "That is the first step. The pool does not see steps: for it, a task is one piece.",
    "1 s": "That is the longest task. This bar takes results as they come, the shortest first.",
}
own_positions = {
    "3 lines": "It would be, if one process drew. Here three processes move the same cursor."
}
counted_first = {
    "10 tasks": "list() took all ten to count them. A generator yields each item only once."
}

# -- what exercises 1 and 2 share

HIDDEN = 3  # so many rows that are finished and not counted at one moment are too many


class Followed(NamedTuple):
    """What an answer did: its results and the wanted ones, one row per step or task, its bar.

    total: of the bar; None if it has none. ahead: how many items were taken and not done at worst.
    """

    results: Any
    wanted: list
    run: Timeline
    made: bool
    total: float | None
    ahead: int = 0


def _total_of(bar: Bar | None) -> float | None:
    return None if bar is None else bar.total


def _was_prompt(followed: Followed) -> bool:
    return followed.run.most_behind < HIDDEN and followed.run.mean_concurrency >= 1.5


def _check_run(run: Timeline, wanted: int, what: str) -> None:
    ran = int(np.isfinite(run.finish).sum())
    if ran != wanted:
        raise WrongAnswerError(
            f"{ran} {what} were done, and there are {wanted}: each should be done once."
        )
    if run.mean_concurrency < 1.5:
        raise WrongAnswerError(
            f"measured: on average {run.mean_concurrency:.1f} {what} at a time, as if there were "
            "one worker. Let three workers run at the same time."
        )


# -- exercise 1


def measure_steps(answer: Callable) -> tuple[Followed]:
    """Let the answer run tasks of several steps; each step is a row."""
    return (measure_until(_was_prompt, partial(_run_steps_once, answer))[-1],)


def _run_steps_once(answer: Callable) -> Followed:
    tasks = [[_length() for _ in range(random.randint(5, 8))] for _ in range(6)]
    secret = secret_function()
    with Recorder() as recorder:
        function = partial(run_steps, step=recorder.track(secret))
        results, bar = run_with_bar(answer, function, [list(steps) for steps in tasks], Bar)
        run = recorder.timeline(bar)
    wanted = [expected_results(secret, steps) for steps in tasks]
    return Followed(results, wanted, run, bar is not None, _total_of(bar))


def _length() -> float:
    return round(random.uniform(0.04, 0.1), 4)


def grade_steps(followed: Followed) -> str:
    """Grade the steps, the results, and the bar."""
    steps = sum(map(len, followed.wanted))
    _check_run(followed.run, steps, "steps")
    check_order(as_results(followed.results, "follow", len(followed.wanted)), followed.wanted)
    check_bar(followed.run, followed.made, HIDDEN, "steps")
    if followed.total != steps:
        raise WrongAnswerError(
            f"the total of the bar is {followed.total}; there are {steps} steps."
        )
    return (
        f"Measured: {steps} steps, of which at worst {followed.run.most_behind} were done and not "
        "yet counted, and all results in order."
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
    grade=grade_steps,
    hint_text=(
        "A call returns results of tasks, never of steps: no loop over results can count steps. "
        "The workers report each step in a queue, if share_queue gave it to them. Let a thread "
        "that reads the queue move the bar, and let map do what map does."
    ),
    right_answer=follow,
)

# -- exercise 2

MAX_AHEAD = 10
SLACK = 2  # items that were taken and that the answer holds until it may submit them


def measure_unknown(answer: Callable) -> tuple[Followed]:
    """Let the answer run a function over a generator; record when each item was taken."""
    return (measure_until(_was_prompt, partial(_run_generator_once, answer))[-1],)


def _run_generator_once(answer: Callable) -> Followed:
    naps = [_length() for _ in range(random.randint(40, 48))]
    secret, taken = secret_function(), []
    with Recorder() as recorder:
        begin = perf_counter()  # the time 0 of the timeline: when the function is first tracked
        function = recorder.track(secret)
        results, bar = run_with_bar(answer, function, _record_times(naps, taken), Bar)
        done = count_until(recorder.timeline().finish, np.array(taken) - begin)
        ahead = int(max(np.arange(1, len(taken) + 1) - done, default=0))
        run = recorder.timeline(bar)
    wanted = expected_results(secret, naps)
    return Followed(results, wanted, run, bar is not None, _total_of(bar), ahead)


def _record_times(naps: list[float], taken: list[float]) -> Iterator[float]:
    for nap in naps:
        taken.append(perf_counter())
        yield nap


def grade_unknown(followed: Followed) -> str:
    """Grade the tasks, the results, how many items were taken ahead, and the bar."""
    run, wanted = followed.run, followed.wanted
    _check_run(run, len(wanted), "tasks")
    results = as_results(followed.results, "keep_up", len(wanted))
    check_order(sorted(results, key=repr), sorted(wanted, key=repr))
    if followed.ahead > MAX_AHEAD + SLACK:
        raise WrongAnswerError(
            f"measured: at worst {followed.ahead} items were taken and not done; "
            f"{MAX_AHEAD} are allowed. Items may be large, and the generator may be endless."
        )
    check_bar(run, followed.made, HIDDEN)
    if followed.total not in (None, len(wanted)):
        raise WrongAnswerError(
            f"the total of the bar is {followed.total}, and there were {len(wanted)} items."
        )
    return (
        f"Measured: at worst {followed.ahead} items were taken and not done, and {run.most_behind} "
        "were done and not yet counted."
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
    grade=grade_unknown,
    hint_text=(
        "imap seems to take items as they are needed, but it takes as many as the pipe can hold. "
        "Submit ten items, and then one more for each that is done, as few_ahead does. And a bar "
        "needs no total."
    ),
    right_answer=keep_up,
)

# -- exercise 3

CASES = 12
TOLERANCE = 0.02  # seconds


def measure_left(answer: Callable) -> tuple[list]:
    """Ask about one moment of each of several runs; return the forecasts and the truth."""
    cases = []
    for _ in range(CASES):
        running, waiting, workers, truth = _moment()
        cases.append((run_limited(answer, list(running), list(waiting), workers), truth))
    return (cases,)


def _moment() -> tuple[list[float], list[float], int, float]:
    """Return what runs and what waits at a moment of a run, the workers, and the seconds left."""
    workers = random.randint(2, 5)
    naps = [round(random.uniform(0.2, 4), 2) for _ in range(random.randint(workers + 2, 14))]
    run = predict(naps, workers)
    now = random.uniform(0.1, 0.7) * run.makespan
    running = [
        end - now for start, end in zip(run.start, run.finish, strict=True) if start <= now < end
    ]
    waiting = [nap for nap, start in zip(naps, run.start, strict=True) if start > now]
    return list(map(float, running)), waiting, workers, float(run.makespan - now)


def grade_left(cases: list[tuple[Any, float]]) -> str:
    """Grade each forecast by what the run really took."""
    for forecast, _ in cases:
        if not isinstance(forecast, Real):
            raise WrongAnswerError(
                f"time_left should return seconds; what it returned is {kind_of(forecast)}."
            )
    worst, truth = max(cases, key=lambda pair: abs(pair[0] - pair[1]))
    if not abs(worst - truth) <= TOLERANCE:
        raise WrongAnswerError(
            f"you say that {worst:.2f} s of a run are left, and it still took {truth:.2f} s."
        )
    return f"Each of {len(cases)} runs ended within {TOLERANCE} s of your forecast."


def time_left(running, waiting, workers):
    return predict(running + waiting, workers).makespan


how_long_still = Exercise(
    name="time_left",
    takes=Callable,
    measure=measure_left,
    grade=grade_left,
    hint_text=(
        "All the work that is left, divided by the workers, would be right if tasks could be split "
        "at will. But the last task is one piece. The pool gives the next task to the worker that "
        "is free first, and predict does the same. For predict, a task that is already running is "
        "a task that starts now."
    ),
    right_answer=time_left,
)
