"""Details: what a recorder measured of a run beside the four columns of its Timeline."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

TIMES = "submitted", "sent", "freed", "arrived", "asked"
AMOUNTS = "task_bytes", "result_bytes", "cpu"


class CallDetails(NamedTuple):
    """One call of the program: it submits one task, or all tasks of a `map`.

    method: "map", "starmap", "imap", "imap_unordered", "apply", "submit" and so on. An executor's
        map is "executor.map".
    chunksize: how many tasks went into one message.
    function: the name of what the tasks run.
    """

    method: str
    chunksize: int
    function: str


class WorkerDetails(NamedTuple):
    """One worker, in seconds on the Timeline's clock; nan = not measured, or has not happened.

    made: when the pool began to start it.
    begun: when it began to run Python code of ours: before its initializer.
    ready: when it asked for its first task: its initializer has ended.
    ended: when it was seen to have ended.
    exit: how it ended: "" (as pools end their workers, or it still runs), "exit code 3", or
        "killed by signal 9".
    """

    made: float
    begun: float
    ready: float
    ended: float
    exit: str


class PoolDetails(NamedTuple):
    """One pool or executor.

    kind: the name of its class.
    start_method: "fork", "spawn", "forkserver", or "" for threads.
    processes: how many workers it was to have.
    where: the line of the program that made it: "script.py, line 3: with Pool(4) as pool:".
    made, closed: seconds on the Timeline's clock; nan = not measured, or has not happened.
    origin: the Timeline's time 0, in seconds since the program was first watched: it brings
        several pools onto one clock.
    """

    kind: str
    start_method: str
    processes: int
    where: str
    made: float
    closed: float
    origin: float


class SharedColumn(NamedTuple):
    """A column in which many tasks have the same value: task i has `values[index[i]]`.

    Details takes it in the place of an array, which it makes whenever it is asked for that.
    """

    values: np.ndarray
    index: np.ndarray


@dataclass(frozen=True, eq=False)
class Details:
    """What a recorder measured of each task, beside its worker, start, finish and delivery.

    A row per task, as in the Timeline. Times are seconds on the Timeline's clock. nan means "was
    not measured", or "has not happened".

    submitted: when the task was submitted; for imap, when its item was taken from the caller's
        iterable.
    sent: when the pool began to send the message that the task was in.
    freed: when the worker had handed over the message with the result.
    arrived: when the parent process had that message.
    asked: when the program began to wait for this result.
    task_bytes, result_bytes: the length of these messages; the tasks of a chunk share it evenly.
    cpu: the seconds that the worker's thread ran on a core during the task.
    call: the place of the task's call in `calls`; -1 = not known.
    errors: what tasks raised, by row: "ValueError: no such file". A task that could not be sent
        has an error and no start.
    calls, pool: see CallDetails, PoolDetails.
    workers: see WorkerDetails; in the order of the Timeline's numbers. Behind these are workers
        that never ran a task.

    Raises ValueError if the columns do not have the same length.
    """

    submitted: np.ndarray
    sent: np.ndarray
    freed: np.ndarray
    arrived: np.ndarray
    asked: np.ndarray
    task_bytes: np.ndarray
    result_bytes: np.ndarray
    cpu: np.ndarray
    call: np.ndarray
    errors: Mapping[int, str] = field(default_factory=dict)
    calls: tuple[CallDetails, ...] = ()
    workers: tuple[WorkerDetails, ...] = ()
    pool: PoolDetails | None = None

    def __post_init__(self) -> None:
        shared = {}
        object.__setattr__(self, "_shared", shared)
        for name in (*TIMES, *AMOUNTS, "call"):
            column = getattr(self, name)
            if isinstance(column, SharedColumn):
                shape = column.index.shape
                shared[name] = column
                object.__delattr__(self, name)  # so that `__getattr__` is asked
            else:
                column = np.asarray(column, dtype=int if name == "call" else float).view()
                shape = column.shape
                column.flags.writeable = False  # a view: the caller's own array stays as it is
                object.__setattr__(self, name, column)
            if shape != (len(self),):
                raise ValueError(
                    f"{name} has shape {shape}, submitted has {len(self)} rows; "
                    "allowed is one row per task"
                )

    def __getattr__(self, name: str) -> np.ndarray:
        if name not in self.__dict__.get("_shared", ()):
            raise AttributeError(f"Details has no {name!r}")
        values, index = self._shared[name]
        return values[index]

    def __len__(self) -> int:
        shared = self._shared.get("submitted")
        return len(self.submitted if shared is None else shared.index)

    @classmethod
    def empty(cls, tasks: int, **known: Any) -> "Details":
        """Return the details of so many tasks of which only `known` was measured."""
        columns = {name: np.full(tasks, np.nan) for name in (*TIMES, *AMOUNTS)}
        return cls(**(columns | {"call": np.full(tasks, -1)} | known))

    def as_json(self) -> dict[str, Any]:
        """Return the details as what `json.dumps` writes; nan stays nan."""
        columns = {name: getattr(self, name).tolist() for name in (*TIMES, *AMOUNTS, "call")}
        return columns | {
            "errors": {str(row): text for row, text in self.errors.items()},
            "calls": [call._asdict() for call in self.calls],
            "workers": [worker._asdict() for worker in self.workers],
            "pool": self.pool and self.pool._asdict(),
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> "Details":
        """Return the details that `as_json` gave; raise ValueError or TypeError for others.

        null stands for nan.
        """
        pool = saved["pool"]
        return cls(
            **{name: _numbers(saved[name]) for name in (*TIMES, *AMOUNTS, "call")},
            errors={int(row): str(text) for row, text in saved["errors"].items()},
            calls=tuple(CallDetails(**call) for call in saved["calls"]),
            workers=tuple(WorkerDetails(**_with_nan(each)) for each in saved["workers"]),
            pool=PoolDetails(**_with_nan(pool)) if pool else None,
        )


def _numbers(values: list[float | None]) -> np.ndarray:
    return np.array(values, dtype=float)


def _with_nan(saved: Mapping[str, Any]) -> dict[str, Any]:
    return {name: np.nan if value is None else value for name, value in saved.items()}
