"""When a pool's workers were made and have ended, and how. Standard library only."""

import signal
import weakref
from array import array
from collections.abc import Iterable
from typing import Any

from watchedpool import clock
from watchedpool.recording.messages import Messages

WORKER_ROW = IDENTITY, MADE, ENDED, EXIT = range(4)  # what is kept of each


class WorkerLog:
    """What the parent notes of each worker: four numbers, because there may be many."""

    def __init__(self) -> None:
        """Note nothing yet."""
        self.rows = array("d")
        self.most = 0  # workers at a time
        self.messages: Messages | None = None  # of an executor
        self.broken = 0.0  # when an executor found that a worker had ended
        self.workers: weakref.ref | None = None  # where the pool has them
        self._idle_since = clock.now()

    def make(self, worker: Any, workers: int) -> None:
        """Note that a worker has been started, as one of so many.

        A pool begins to start it when it has done so with the one before, or has seen one end; an
        executor also when a task was submitted.
        """
        if self.messages:
            self._idle_since = max(self._idle_since, self.messages.last_submitted)
        self.most = max(self.most, workers)
        self.rows.extend((_identity(worker), self._idle_since, 0.0, 0.0))
        self._idle_since = clock.now()

    def end(self, worker: Any, code: int) -> None:
        """Note that a worker has ended, with this exit code."""
        self._idle_since = clock.now()
        identity, rows = _identity(worker), self.rows
        for at in range(len(rows) - len(WORKER_ROW), -1, -len(WORKER_ROW)):
            if rows[at + IDENTITY] == identity:
                if not rows[at + ENDED]:
                    rows[at + ENDED], rows[at + EXIT] = self.broken or self._idle_since, code
                break

    def look_again(self, workers: Iterable[Any] | None = None) -> None:
        """Note which workers the pool itself has found killed, when it was closed.

        To ask the system would take the answer from the pool. workers: those there are, by default.
        """
        if workers is None:
            there = self.workers() if self.workers else None
            workers = list(there.values() if isinstance(there, dict) else there or ())
        for worker in workers:
            code = getattr(getattr(worker, "_popen", None), "returncode", None)
            if code not in (None, 0, -signal.SIGTERM):  # as pools end their workers
                self.end(worker, code)


def _identity(worker: Any) -> int:
    """Return the number of a process or a thread."""
    return getattr(worker, "pid", None) or getattr(worker, "ident", None) or 0


class PoolWorkers(list):
    """The list of a pool's workers: notes when one comes or goes."""

    log: WorkerLog

    def append(self, worker: Any) -> None:
        """Add a worker that was just started."""
        super().append(worker)
        self.log.make(worker, len(self))

    def __del__(self) -> None:
        self.log.look_again(self)

    def __delitem__(self, place: Any) -> None:
        if isinstance(place, int):
            self.log.end(self[place], getattr(self[place], "exitcode", 0) or 0)
        super().__delitem__(place)


class ExecutorWorkers(dict):
    """The processes of an executor, by their numbers: notes when one comes or goes."""

    log: WorkerLog

    def __setitem__(self, identity: int, worker: Any) -> None:
        super().__setitem__(identity, worker)
        self.log.make(worker, len(self))

    def __del__(self) -> None:
        self.log.look_again(self.values())

    def pop(self, identity: int, *default: Any) -> Any:
        """Remove a worker that has ended as it should."""
        if worker := self.get(identity):
            self.log.end(worker, 0)
        return super().pop(identity, *default)

    def look(self) -> None:
        """Note which workers have ended: the executor has found that one did."""
        self.log.broken = clock.now()
        for worker in list(self.values()):
            if worker.exitcode is not None:
                self.log.end(worker, worker.exitcode)


class ExecutorThreads(set):
    """The threads of an executor: notes when one comes."""

    log: WorkerLog

    def add(self, worker: Any) -> None:
        """Add a thread that was just started."""
        super().add(worker)
        self.log.make(worker, len(self))


def exit_in_words(code: int) -> str:
    """Return how a process ended, from its exit code: "" if that is as it should be."""
    if code < 0:
        return f"killed by signal {-code}"
    return f"exit code {code}" if code else ""
