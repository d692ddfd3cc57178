"""Timeline: what happened to every task of a pool, as four columns, and what follows from them."""

import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import numpy as np

IDLE = -1  # the worker of a task that has not started
FORMAT = "a watched pool's timeline 1"  # the first words of a saved timeline


@dataclass(frozen=True, eq=False)
class Timeline:
    """What happened to each task: row i is the i-th task that was submitted.

    Times are seconds since the first task was submitted; nan means "has not happened".

    worker: who ran the task. Any labels will do; they become 0, 1, ... in order of first start,
        and -1 where a task has not started.
    start, finish: when the worker began and ended it.
    shown: when the loop that drives the progress bar got it. Left out: never.

    Raises ValueError where a column has another length than `start` or holds an infinity, where a
    task finishes without or before its start.
    """

    worker: np.ndarray
    start: np.ndarray
    finish: np.ndarray
    shown: np.ndarray | None = None

    def __post_init__(self) -> None:
        start = _column("start", self.start)
        finish = _column("finish", self.finish, len(start))
        shown = np.full(len(start), np.nan) if self.shown is None else self.shown
        shown = _column("shown", shown, len(start))
        for row in np.flatnonzero(~np.isnan(finish) & ~(finish >= start)):
            raise ValueError(
                f"finish[{row}] is {finish[row]}, but start[{row}] is {start[row]}: "
                "a task starts before it finishes"
            )
        worker = _numbered(self.worker, start)
        columns = {"worker": worker, "start": start, "finish": finish, "shown": shown}
        for name, column in columns.items():
            column.flags.writeable = False  # a view: the caller's own array stays as it is
            object.__setattr__(self, name, column)

    def __len__(self) -> int:
        return len(self.start)

    @property
    def workers(self) -> int:
        """How many workers started a task."""
        return int(self.worker.max(initial=IDLE)) + 1

    @property
    def work(self) -> "Timeline":
        """The same tasks, without when they were shown: pictures of it have lanes only."""
        return replace(self, shown=None)

    @property
    def lag(self) -> np.ndarray:
        """Seconds each finished task waited until it was shown; nan where it was not shown."""
        return self.shown - self.finish

    @property
    def makespan(self) -> float:
        """Seconds from the submission of the first task to the end of the last; 0 if none ended."""
        return _latest(self.finish)

    @property
    def end(self) -> float:
        """Seconds to the last thing that is known to have happened; 0 if nothing has."""
        return max(_latest(column) for column in (self.start, self.finish, self.shown))

    @property
    def grace(self) -> float:
        """Seconds that handing over a result may take before we say the task *waits*.

        A fiftieth of the makespan, at most 0.05 s: less than an eye sees, more than a pipe needs.
        """
        return min(0.05, self.makespan / 50)

    @property
    def worst(self) -> tuple[float, int, int]:
        """The moment when most tasks were finished and not shown: (seconds, finished, shown).

        The moment is the last one before the bar moved again. A task counts once it has waited
        longer than `grace`. (0.0, 0, 0) if no task ever waited.
        """
        until = np.where(np.isnan(self.shown), self.end, self.shown)
        late = self.finish + self.grace < until
        if not late.any():
            return 0.0, 0, 0
        since = sorted_times(self.finish[late] + self.grace)
        behind = count_until(since, since) - count_until(until[late], since)
        peak = int(np.argmax(behind))
        shown = int(count_until(until, since[peak]))
        return float(sorted_times(until)[shown]), shown + int(behind[peak]), shown

    @property
    def most_behind(self) -> int:
        """How many tasks were finished and not shown, at worst."""
        _, finished, shown = self.worst
        return finished - shown

    @property
    def most_ahead(self) -> int:
        """How many tasks were shown that were not finished, at worst: a bar around the input."""
        shown = self.shown[~np.isnan(self.shown)]
        ahead = count_until(shown, shown) - count_until(self.finish, shown)
        return int(ahead.max(initial=0))

    @property
    def most_at_once(self) -> int:
        """How many tasks ran at the same moment, at most."""
        starts, finishes = self._intervals()
        running = count_until(starts, starts) - count_until(finishes, starts)
        return int(running.max(initial=0))

    @property
    def side_by_side(self) -> float:
        """How many tasks ran at a time, on average, from the first start to the end; 0 if none."""
        starts, finishes = self._intervals()
        if not len(starts) or finishes.max() == starts.min():
            return 0.0
        return float((finishes - starts).sum() / (finishes.max() - starts.min()))

    @property
    def stood_still(self) -> float:
        """Longest time, in seconds, in which tasks ran and no further task was shown."""
        starts, finishes = map(sorted_times, self._intervals())
        if not len(starts):
            return 0.0
        # After as many ends as there were starts, nothing runs until the next start.
        pause = np.flatnonzero(starts[1:] > finishes[:-1])
        begin, end = (np.append(starts[0], at) for at in (finishes[pause], starts[pause + 1]))
        sums = np.repeat(np.append(0.0, np.cumsum(end - begin)), 2)[1:-1]  # at each begin and end
        shown = self.shown[~np.isnan(self.shown)].clip(starts[0], finishes[-1])
        looks = sorted_times(np.concatenate([[starts[0], finishes[-1]], shown]))
        paused = np.interp(looks, np.ravel([begin, end], order="F"), sums)
        return float(np.diff(looks - paused).max())

    @property
    def utilisation(self) -> np.ndarray:
        """Share of the makespan each worker spent on tasks: one number from 0 to 1 a worker.

        While tasks run, of the time until `end`: they are busy until then.
        """
        starts, finishes = self._intervals()
        ran = ~np.isnan(self.start)
        busy = np.bincount(self.worker[ran], finishes - starts, minlength=self.workers)
        return busy / max(_latest(finishes), np.finfo(float).tiny)

    @property
    def startup(self) -> np.ndarray:
        """When each worker started its first task, in seconds."""
        first, ran = np.full(self.workers, np.inf), self.worker != IDLE
        np.minimum.at(first, self.worker[ran], self.start[ran])
        return first

    @property
    def gaps(self) -> np.ndarray:
        """Seconds from each task to the next one of its worker; nan after one that did not end."""
        order = np.lexsort([self.start, self.worker])
        order = order[self.worker[order] != IDLE]
        before, after = order[:-1], order[1:]
        same = self.worker[before] == self.worker[after]
        return (self.start[after] - self.finish[before])[same]

    @property
    def without_end(self) -> list[int]:
        """The tasks that started and have no end: one that runs, or whose worker is dead."""
        return np.flatnonzero(~np.isnan(self.start) & np.isnan(self.finish)).tolist()

    @property
    def missing(self) -> str:
        """What this timeline does not know, in words; empty if it is complete."""
        started, ended, shown = (~np.isnan(at) for at in (self.start, self.finish, self.shown))
        parts = [
            (~started & shown, "shown, but left no record"),
            (~started & ~shown, "never started"),
            (started & ~ended, "started and did not finish"),
        ]
        return "; ".join(
            f"{_count(rows.sum(), 'task')} {what}" for rows, what in parts if rows.any()
        )

    @property
    def headline(self) -> str:
        """The point of a picture of this timeline, in one sentence: how far its bar is behind."""
        _, finished, shown = self.worst
        if finished > shown:
            done = "1 task is" if finished == 1 else f"{finished} tasks are"
            return f"{done} done and the bar still says {shown} of {len(self)}"
        return "Every task is shown as it finishes" if len(self) else "No task was submitted"

    def describe(self, lane: str = "worker") -> str:
        """The timeline in plain words: a summary, then a line a worker (up to 40 tasks).

        This is also the text alternative of every picture that is drawn from it.

        lane: what the workers are called.
        """
        if not len(self):
            return "No task was submitted."
        moment, finished, shown = self.worst
        tasks, workers = _count(len(self), "task"), _count(self.workers, lane)
        lines = [f"{tasks} on {workers}, {self.makespan:.2f} s."]
        if not np.isnan(self.shown).all():
            said = "Every task was shown as it finished."
            if finished > shown:
                said = f"Most behind at {moment:.2f} s: {finished} finished, {shown} shown."
            lines.append(f"{said} The bar stood still for {self.stood_still:.2f} s.")
        if self.missing:
            lines.append(self.missing[0].upper() + self.missing[1:] + ".")
        if len(self) <= 40:
            lines += [f"{lane.capitalize()} {w}: {self._line(w)}." for w in range(self.workers)]
        return "\n".join(lines)

    def save(self, path: str | PathLike) -> None:
        """Write the timeline to a file of text (JSON), which `load` reads, or anybody."""
        columns = {name: column.tolist() for name, column in vars(self).items()}
        text = json.dumps({"format": FORMAT} | columns).replace("NaN", "null")
        Path(path).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, path: str | PathLike) -> "Timeline":
        """Return the timeline that `save` wrote to a file.

        Raises OSError where there is no such file, ValueError where it is damaged or another kind.
        """
        try:
            saved = json.loads(Path(path).read_text(encoding="utf-8"))
            if not isinstance(saved, dict) or saved.pop("format", None) != FORMAT:
                raise ValueError(f"it does not begin with {FORMAT!r}")
            return cls(**saved)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path} is no timeline that was saved here: {error}") from None

    def to_trace(self, path: str | PathLike) -> None:
        """Write a file for trace viewers such as ui.perfetto.dev.

        It is Chrome's Trace Event JSON: a lane a worker, a slice a task, and one graph each for how
        many tasks were finished and shown. A task that has not ended lasts until the end.
        """
        tasks = np.flatnonzero(~np.isnan(self.start))
        starts, finishes = (1e6 * column for column in self._intervals())  # microseconds
        columns = tasks, self.worker[tasks], starts, finishes - starts
        # Lines of text: as dictionaries, 100,000 tasks would take four times as long.
        events = [
            f'{{"name":"task {task}","ph":"X","pid":0,"tid":{lane},"ts":{at:.3f},"dur":{long:.3f}}}'
            for task, lane, at, long in zip(*(c.tolist() for c in columns), strict=True)
        ]
        events += [
            f'{{"name":"thread_name","ph":"M","pid":0,"tid":{w},"args":{{"name":"worker {w}"}}}}'
            for w in range(self.workers)
        ]
        for name, column in ("finished", self.finish), ("shown", self.shown):
            moments = 1e6 * sorted_times(column[~np.isnan(column)])
            events += [
                f'{{"name":"{name}","ph":"C","pid":0,"ts":{at:.3f},"args":{{"tasks":{count}}}}}'
                for count, at in enumerate([0.0, *moments.tolist()])
            ]
        text = '{"traceEvents":[\n' + ",\n".join(events) + "\n]}\n"
        Path(path).write_text(text, encoding="utf-8")

    def _line(self, worker: int) -> str:
        rows = np.flatnonzero(self.worker == worker)
        rows = rows[np.argsort(self.start[rows])]
        return "; ".join(
            f"task {row} from {self.start[row]:.2f}"
            + (" on, unfinished" if np.isnan(self.finish[row]) else f" to {self.finish[row]:.2f}")
            + ("" if np.isnan(self.shown[row]) else f", shown {self.shown[row]:.2f}")
            for row in rows
        )

    def _intervals(self) -> tuple[np.ndarray, np.ndarray]:
        """Start and end of every task that started; one that still runs ends with the timeline."""
        ran = ~np.isnan(self.start)
        return self.start[ran], np.where(np.isnan(self.finish), self.end, self.finish)[ran]


