"""What it costs to record tasks, and to read them back."""

import tracemalloc
from collections import deque
from collections.abc import Iterator
from multiprocessing import Pool
from statistics import median

from measuring import Row, at_most, ratio, seconds

from watchedpool.recording.pool import WatchedPool

POOLS = 25  # pairs: the pace of one, 0.9 to 1.5, depends on where the system puts its processes
MILLION = 1_000_000


def record_trivial_tasks() -> Iterator[Row]:
    """Compare WatchedPools with bare Pools, on tasks that do nothing: nothing hides the cost."""
    for chunksize, tasks, limit in [(1, 5_000, 1.1), (64, 200_000, 1.5)]:
        for method in ("map", "imap_unordered"):
            figure = median(_recorded(method, tasks, chunksize) for _ in range(POOLS))
            yield at_most(limit, f"record, {method}, chunksize {chunksize}", figure, "x Pool")


def _recorded(method: str, tasks: int, chunksize: int) -> float:
    """Return how many times longer a new WatchedPool takes than a new Pool."""

    def run(pool: Pool) -> None:
        deque(getattr(pool, method)(abs, range(tasks), chunksize), maxlen=0)

    def watch() -> None:
        watched.forget()
        run(watched)

    with Pool(2) as bare, WatchedPool(2) as watched:
        times = ratio(watch, lambda: run(bare), runs=7)
        assert len(watched.timeline()) == tasks
        assert not watched.timeline().missing
    return times


def read_a_million() -> Iterator[Row]:
    """Make a Timeline of a million recorded tasks."""
    with WatchedPool(2) as pool:
        pool.map(abs, range(MILLION), chunksize=5_000)
        yield at_most(0.3, "read back a million tasks, time", seconds(pool.timeline, runs=5), "s")
        tracemalloc.start()
        timeline = pool.timeline()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(timeline) == MILLION
        assert not timeline.missing
        yield at_most(100, "read back a million tasks, peak memory", peak / 1e6, "MB")
