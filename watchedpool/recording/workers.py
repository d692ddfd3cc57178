"""When a pool's workers were made and have ended, and how. Standard library only."""

from array import array
from typing import Any

from watchedpool import clock

WORKER_ROW = IDENTITY, MADE, ENDED, EXIT = range(4)  # what is kept of each


class WorkerLog:
    """What the parent notes of each worker: four numbers, because there may be many."""

    def __init__(self) -> None:
        """Note nothing yet."""
        self.rows = array("d")
        self.most = 0  # workers at a time
        self._idle_since = clock.now()

    def make(self, worker: Any, workers: int) -> None:
        """Note that a worker has been started, as one of so many.

        A pool begins to start it when it has done so with the one before, or has seen one end.
        """
        self.most = max(self.most, workers)
        identity = getattr(worker, "pid", None) or getattr(worker, "ident", None) or 0
        self.rows.extend((identity, self._idle_since, 0.0, 0.0))
        self._idle_since = clock.now()

    def end(self, worker: Any) -> None:
        """Note that a worker has ended."""
        self._idle_since = clock.now()
        identity = getattr(worker, "pid", None) or getattr(worker, "ident", None) or 0
        rows = self.rows
        for at in range(len(rows) - len(WORKER_ROW), -1, -len(WORKER_ROW)):
            if rows[at + IDENTITY] == identity and not rows[at + ENDED]:
                rows[at + ENDED] = self._idle_since
                rows[at + EXIT] = getattr(worker, "exitcode", 0) or 0
                break


class PoolWorkers(list):
    """The list of a pool's workers: notes when one comes or goes."""

    log: WorkerLog

    def append(self, worker: Any) -> None:
        """Add a worker that was just started."""
        super().append(worker)
        self.log.make(worker, len(self))

    def __delitem__(self, place: Any) -> None:
        if isinstance(place, int):
            self.log.end(self[place])
        super().__delitem__(place)


class ExecutorWorkers(dict):
    """The processes of an executor, by their numbers: notes when one comes or goes."""

    log: WorkerLog

    def __setitem__(self, identity: int, worker: Any) -> None:
        super().__setitem__(identity, worker)
        self.log.make(worker, len(self))

    def pop(self, identity: int, *default: Any) -> Any:
        """Remove a worker that has ended as it should."""
        if worker := self.get(identity):
            self.log.end(worker)
        return super().pop(identity, *default)

    def look(self) -> None:
        """Note which workers have ended: the executor has found that one did."""
        for worker in list(self.values()):
            if worker.exitcode is not None:
                self.log.end(worker)


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
