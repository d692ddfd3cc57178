"""The exercises of lesson 08, on bars for every need, and its guesses."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are printed as a reader would write them)

import random
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from functools import partial
from itertools import islice
from multiprocessing import Pool, SimpleQueue
from numbers import Real
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from helpers.bar_recipes import Bar
from helpers.exercises.checking import (
    Exercise,
    as_results,
    check_bar,
    check_order,
    check_run,
    without_numpy,
)
from helpers.exercises.limits import AnswerError, WrongAnswerError, run_in_child
from helpers.exercises.measuring import (
    draw_misleading_naps,
    expected_results,
    run_with_bar,
    secret_function,
)
from helpers.exercises.wording import kind_of, short_repr
from helpers.workers import run_steps, share_queue
from watchedpool.recording.recorder import Recorder
from watchedpool.schedule import predict
from watchedpool.timeline import Timeline, count_until

# -- guesses: the idea behind each wrong option

first_move = {
    "0.12 s": "That is the length of the first step. A pool does not see the steps of a task.",
    "1 s": "That is the longest task. This bar counts results as they come, the shortest first.",
}
own_positions = {
    "3 lines": "That is right if one process draws. Here three processes move the same cursor."
}
counted_first = {
    "10 tasks": "list() took all ten to count them. A generator yields each item only once."
}

# -- what exercises 1 and 2 share

WORKERS = 3
HIDDEN = 3  # so many rows that are finished and not counted at one moment are too many


class Followed(NamedTuple):
    """What an answer did: its results and the wanted ones, one row per step or task, its bar.

    ahead: how many items were taken and not done at worst.
    """

    results: Any
    wanted: list
    run: Timeline
    bar: Bar | None
    ahead: int = 0


# -- exercise 1: follow(function, tasks, tqdm) runs the function on each list of steps, in a pool of
# three workers that have the queue of share_queue; a bar with the right total moves with each step;
# it returns the results in order.


def measure_steps(answer: Callable) -> tuple[Followed]:
    """Let the answer run tasks of several steps; each step is a row."""
    tasks = [[_length() for _ in range(random.randint(5, 8))] for _ in range(random.randint(6, 7))]
    secret = secret_function()
    with Recorder() as recorder:
        function = partial(run_steps, step=recorder.track(secret))
        given = [list(steps) for steps in tasks]
        results, bar = run_with_bar(answer, function, given, Bar)
        run = recorder.timeline(bar)
    wanted = [expected_results(secret, steps) for steps in tasks]
    return (Followed(results, wanted, run, bar),)


def _length() -> float:
    return round(random.uniform(0.04, 0.1), 4)


def grade_steps(followed: Followed) -> str:
    """Grade the steps, the results, and the bar."""
    steps = sum(map(len, followed.wanted))
    check_run(followed.run, steps, "steps", WORKERS)
    check_order(as_results(followed.results, "follow", len(followed.wanted)), followed.wanted)
    check_bar(followed.run, followed.bar, HIDDEN, "steps")
    return (
        f"Measured: {steps} steps, of which at worst {followed.run.most_behind} were done and not "
        "yet counted, and all results in order."
    )


def follow(function, tasks, tqdm):
    def end(_) -> None:
        queue.put(None)

    queue = SimpleQueue()
    with Pool(3, share_queue, [queue]) as pool, tqdm(total=sum(map(len, tasks))) as bar:
        job = pool.map_async(function, tasks, 1, end, end)
        while queue.get():
            bar.update()
        return job.get()


count_steps = Exercise(
    measure=measure_steps,
    grade=grade_steps,
    hint_text=(
        "A call returns the results of tasks, so a loop over results cannot count steps. The "
        "workers report each step in a queue, if share_queue gave them this queue. Start the tasks "
        "with map_async, which returns at once, and move the bar for each message, as steps_bar "
        "does."
    ),
    right_answer=follow,
)

# -- exercise 2: keep_up(function, items, tqdm) runs the function on each item of a generator, in
# three workers; a bar moves as tasks end; never more than 10 items are taken whose tasks have not
# ended; it returns the results, in any order.

MAX_AHEAD = 10
SLACK = 1  # an item that was taken and that the answer holds until it may submit it


def measure_unknown(answer: Callable) -> tuple[Followed]:
    """Let the answer run a function over a generator; record when each item was taken."""
    naps = draw_misleading_naps(_naps, WORKERS, HIDDEN + 2)
    secret, taken = secret_function(), []
    with Recorder() as recorder:
        begin = perf_counter()  # the time 0 of the timeline: when the function is first tracked
        function = recorder.track(secret)
        items = _record_times(naps, taken)
        results, bar = run_with_bar(answer, function, items, Bar)
        done = count_until(recorder.timeline().finish, np.array(taken) - begin)
        ahead = int(max(np.arange(1, len(taken) + 1) - done, default=0))
        run = recorder.timeline(bar)
    wanted = expected_results(secret, naps)
    return (Followed(results, wanted, run, bar, ahead),)


def _naps() -> list[float]:
    """Return short naps, and two long ones, behind which a bar in order would hide tasks."""
    short = [round(random.uniform(0.03, 0.06), 4) for _ in range(random.randint(38, 46))]
    for long in random.sample(range(len(short) - 15), 2):
        short[long] = round(random.uniform(0.35, 0.4), 4)
    return short


def _record_times(naps: list[float], taken: list[float]) -> Iterator[float]:
    for nap in naps:
        taken.append(perf_counter())
        yield nap


def grade_unknown(followed: Followed) -> str:
    """Grade the tasks, the results, how many items were taken ahead, and the bar."""
    run, wanted = followed.run, followed.wanted
    if followed.ahead > MAX_AHEAD + SLACK:  # said first: the number of workers may follow from it
        raise WrongAnswerError(
            f"measured: at worst {followed.ahead} items were taken and not done; "
            f"{MAX_AHEAD} are allowed. Items may be large, and the generator may be endless."
        )
    check_run(run, len(wanted), workers=WORKERS)
    results = as_results(followed.results, "keep_up", len(wanted))
    check_order(sorted(results, key=repr), sorted(wanted, key=repr))
    check_bar(run, followed.bar, HIDDEN, needs_total=False)
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
    measure=measure_unknown,
    grade=grade_unknown,
    hint_text=(
        "imap seems to take items as they are needed, but it takes as many as the pipe can hold. "
        "Submit ten items, and then one more for each item that is done, as few_ahead does. The "
        "bar needs no total."
    ),
    right_answer=keep_up,
)

# -- exercise 3: time_left(running, waiting, workers) returns the seconds to the end of the last
# task, if each waiting task, in order, goes to the worker that is free first.

CASES = 12
TOLERANCE = 0.02  # seconds
# What people forecast instead. A check asks about moments at which none of these is right.
NAIVE = [
    lambda running, waiting, workers: sum(running + waiting) / workers,
    lambda running, waiting, workers: max(running) + sum(waiting) / workers,
    lambda running, waiting, workers: predict(waiting + running, workers).makespan,
    lambda running, waiting, workers: predict(sorted(running + waiting), workers).makespan,
    lambda running, waiting, workers: predict(sorted(running + waiting)[::-1], workers).makespan,
    lambda running, waiting, workers: max(
        sum((running + waiting)[lane::workers]) for lane in range(workers)
    ),
]


class Moment(NamedTuple):
    """A moment of a run: what runs, what waits, the seconds that are left, and the forecast."""

    running: list[float]
    waiting: list[float]
    workers: int
    truth: float
    forecast: Any = None


def measure_left(answer: Callable) -> tuple[list[Moment]]:
    """Ask about one moment of each of several runs, and about one at which nothing waits."""
    moments = [*_moments(), _moment(near_end=True)]
    asked = zip(moments, _forecasts(answer, moments), strict=True)
    return ([moment._replace(forecast=without_numpy(each)) for moment, each in asked],)


def _forecasts(answer: Callable, moments: list[Moment]) -> list:
    """Return the answer's forecasts; say so if it fails only where nothing waits."""
    calls = [moment[:3] for moment in moments]
    try:
        return run_in_child(answer, calls)
    except AnswerError as raised:
        try:
            run_in_child(answer, calls[:-1])
        except WrongAnswerError:
            raise raised from None
        raise WrongAnswerError(f"near the end, when no task waits, {raised}") from None


