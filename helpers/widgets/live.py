"""Runs that go on in background threads while the notebook stays free, and that always end.

One run at a time: a new one first ends the one before. A run ends when its work is done, when it
is stopped, and when Python exits. Its worker processes and its threads end with it.
"""

import atexit
import io
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from multiprocessing import TimeoutError as NoResult
from time import perf_counter

from helpers.recording.bar import WatchedBar
from helpers.recording.pool import WatchedPool
from helpers.workers import nap

PERIOD = 0.1  # seconds between two looks at a run; longer, where a look takes more than half of it

_lock = threading.Lock()
_latest: "Run | None" = None


class Run:
    """Work in a background thread. The work takes an Event, and returns soon after it is set."""

    def __init__(self, work: Callable[[threading.Event], object]) -> None:
        """Stop the run before; start when it has ended."""
        global _latest
        self._stopped = threading.Event()
        with _lock:
            before, _latest = _latest, self
            if before:
                before.stop()
            self._thread = threading.Thread(target=self._run, args=(work, before), daemon=True)
            self._thread.start()

    @property
    def running(self) -> bool:
        """Whether the work goes on."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Tell the work to end. Returns at once: the callback of a button must not wait."""
        self._stopped.set()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the work has ended, or for so long."""
        self._thread.join(seconds)

    def _run(self, work: Callable[[threading.Event], object], before: "Run | None") -> None:
        if before:
            before.wait()
        work(self._stopped)


def stop_latest() -> None:
    """Stop the run that may be going on. Returns at once."""
    if _latest:
        _latest.stop()


@atexit.register
def _end() -> None:
    if _latest:
        _latest.stop()
        _latest.wait(5)


class Stopped(Exception):
    """A run was told to stop while its workers started."""


class Consumer:
    """A pool, and a thread that takes its results as a loop with a tqdm bar does."""

    def __init__(
        self, method: str, durations: Sequence[float], workers: int, chunksize: int = 1
    ) -> None:
        """Start the workers. They nap for `durations` once `start` is called."""
        self.pool = WatchedPool(workers)
        self.bar = WatchedBar(total=len(durations), file=io.StringIO())
        self._call = method, durations, chunksize
        self._workers = list(self.pool._pool)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._consume, daemon=True)

    def __enter__(self) -> "Consumer":
        return self

    def __exit__(self, *_: object) -> None:
        """End workers and thread, whatever they are doing."""
        self._stopped.set()
        # What ends the pool's threads comes from the one that starts workers. A kernel that shuts
        # down ends the forkserver too; then that thread has failed, and `terminate` waits for ever.
        self.pool._taskqueue.put(None)
        self.pool.terminate()
        self.pool.join()
        while self._thread.is_alive():
            # A Pool that is terminated leaves those waiting who wait for a result. Whom we wake
            # without a result gets a NoResult.
            for result in list(self.pool._cache.values()):
                if hasattr(result, "_cond"):
                    with result._cond:
                        result._cond.notify_all()
            self._thread.join(0.02)
        self.bar.close()

    def start(self) -> None:
        """Submit the tasks."""
        self.bar.reset()
        self._thread.start()

    def check_workers(self) -> None:
        """Raise ChildProcessError if a worker has died: its result will never come.

        A kernel that shuts down ends the workers first, so this is also how a run learns of it.
        """
        if not all(worker.is_alive() for worker in self._workers):
            raise ChildProcessError("a worker process has died")

    @property
    def running(self) -> bool:
        """Whether results are still to come."""
        return self._thread.is_alive()

    @property
    def on_screen(self) -> int:
        """The count that tqdm drew last."""
        return self.bar.drawn[-1][1]

    def _consume(self) -> None:
        method, durations, chunksize = self._call
        if method == "map":
            results = self.pool.map_async(nap, durations, chunksize)
            if _wait(results, self._stopped):
                self.bar.update(len(results.get()))
        elif method == "apply_async":
            results = [
                self.pool.apply_async(nap, (seconds,), callback=lambda _: self.bar.update())
                for seconds in durations
            ]
            all(_wait(result, self._stopped) for result in results)
        else:
            try:
                for _ in getattr(self.pool, method)(nap, durations, chunksize):
                    self.bar.update()
            except NoResult:
                return
        self.bar.refresh()


def run_live(
    methods: Sequence[str],
    durations: Sequence[float],
    workers: int,
    chunksize: int,
    stopped: threading.Event,
    look: Callable[[list[Consumer]], object],
) -> bool:
    """Nap for `durations` through each method at the same time, each in a warm pool of its own.

    `look` is called with the consumers while they run, about ten times a second, and once at the
    end. Returns whether the run came to its end. Then, and if anything raises, no process is left.
    """
    with ExitStack() as stack:
        consumers = [
            stack.enter_context(Consumer(method, durations, workers, chunksize))
            for method in methods
        ]

        def look_after() -> None:
            for consumer in consumers:
                consumer.check_workers()
            if stopped.is_set():
                raise Stopped

        try:
            for consumer in consumers:
                consumer.pool.warm_up(look_after)
        except Stopped:
            return False
        for consumer in consumers:
            consumer.start()
        period = PERIOD  # first let them submit: a look takes the core from them
        while not stopped.wait(period) and any(consumer.running for consumer in consumers):
            begin = perf_counter()
            for consumer in consumers:
                consumer.check_workers()
            look(consumers)
            period = max(PERIOD, 2 * (perf_counter() - begin))
        if not stopped.is_set():
            look(consumers)
        return not stopped.is_set()


def _wait(result: object, stopped: threading.Event) -> bool:
    """Wait for a result of a pool; return whether it came before `stopped`."""
    while not result.ready() and not stopped.is_set():
        result.wait(PERIOD)
    return result.ready()
