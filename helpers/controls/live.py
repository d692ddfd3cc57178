"""Runs in background threads, which leave the notebook free and always end.

There is one run at a time: a new run first ends the one before. A run ends when its work is done,
when it is stopped, when the kernel is interrupted, or when Python exits. Its worker processes and
its threads end with it.
"""

import atexit
import io
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from IPython import get_ipython

from helpers.workers import nap
from watchedpool import clock
from watchedpool.recording.bar import WatchedBar
from watchedpool.recording.pool import WatchedPool, end_pool
from watchedpool.timeline import Timeline

PERIOD = 0.1  # seconds from one look at a run to the next, or more if a look takes long

_lock = threading.Lock()
_latest: "Run | None" = None


class Run:
    """Work in a background thread. It receives an Event, and returns soon after that is set."""

    def __init__(self, work: Callable[[threading.Event], object]) -> None:
        """Stop the previous run, and start when it has ended."""
        global _latest
        _stop_on_interrupt()
        self._stopped = threading.Event()
        with _lock:
            previous, _latest = _latest, self
            if previous:
                previous.stop()
            self._thread = threading.Thread(target=self._run, args=(work, previous), daemon=True)
            self._thread.start()

    @property
    def running(self) -> bool:
        """Whether the work has not ended yet."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Ask the work to end, and return at once: the callback of a button must not wait."""
        self._stopped.set()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the work has ended, or for this many seconds."""
        self._thread.join(seconds)

    def _run(self, work: Callable[[threading.Event], object], previous: "Run | None") -> None:
        """Do the work when the previous run has ended."""
        if previous:
            previous.wait()
        work(self._stopped)


def stop_latest() -> None:
    """Stop the latest run, if there is one, and return at once."""
    if _latest:
        _latest.stop()


def _stop_on_interrupt() -> None:
    """Let an interrupt of the kernel stop the latest run. A cell that runs is interrupted as usual.

    The kernel ignores interrupts while it runs no cell. While it handles a message, such as the
    click on our button, it keeps here the handler that it restores afterwards.
    """
    if kernel := getattr(get_ipython(), "kernel", None):
        kernel.saved_sigint_handler = lambda *_: stop_latest()


@atexit.register
def _end_latest() -> None:
    """Stop the latest run, and wait until its processes have ended."""
    if _latest:
        _latest.stop()
        _latest.wait(5)


@dataclass(frozen=True)
class Progress:
    """What one look at a consumer has seen.

    timeline: what has happened until now.
    counted: the count that the bar drew last.
    now: the moment of the look, in seconds of the timeline; None if the bar has counted all tasks.
    """

    timeline: Timeline
    counted: int
    now: float | None


class Consumer:
    """A pool, and a bar that counts its results, moved by a loop or by a callback."""

    def __init__(
        self, method: str, durations: Sequence[float], workers: int, chunksize: int
    ) -> None:
        """Start the workers. They nap for `durations` when `start` is called."""
        # An interrupt of the kernel is sent to its workers, too. They end with their run.
        self.pool = WatchedPool(workers, signal.signal, (signal.SIGINT, signal.SIG_IGN))
        self.bar = WatchedBar(total=len(durations), file=io.StringIO())
        self._call = method, durations, chunksize
        self._begin = 0.0
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Consumer":
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers and the thread, whatever they are doing."""
        end_pool(self.pool)
        if self._thread:
            self._thread.join()
        self.bar.close()

    def start(self) -> None:
        """Submit the tasks, and begin to count their results."""
        self.bar.reset()
        self._begin = clock.now()
        method, durations, chunksize = self._call
        if method == "map":
            self.pool.map_async(nap, durations, chunksize, lambda naps: self._count(len(naps)))
        elif method == "apply_async":
            for seconds in durations:
                self.pool.apply_async(nap, (seconds,), callback=lambda _: self._count(1))
        else:
            results = getattr(self.pool, method)(nap, durations, chunksize)
            self._thread = threading.Thread(target=self._consume, args=(results,), daemon=True)
            self._thread.start()

    def look(self) -> Progress:
        """Return what has happened until now."""
        counted = self.bar.drawn[-1][1]  # first: then the bar is not ahead of the finished tasks
        timeline = self.pool.timeline()
        now = clock.now() - self._begin
        return Progress(timeline, counted, now if counted < self.bar.total else None)

    def _consume(self, results: Iterator[float]) -> None:
        for _ in results:
            self._count(1)

    def _count(self, results: int) -> None:
        self.bar.update(results)
        if self.bar.n == self.bar.total:
            self.bar.refresh()  # as tqdm does at the end of a loop


Look = Callable[[list[Progress]], object]


def run_live(
    methods: Sequence[str],
    durations: Sequence[float],
    workers: int,
    chunksize: int,
    stopped: threading.Event,
    look: Look,
) -> bool:
    """Nap for `durations` with all the methods at the same time; return whether all naps ended.

    Each method has its own pool, in which all workers have started before the first nap. `look` is
    called with the progress of each method, about ten times per second, and once at the end. No
    process is left when this function returns or raises.

    Raises ChildProcessError if a worker process dies.
    """

    def check() -> None:
        if stopped.is_set():
            raise CancelledError
        # A dead worker never returns its result. Also, a kernel that shuts down ends the workers
        # first, so this check ends the run, too.
        if not all(process.is_alive() for process in processes):
            raise ChildProcessError("a worker process has died")

    with suppress(CancelledError), ExitStack() as stack:
        consumers = [
            stack.enter_context(Consumer(method, durations, workers, chunksize))
            for method in methods
        ]
        processes = [each for consumer in consumers for each in consumer.pool.processes]
        for consumer in consumers:
            consumer.pool.warm_up(check)
        for consumer in consumers:
            consumer.start()
        pause, running = PERIOD, True
        while running:
            stopped.wait(pause)  # first, because a look would delay the submission of the tasks
            check()
            begin = clock.now()
            progress = [consumer.look() for consumer in consumers]
            running = any(each.now is not None for each in progress)
            look(progress)
            took = clock.now() - begin
            pause = max(PERIOD - took, took / 4)  # leaves time for the threads of the pools
        return True
    return False