def _moments() -> list[Moment]:
    while True:
        moments = [_moment() for _ in range(CASES)]
        misses = [[abs(naive(*m[:3]) - m.truth) for m in moments] for naive in NAIVE]
        if min(map(max, misses)) > 0.2:
            return moments


def _moment(near_end: bool = False) -> Moment:
    """Return a moment of a new run; some tasks still wait unless it is near the end."""
    while True:
        workers = random.randint(2, 5)
        naps = [round(random.uniform(0.2, 4), 2) for _ in range(random.randint(workers + 2, 14))]
        run = predict(naps, workers)
        now = random.uniform(0.1, 0.95) * run.makespan
        times = list(zip(naps, run.start.tolist(), run.finish.tolist(), strict=True))
        running = [end - now for _, start, end in times if start <= now < end]
        waiting = [nap for nap, start, _ in times if start > now]
        if near_end != bool(waiting):
            return Moment(running, waiting, workers, float(run.makespan - now))


def grade_left(moments: list[Moment]) -> str:
    """Grade each forecast by what the run really took."""
    for forecast in [moment.forecast for moment in moments]:
        if not isinstance(forecast, Real) or isinstance(forecast, bool):
            raise WrongAnswerError(
                f"time_left should return seconds; its result is {kind_of(forecast)}."
            )
    for running, waiting, workers, truth, forecast in moments:
        if not abs(forecast - truth) <= TOLERANCE:
            runs = short_repr([round(seconds, 2) for seconds in running])
            raise WrongAnswerError(
                f"your forecast is {forecast:.2f} s, and the run took {truth:.2f} s more. It had "
                f"{workers} workers; running: {runs}, and waiting: {short_repr(waiting)}."
            )
    return f"Each of {len(moments)} runs ended within {TOLERANCE} s of your forecast."


def time_left(running, waiting, workers):
    return predict(running + waiting, workers).makespan


how_long_still = Exercise(
    measure=measure_left,
    grade=grade_left,
    hint_text=(
        "The remaining work divided by the number of workers would be right if tasks could be "
        "split. But a task cannot be split. The pool gives the next task to the worker that "
        "is free first, and predict does the same. For predict, a task that is already running is "
        "a task that starts now."
    ),
    right_answer=time_left,
)
