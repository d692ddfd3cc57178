"""From what was written down to a Timeline: the numpy half of recording."""

from array import array
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from helpers.recording.lanes import CALL
from helpers.timeline import Timeline

if TYPE_CHECKING:
    from helpers.recording.bar import WatchedBar

_RECORD = np.dtype([("task", "i8"), ("start", "f8"), ("finish", "f8")])  # as in lanes
_INDEX = (1 << CALL) - 1


def read_timeline(
    lanes: Iterable[bytes], shown: list[array], first: int, origin: float
) -> Timeline:
    """Return the Timeline of recorded lanes.

    lanes: the records of each worker. shown: for each call, when each of its tasks was shown (0 =
    has not been). first: number of the first task that counts. origin: `perf_counter` at time 0.
    A record that is half written, or belongs to no call, is passed over.
    """
    submitted = np.array([len(call) for call in shown], dtype=int)
    sizes = submitted.copy()
    lane, records = _records(lanes, sizes, first)
    row, length = _rows(records, sizes, first)
    worker, start, finish, seen = (np.full(length, np.nan) for _ in range(4))
    worker[row] = lane
    start[row] = records["start"]
    finish[row] = np.where(records["finish"] > 0, records["finish"], np.nan)
    del lane, records, row  # a million tasks shall fit in 100 MB
    at = np.concatenate([np.empty(0), *shown])
    moved = _first_rows(sizes) - _first_rows(submitted)
    seen[np.arange(len(at)) + np.repeat(moved, submitted)] = np.where(at > 0, at, np.nan)
    for seconds in (start, finish, seen):
        seconds -= origin
    return Timeline(worker, start, finish, seen)


def on_screen(timeline: Timeline, bar: "WatchedBar", origin: float) -> Timeline:
    """Return the timeline with `shown` as the moment when `bar` was drawn with the task counted.

    Tasks count in the order in which they were shown; where that does not tell, as they finished.
    """
    rank = np.empty(len(timeline), dtype=int)
    rank[np.lexsort([timeline.finish, timeline.shown])] = np.arange(len(timeline))
    drawn, count = np.array(bar.drawn).reshape(-1, 2).T
    place = np.searchsorted(np.maximum.accumulate(count), rank, side="right")
    seen = np.append(drawn - origin, np.nan)[place]
    return Timeline(timeline.worker, timeline.start, timeline.finish, seen)


def _records(
    lanes: Iterable[bytes], sizes: np.ndarray, first: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the lane of each record that was written whole, and the records.

    A task that was submitted after `sizes` was noted has a record already: it is passed over.
    """
    every = [np.empty(0, _RECORD)]
    stop = first + (len(sizes) << CALL)
    for lane in lanes:
        records = np.frombuffer(lane, _RECORD, len(lane) // _RECORD.itemsize)
        records = _whole(
            records, np.flatnonzero((records["task"] > first) & (records["task"] <= stop))
        )
        task = records["task"] - 1 - first
        every.append(records[((task & _INDEX) < sizes[task >> CALL]) & (records["start"] > 0)])
    number = np.repeat(np.arange(len(every), dtype=np.int32), [len(each) for each in every])
    return number, np.concatenate(every)


def _whole(records: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """Return the records at `heads`, and after each those of its chunk, with task and start."""
    following = np.append(records["task"], 0)[heads + 1]
    count = np.where(following < 0, -following, 1)
    count = np.minimum(count, len(records) - heads)  # of a file that was cut short
    nth = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    at = np.repeat(heads, count) + nth
    whole = records[at]
    whole["task"] = np.repeat(records["task"][heads], count) + nth
    later = np.flatnonzero(nth)
    whole["start"][later] = records["finish"][at[later] - 1]
    return whole


def _rows(records: np.ndarray, sizes: np.ndarray, first: int) -> tuple[np.ndarray, int]:
    """Return the row of each record, and how many rows there are.

    Only a callable of `Recorder.watch` runs more than once: `sizes` grows by its further runs.
    """
    task = records["task"] - 1 - first
    row = _place(task, sizes)
    if np.bincount(row).max(initial=0) > 1:
        order = np.lexsort((records["start"], task))
        task[order] += np.arange(len(task)) - np.searchsorted(task[order], task[order])
        np.maximum.at(sizes, task >> CALL, (task & _INDEX) + 1)
        row = _place(task, sizes)
    return row, int(sizes.sum())


def _first_rows(sizes: np.ndarray) -> np.ndarray:
    """Return the row of each call's first task: calls one after another, as long as `sizes`."""
    return np.cumsum(sizes) - sizes


def _place(task: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return the row of each task: calls one after another, each as long as `sizes` says."""
    return _first_rows(sizes)[task >> CALL] + (task & _INDEX)
