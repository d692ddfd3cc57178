"""Recorder: watches functions, wherever they run on this machine, and gives their Timeline.

Standard library only until a timeline is asked for: a spawned worker imports what the main script
imports, and must not wait for numpy.
"""

import os
import tempfile
import threading
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain, count
from multiprocessing.util import Finalize
from time import perf_counter
from typing import TYPE_CHECKING

from helpers.recording.folders import FOLDER, make_folder, remove_folder
from helpers.recording.lanes import CALL, close_lanes, read_lanes, run_watched
from helpers.workers import nap

if TYPE_CHECKING:
    from helpers.recording.bar import WatchedBar
    from helpers.timeline import Timeline


class Recorder:
    """Watches functions and keeps what their workers write down.

    Use it as a context manager, or `close()` it: its lanes live in a temporary folder. End the
    workers first: what a task does later is not recorded, and Windows cannot remove a file that
    a worker has open.
    """

    def __init__(self) -> None:
        """Nothing is created before the first task is watched."""
        self._folder: str | None = None
        self._kept: list[bytes] | None = None
        self._lock = threading.Lock()
        self._origin: float | None = None
        self._calls: dict[int, Call] = {}  # by number; the first ones may be forgotten
        self._forgotten = 0

    def watch(self, func: Callable) -> Callable:
        """Return a picklable callable that runs `func` and records it as one more task.

        Call `watch` once a task: rows are in the order of these calls. Where one watched callable
        runs many times, each run is a row, in order of start.
        """
        return partial(run_watched, self.folder, self.call(size=1).first, func)

    def show(self, task: int) -> None:
        """Note that the consumer has the result of `task` now (0: the first that was watched)."""
        if not 0 <= task < len(self._calls):
            raise ValueError(f"task is {task}; {len(self._calls)} tasks were watched")
        self._calls[self._forgotten + task].show(0)

    def forget(self) -> None:
        """Drop what was recorded; the next task that is submitted is row 0, at time 0."""
        with self._lock:
            self._forgotten += len(self._calls)
            self._origin, self._calls = None, {}

    def warm_up(self, run: Callable, workers: int) -> None:
        """Wait until each of so many workers has run a task, and forget that.

        run: a kind of map, such as an executor's: it gives short naps to the workers.
        """
        watched = self.watch(nap)
        while self.timeline().workers < workers:
            list(run(watched, [0.02] * workers))
        self.forget()

    def timeline(self, bar: "WatchedBar | None" = None) -> "Timeline":
        """Return what has happened until now, also while tasks run.

        bar: with it, `shown` is the moment when the bar on the screen had counted the task.
        """
        from helpers.recording.reading import on_screen, read_timeline

        with self._lock:  # before the lanes are read: so what was shown has its record
            shown = [call.shown[:] for call in self._calls.values()]
            first, origin = self._forgotten << CALL, self._origin or 0.0
        timeline = read_timeline(self._lanes(), shown, first, origin)
        return timeline if bar is None else on_screen(timeline, bar, origin)

    def close(self) -> None:
        """Keep what was recorded in memory and remove the folder. Closing twice is harmless."""
        if self._kept is None:
            self._kept = list(self._lanes())
            if self._folder:
                self._remove_folder()

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def folder(self) -> str:
        """Where the lanes are; it is made now, if there was none."""
        if self._kept is not None:
            raise ValueError("this Recorder is closed; make a new one")
        with self._lock:
            if self._folder is None:
                # Without one (a full disk, say) the lanes fail, one by one, and the work goes on.
                self._folder = os.path.join(tempfile.gettempdir(), FOLDER + "none")
                with suppress(OSError):
                    self._folder = make_folder()
                # Below 0: at exit after the pools, whose workers have files open there.
                self._remove_folder = Finalize(self, _remove, (self._folder,), exitpriority=-1)
            return self._folder

    def call(self, size: int = 0, unordered: bool = False) -> "Call":
        """Begin a call, of which `size` tasks are submitted already."""
        with self._lock:
            if self._origin is None:
                self._origin = perf_counter()
            number = self._forgotten + len(self._calls)
            self._calls[number] = call = Call(number << CALL, size, unordered)
            return call

    def call_of(self, task: int) -> "Call | None":
        """Return the call to which the task of this number belongs; None if it is forgotten."""
        return self._calls.get(task >> CALL)

    def _lanes(self) -> Iterable[bytes]:
        if self._kept is not None:
            return self._kept
        return read_lanes(self._folder) if self._folder else []


class Call:
    """The tasks of one call: numbered when they are sent, noted when they are shown."""

    __slots__ = ("_arrived", "_chunksize", "_failed", "_sent", "first", "rows", "shown")

    def __init__(self, first: int, size: int, unordered: bool) -> None:
        """`first` is the number of the call's first task; the others follow it.

        unordered: the consumer gets the results as they arrive. `rows` yields whose comes next.
        """
        self.first = first
        self.shown = array("d", [0.0]) * size  # when each was shown first; 0 = has not been
        self._sent = self._chunksize = 0
        self._arrived: deque[range] | None = deque() if unordered else None
        self.rows: Iterator[int] = count()
        if unordered:
            self.rows = chain.from_iterable(iter(self._arrived.popleft, None))
        self._failed: list[tuple[BaseException, int]] = []

    def send(self, length: int) -> int:
        """Note that the next `length` tasks go to the workers; return the number of the first."""
        number = self.first + self._sent
        self._sent += length
        self._chunksize = self._chunksize or length
        if self._sent > len(self.shown):
            self.shown.extend([0.0] * (self._sent - len(self.shown)))
        return number

    def arrive(self, chunk: int, task: int) -> None:
        """Note that the results of a chunk are there, whose last task has this number."""
        if self._arrived is not None:
            self._arrived.append(range(chunk * self._chunksize, task - self.first + 1))

    def fail(self, error: BaseException, task: int) -> None:
        """Note whose error it is that the consumer will get."""
        self._failed.append((error, task - self.first))

    def show(self, index: int) -> None:
        """Note that the consumer has the result of a task."""
        if not self.shown[index]:
            self.shown[index] = perf_counter()

    def show_all(self) -> None:
        """Note that the consumer has all results."""
        now = perf_counter()
        if any(self.shown):
            self.shown[:] = array("d", [at or now for at in self.shown])
        else:
            self.shown[:] = array("d", [now]) * len(self.shown)

    def show_failed(self, error: BaseException) -> None:
        """Note that the consumer got `error`, which may be no task's but the pool's own."""
        for pair in self._failed:
            if pair[0] is error:
                self._failed.remove(pair)  # an error holds on to the frames it goes through
                self.show(pair[1])
                if self._arrived is None:
                    next(self.rows)
                break


def _remove(folder: str) -> None:
    close_lanes(folder)
    remove_folder(folder)
