"""Run: a recorded run, prepared so that it can be computed again with one thing changed."""

from dataclasses import dataclass
from functools import cached_property
from heapq import heapify, heapreplace

import numpy as np

from watchedpool.budget import Budget, budget
from watchedpool.details import Details
from watchedpool.timeline import Timeline


@dataclass(frozen=True, eq=False)
class Messages:
    """What was sent to workers, a row per message, in the order of their starts.

    first: the place of its first task in `Run.order`. tasks: how many tasks were in it.
    seconds: how long its tasks ran. submitted: when it was. round: that it was in, from 0.
    """

    first: np.ndarray
    tasks: np.ndarray
    seconds: np.ndarray
    submitted: np.ndarray
    round: np.ndarray


class Run:
    """A run and its measured costs."""

    def __init__(self, timeline: Timeline, workers: int = 0) -> None:
        """workers: how many the pool has, if that is known; the details may know more."""
        self.timeline = timeline
        details = timeline.details
        self.measured = details is not None
        self.details = Details.empty(len(timeline)) if details is None else details
        pool = self.details.pool
        self.pool = pool
        self.workers = max(workers, pool.processes if pool else 0) or timeline.workers
        self.spent: Budget = budget(timeline, since=0.0)
        self.took = self.spent.end
        finished = ~np.isnan(timeline.start) & ~np.isnan(timeline.finish)
        order = np.flatnonzero(finished)
        self.order = order[np.argsort(timeline.start[order], kind="stable")]
        self.ran = (timeline.finish - timeline.start)[self.order]

    @property
    def threads(self) -> bool:
        """Whether the workers are threads."""
        return bool(self.pool and not self.pool.start_method)

    @property
    def executor(self) -> bool:
        """Whether the pool is an executor of `concurrent.futures`."""
        return bool(self.pool and self.pool.kind.endswith("Executor"))

    @cached_property
    def methods(self) -> set[str]:
        """The methods that were called."""
        return {call.method for call in self.details.calls}

    @cached_property
    def submitted(self) -> np.ndarray:
        """When each task was submitted; of what was not measured, at the beginning.

        If each task starts when the one before was delivered, they were submitted one by one.
        """
        submitted, timeline = self.details.submitted, self.timeline
        if np.isnan(submitted).any():
            one_by_one = len(timeline) > 1 and (
                timeline.max_concurrency == 1
                and (timeline.delivered[:-1] <= timeline.start[1:]).all()
            )
            return timeline.start if one_by_one else np.zeros(len(timeline))
        return np.minimum(submitted, np.where(np.isnan(timeline.start), np.inf, timeline.start))

    @cached_property
    def rounds(self) -> np.ndarray:
        """The round of each task: calls until one begins when all results before it were taken."""
        timeline = self.timeline
        taken = np.where(np.isnan(timeline.delivered), timeline.finish, timeline.delivered)
        taken = np.where(np.isnan(taken), np.inf, taken)
        order = np.argsort(self.submitted, kind="stable")
        before = np.append(-np.inf, np.maximum.accumulate(taken[order])[:-1])
        submitted = self.submitted[order]
        new = (before <= submitted) & (np.diff(submitted, prepend=-np.inf) > 0)
        call = self.details.call[order]
        new[1:] &= (call[1:] != call[:-1]) | (call[1:] < 0)  # -1 = not known
        rounds = np.empty(len(timeline), int)
        rounds[order] = np.cumsum(new) - 1
        return np.maximum(rounds, 0)

    @cached_property
    def pauses(self) -> np.ndarray:
        """The seconds from the last result of each round to the first task of the next."""
        rounds, timeline = self.rounds, self.timeline
        count = int(rounds.max(initial=-1)) + 1
        taken, began = np.full(count, -np.inf), np.full(count, np.inf)
        np.fmax.at(taken, rounds, np.fmax(timeline.delivered, timeline.finish))
        np.fmin.at(began, rounds, self.submitted)
        return (began[1:] - taken[:-1]).clip(0)

    @cached_property
    def messages(self) -> Messages:
        """The messages whose tasks have all ended."""
        order = self.order
        chunk = self.chunks[order]
        _, first, place, tasks = np.unique(
            chunk, return_index=True, return_inverse=True, return_counts=True
        )
        by_start = np.argsort(first, kind="stable")
        seconds = np.bincount(place, self.ran, minlength=len(first))
        rows = order[first[by_start]]
        return Messages(
            first[by_start],
            tasks[by_start],
            seconds[by_start],
            self.submitted[rows],
            self.rounds[rows],
        )

    @cached_property
    def chunks(self) -> np.ndarray:
        """The number of each task's message."""
        call = self.details.call
        if not len(call) or (call < 0).any() or not self.details.calls:
            return chunk_numbers(self.timeline)
        sizes = np.array([each.chunksize for each in self.details.calls])
        order = np.argsort(call, kind="stable")
        of_call = call[order]
        place = np.arange(len(call)) - np.searchsorted(of_call, of_call)
        new = (place % sizes[of_call]) == 0
        chunk = np.empty(len(call), int)
        chunk[order] = np.cumsum(new) - 1
        return chunk

    @cached_property
    def handover(self) -> float:
        """The mean seconds of a worker per message, beside its tasks."""
        seconds = self.spent.of("receiving", "sending", "between tasks").sum()
        return float(seconds) / max(len(self.messages.first), 1)

    @cached_property
    def ready(self) -> np.ndarray:
        """When each worker could take its first task."""
        pool = self.spent.of("start-up", "initializer", "before the first task")
        if not self.measured and self.rounds.max(initial=0):
            pool = np.full(len(pool), pool.min())  # a worker's turn may have come late
        ready = np.full(max(self.workers, 1), float(np.median(pool)) if len(pool) else 0.0)
        first = pool[: len(ready)]
        ready[: len(first)] = first
        return ready

    def again(
        self,
        *,
        ready: np.ndarray | None = None,
        seconds: np.ndarray | None = None,
        handover: float | None = None,
        submitted: np.ndarray | None = None,
        pauses: np.ndarray | None = None,
        in_rounds: bool = True,
    ) -> float:
        """Return when the last task would end, with something changed.

        seconds: of messages, which are then all in one round if their number has changed.
        submitted: when each message was, since the beginning of its round.
        """
        messages = self.messages
        seconds = messages.seconds if seconds is None else seconds
        handover = self.handover if handover is None else handover
        ready = self.ready if ready is None else ready
        free = [(float(moment), worker) for worker, moment in enumerate(ready)]
        heapify(free)
        if len(seconds) != len(messages.seconds) or not in_rounds:
            submitted, rounds = np.zeros(len(seconds)), np.zeros(len(seconds), int)
        else:
            rounds = messages.round
            submitted = self.since_round(messages.submitted) if submitted is None else submitted
        pauses = self.pauses if pauses is None else pauses
        now, last, current = 0.0, 0.0, 0
        for cost, release, number in zip(
            seconds.tolist(), submitted.tolist(), rounds.tolist(), strict=True
        ):
            if number != current:
                now, current = last + float(pauses[number - 1]), number
            moment, worker = free[0]
            end = max(moment, now + release) + handover + cost
            heapreplace(free, (end, worker))
            last = max(last, end)
        return last

    def since_round(self, moments: np.ndarray) -> np.ndarray:
        """Return these moments, one per message, as seconds since the first of their round."""
        rounds = self.messages.round
        begins = np.full(int(rounds.max(initial=-1)) + 1, np.inf)
        np.minimum.at(begins, rounds, moments)
        return moments - begins[rounds]

    @cached_property
    def base(self) -> float:
        """When the last task would end with nothing changed: what a change is compared with."""
        return self.again()


def chunk_numbers(timeline: Timeline) -> np.ndarray:
    """Return the number of each task's chunk, as far as a Timeline without details shows it.

    The tasks of a chunk run on one worker, one after the other, and are delivered at once. All
    chunks have the same size. If most of those found do not, each task is a chunk of its own.
    """
    same_worker = timeline.worker[1:] == timeline.worker[:-1]
    waited = timeline.delivered[:-1] >= timeline.finish[1:]
    at_once = np.abs(np.diff(timeline.delivered)) <= timeline.wait_threshold
    chunk = np.append(0, np.cumsum(~(same_worker & waited & at_once)))[: len(timeline)]
    of_size = np.bincount(np.bincount(chunk))  # how many chunks there are of each size
    size = int(np.argmax(of_size * np.arange(len(of_size)))) if len(of_size) else 1
    regular = size > 1 and of_size[size] > 2 and of_size[size] * size > len(timeline) / 2
    return chunk if regular else np.arange(len(timeline))
