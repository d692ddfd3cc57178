"""Timeline: what happened to each task of a pool, as four columns, and what follows from them."""

import json
import reprlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from watchedpool.details import Details

if TYPE_CHECKING:
    from watchedpool.budget import Budget

IDLE = -1  # the worker of a task that has not started
FORMAT = "a watched pool's timeline 3"  # the first words of a saved timeline
FORMAT_2 = "a watched pool's timeline 2"  # without details
FORMAT_1 = "a watched pool's timeline 1"  # its column `delivered` has the name "shown"
BESIDE = "budget", "findings"  # what a file may hold besides, made from the timeline
COLUMNS = "worker", "start", "finish", "delivered", "spread"


@dataclass(frozen=True, eq=False)
class Timeline:
    """What happened to each task: row i is the i-th task that was submitted.

    Times are seconds since the first task was submitted; nan means "has not happened".

    worker: which worker ran the task. Labels of any kind become 0, 1, ... in the order of the
        workers' first starts, and -1 for a task that has not started.
    start, finish: when the worker began the task, and when it ended.
    delivered: when the code that waits for the results received this one. Without it, no task was
        delivered.
    spread: for which tasks start and finish are averages: a recorder measures tasks of a chunk that
        are shorter than 0.05 ms in blocks, and shares the time of a block evenly among its tasks.
    details: what a recorder measured besides, such as bytes and seconds of CPU; None if nothing.

    Raises ValueError if a column is not as long as `start` or contains anything but numbers and
    nan, and if a task finishes before its start or without one.
    """

    worker: np.ndarray
    start: np.ndarray
    finish: np.ndarray
    delivered: np.ndarray | None = None
    spread: np.ndarray | None = None
    details: Details | None = None

    def __post_init__(self) -> None:
        start = _column("start", self.start)
        finish = _column("finish", self.finish, len(start))
        delivered = np.full(len(start), np.nan) if self.delivered is None else self.delivered
        delivered = _column("delivered", delivered, len(start))
        for row in np.flatnonzero(~np.isnan(finish) & ~(finish >= start)):
            raise ValueError(
                f"finish[{row}] is {finish[row]}, but start[{row}] is {start[row]}; "
                "allowed is the moment of the start, or a later one"
            )
        worker = _number_workers(self.worker, start)
        spread = np.zeros(len(start), bool) if self.spread is None else self.spread
        spread = _column("spread", spread, len(start)).astype(bool)
        columns = {"worker": worker, "start": start, "finish": finish, "delivered": delivered}
        columns["spread"] = spread
        if self.details is not None and len(self.details) != len(start):
            raise ValueError(
                f"details has {len(self.details)} rows, start has {len(start)}; "
                "allowed is one row per task"
            )
        for name, column in columns.items():
            column.flags.writeable = False  # a view: the caller's own array stays as it is
            object.__setattr__(self, name, column)

    def __len__(self) -> int:
        return len(self.start)

    @property
    def workers(self) -> int:
        """The number of workers that started a task."""
        return int(self.worker.max(initial=IDLE)) + 1

    @property
    def work(self) -> "Timeline":
        """The same tasks without their deliveries: a picture of it has lanes only."""
        return replace(self, delivered=None)

    @property
    def lag(self) -> np.ndarray:
        """The seconds from each task's finish to its delivery; nan if it was not delivered."""
        return self.delivered - self.finish

    @property
    def makespan(self) -> float:
        """The seconds from the first submission to the last finish; 0 if no task finished."""
        return _latest(self.finish)

    @property
    def end(self) -> float:
        """The moment of the last event of any kind, in seconds; 0 if nothing has happened."""
        return max(_latest(column) for column in (self.start, self.finish, self.delivered))

    @property
    def wait_threshold(self) -> float:
        """The seconds from finish to delivery above which we say that a task *waits*.

        It is a fiftieth of the makespan, and at most 0.05 s. That is less than an eye notices, and
        more than a pipe needs to hand over a result.
        """
        return min(0.05, self.makespan / 50)

    @cached_property
    def worst(self) -> tuple[float, int, int]:
        """The moment when the most tasks waited: (seconds, finished, delivered).

        The moment is the last one before the bar moved again. A task counts once it has waited
        longer than `wait_threshold`. If no task ever waited, this is (0.0, 0, 0).
        """
        until = np.where(np.isnan(self.delivered), self.end, self.delivered)
        late = self.finish + self.wait_threshold < until
        if not late.any():
            return 0.0, 0, 0
        since = sorted_times(self.finish[late] + self.wait_threshold)
        behind = count_until(since, since) - count_until(until[late], since)
        peak = int(np.argmax(behind))
        delivered = int(count_until(until, since[peak]))
        return float(sorted_times(until)[delivered]), delivered + int(behind[peak]), delivered

    @property
    def most_behind(self) -> int:
        """The largest number of tasks that were finished, but not delivered, at one moment."""
        _, finished, delivered = self.worst
        return finished - delivered

    @property
    def most_ahead(self) -> int:
        """The largest number of tasks that were delivered, but not finished, at one moment.

        It is greater than 0 for a bar that counts what goes into a pool.
        """
        delivered = self.delivered[~np.isnan(self.delivered)]
        ahead = count_until(delivered, delivered) - count_until(self.finish, delivered)
        return int(ahead.max(initial=0))

    @property
    def max_concurrency(self) -> int:
        """The largest number of tasks that ran at the same moment."""
        starts, finishes = self._intervals()
        running = count_until(starts, starts) - count_until(finishes, starts)
        return int(running.max(initial=0))

    @property
    def mean_concurrency(self) -> float:
        """The mean number of tasks that ran at a time, from the first start to the last end."""
        starts, finishes = self._intervals()
        if not len(starts) or finishes.max() == starts.min():
            return 0.0
        return float((finishes - starts).sum() / (finishes.max() - starts.min()))

    @cached_property
    def longest_stall(self) -> float:
        """The longest time, in seconds, in which tasks ran and none was delivered."""
        starts, finishes = map(sorted_times, self._intervals())
        if not len(starts):
            return 0.0
        # When as many tasks have ended as have started, nothing runs until the next start.
        pause = np.flatnonzero(starts[1:] > finishes[:-1])
        begin, end = (np.append(starts[0], at) for at in (finishes[pause], starts[pause + 1]))
        sums = np.repeat(np.append(0.0, np.cumsum(end - begin)), 2)[1:-1]  # at each begin and end
        delivered = self.delivered[~np.isnan(self.delivered)].clip(starts[0], finishes[-1])
        moments = sorted_times(np.concatenate([[starts[0], finishes[-1]], delivered]))
        paused = np.interp(moments, np.ravel([begin, end], order="F"), sums)
        return float(np.diff(moments - paused).max())

    @property
    def utilisation(self) -> np.ndarray:
        """The share of the makespan that each worker spent on tasks: from 0 to 1, per worker.

        If tasks still run, it is the share of the time until `end`, and they last until then.
        """
        starts, finishes = self._intervals()
        ran = ~np.isnan(self.start)
        busy = np.bincount(self.worker[ran], finishes - starts, minlength=self.workers)
        return busy / max(_latest(finishes), np.finfo(float).tiny)

    @property
    def startup(self) -> np.ndarray:
        """The moment when each worker started its first task, in seconds."""
        first, ran = np.full(self.workers, np.inf), self.worker != IDLE
        np.minimum.at(first, self.worker[ran], self.start[ran])
        return first

    @cached_property
    def gaps(self) -> np.ndarray:
        """The seconds from each task to its worker's next one; nan if the task has no end."""
        order = np.lexsort([self.start, self.worker])
        order = order[self.worker[order] != IDLE]
        before, after = order[:-1], order[1:]
        same = self.worker[before] == self.worker[after]
        return (self.start[after] - self.finish[before])[same]

    @property
    def without_end(self) -> list[int]:
        """The tasks that started and did not finish: they run, or their worker was killed."""
        return np.flatnonzero(~np.isnan(self.start) & np.isnan(self.finish)).tolist()

    @property
    def missing(self) -> str:
        """A description of what this timeline does not contain; empty if it is complete."""
        started, ended, delivered = (
            ~np.isnan(at) for at in (self.start, self.finish, self.delivered)
        )
        parts = [
            (~started & delivered, "delivered, but left no record"),
            (~started & ~delivered, "never started"),
            (started & ~ended, "started and did not finish"),
        ]
        return "; ".join(
            f"{_count(rows.sum(), 'task')} {state}" for rows, state in parts if rows.any()
        )

    @property
    def headline(self) -> str:
        """The title of a picture of this timeline: a sentence on how far its bar is behind."""
        _, finished, delivered = self.worst
        if finished > delivered:
            done = "1 task is" if finished == 1 else f"{finished} tasks are"
            return f"{done} done and the bar still says {delivered} of {len(self)}"
        return "Every task is delivered as it finishes" if len(self) else "No task was submitted"

    def describe(self, lane: str = "worker") -> str:
        """Return the timeline in words: a summary, then one line per worker (up to 40 tasks).

        This is also in the text alternative of every picture that is drawn from the timeline.

        lane: the noun for a worker.
        """
        if not len(self):
            return "No task was submitted."
        moment, finished, delivered = self.worst
        tasks, workers = _count(len(self), "task"), _count(self.workers, lane)
        lines = [f"{tasks} on {workers}, {self.makespan:.2f} s."]
        if not np.isnan(self.delivered).all():
            summary = "Every task was delivered as it finished."
            if finished > delivered:
                summary = (
                    f"Most behind at {moment:.2f} s: {finished} finished, {delivered} delivered."
                )
            lines.append(f"{summary} The bar stood still for {self.longest_stall:.2f} s.")
        if self.missing:
            lines.append(self.missing[0].upper() + self.missing[1:] + ".")
        if averages := self.spread.sum():
            lines.append(f"{_count(averages, 'task')} ran for less than 0.05 ms, on average.")
        if len(self) <= 40:
            lines += [
                f"{lane.capitalize()} {w}: {self._describe_worker(w)}." for w in range(self.workers)
            ]
        return "\n".join(lines)

    def budget(self) -> "Budget":
        """Return where the time went: each second of each worker belongs to one part."""
        from watchedpool.budget import budget  # here, because it is made of Timelines

        return budget(self)

    def save(self, path: str | PathLike, **known: Any) -> None:
        """Write the timeline to a text file (JSON), which `load` reads.

        known: what else the file is to hold, by name; `load` leaves it out.
        """
        saved: dict = {"format": FORMAT} | known
        saved |= {name: getattr(self, name).tolist() for name in COLUMNS}
        if not self.spread.any():
            del saved["spread"]
        if self.details is not None:
            saved["details"] = self.details.as_json()
        text = json.dumps(without_nan(saved), allow_nan=False)
        Path(path).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, path: str | PathLike) -> "Timeline":
        """Return the timeline that `save` wrote to a file.

        Raises OSError if there is no such file, and ValueError if the file is damaged or something
        other than a saved timeline.
        """
        try:
            saved = json.loads(Path(path).read_text(encoding="utf-8"))
            file_format = saved.pop("format", None) if isinstance(saved, dict) else None
            if file_format not in (FORMAT, FORMAT_2, FORMAT_1):
                allowed = f"allowed are {FORMAT!r} and its versions 1 and 2"
                raise ValueError(f"its format is {reprlib.repr(file_format)}; {allowed}")
            if file_format == FORMAT_1 and "shown" in saved:
                saved["delivered"] = saved.pop("shown")
            details = saved.pop("details", None)
            for name in BESIDE:
                saved.pop(name, None)
            return cls(**saved, details=details and Details.from_json(details))
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise ValueError(f"{path} is not a saved timeline: {error}") from None

    def to_trace(self, path: str | PathLike) -> None:
        """Write a file for trace viewers such as ui.perfetto.dev.

        The format is Chrome's Trace Event JSON, with one lane per worker, one slice per task, and
        two graphs: how many tasks were finished, and how many were delivered. A task that has not
        finished lasts until the end.
        """
        tasks = np.flatnonzero(~np.isnan(self.start))
        starts, finishes = (1e6 * column for column in self._intervals())  # microseconds
        columns = tasks, self.worker[tasks], starts, finishes - starts
        # These are lines of text, because dictionaries would take four times as long to write.
        events = [
            f'{{"name":"task {task}","ph":"X","pid":0,"tid":{lane},"ts":{at:.3f},"dur":{long:.3f}}}'
            for task, lane, at, long in zip(*(c.tolist() for c in columns), strict=True)
        ]
        events += [
            f'{{"name":"thread_name","ph":"M","pid":0,"tid":{w},"args":{{"name":"worker {w}"}}}}'
            for w in range(self.workers)
        ]
        for name, column in ("finished", self.finish), ("delivered", self.delivered):
            moments = 1e6 * sorted_times(column[~np.isnan(column)])
            events += [
                f'{{"name":"{name}","ph":"C","pid":0,"ts":{at:.3f},"args":{{"tasks":{count}}}}}'
                for count, at in enumerate([0.0, *moments.tolist()])
            ]
        text = (
            '{"otherData":{"source":"watchedpool"},"traceEvents":[\n'
            + ",\n".join(events)
            + "\n]}\n"
        )
        Path(path).write_text(text, encoding="utf-8")

    def _describe_worker(self, worker: int) -> str:
        rows = np.flatnonzero(self.worker == worker)
        rows = rows[np.argsort(self.start[rows])]
        return "; ".join(
            f"task {row} from {self.start[row]:.2f}"
            + (" on, unfinished" if np.isnan(self.finish[row]) else f" to {self.finish[row]:.2f}")
            + ("" if np.isnan(self.delivered[row]) else f", delivered {self.delivered[row]:.2f}")
            for row in rows
        )

    def _intervals(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the start and end of every task that started; one that runs lasts until `end`."""
        ran = ~np.isnan(self.start)
        return self.start[ran], np.where(np.isnan(self.finish), self.end, self.finish)[ran]


def count_until(times: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Return, for each of the moments, how many of `times` have come by then; nan never comes."""
    return np.searchsorted(sorted_times(times), moments, side="right")


def sorted_times(times: np.ndarray) -> np.ndarray:
    """Return `times` in order, by the stable sort: it is the fastest if they are nearly so."""
    return np.sort(times, kind="stable")


def without_nan(value: Any) -> Any:
    """Return lists, dicts and numbers as they are, with None for each nan, as JSON wants it."""
    if isinstance(value, dict):
        return {key: without_nan(each) for key, each in value.items()}
    if isinstance(value, list):
        return [without_nan(each) for each in value]
    return None if value != value else value


def _column(name: str, values: Sequence[float], length: int | None = None) -> np.ndarray:
    """Return `values` as a column; raise ValueError if they cannot be one."""
    allowed = "allowed are seconds, and nan for 'not yet'"
    try:
        column = np.asarray(values, dtype=float).view()
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} is {reprlib.repr(values)}; {allowed}") from None
    if column.ndim != 1:
        raise ValueError(f"{name} has {column.ndim} dimensions; allowed is one")
    if length is not None and len(column) != length:
        raise ValueError(
            f"{name} has {len(column)} rows, start has {length}; allowed is one row per task"
        )
    for row in np.flatnonzero(np.isinf(column))[:1]:
        raise ValueError(f"{name}[{row}] is {column[row]}; {allowed}")
    return column


def _number_workers(labels: Sequence[Hashable], start: np.ndarray) -> np.ndarray:
    """Replace the labels of workers with 0, 1, ... in order of their first start."""
    labels = np.asarray(labels)
    if labels.shape != start.shape:
        raise ValueError(
            f"worker has shape {labels.shape}, start has {start.shape}; allowed is one row per task"
        )
    started = ~np.isnan(start)
    names = np.unique(labels[started])
    label = np.searchsorted(names, labels[started])
    first = np.full(len(names), np.inf)
    np.minimum.at(first, label, start[started])
    worker = np.full(len(start), IDLE)
    worker[started] = np.argsort(np.argsort(first, kind="stable"))[label]
    return worker


def _latest(column: np.ndarray) -> float:
    """Return the last moment in a column; 0 if there is none."""
    return float(np.nanmax(column)) if (~np.isnan(column)).any() else 0.0


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
