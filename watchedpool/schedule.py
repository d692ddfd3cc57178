"""predict(): compute the Timeline of a pool in milliseconds, without running the pool.

A pool hands out its tasks in chunks, in order, and each chunk goes to the first worker that is
free. Scheduling theory calls this *list scheduling*. The model contains nothing more. In
particular, tasks do not slow down if more workers compute than there are cores.
"""

import reprlib
from collections.abc import Callable, Sequence
from heapq import heapify, heapreplace
from numbers import Integral
from typing import NamedTuple

import numpy as np

from watchedpool.timeline import IDLE, Timeline

# For each method: from the ends of the chunks to the moments when their results are delivered.
_DELIVERY_TIMES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "map": lambda ends: np.full(len(ends), ends.max(initial=0.0)),  # all, with the last chunk
    "imap": np.maximum.accumulate,  # in order: a chunk waits for those before it
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

    chunksize: how many tasks a worker takes at a time. Their results are delivered together, when
        the last of these tasks is done. None stands for the default of Pool.map, and is allowed for
        "map" only.
    method: the method of Pool that delivers the results: "map", "imap", "imap_unordered", or
        "apply_async" with a callback, which has no chunks.
    startup: when the workers can start their first task, as one number or as one per worker.
    gap: the seconds from the end of a chunk until its worker starts the next one.

    Raises ValueError for values that no pool can run. The message names the argument and what is
    allowed.
    """
    durations = check_seconds("durations", durations)
    workers = check_whole("workers", workers)
    size = _chunksize(chunksize, method, len(durations), workers)
    free = check_seconds("startup", startup, workers)
    gap = check_seconds("gap", gap, 1)

    chunks = -(-len(durations) // size)
    done = np.zeros(chunks * size)  # one row per chunk; the last is filled up with 0
    done[: len(durations)] = durations
    done = done.reshape(chunks, size).cumsum(axis=1)
    starts, worker = _assign(free, done[:, -1] + gap)
    finish = starts[:, None] + done
    start = np.column_stack([starts, finish[:, :-1]])
    delivered = _DELIVERY_TIMES[method](finish[:, -1])
    rows = slice(len(durations))
    return Timeline(
        np.repeat(worker, size)[rows],
        start.ravel()[rows],
        finish.ravel()[rows],
        np.repeat(delivered, size)[rows],
    )


def calibrate(timeline: Timeline, durations: float | Sequence[float] | None = None) -> dict:
    """Return the costs of a pool, measured on a timeline with one task per chunk.

    They are arguments for `predict(..., **costs)`: `startup`, one number per worker, and `gap`. The
    gap is the mean of the measured ones, because a makespan is a sum of gaps that includes the rare
    long ones.

    durations: how long the tasks were meant to take, as one number or as one per task. If they are
        given, the time that a task took beyond its duration is part of the gap. A nap, for example,
        oversleeps by about 0.1 ms.

    Raises ValueError if no worker ran two tasks, because the gap is then unknown.
    """
    if durations is not None:
        meant = timeline.start + check_seconds("durations", durations, len(timeline))
        timeline = Timeline(timeline.worker, timeline.start, meant)
    gaps = timeline.gaps[~np.isnan(timeline.gaps)]
    if not len(gaps):
        raise ValueError(
            f"timeline has {np.sum(timeline.worker != IDLE)} started tasks on {timeline.workers} "
            "workers; allowed is a timeline with a worker that ran two, for the gap between them"
        )
    return {"startup": timeline.startup.tolist(), "gap": max(0.0, float(gaps.mean()))}


class Bounds(NamedTuple):
    """The limits of a makespan, whatever the order of the tasks. See `bounds`."""

    least: float
    most: float


def bounds(durations: Sequence[float], workers: int) -> Bounds:
    """Return the classical bounds on the makespan of these tasks, handed out one at a time.

    least: the even share of all seconds per worker, or the longest task, whichever is longer. No
        schedule can take less.
    most: the even share + (1 - 1/m) times the longest task, for m workers. "First come, first
        served" takes at most that long, in any order, and so at most 2 - 1/m times as long as the
        best schedule (R. L. Graham, Bounds for certain multiprocessing anomalies, Bell System
        Technical Journal 45, 1966).

    Raises ValueError for durations or a number of workers that `predict` does not allow.
    """
    durations = check_seconds("durations", durations)
    workers = check_whole("workers", workers)
    work = float(durations.sum()) / workers
    longest = float(durations.max(initial=0.0))
    return Bounds(max(work, longest), work + (1 - 1 / workers) * longest)


def _assign(free: np.ndarray, costs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Assign chunks to workers, first come, first served; return each chunk's start and worker.

    If several workers become free at the same moment, the first of them takes the chunk.

    free: when each worker can start.
    costs: how long each chunk occupies its worker.
    """
    heap = [(moment, worker) for worker, moment in enumerate(free.tolist())]
    heapify(heap)
    assigned = []
    for cost in costs.tolist():
        moment, worker = heap[0]
        assigned.append(heapreplace(heap, (moment + cost, worker)))
    starts, workers = np.array(assigned).reshape(-1, 2).T
    return starts, workers.astype(int)


def _chunksize(chunksize: int | None, method: str, tasks: int, workers: int) -> int:
    """Return the chunksize that a pool would use: at most the number of tasks."""
    if method not in _DELIVERY_TIMES:
        raise ValueError(f"method is {method!r}; allowed are {', '.join(_DELIVERY_TIMES)}")
    if chunksize is None:
        if method != "map":
            raise ValueError(
                f"chunksize is None; allowed with {method} is a whole number, 1 or more: "
                "only map computes a chunksize itself"
            )
        chunksize = -(-tasks // (4 * workers)) or 1  # as Pool.map_async computes it
    if check_whole("chunksize", chunksize) > 1 and method == "apply_async":
        raise ValueError(f"chunksize is {chunksize}; allowed with {method} is 1: it has no chunks")
    return max(1, min(chunksize, tasks))


def check_seconds(
    name: str, values: float | Sequence[float], length: int | None = None
) -> np.ndarray:
    """Return `values` as an array of seconds. With a length, one number is repeated.

    Raises ValueError, which names the argument, for anything other than seconds, 0 or more.
    """
    allowed = "allowed are seconds, 0 or more"
    try:
        seconds = np.asarray(values, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} is {reprlib.repr(values)}; {allowed}") from None
    if length is not None and seconds.shape not in [(), (length,)]:
        raise ValueError(f"{name} has shape {seconds.shape}; allowed is one number, or {length}")
    if length is None and seconds.ndim != 1:
        raise ValueError(f"{name} is {reprlib.repr(values)}; allowed is a sequence of seconds")
    for place in np.argwhere(~((seconds >= 0) & (seconds < np.inf)))[:1]:
        where = "".join(f"[{index}]" for index in place)
        raise ValueError(f"{name}{where} is {seconds[tuple(place)]}; {allowed}")
    return seconds if length is None else np.broadcast_to(seconds, length)


def check_whole(name: str, value: int) -> int:
    """Return `value`; raise ValueError, which names it, if it is not a whole number above 0."""
    if not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} is {value!r}; allowed is a whole number, 1 or more")
    return int(value)