def count_until(times: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Return how many of `times` are not after each of the moments; a nan is after all."""
    return np.searchsorted(sorted_times(times), moments, side="right")


def sorted_times(times: np.ndarray) -> np.ndarray:
    """Return `times` in order. Most nearly are, for which the stable sort is the quick one."""
    return np.sort(times, kind="stable")


def _column(name: str, values: Sequence[float], length: int | None = None) -> np.ndarray:
    column = np.asarray(values, dtype=float).view()
    if column.ndim != 1:
        raise ValueError(f"{name} has {column.ndim} dimensions; a column has one")
    if length is not None and len(column) != length:
        raise ValueError(f"{name} has {len(column)} rows, start has {length}: one row a task")
    if np.isinf(column).any():
        raise ValueError(f"{name} holds an infinity; allowed are seconds, and nan for 'not yet'")
    return column


def _numbered(labels: Sequence[Hashable], start: np.ndarray) -> np.ndarray:
    """Replace the labels of workers by 0, 1, ... in order of their first start."""
    labels = np.asarray(labels)
    if labels.shape != start.shape:
        raise ValueError(f"worker has shape {labels.shape}, start has {start.shape}: a row a task")
    started = ~np.isnan(start)
    names = np.unique(labels[started])
    label = np.searchsorted(names, labels[started])
    first = np.full(len(names), np.inf)
    np.minimum.at(first, label, start[started])
    worker = np.full(len(start), IDLE)
    worker[started] = np.argsort(np.argsort(first, kind="stable"))[label]
    return worker


def _latest(column: np.ndarray) -> float:
    return float(np.nanmax(column)) if (~np.isnan(column)).any() else 0.0


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
