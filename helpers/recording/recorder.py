"""Recorder: watches functions, wherever they run on this machine, and gives their Timeline.

Standard library only until a timeline is asked for: a spawned worker imports what the main script
imports, and must not wait for numpy.
"""

import os
import shutil
import tempfile
import threading
from array import array
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import TimeoutError
from multiprocessing.util import Finalize
from time import perf_counter
from typing import TYPE_CHECKING, Any

from helpers.recording.lanes import CALL, FAILED, Watched, close_lanes, read_lanes
from helpers.workers import nap

if TYPE_CHECKING:
    from helpers.recording.bar import WatchedBar
    from helpers.timeline import Timeline

FOLDER = "a-watched-pool-"


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
        self._calls: list[Call] = []
        self._forgotten = 0  # how many calls there were before those in _calls

    def watch(self, func: Callable) -> Callable:
        """Return a picklable callable that runs `func` and records it as one more task.

        Call `watch` once a task: rows are in the order of these calls. Where one watched callable
        runs many times, each run is a row, in order of start.
        """
        call = self.call(size=1)
        return Watched(func, call.folder, call.first)

    def show(self, task: int) -> None:
        """Note that the consumer has the result of `task` now (0: the first that was watched)."""
        if not 0 <= task < len(self._calls):
            raise ValueError(f"task is {task}; {len(self._calls)} tasks were watched")
        self._calls[task].show(0)

    def forget(self) -> None:
        """Drop what was recorded; the next task that is submitted is row 0, at time 0."""
        with self._lock:
            self._forgotten += len(self._calls)
            self._origin, self._calls = None, []

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
            shown = [call.shown[:] for call in self._calls]
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

    def call(self, size: int = 0) -> "Call":
        """Begin a call that will submit tasks; `size` of them are submitted already."""
        if self._kept is not None:
            raise ValueError("this Recorder is closed; make a new one")
        with self._lock:
            if self._folder is None:
                self._folder = _new_folder()
                # Below 0: at exit after the pools, whose workers have files open there.
                self._remove_folder = Finalize(self, _remove, (self._folder,), exitpriority=-1)
            if self._origin is None:
                self._origin = perf_counter()
            number = self._forgotten + len(self._calls)
            self._calls.append(Call(self._folder, number << CALL, size))
            return self._calls[-1]

    def _lanes(self) -> Iterable[bytes]:
        if self._kept is not None:
            return self._kept
        return read_lanes(self._folder) if self._folder else []


class Call:
    """The tasks of one call: numbered when they are submitted, noted when they are shown."""

    __slots__ = ("first", "folder", "shown")

    def __init__(self, folder: str, first: int, size: int) -> None:
        """`first` is the number of the call's first task; the others follow it."""
        self.folder = folder
        self.first = first
        self.shown = array("d", [0.0]) * size  # when each was shown first; 0 = has not been

    def numbered(self, items: Iterable) -> Iterator[tuple[int, Any]]:
        """Yield (index, item), and count the items, as they are drawn."""
        for index, item in enumerate(items):
            self.shown.append(0.0)
            yield index, item

    def show(self, index: int) -> None:
        """Note that the consumer has the result of a task."""
        if not self.shown[index]:
            self.shown[index] = perf_counter()

    def show_all(self) -> None:
        """Note that the consumer has all results."""
        now = perf_counter()
        self.shown[:] = array("d", [at or now for at in self.shown])

    def show_failed(self, error: BaseException, index: int | None = None) -> int | None:
        """Note that the consumer got `error`; return the index of its task, if that is known.

        index: whose it is if the error does not tell, as that of a result that cannot be pickled.
        """
        if isinstance(error, StopIteration | TimeoutError):  # the pool's own: no task's, as a rule
            index = None
        index = error.__dict__.pop(FAILED, index)
        if index is not None and index < len(self.shown):
            self.show(index)
        return index


def _new_folder() -> str:
    # Without a folder (a full disk, say) the lanes fail too, one by one, and the work goes on.
    try:
        return tempfile.mkdtemp(prefix=FOLDER)
    except OSError:
        return os.path.join(tempfile.gettempdir(), FOLDER + "none")


def _remove(folder: str) -> None:
    close_lanes(folder)
    shutil.rmtree(folder, ignore_errors=True)
