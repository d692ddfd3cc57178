"""Measure what it costs to read recorded tasks back."""

import tracemalloc
from collections.abc import Iterator

from measuring import Row, at_most, seconds

from watchedpool.recording.pool import WatchedPool

MILLION = 1_000_000


def read_a_million() -> Iterator[Row]:
    """Read a Timeline of a million recorded tasks."""
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
