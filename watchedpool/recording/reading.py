"""From what was written down to a Timeline: the numpy half of recording."""

from array import array
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from watchedpool.timeline import Timeline

if TYPE_CHECKING:
    from watchedpool.recording.bar import WatchedBar

# As `lanes` describes it.
_RECORD = np.dtype([("number", "i8"), ("count", "i8"), ("start", "f8"), ("finish", "f8")])


def read_timeline(lanes: Iterable[bytes], delivered: array, first: int, origin: float) -> Timeline:
    """Return the Timeline of recorded lanes.

    lanes: the records of each worker. delivered: for each row, when its task was delivered (0 = has
    not been). first: the number of row 0. origin: `perf_counter` at time 0. A record that is half
    written, or of none of these rows, is passed over. The tasks of a block share its time evenly.
    """
    lane, records = _records(lanes, first, len(delivered))
    lane, row, start, finish, spread = _tasks(lane, records, first)
    del records  # a million tasks should fit in 100 MB
    inside = row < len(delivered)  # not what was submitted after `delivered` was copied
    if not inside.all():
        columns = lane, row, start, finish, spread
        lane, row, start, finish, spread = (column[inside] for column in columns)
    row, seen = _one_row_per_run(row, start, np.frombuffer(delivered, float))
    columns = []
    for values in (lane, start - origin, finish - origin):
        columns.append(np.full(len(seen), np.nan))
        columns[-1][row] = values
    averages = np.zeros(len(seen), bool)
    averages[row] = spread
    return Timeline(*columns, np.where(seen > 0, seen - origin, np.nan), averages)


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


def _records(lanes: Iterable[bytes], first: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the lane of each record that is whole and of these rows, and the records."""
    every = [np.empty(0, _RECORD)]
    for lane in lanes:
        records = np.frombuffer(lane, _RECORD, len(lane) // _RECORD.itemsize)
        number = records["number"] - 1 - first
        written = (records["start"] > 0) & (records["count"] > 0)
        every.append(records[written & (number >= 0) & (number < rows)])
    number = np.repeat(np.arange(len(every), dtype=np.int32), [len(each) for each in every])
    return number, np.concatenate(every)


def _tasks(lane: np.ndarray, records: np.ndarray, first: int) -> tuple[np.ndarray, ...]:
    """Return lane, row, start, finish of each task of the records, and whether they are averages.

    Of a block that has not ended, only the first task is known to have started.
    """
    ended = records["finish"] > 0
    count = np.where(ended, records["count"], 1)
    finish = np.where(ended, records["finish"], np.nan)
    start, row = records["start"], records["number"] - 1 - first
    if count.max(initial=1) == 1:
        return lane, row, start, finish, count > 1
    share = (finish - start) / count
    nth = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    last = nth == np.repeat(count - 1, count)
    lane, row, start, finish, share, spread = (
        np.repeat(column, count) for column in (lane, row, start, finish, share, count > 1)
    )
    # The finish of one is the start of the next, to the last bit.
    finish = np.where(last, finish, start + (nth + 1) * share)
    return lane, row + nth, start + nth * share, finish, spread


def _one_row_per_run(
    row: np.ndarray, start: np.ndarray, delivered: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the row of each run, and when each row was delivered.

    Only a callable of `Recorder.track` runs more than once: its further runs get rows of their own
    behind the first, in order of start.
    """
    runs = np.bincount(row, minlength=len(delivered))
    if runs.max(initial=0) <= 1:
        return row, delivered
    rows = np.maximum(runs, 1)
    first = np.cumsum(rows) - rows
    order = np.lexsort((start, row))
    place = np.empty_like(row)
    in_order = row[order]
    place[order] = first[in_order] + np.arange(len(row)) - np.searchsorted(in_order, in_order)
    seen = np.full(rows.sum(), np.nan)
    seen[first] = delivered
    return place, seen
