"""Measure times, and make the rows that the benchmarks yield."""

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import NamedTuple


class Row(NamedTuple):
    """One line of the table. `ok` is yes or NO."""

    name: str
    figure: str
    wanted: str
    ok: str

    def __str__(self) -> str:
        """Return the line."""
        return f"{self.name:<48}{self.figure:>18}{self.wanted:>18}  {self.ok}"


def at_most(limit: float, name: str, figure: float, unit: str) -> Row:
    """Return a row that is as wanted if `figure` is `limit` or less."""
    return _row("<=", figure <= limit, limit, name, figure, unit)


def at_least(limit: float, name: str, figure: float, unit: str) -> Row:
    """Return a row that is as wanted if `figure` is `limit` or more."""
    return _row(">=", figure >= limit, limit, name, figure, unit)


def seconds(call: Callable[[], object], runs: int = 1) -> float:
    """Return how long `call` takes: the median of some runs."""
    return median(_time(call) for _ in range(runs))


def ratio(call: Callable[[], object], floor: Callable[[], object], runs: int = 9) -> float:
    """Return how many times longer `call` takes than `floor`: the median of some pairs.

    The two take turns in going first. So a machine that is busy for a while, or warm after the
    first call, favours neither. The first pair does not count.
    """
    ratios = []
    for run in range(runs + 1):
        order = [call, floor] if run % 2 else [floor, call]
        took = {each: _time(each) for each in order}
        ratios.append(took[call] / took[floor])
    return median(ratios[1:])


def _time(call: Callable[[], object]) -> float:
    begin = perf_counter()
    call()
    return perf_counter() - begin


def _row(sign: str, ok: bool, limit: float, name: str, figure: float, unit: str) -> Row:
    wanted = f"{sign} {limit:g} {unit}"
    return Row(name, f"{figure:.3g} {unit}", wanted, "yes" if ok else "NO")
