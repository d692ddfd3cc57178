"""predict(): the Timeline a pool would leave, computed in milliseconds and without running it.

A pool deals its tasks in chunks, in order, and each chunk goes to the first worker that is free:
scheduling theory calls that *list scheduling*. The model is that and nothing more, so it does not
know of cores shared by more busy workers than there are cores; naps share none.
"""

import random
from collections.abc import Callable, Sequence
from heapq import heapify, heapreplace
from numbers import Integral
from reprlib import repr as short
from typing import NamedTuple

import numpy as np

from helpers.timeline import IDLE, Timeline

# From the end of each chunk to the moment when its results are shown.
_SHOWN: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "map": lambda ends: np.full(len(ends), ends.max(initial=0.0)),  # all, with the last
    "imap": np.maximum.accumulate,  # in order: each waits for those before it
    "imap_unordered": np.copy,
    "apply_async": np.copy,
}


def predict(
    durations: Sequence[float],
    workers: int,
    chunksize: int | None = 1,
    method: str = "imap",
    startup: float | Sequence[float] = 0.0,
    gap: float = 0.0,
) -> Timeline:
    """Return the Timeline of a pool that runs tasks of these durations, in seconds.

    chunksize: how many tasks a worker takes at a time; their results arrive together, when the
        last is done. None is the default of Pool.map, and for "map" only.
    method: which of Pool's methods shows the results: "map", "imap", "imap_unordered", or
        "apply_async" with a callback, which has no chunks.
    startup: when the workers can start their first task: one number, or one a worker.
    gap: from the end of a chunk until its worker starts the next.

    Raises ValueError for what no pool can run: it names the argument, and what is allowed.
    """
    durations = _seconds("durations", durations)
    workers = _whole("workers", workers)
    size = _chunksize(chunksize, method, len(durations), workers)
    free = _seconds("startup", startup, workers)
    gap = _seconds("gap", gap, 1)

    chunks = -(-len(durations) // size)
    done = np.zeros(chunks * size)  # a row a chunk; the last may be longer than its tasks
    done[: len(durations)] = durations
    done = done.reshape(chunks, size).cumsum(axis=1)
    starts, worker = _deal(free, done[:, -1] + gap)
    finish = starts[:, None] + done
    start = np.column_stack([starts, finish[:, :-1]])
    shown = _SHOWN[method](finish[:, -1])
    rows = slice(len(durations))
    return Timeline(
        np.repeat(worker, size)[rows],
        start.ravel()[rows],
        finish.ravel()[rows],
        np.repeat(shown, size)[rows],
    )


def calibrate(timeline: Timeline, durations: float | Sequence[float] | None = None) -> dict:
    """Return what a measured timeline, with one task a chunk, says of the costs of its pool.

    The answer is for `predict(..., **costs)`: `startup`, one number a worker, and `gap`, the mean
    of what was measured: a makespan adds gaps up, also the rare long ones.

    durations: how long the tasks were meant to take, one number or one a task. With it, what they
        took beyond that counts as gap: a nap oversleeps by some 0.1 ms.

    Raises ValueError where no worker ran two tasks, which leaves the gap unknown.
    """
    if durations is not None:
        meant = timeline.start + _seconds("durations", durations, len(timeline))
        timeline = Timeline(timeline.worker, timeline.start, meant)
    gaps = timeline.gaps[~np.isnan(timeline.gaps)]
    if not len(gaps):
        raise ValueError(
            f"timeline has {np.sum(timeline.worker != IDLE)} started tasks on {timeline.workers} "
            "workers; needed is a worker that ran two, for the gap between them"
        )
    return {"startup": timeline.startup.tolist(), "gap": max(0.0, float(gaps.mean()))}


class Bounds(NamedTuple):
    """Between what a makespan must lie, whatever the order of the tasks. See `bounds`."""

    least: float
    most: float


def bounds(durations: Sequence[float], workers: int) -> Bounds:
    """Return the classical bounds on the makespan of these tasks, dealt one at a time.

    least: all seconds shared evenly, or the longest task: no schedule can shorten either.
    most: all seconds shared evenly + (1 - 1/m) longest. First come, first served takes at most
        that on m workers, in any order, and so at most 2 - 1/m times the best schedule (R. L.
        Graham, Bounds for certain multiprocessing anomalies, Bell System Technical Journal 45,
        1966).
    """
    durations = _seconds("durations", durations)
    workers = _whole("workers", workers)
    work = float(durations.sum()) / workers
    longest = float(durations.max(initial=0.0))
    return Bounds(max(work, longest), work + (1 - 1 / workers) * longest)


# Each takes the number of tasks and random numbers; returns naps as shares of the longest.
PATTERNS: dict[str, Callable[[int, random.Random], list[float]]] = {
    "countdown": lambda tasks, _: [(tasks - i) / tasks for i in range(tasks)],
    "count-up": lambda tasks, _: [(i + 1) / tasks for i in range(tasks)],
    "equal": lambda tasks, _: [0.5] * tasks,
    "random": lambda tasks, dice: [dice.uniform(0.1, 1) for _ in range(tasks)],
    "one straggler": lambda tasks, _: [1.0 if i == tasks // 2 else 0.1 for i in range(tasks)],
}


def naps(pattern: str, tasks: int, seed: int = 0, longest: float = 2.0) -> list[float]:
    """Return how long each of so many tasks shall nap, in seconds.

    pattern: "countdown" (each shorter than the one before), "count-up", "equal" (each half the
        longest), "random" (the same for the same seed), or "one straggler" in the middle.
    longest: the longest nap of the pattern.

    Raises ValueError for another pattern or no task: it says what is allowed.
    """
    if pattern not in PATTERNS:
        raise ValueError(f"pattern is {pattern!r}; allowed are {', '.join(PATTERNS)}")
    tasks, longest = _whole("tasks", tasks), float(_seconds("longest", longest, 1)[0])
    return [share * longest for share in PATTERNS[pattern](tasks, random.Random(seed))]


def _deal(free: np.ndarray, costs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Deal chunks to workers, first come, first served; return each chunk's start and worker.

    free: when each worker can start. costs: how long each chunk keeps its worker. Of workers that
    are free at the same moment, the first takes the chunk.
    """
    heap = [(moment, worker) for worker, moment in enumerate(free.tolist())]
    heapify(heap)
    dealt = []
    for cost in costs.tolist():
        moment, worker = heap[0]
        dealt.append(heapreplace(heap, (moment + cost, worker)))
    starts, workers = np.array(dealt).reshape(-1, 2).T
    return starts, workers.astype(int)


def _chunksize(chunksize: int | None, method: str, tasks: int, workers: int) -> int:
    """Return the chunksize a pool would use: never more than there are tasks."""
    if method not in _SHOWN:
        raise ValueError(f"method is {method!r}; allowed are {', '.join(_SHOWN)}")
    if chunksize is None:
        if method != "map":
            raise ValueError(
                f"chunksize is None; allowed with {method} is a whole number, 1 or more: "
                "only map works out a chunksize of its own"
            )
        chunksize = -(-tasks // (4 * workers)) or 1  # as Pool.map_async works it out
    if _whole("chunksize", chunksize) > 1 and method == "apply_async":
        raise ValueError(f"chunksize is {chunksize}; allowed with {method} is 1: it has no chunks")
    return max(1, min(chunksize, tasks))


def _seconds(name: str, values: float | Sequence[float], length: int | None = None) -> np.ndarray:
    """Return `values` as a column of seconds. With a length, one number stands for as many."""
    allowed = "allowed are seconds, 0 or more"
    try:
        seconds = np.asarray(values, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} is {short(values)}; {allowed}") from None
    if length is not None and seconds.shape not in [(), (length,)]:
        raise ValueError(f"{name} has shape {seconds.shape}; allowed is one number, or {length}")
    if length is None and seconds.ndim != 1:
        raise ValueError(f"{name} is {short(values)}; allowed is a sequence, one number a task")
    for place in np.argwhere(~((seconds >= 0) & (seconds < np.inf)))[:1]:
        where = "".join(f"[{index}]" for index in place)
        raise ValueError(f"{name}{where} is {seconds[tuple(place)]}; {allowed}")
    return seconds if length is None else np.broadcast_to(seconds, length)


def _whole(name: str, value: int) -> int:
    if not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} is {value!r}; allowed is a whole number, 1 or more")
    return int(value)
