"""Runs of a simulated pool, with every detail: the truth that budgets and findings are told."""

from dataclasses import dataclass, field

import numpy as np

from watchedpool import Timeline
from watchedpool.details import CallDetails, Details, PoolDetails, WorkerDetails


@dataclass
class Simulated:
    """A pool. Seconds are per worker, per message, per task, or per result."""

    durations: list = field(default_factory=list)
    workers: int = 4
    method: str = "imap_unordered"
    chunksize: int = 1
    startup: float = 0.0
    initializer: float = 0.0
    producer: float = 0.0  # per task
    receive: float = 0.0  # per message
    send: float = 0.0
    consumer: float = 0.0
    cpu: float = 1.0  # share of a task
    pause: float = 0.0  # between two calls
    calls: int = 1
    kind: str = "Pool"
    start_method: str = "fork"
    task_bytes: float = 100.0
    result_bytes: float = 100.0

    def run(self):
        """Return the Timeline, and the seconds per part of all workers, added up."""
        ready = self.startup + self.initializer
        free = np.full(self.workers, ready)
        truth = dict.fromkeys(
            ("start-up", "initializer", "receiving", "running", "waiting in tasks", "sending"), 0.0
        )
        truth["start-up"] = self.startup * self.workers
        truth["initializer"] = self.initializer * self.workers
        one_by_one = self.method in ("apply", "submit")
        rows, now, calls = [], 0.0, []
        for _ in range(self.calls):
            now = self._call(now, free, rows, truth, calls, one_by_one) + self.pause
        return self._timeline(rows, calls), truth

    def _call(self, now, free, rows, truth, calls, one_by_one):
        first = len(rows)
        if not one_by_one:
            calls.append(CallDetails(self.method, self.chunksize, "work"))
        for at in range(0, len(self.durations), self.chunksize):
            tasks = self.durations[at : at + self.chunksize]
            if one_by_one:
                calls.append(CallDetails(self.method, 1, "work"))
            else:
                now += self.producer * len(tasks) * (self.method != "map")
            worker = int(np.argmin(free))
            start = max(free[worker], now) + self.receive
            finish = start + np.cumsum(tasks)
            freed = finish[-1] + self.send
            truth["receiving"] += self.receive
            truth["sending"] += self.send
            truth["running"] += self.cpu * sum(tasks)
            truth["waiting in tasks"] += (1 - self.cpu) * sum(tasks)
            starts = [start, *finish[:-1]]
            for begin, end in zip(starts, finish, strict=True):
                rows.append([worker, begin, end, now, freed, len(calls) - 1])
            free[worker] = freed
            if one_by_one:
                now = freed + self.consumer
        return now if one_by_one else max((row[4] for row in rows[first:]), default=now)

    def _timeline(self, rows, calls):
        worker, start, finish, submitted, freed, call = np.array(rows).reshape(-1, 6).T
        asked, delivered = self._taken(freed, submitted, call.astype(int))
        ready = self.startup + self.initializer
        each = WorkerDetails(0.0, self.startup, ready, np.nan, "")
        details = Details.empty(
            len(rows),
            submitted=submitted,
            sent=submitted,
            freed=freed,
            arrived=freed,
            asked=asked,
            task_bytes=np.full(len(rows), self.task_bytes),
            result_bytes=np.full(len(rows), self.result_bytes),
            cpu=np.minimum(self.cpu * (finish - start), finish - start),
            call=call.astype(int),
            calls=tuple(calls),
            workers=(each,) * self.workers,
            pool=PoolDetails(self.kind, self.start_method, self.workers, "", 0.0, np.nan, 0.0),
        )
        return Timeline(worker, start, finish, delivered, details=details)

    def _taken(self, freed, submitted, call):
        """Return when the loop asked for each result, and when it had it."""
        asked, delivered = np.full((2, len(freed)), np.nan)
        for number in np.unique(call):
            rows = np.flatnonzero(call == number)
            ready = freed[rows]
            unordered = self.method == "imap_unordered"
            order = rows[np.argsort(ready, kind="stable")] if unordered else rows
            if self.method == "map":
                delivered[rows], asked[rows] = ready.max(), submitted[rows].min()
                continue
            now = submitted[rows].min()
            for row in order:
                asked[row] = now
                delivered[row] = max(now, freed[row])
                now = delivered[row] + self.consumer
        return asked, delivered
