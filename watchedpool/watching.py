"""Watch every pool and executor of a program that knows nothing of us.

While `watching` lasts, a pool or an executor that is made gets watched queues. Classes and their
names stay as they are. The command line and the magic are built on it.
"""

import multiprocessing.pool as pools
import os
import sys
import sysconfig
import tokenize  # noqa: F401  from 3.13, linecache imports it late: a program may replace `open`
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures import _base as futures
from contextlib import ExitStack
from functools import partial, wraps
from multiprocessing.pool import ApplyResult, Pool, ThreadPool
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

from watchedpool import clock
from watchedpool.recording.calls import AskingMethod, NoticedMethod
from watchedpool.recording.executors import (
    CallQueue,
    note_arrival,
    watch_executor,
    watched_finished_futures,
    watched_set_running,
)
from watchedpool.recording.pool import (
    WatchedCache,
    is_watched,
    watch_queues,
)
from watchedpool.recording.queues import TaskQueue, without_frame
from watchedpool.recording.recorder import Recorder, line_in_words

if TYPE_CHECKING:
    from watchedpool.diagnosis import Finding
    from watchedpool.reports import Report
    from watchedpool.timeline import Timeline

PACKAGE = Path(__file__).resolve().parent
# The line that made a pool is the innermost one of the stack that is in none of these.
NOT_THE_PROGRAM = (
    "<frozen",
    str(PACKAGE),
    sysconfig.get_path("stdlib"),
    sysconfig.get_path("purelib"),
)
LIBRARIES = sysconfig.get_path("purelib")
NO_POOL = "No pool was seen. A pool that another process makes is not watched."


class WatchedRun(NamedTuple):
    """A pool or an executor that was made: what records it outlives it."""

    recorder: Recorder
    made: float  # `clock.now` seconds
    file: str
    line: int

    @property
    def where(self) -> str:
        """The line of the program that made it: its file, its number, its text."""
        return line_in_words(self.file, self.line)


class Watch:
    """The pools that were made while we watched, and the tqdm bars that were drawn."""

    def __init__(self) -> None:
        """Watch nothing yet."""
        self.runs: list[WatchedRun] = []
        self.bars: list[Any] = []  # each with `drawn`, as a WatchedBar has
        self.begin = clock.now()
        self.cpu_seconds = sum(os.times()[2:4])  # of workers that have ended
        self._unwatched: Counter[str] = Counter()  # processes, by who made them
        self.had_multiprocess = "multiprocess.pool" in sys.modules  # before we watched
        self._process = os.getpid()

    def notice(self, watch_it: Callable[[Any, Recorder], Any], made: Any) -> None:
        """Record what a new pool or executor does, unless it is one of a copy of the program.

        watch_it: starts to record it, and returns what lasts as long as its workers do.
        """
        if os.getpid() == self._process:
            recorder = Recorder(self.begin)
            recorder.place = _program_line()
            run = WatchedRun(recorder, clock.now(), *recorder.place)
            try:
                watched = watch_it(made, recorder)
            except Exception as error:  # the program has put something of its own in our way
                self._unwatched[f"{run.where} ({type(error).__name__}: {error})"] += 1
                return
            self.runs.append(run)
            weakref.finalize(watched, recorder.close).atexit = False
            if "tqdm.std" in sys.modules:
                _watch_bars(sys.modules["tqdm.std"].tqdm, self)

    def see_process(self, process: BaseProcess) -> None:
        """Count a process that is started, if it is no worker of a pool that we watch."""
        arguments = process._args
        watched = arguments and isinstance(arguments[0], TaskQueue | CallQueue)
        manager = getattr(process._target, "__module__", "") == "multiprocessing.managers"
        if os.getpid() == self._process and not watched and not manager and (maker := _maker()):
            self._unwatched[maker] += 1

    @property
    def rest(self) -> str:
        """What was seen and is not watched, in a sentence; "" if that is nothing."""
        seen = [f"{maker}: {number}" for maker, number in self._unwatched.items()]
        if "multiprocess.pool" in sys.modules and not self.had_multiprocess:
            # It is a copy of the standard library's module, of which we see nothing.
            seen.append("pools of multiprocess")
        if not seen:
            return "" if self.runs else NO_POOL
        return (
            f"Seen, but not watched: {', '.join(seen)}. Only pools and executors of the standard "
            "library are watched, with its own queues."
        )

    def close(self) -> None:
        """Keep what was recorded in memory, and remove its folders."""
        if os.getpid() == self._process:
            for run in self.runs:
                run.recorder.close()

    def reports(self) -> Iterator["Report"]:
        """Yield what is said of the pools: see `watchedpool.reports`."""
        if not self.runs:
            return  # without numpy, which takes longer than many a program
        from watchedpool.reports import PoolRun, reports

        cpu_seconds = sum(os.times()[2:4]) - self.cpu_seconds
        runs = []
        for run in self.runs:
            timeline = run.recorder.timeline()
            busy = cpu_seconds / max(timeline.makespan, 1e-9) if len(self.runs) == 1 else 0.0
            runs.append(PoolRun(run.where, timeline, busy, run.recorder.workers))
        of = {id(pool.timeline): run for pool, run in zip(runs, self.runs, strict=True)}
        for report in reports(runs):
            report.remarks.extend(self._of_bar(of[id(report.timeline)], report.timeline))
            yield report

    def _of_bar(self, run: WatchedRun, timeline: "Timeline") -> Iterator["Finding"]:
        """Yield what is to be said of the bar that counted this pool's results."""
        import numpy as np

        from watchedpool.diagnosis import Finding

        for bar in self.bars:
            if bar.drawn[-1][0] > run.made and bar.drawn[-1][1] == len(timeline) > 0:
                drawn = run.recorder.timeline(bar)
                order, both = (each.lag.clip(0) for each in (timeline, drawn))
                sentence = (
                    f"The bar on the screen: tasks waited {np.nansum(order):.2f} s, added up, "
                    f"until the loop had them, and {np.nansum((both - order).clip(0)):.2f} s "
                    "more until the bar was drawn."
                )
                yield Finding("drawing", 0.0, sentence, "04")
                return


