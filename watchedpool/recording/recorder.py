"""Recorder: keeps what workers write down, wherever on this machine they run, as a Timeline.

Standard library only until a timeline is asked for: a spawned worker imports what the main script
imports, and must not wait for numpy.
"""

import os
import threading
from array import array
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from itertools import chain
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING

from watchedpool import clock
from watchedpool.recording.folders import make_folder, remove_folder
from watchedpool.recording.lanes import Lanes, close_lanes, read_lanes, run_watched

if TYPE_CHECKING:
    from watchedpool.recording.bar import WatchedBar
    from watchedpool.timeline import Timeline


class Recorder:
    """Numbers tasks, keeps what their workers write down, and notes when each is delivered.

    Use it as a context manager, or `close()` it: its lanes live in a temporary folder. End the
    workers first: what a task does later is not recorded, and Windows cannot remove a file that
    a worker has open.
    """

    def __init__(self) -> None:
        """Create nothing before the first task is tracked."""
        self._folder: str | None = None
        self._kept: list[bytes] | None = None
        self._lock = threading.Lock()
        self._origin: float | None = None
        # The number of row 0; per row, when it was delivered first (0 = has not been). A pair, so
        # that who has it can write into it without the lock.
        self.rows: tuple[int, array] = 0, array("d")
        self.times_forgotten = 0
        self.threads = Lanes()  # of threads of a watched pool
        self.workers = 0  # how many workers the watched pool has, once that is known

    def track(self, func: Callable) -> Callable:
        """Return a picklable callable that runs `func` and records it as one more task.

        Call `track` once per task: rows are in the order of these calls. Where one tracked callable
        runs many times, each run is a row, in order of start. Raises ValueError once the recorder
        is closed.
        """
        return partial(run_watched, self.folder, self.reserve(1), func)

    def mark_delivered(self, task: int) -> None:
        """Note that your code has the result of `task` now (0: the first that was tracked).

        Raises ValueError if there is no such task.
        """
        first, delivered = self.rows
        tasks = len(delivered)
        if not 0 <= task < tasks:
            raise ValueError(f"task is {task}; allowed are 0 to {tasks - 1}: {tasks} are tracked")
        self.deliver(first + task)

    def forget(self) -> None:
        """Drop what was recorded; the next task that is submitted is row 0, at time 0."""
        with self._lock:
            first, delivered = self.rows
            self._origin, self.rows = None, (first + len(delivered), array("d"))
            self.times_forgotten += 1

    def warm_up(self, workers: int, run_naps: Callable[[], object]) -> None:
        """Wait until each of so many workers has run a task, and forget that.

        run_naps: is called again and again; it has the workers run short tasks of this recorder.
        """
        while self.timeline().workers < workers:
            run_naps()
        self.forget()

    def timeline(self, bar: "WatchedBar | None" = None) -> "Timeline":
        """Return what has happened until now, also while tasks run.

        bar: with it, `delivered` is the moment when the bar on the screen had counted the task.
        """
        from watchedpool.recording.reading import on_screen, read_timeline

        with self._lock:  # before the lanes are read: so what was delivered has its record
            first, delivered = self.rows
            delivered, origin = delivered[:], self._origin or 0.0
        timeline = read_timeline(self._lanes(), delivered, first, origin)
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
                # Where none can be made (on a full disk, say), it is one in which no file can be
                # opened: the lanes fail one by one, and the work goes on.
                folder = os.path.join(os.devnull, "lanes")
                with suppress(OSError):
                    folder = make_folder()
                # Below 0: at exit after the pools, whose workers have files open there, and below
                # -1: after the command has read them.
                self._remove_folder = Finalize(self, _remove, (folder,), exitpriority=-2)
                self._folder = folder
            return self._folder

    def reserve(self, tasks: int) -> int:
        """Return the number of the first of so many tasks that are submitted now.

        With no tasks, a call begins whose tasks are submitted later: it may make now time 0.
        """
        with self._lock:
            if self._origin is None:
                self._origin = clock.now()
            first, delivered = self.rows
            number = first + len(delivered)
            if tasks == 1:  # usually, and then twice as fast
                delivered.append(0.0)
            else:
                delivered.frombytes(bytes(8 * tasks))
            return number

    def deliver(self, number: int) -> None:
        """Note that the result of this task is delivered now; only the first time counts."""
        first, delivered = self.rows
        if number >= first and not delivered[number - first]:
            delivered[number - first] = clock.now()

    def deliver_all(self, number: int, tasks: int) -> None:
        """Note that the results of so many tasks, from this number on, are delivered now."""
        now, (first, delivered) = clock.now(), self.rows
        if number >= first:
            place = slice(number - first, number - first + tasks)
            earlier = delivered[place]
            if earlier.tobytes().strip(b"\0"):
                delivered[place] = array("d", [at or now for at in earlier])
            else:  # usually; for a million tasks, ten times as fast
                delivered[place] = array("d", [now]) * len(earlier)

    def _lanes(self) -> Iterable[bytes]:
        if self._kept is not None:
            return self._kept
        in_memory = (lane.in_memory() for lane in list(self.threads.values()))
        return chain(in_memory, read_lanes(self._folder) if self._folder else ())


def _remove(folder: str) -> None:
    close_lanes(folder)
    remove_folder(folder)
