"""Functions that measure answers, for several exercises."""

import os
import random
from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain
from pathlib import Path
from time import monotonic
from typing import Any

from helpers.bar_recipes import Bar
from helpers.exercises.limits import (
    TIME_LIMIT,
    ExercisePool,
    MachineBusyError,
    TimeLimitError,
    TimingError,
    WrongAnswerError,
    make_pool,
    run_limited,
)
from helpers.workers import drawn_number, nap, nap_and_draw
from watchedpool.schedule import predict
from watchedpool.timeline import Timeline

# If so many control runs are quick enough, the answer is at fault. After MAX_TRIES we do not know.
FAIR_TRIES, MAX_TRIES = 2, 4
POOL_LIMIT = 20.0  # seconds that an answer may take, however slowly its workers start


def measure_naps(
    naps: list[float], workers: int, method: str = "map", chunksize: int = 1
) -> Timeline:
    """Return the Timeline of these naps, run by a method of a pool that has started."""
    with make_pool(workers) as pool:
        list(getattr(pool, method)(nap, naps, chunksize=chunksize))
        return pool.timeline()


def make_pool_and_limit(workers: int) -> tuple[ExercisePool, float]:
    """Return a pool, and how many seconds an answer may take.

    The limit is higher if the workers started slowly. Workers that are new Python processes on a
    busy machine also import the file of a reader's function slowly.
    """
    begin = monotonic()
    pool = make_pool(workers)
    return pool, min(POOL_LIMIT, TIME_LIMIT + round(5 * (monotonic() - begin)))


def grade_fairly(
    measure: Callable[[Callable], tuple], grade: Callable, answer: Callable, control: Callable
) -> str:
    """Return what `grade` returns for what `measure` returns for the answer.

    If the answer was too slow, `control`, an answer of our own, is measured and graded in the same
    way. If that one was quick enough, so was the machine, and the answer is at fault.

    Raises MachineBusyError if the machine disturbs too many control runs, and TimingError if only
    the answer is too slow.
    """
    fair_tries = 0
    for _ in range(MAX_TRIES):
        try:
            return grade(*measure(answer))
        except TimingError as error:
            slow = error
        except MachineBusyError:
            continue
        fair_tries += _is_accepted(measure, grade, control)
        if fair_tries == FAIR_TRIES or (fair_tries and isinstance(slow, TimeLimitError)):
            raise slow
        if isinstance(slow, TimeLimitError):
            break
    raise MachineBusyError


def _is_accepted(measure: Callable[[Callable], tuple], grade: Callable, answer: Callable) -> bool:
    try:
        grade(*measure(answer))
    except (WrongAnswerError, MachineBusyError):
        return False
    return True


def run_with_bar(answer: Callable, *args: Any) -> tuple[Any, Any]:
    """Return what `run_limited` returns, and the bar of the answer; None if it made no bar.

    Of several bars, the one that counted most is meant.
    """
    Bar.made.clear()
    result = run_limited(answer, *args)
    return result, max(Bar.made, key=lambda bar: bar.n, default=None)


def secret_function(failing: Iterable[float] = ()) -> partial:
    """Return a function of a nap. Nobody can know its results without running it.

    failing: the naps for which it raises ValueError.
    """
    return partial(nap_and_draw, seed=random.randrange(10**6), failing=frozenset(failing))


def expected_results(secret: partial, naps: Iterable[float]) -> list[float | None]:
    """Return what a `secret_function` returns for each nap; None where it raises ValueError."""
    seed, failing = secret.keywords["seed"], secret.keywords["failing"]
    return [None if nap in failing else drawn_number(nap, seed) for nap in naps]


def kept_results(folder: Path) -> tuple[list[float], int]:
    """Return what `keep_result` has kept in this folder, and how much of it this process made."""
    kept = {int(path.name): path.read_text().split() for path in folder.iterdir()}
    return [float(each) for each in chain(*kept.values())], len(kept.get(os.getpid(), []))


def draw_misleading_naps(draw: Callable[[], list[float]], workers: int, hidden: int) -> list[float]:
    """Call `draw` until a bar over the results of its naps in order would hide enough tasks.

    hidden: how many finished tasks the bar has to hide at one moment.
    """
    while True:
        naps = draw()
        if predict(naps, workers).most_behind >= hidden:
            return naps