class watching:
    """Watch each pool and executor that this process makes; afterwards, all is as it was.

    Not a generator: one that a forked copy of the program forgets would end in it.
    """

    def __enter__(self) -> Watch:
        watch = Watch()
        patches = [
            (Pool, "_setup_queues", _after_setup),
            (ThreadPool, "_setup_queues", _after_setup),
            (pools, "_PoolCache", lambda *_: WatchedCache),
            (ApplyResult, "get", _only(AskingMethod)),
            (ProcessPoolExecutor, "__init__", _after_init),
            (ThreadPoolExecutor, "__init__", _after_init),
            (BaseProcess, "start", _before_start),
            (futures, "_yield_finished_futures", _only(watched_finished_futures)),
            (Future, "set_running_or_notify_cancel", _only(watched_set_running)),
            (Future, "result", _only(AskingMethod)),
            (Future, "exception", _only(AskingMethod)),
            (Future, "add_done_callback", _only(AskingMethod)),
            (Future, "_invoke_callbacks", _only(partial(NoticedMethod, notice=note_arrival))),
        ]
        self._undo = ExitStack()
        for owner, name, make in patches:
            original = vars(owner).get(name)
            undo = (setattr, owner, name, original) if original else (delattr, owner, name)
            self._undo.callback(*undo)
            setattr(owner, name, make(original, watch))
        self._undo.callback(_unwatch_bars)
        self._undo.callback(watch.close)
        return watch

    def __exit__(self, *_: object) -> None:
        self._undo.close()


def _only(make: Callable) -> Callable[[Callable, Watch], Any]:
    return lambda original, _: make(original)


def _after_setup(original: Callable, watch: Watch) -> Callable:
    @wraps(original)
    def _setup_queues(self: Pool) -> None:
        try:
            original(self)
        except Exception as error:
            error.__traceback__ = without_frame(error)
            raise
        if not is_watched(self):
            watch.notice(watch_queues, self)

    return _setup_queues


def _after_init(original: Callable, watch: Watch) -> Callable:
    @wraps(original)
    def __init__(self: Executor, *args: Any, **kwargs: Any) -> None:
        try:
            original(self, *args, **kwargs)
        except Exception as error:
            error.__traceback__ = without_frame(error)
            raise
        watch.notice(watch_executor, self)

    return __init__


def _before_start(original: Callable, watch: Watch) -> Callable:
    @wraps(original)
    def start(self: BaseProcess) -> None:
        watch.see_process(self)
        try:
            original(self)
        except Exception as error:  # it cannot be pickled, for one
            error.__traceback__ = without_frame(error)
            raise

    # The program may be starting its first process just now, which makes us begin.
    frame: FrameType | None = sys._getframe()
    while frame and frame.f_code is not original.__code__:
        frame = frame.f_back
    if frame:
        watch.see_process(frame.f_locals["self"])
    return start


def _watch_bars(tqdm: type, watch: Watch) -> None:
    """Have every tqdm record when it is drawn with which count, until `watching` is over."""
    draw = tqdm.display
    if hasattr(draw, "original"):
        return

    def display(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = draw(self, *args, **kwargs)
        if not hasattr(self, "drawn"):
            self.drawn = []
            watch.bars.append(self)
        self.drawn.append((clock.now(), self.n))
        return result

    display.original, tqdm.display = draw, display


def _unwatch_bars() -> None:
    if "tqdm.std" in sys.modules:
        tqdm = sys.modules["tqdm.std"].tqdm
        tqdm.display = getattr(tqdm.display, "original", tqdm.display)


def _maker() -> str:
    """Return which library makes something now, or which line of the program; "" if neither."""
    frame: FrameType | None = sys._getframe()
    while frame:
        file = frame.f_code.co_filename
        if file.startswith(LIBRARIES) and not file.startswith(str(PACKAGE)):
            return f"processes of {frame.f_globals['__name__'].partition('.')[0]}"
        if not file.startswith(NOT_THE_PROGRAM):
            return f"processes of {Path(file).name}, line {frame.f_lineno}"
        frame = frame.f_back
    return ""


def _program_line() -> tuple[str, int]:
    """Return file and number of the line of the program that is being run now; "" if none is."""
    frame: FrameType | None = sys._getframe()
    while frame and frame.f_code.co_filename.startswith(NOT_THE_PROGRAM):
        frame = frame.f_back
    return (frame.f_code.co_filename, frame.f_lineno) if frame else ("", 0)
