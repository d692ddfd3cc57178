"""Measure how fast a schedule is predicted."""

from collections.abc import Iterator

import numpy as np
from measuring import Row, at_least, seconds

from watchedpool.schedule import predict

TASKS = 100_000
DURATIONS = np.random.default_rng(0).exponential(size=TASKS)


def predict_many() -> Iterator[Row]:
    """Predict a schedule of 10^5 tasks, one per chunk."""
    for workers in (2, 4, 16):
        took = seconds(lambda workers=workers: predict(DURATIONS, workers), runs=9)
        name = f"predict 100,000 tasks, {workers} workers"
        yield at_least(1, name, TASKS / took / 1e6, "million/s")
