"""What the measurements of several exercises share."""

import random
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

from helpers.bar_recipes import Bar
from helpers.exercises.limits import make_pool, run_limited
from helpers.workers import drawn_number, nap, nap_and_draw
from watchedpool.schedule import predict
from watchedpool.timeline import Timeline

Run = TypeVar("Run")

TRIES = 3  # a busy machine can spoil one run; a wrong answer spoils every run


def measure_naps(
    naps: list[float], workers: int, method: str = "map", chunksize: int = 1
) -> Timeline:
    """Return the Timeline of these naps, run by a method of a pool that has started."""
    with make_pool(workers) as pool:
        list(getattr(pool, method)(nap, naps, chunksize=chunksize))
        return pool.timeline()


def measure_until(is_good: Callable[[Run], bool], measure: Callable[[], Run]) -> list[Run]:
    """Call `measure` until a run is good, at most TRIES times; return every run, the last one last.

    is_good: whether the machine was quick enough for this run to be graded.
    """
    runs: list[Run] = []
    while len(runs) < TRIES and not any(map(is_good, runs)):
        runs.append(measure())
    return runs


def run_with_bar(answer: Callable, *args: Any, seconds: float | None = None) -> tuple[Any, Any]:
    """Return what `run_limited` returns, and the bar of the answer; None if it made no bar.

    Of several bars, the one that counted most is meant.
    """
    Bar.made.clear()
    result = run_limited(answer, *args, seconds=seconds)
    return result, max(Bar.made, key=lambda bar: bar.n, default=None)


def secret_function(failing: Iterable[float] = ()) -> partial:
    """Return a function of a nap whose results nobody can know without running it in a worker.

    failing: the naps for which it raises ValueError.
    """
    return partial(nap_and_draw, seed=random.randrange(10**6), failing=frozenset(failing))


def expected_results(secret: partial, naps: Iterable[float]) -> list[float | None]:
    """Return what a `secret_function` returns for each nap; None where it raises ValueError."""
    seed, failing = secret.keywords["seed"], secret.keywords["failing"]
    return [None if nap in failing else drawn_number(nap, seed) for nap in naps]


def draw_misleading_naps(draw: Callable[[], list[float]], workers: int, hidden: int) -> list[float]:
    """Call `draw` until a bar over the results of its naps, in order, would hide enough tasks.

    hidden: how many finished tasks the bar has to hide at one moment.
    """
    while True:
        naps = draw()
        if predict(naps, workers).most_behind >= hidden:
            return naps
