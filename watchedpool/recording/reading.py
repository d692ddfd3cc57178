"""From what was written down to a Timeline: the numpy half of recording.

Calls have messages, and messages have tasks: three tables, one within the other. What the parent
noted is of calls and of messages, and what workers wrote down is of tasks.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from watchedpool.details import Details, PoolDetails, SharedColumn, WorkerDetails
from watchedpool.recording.lanes import BEGUN, FIELDS, READY, WORKER
from watchedpool.recording.noted import Noted
from watchedpool.recording.workers import (
    ENDED,
    EXIT,
    IDENTITY,
    MADE,
    WORKER_ROW,
    WorkerLog,
    exit_in_words,
)
from watchedpool.timeline import IDLE, Timeline

if TYPE_CHECKING:
    from watchedpool.recording.bar import WatchedBar
    from watchedpool.recording.recorder import Recorder

PART = 100_000  # tasks that are made of records at a time
# As `lanes` describes it.
_INTEGERS = "call", "message", "offset", "count"
_DOUBLES = "start", "finish", "cpu", "task_bytes", "result_bytes", "freed"
RECORD = np.dtype([(name, "i4") for name in _INTEGERS] + [(name, "f8") for name in _DOUBLES])


def read_timeline(recorder: "Recorder") -> tuple[Timeline, float]:
    """Return the Timeline of what was recorded, and the `perf_counter` seconds of its time 0."""
    noted = Noted(recorder.messages)  # before the lanes: so what was delivered has its record
    lanes = [lane for lane in recorder.lanes() if len(lane) >= RECORD.itemsize]
    ran = _read_lanes(lanes, noted)
    recorder.worker_log.look_again()
    workers = _workers(lanes, ran, recorder.worker_log, noted.origin)
    pool = None
    if recorder.kind:
        pool = PoolDetails(
            recorder.kind,
            recorder.start_method,
            recorder.workers,
            recorder.where,
            recorder.made - noted.origin,
            recorder.ended - noted.origin if recorder.ended else np.nan,
            noted.origin - recorder.begin,
        )
    return _make_timeline(ran, noted, workers=tuple(workers), pool=pool), noted.origin


def on_screen(timeline: Timeline, bar: "WatchedBar", origin: float) -> Timeline:
    """Return the timeline with `delivered` as the moment when `bar` was drawn with that task.

    Tasks count in the order in which they were delivered; those not delivered, as they finished.
    """
    rank = np.empty(len(timeline), dtype=int)
    rank[np.lexsort([timeline.finish, timeline.delivered])] = np.arange(len(timeline))
    drawn, count = np.array(bar.drawn).reshape(-1, 2).T
    place = np.searchsorted(np.maximum.accumulate(count), rank, side="right")
    seen = np.append(drawn - origin, np.nan)[place]
    return replace(timeline, delivered=seen)


@dataclass
class _Ran:
    """What workers wrote down: records of blocks of tasks, and what is known of messages."""

    lane: np.ndarray
    task: np.ndarray  # the first of the block
    count: np.ndarray  # of tasks; of a block that has not ended, only the first surely started
    start: np.ndarray
    finish: np.ndarray
    cpu: np.ndarray
    of_messages: dict[str, np.ndarray]

    def parts(self) -> Iterator["_Ran"]:
        """Yield the records in parts of a bounded number of tasks, to save memory."""
        until = np.cumsum(self.count)
        ends = np.searchsorted(until, np.arange(PART, until[-1:].sum() + PART, PART), "right")
        for begin, end in pairwise([0, *(ends + 1).clip(max=len(until)).tolist()]):
            columns = (self.lane, self.task, self.count, self.start, self.finish, self.cpu)
            yield _Ran(*(column[begin:end] for column in columns), {})

    def columns(self) -> dict[str, np.ndarray]:
        """Return for each task its columns in the Timeline; those of a block share its time."""
        count = self.count
        share = np.where(count > 1, (self.finish - self.start) / count, 0.0)
        nth = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        start, share, finish, end = (
            np.repeat(column, count) for column in (self.start, share, self.finish, count)
        )
        return {
            "task": np.repeat(self.task, count) + nth,
            "worker": np.repeat(self.lane, count),
            "start": start + nth * share,
            # The finish of one is the start of the next, to the last bit.
            "finish": np.where(nth == end - 1, finish, start + (nth + 1) * share),
            "cpu": np.repeat(self.cpu / count, count),
            "spread": end > 1,
        }


def _records(lanes: list[bytes], noted: Noted) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the records that are whole and of known tasks, their lanes, and their messages."""
    every = [np.empty(0, RECORD)]
    for lane in lanes:
        records = np.frombuffer(lane, RECORD, len(lane) // RECORD.itemsize)[1:]
        every.append(records[(records["call"] > 0) & (records["start"] > 0)])
    number = np.repeat(np.arange(len(every), dtype=np.int32), [len(each) for each in every]) - 1
    records = np.concatenate(every)
    known, message = noted.find(records["call"] - 1, records["message"])
    number, records = number[known], records[known]
    fits = (records["count"] > 0) & (records["offset"] >= 0)
    fits &= records["offset"] + records["count"] <= noted.sizes[message]
    return number[fits], records[fits], message[fits]


def _read_lanes(lanes: list[bytes], noted: Noted) -> _Ran:
    """Return what is in the lanes."""
    lane, records, message = _records(lanes, noted)
    of_messages = {}
    for name in ("task_bytes", "result_bytes", "freed"):
        of_messages[name] = np.full(len(noted.sizes), np.nan)
        measured = records[name] > 0
        of_messages[name][message[measured]] = records[name][measured]
    ended = records["finish"] > 0
    count = np.where(ended, records["count"], 1)
    finish, cpu = (np.where(ended, records[name], np.nan) for name in ("finish", "cpu"))
    start, task = records["start"], noted.first_of_message[message] + records["offset"]
    return _Ran(lane, task, count, start, finish, np.clip(cpu, 0, finish - start), of_messages)


def _failed_tasks(noted: Noted, start: np.ndarray) -> dict[int, int]:
    """Return which task of each message that failed has failed: the last that started."""
    failed = {}
    for failure in noted.failures:
        first, end = noted.first_of_message[failure.message : failure.message + 2].tolist()
        ran = np.flatnonzero(start[first:end] > 0)
        failed[failure.message] = first + int(ran[-1] if len(ran) else 0)
    return failed


def _make_timeline(ran: _Ran, noted: Noted, **known: Any) -> Timeline:
    """Return the Timeline with its details; known: those that are not of tasks."""
    tasks = rows = int(noted.first_task[-1])
    order = None  # the task of each row; None if they are in order
    if noted.tracked:
        ran.task, order = _row_per_run(ran, tasks)
        rows = len(order)
    columns = _columns(ran, rows)
    failed = _failed_tasks(noted, columns["start"])
    asked, delivered = noted.asked_and_delivered(failed)
    of_tasks = _of_tasks(ran, noted) | {"asked": asked, "delivered": delivered}
    if noted.tracked:
        of_tasks = {name: _in_order(column, order) for name, column in of_tasks.items()}
        of_tasks["delivered"][1:][order[1:] == order[:-1]] = np.nan  # only the first run is
        columns |= of_tasks
    elif (order := noted.order()) is not None:
        columns = {name: _in_order(each, order) for name, each in (columns | of_tasks).items()}
        rank = np.empty(tasks, int)
        rank[order] = np.arange(tasks)
        failed = {message: int(rank[task]) for message, task in failed.items()}
    else:
        columns |= of_tasks
    for name in ("start", "finish", "asked", "delivered"):
        columns[name] -= noted.origin
    # To the last bit: a difference of moments is not that on another clock.
    np.minimum(columns["cpu"], columns["finish"] - columns["start"], out=columns["cpu"])
    main = [columns.pop(name) for name in ("worker", "start", "finish", "delivered", "spread")]
    errors = {failed[failure.message]: failure.text for failure in noted.failures}
    details = Details(**columns, errors=errors, calls=noted.calls, **known)
    del columns, of_tasks
    return Timeline(*main, details)


def _columns(ran: _Ran, rows: int) -> dict[str, np.ndarray]:
    """Return what workers wrote down, row by row."""
    columns = {"worker": np.full(rows, IDLE, np.int32), "spread": np.zeros(rows, bool)}
    for name in ("start", "finish", "cpu"):
        columns[name] = np.full(rows, np.nan)
    for part in ran.parts():
        of_part = part.columns()
        row = of_part.pop("task")
        for name, values in of_part.items():
            columns[name][row] = values
    return columns


def _of_tasks(ran: _Ran, noted: Noted) -> dict[str, SharedColumn]:
    """Return what is known of messages and calls, for each of their tasks."""
    sizes = noted.sizes
    columns = {
        "submitted": noted.task_submitted,
        "sent": noted.sent - noted.origin,
        "arrived": noted.arrived - noted.origin,
        "freed": ran.of_messages["freed"] - noted.origin,
        "task_bytes": ran.of_messages["task_bytes"] / sizes,
        "result_bytes": ran.of_messages["result_bytes"] / sizes,
        "call": noted.call,
    }
    return {
        name: each if isinstance(each, SharedColumn) else SharedColumn(each, noted.message_of_task)
        for name, each in columns.items()
    }


def _in_order(column: Any, order: np.ndarray) -> Any:
    if isinstance(column, SharedColumn):
        return SharedColumn(column.values, column.index[order])
    return column[order]


def _row_per_run(ran: _Ran, tasks: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the row of each run, and the task of each row.

    Only a callable of `Recorder.track` runs more than once: its further runs get rows of their own
    behind the first, in order of start.
    """
    rows = np.maximum(np.bincount(ran.task, minlength=tasks), 1)
    first = np.cumsum(rows) - rows
    order = np.lexsort((ran.start, ran.task))
    place = np.empty_like(ran.task)
    in_order = ran.task[order]
    nth = np.arange(len(in_order)) - np.searchsorted(in_order, in_order)
    place[order] = first[in_order] + nth
    return place, np.repeat(np.arange(tasks), rows)


def _workers(lanes: list[bytes], ran: _Ran, log: WorkerLog, origin: float) -> list[WorkerDetails]:
    """Return what is known of each worker, in the order of their first starts."""
    first = np.full(len(lanes), np.inf)
    np.minimum.at(first, ran.lane, ran.start)
    heads = np.array([np.frombuffer(lane, float, FIELDS) for lane in lanes]).reshape(-1, FIELDS)
    made: dict[float, list[tuple]] = {}  # by number of the process, which may come again
    for row in np.array(log.rows[:]).reshape(-1, len(WORKER_ROW)).tolist():
        made.setdefault(row[IDENTITY], []).append(tuple(row))
    workers = []
    for lane in np.lexsort([heads[:, BEGUN], first]):
        known = made.get(heads[lane, WORKER]) or [(0.0,) * len(WORKER_ROW)]
        workers.append(_worker(known.pop(0), heads[lane], origin))
    rest = sorted((row for rows in made.values() for row in rows), key=lambda row: row[MADE])
    return workers + [_worker(row, np.zeros(FIELDS), origin) for row in rest]


def _worker(row: tuple, head: np.ndarray, origin: float) -> WorkerDetails:
    moments = (row[MADE], head[BEGUN], head[READY], row[ENDED])
    since = (float(at - origin) if at else np.nan for at in moments)
    return WorkerDetails(*since, exit_in_words(int(row[EXIT])))
