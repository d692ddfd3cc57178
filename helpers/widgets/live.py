"""Runs that go on in background threads while the notebook stays free, and that always end.

One run at a time: a new one first ends the one before. A run ends when its work is done, when it
is stopped, and when Python exits. Its worker processes and its threads end with it.
"""

import atexit
import io
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, suppress
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


class Consumer:
    """A pool, and a bar that moves as a loop with tqdm, or a callback, moves it."""

    def __init__(
        self, method: str, durations: Sequence[float], workers: int, chunksize: int = 1
    ) -> None:
        """Start the workers. They nap for `durations` once `start` is called."""
        self.pool = WatchedPool(workers)
        self.bar = WatchedBar(total=len(durations), file=io.StringIO())
        self._call = method, durations, chunksize
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Consumer":
        return self

    def __exit__(self, *_: object) -> None:
        """End workers and thread, whatever they are doing."""
        self.pool.end()
        if self._thread:
            self._thread.join()
        self.bar.close()

    def start(self) -> None:
        """Submit the tasks."""
        self.bar.reset()
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

    @property
    def running(self) -> bool:
        """Whether results are still to come."""
        return self.on_screen < self.bar.total

    @property
    def on_screen(self) -> int:
        """The count that tqdm drew last."""
        return self.bar.drawn[-1][1]

    def _consume(self, results: Iterator[float]) -> None:
        for _ in results:
            self._count(1)

    def _count(self, results: int) -> None:
        self.bar.update(results)
        if self.bar.n == self.bar.total:
            self.bar.refresh()  # as tqdm does at the end of a loop


Look = Callable[[list[Consumer]], object]


def run_live(
    methods: Sequence[str],
    durations: Sequence[float],
    workers: int,
    chunksize: int,
    stopped: threading.Event,
    look: Look,
) -> bool:
    """Nap for `durations` through each method at the same time, each in a warm pool of its own.

    `look` is called with the consumers while they run, about ten times a second, and once at the
    end. Returns whether the run came to its end. Then, and if anything raises, no process is left.
    """

    def check() -> None:
        if stopped.is_set():
            raise CancelledError
        # The result of a worker that has died will never come; and a kernel that shuts down ends
        # the workers first, so this is also how a run learns of it.
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
        period, running = PERIOD, True
        while running:
            stopped.wait(period)  # first let them submit: a look takes the core from them
            check()
            begin = perf_counter()
            running = any(consumer.running for consumer in consumers)
            look(consumers)
            period = max(PERIOD, 2 * (perf_counter() - begin))
        return True
    return False
