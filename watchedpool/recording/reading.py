"""From what was written down to a Timeline: the numpy half of recording.

Calls have messages, and messages have tasks: three tables, one within the other. What the parent
noted is of calls and of messages, and what workers wrote down is of tasks.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from watchedpool.details import Details, PoolDetails, WorkerDetails
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
from watchedpool.timeline import Timeline

if TYPE_CHECKING:
    from watchedpool.recording.bar import WatchedBar
    from watchedpool.recording.recorder import Recorder

# As `lanes` describes it.
_INTEGERS = "call", "message", "offset", "count"
_DOUBLES = "start", "finish", "cpu", "task_bytes", "result_bytes", "freed"
RECORD = np.dtype([(name, "i4") for name in _INTEGERS] + [(name, "f8") for name in _DOUBLES])


def read_timeline(recorder: "Recorder") -> tuple[Timeline, float]:
    """Return the Timeline of what was recorded, and the `perf_counter` seconds of its time 0."""
    noted = Noted(recorder.messages)  # before the lanes: so what was delivered has its record
    lanes = [lane for lane in recorder.lanes() if len(lane) >= RECORD.itemsize]
    ran = _read_lanes(lanes, noted)
    workers = _workers(lanes, ran, recorder.worker_log, noted.origin)
    timeline = _make_timeline(ran, noted, workers)
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
        timeline = replace(timeline, details=replace(timeline.details, pool=pool))
    return timeline, noted.origin


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
    """What workers wrote down: per run of a task, and per message."""

    lane: np.ndarray
    task: np.ndarray
    start: np.ndarray
    finish: np.ndarray
    cpu: np.ndarray
    spread: np.ndarray
    task_bytes: np.ndarray  # per message, as the two that follow
    result_bytes: np.ndarray
    freed: np.ndarray


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
    """Return what is in the lanes. The tasks of a block share its time evenly.

    Of a block that has not ended, only the first task is known to have started.
    """
    lane, records, message = _records(lanes, noted)
    of_messages = []
    for name in ("task_bytes", "result_bytes", "freed"):
        of_messages.append(np.full(len(noted.sizes), np.nan))
        measured = records[name] > 0
        of_messages[-1][message[measured]] = records[name][measured]
    ended = records["finish"] > 0
    count = np.where(ended, records["count"], 1)
    finish, cpu = (np.where(ended, records[name], np.nan) for name in ("finish", "cpu"))
    start, task = records["start"], noted.first_of_message[message] + records["offset"]
    cpu = np.clip(cpu, 0, finish - start)
    spread = count > 1
    if count.max(initial=1) > 1:
        share = (finish - start) / count
        nth = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        last = nth == np.repeat(count - 1, count)
        lane, task, start, finish, share, cpu, spread = (
            np.repeat(column, count)
            for column in (lane, task, start, finish, share, cpu / count, spread)
        )
        # The finish of one is the start of the next, to the last bit.
        finish = np.where(last, finish, start + (nth + 1) * share)
        start += nth * share
        task += nth
    return _Ran(lane, task, start, finish, cpu, spread, *of_messages)


def _failed_tasks(noted: Noted, started: np.ndarray) -> dict[int, int]:
    """Return which task of each message that failed has failed: the last that started."""
    failed = {}
    for failure in noted.failures:
        first, end = noted.first_of_message[failure.message : failure.message + 2].tolist()
        ran = np.flatnonzero(started[first:end])
        failed[failure.message] = first + int(ran[-1] if len(ran) else 0)
    return failed


def _make_timeline(ran: _Ran, noted: Noted, workers: list[WorkerDetails]) -> Timeline:
    """Return the Timeline with its details."""
    tasks = int(noted.first_task[-1])
    runs = np.bincount(ran.task, minlength=tasks)
    failed = _failed_tasks(noted, runs > 0)
    asked, delivered = noted.asked_and_delivered(failed)
    moments = {
        "submitted": noted.task_submitted,
        "sent": noted.per_task(noted.sent),
        "freed": noted.per_task(ran.freed),
        "arrived": noted.per_task(noted.arrived),
        "asked": asked,
        "delivered": delivered,
    }
    columns = {name: _minus(at, noted.origin) for name, at in moments.items()}
    for name in ("task_bytes", "result_bytes"):
        columns[name] = noted.per_task(getattr(ran, name) / noted.sizes)
    columns["call"] = noted.call
    row, order = ran.task, None
    if runs.max(initial=0) > 1:
        row, order = _row_per_run(ran, runs)
    elif (np.diff(moments["submitted"]) < 0).any():
        order = np.argsort(moments["submitted"], kind="stable")
        rank = np.empty(tasks, int)
        rank[order] = np.arange(tasks)
        row, failed = rank[row], {message: int(rank[task]) for message, task in failed.items()}
    if order is not None:
        columns = {name: column[order] for name, column in columns.items()}
        if len(order) > tasks:  # only the first run of a task is delivered
            columns["delivered"][1:][order[1:] == order[:-1]] = np.nan
    rows = len(columns["submitted"])
    worker, spread = np.full(rows, -1, np.int32), np.zeros(rows, bool)
    worker[row], spread[row] = ran.lane, ran.spread
    for name, at in ("start", ran.start), ("finish", ran.finish), ("cpu", ran.cpu):
        columns[name] = np.full(rows, np.nan)
        columns[name][row] = at
    columns["start"] -= noted.origin
    columns["finish"] -= noted.origin
    unfinished = np.isnan(columns["finish"])
    if unfinished.any():
        columns["freed"] = np.where(unfinished, np.nan, columns["freed"])
    main = worker, *(columns.pop(name) for name in ("start", "finish", "delivered")), spread
    errors = {failed[failure.message]: failure.text for failure in noted.failures}
    return Timeline(
        *main, Details(**columns, errors=errors, calls=noted.calls, workers=tuple(workers))
    )


def _minus(moments: np.ndarray, origin: float) -> np.ndarray:
    """Return moments on the clock of a Timeline; where all are one, without a copy for each."""
    if moments.strides == (0,) and len(moments):
        return np.broadcast_to(moments[0] - origin, moments.shape)
    return moments - origin


def _row_per_run(ran: _Ran, runs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the row of each run, and the task of each row.

    Only a callable of `Recorder.track` runs more than once: its further runs get rows of their own
    behind the first, in order of start.
    """
    rows = np.maximum(runs, 1)
    first = np.cumsum(rows) - rows
    order = np.lexsort((ran.start, ran.task))
    place = np.empty_like(ran.task)
    in_order = ran.task[order]
    nth = np.arange(len(in_order)) - np.searchsorted(in_order, in_order)
    place[order] = first[in_order] + nth
    return place, np.repeat(np.arange(len(runs)), rows)


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
