"""What the measurements of several exercises share."""

import random
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

from helpers.bar_recipes import Bar
from helpers.exercises.limits import MachineBusyError, TimeLimitError, make_pool, run_limited
from helpers.workers import drawn_number, nap, nap_and_draw
from watchedpool.schedule import predict
from watchedpool.timeline import Timeline

Run = TypeVar("Run")

TRIES = 3  # a busy machine can spoil one run; a wrong answer spoils every run
# With a control: if it is good so many times, the answer is at fault; if not, we do not know.
FAIR_TRIES, MAX_TRIES = 2, 4


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


def measure_with_control(
    is_good: Callable[[Run], bool],
    measure: Callable[[Callable], Run],
    answer: Callable,
    control: Callable,
) -> Run:
    """Return a run of the answer that its grade may trust: a good one, or one bad by its own fault.

    After each bad run, `control`, an answer of our own, is measured in the same way. If it is good,
    the machine was quick enough, and the answer should have been good, too.

    is_good: whether a run passes every test of the grade that depends on time.

    Raises MachineBusyError if the machine disturbs too many control runs, and TimeLimitError if
    only the answer does not return in time.
    """
    fair_tries = 0
    for _ in range(MAX_TRIES):
        try:
            run = measure(answer)
        except TimeLimitError as late:
            _measure_in_time(measure, control)
            raise late
        if is_good(run):
            return run
        fair_tries += is_good(_measure_in_time(measure, control))
        if fair_tries == FAIR_TRIES:
            return run
    raise MachineBusyError


def _measure_in_time(measure: Callable[[Callable], Run], control: Callable) -> Run:
    try:
        return measure(control)
    except TimeLimitError:
        raise MachineBusyError from None


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
