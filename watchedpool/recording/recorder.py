"""Recorder: keeps what workers write down, wherever on this machine they run, as a Timeline.

Standard library only until a timeline is asked for: a spawned worker imports what the main script
imports, and must not wait for numpy.
"""

import linecache
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from itertools import chain
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TYPE_CHECKING

from watchedpool import clock
from watchedpool.recording.folders import make_folder, remove_folder
from watchedpool.recording.lanes import Lanes, close_lanes, read_lanes, run_watched
from watchedpool.recording.messages import ASKED, CALL, NUMBER, Messages
from watchedpool.recording.workers import WorkerLog

if TYPE_CHECKING:
    from watchedpool.recording.bar import WatchedBar
    from watchedpool.timeline import Timeline


BEGIN = clock.now()  # of the clock that all pools of a program share


class Recorder:
    """Notes what a pool's parent does, and keeps what its workers write down.

    Use it as a context manager, or `close()` it: its lanes live in a temporary folder. End the
    workers first: what a task does later is not recorded, and Windows cannot remove a file that
    a worker has open.
    """

    def __init__(self, begin: float = BEGIN) -> None:
        """Create nothing before the first task is tracked.

        begin: when the program was first watched.
        """
        self.begin = begin
        self.messages = Messages()
        self.worker_log = WorkerLog()
        self.threads = Lanes()  # of threads of a watched pool
        # Of the watched pool: the name of its class, and how its workers are started.
        self.kind, self.start_method = "", ""
        self.place: tuple[str, int] | None = None  # the file and the line that made it
        self.made, self.ended = clock.now(), 0.0
        self._folder: str | None = None
        self._kept: list[bytes] | None = None
        self._lock = threading.RLock()

    @property
    def workers(self) -> int:
        """How many workers the watched pool has, once that is known."""
        return self.worker_log.most

    @property
    def where(self) -> str:
        """The line of the program that made the pool; "" for one that watches itself."""
        return line_in_words(*self.place) if self.place else ""

    def track(self, func: Callable) -> Callable:
        """Return a picklable callable that runs `func` and records it as one more task.

        Call `track` once per task: rows are in the order of these calls. Where one tracked callable
        runs many times, each run is a row, in order of start. Raises ValueError once the recorder
        is closed.
        """
        folder = self.folder
        function = self.messages.number_of_function(func)
        calls, at = self.messages.submit("track", function=function)
        return partial(run_watched, folder, int(calls[at + NUMBER]), func)

    def mark_delivered(self, task: int) -> None:
        """Note that your code has the result of `task` now (0: the first that was tracked).

        Raises ValueError if there is no such task.
        """
        calls = self.messages.calls
        tasks = len(calls) // len(CALL)
        if not 0 <= task < tasks:
            raise ValueError(f"task is {task}; allowed are 0 to {tasks - 1}: {tasks} are tracked")
        at = task * len(CALL) + ASKED
        calls[at] = calls[at] or clock.now()

    def forget(self) -> None:
        """Drop what was recorded; the next task that is submitted is row 0, at time 0."""
        self.messages.forget()

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

        timeline, origin = read_timeline(self)
        return timeline if bar is None else on_screen(timeline, bar, origin)

    def close(self) -> None:
        """Keep what was recorded in memory and remove the folder. Closing twice is harmless."""
        if self._kept is None:
            self._kept = list(self.lanes())
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

    def lanes(self) -> Iterable[bytes]:
        """Return what each worker has written down."""
        if self._kept is not None:
            return self._kept
        in_memory = (lane.in_memory() for lane in list(self.threads.values()))
        return chain(in_memory, read_lanes(self._folder) if self._folder else ())


def _remove(folder: str) -> None:
    close_lanes(folder)
    remove_folder(folder)


def line_in_words(file: str, line: int) -> str:
    """Return a line of the program: its file, its number, its text."""
    if not file:
        return "In a library:"
    cell = "ipykernel" in file or "<ipython" in file
    name = "cell" if cell else Path(file).name
    return f"{name}, line {line}: {linecache.getline(file, line).strip()}"
