"""What it costs to record tasks, and to read them back."""

import tracemalloc
from collections import deque
from collections.abc import Iterator
from multiprocessing import Pool

from measuring import Row, at_most, ratio, seconds

from helpers.recording.pool import WatchedPool

TASKS = range(20_000)
MILLION = 1_000_000


def record_trivial_tasks() -> Iterator[Row]:
    """Compare a WatchedPool with a bare Pool, on tasks that do nothing: nothing hides the cost."""
    with Pool(2) as bare, WatchedPool(2) as watched:
        for chunksize, limit in [(1, 1.1), (64, 1.5)]:
            for method in ("map", "imap_unordered"):

                def run(pool: Pool, method: str = method, chunksize: int = chunksize) -> None:
                    deque(getattr(pool, method)(abs, TASKS, chunksize), maxlen=0)

                def watch() -> None:
                    watched.forget()
                    run(watched)

                name = f"record, {method}, chunksize {chunksize}"
                yield at_most(limit, name, ratio(watch, lambda: run(bare)), "x Pool")
                assert len(watched.timeline()) == len(TASKS)
                assert not watched.timeline().missing


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
