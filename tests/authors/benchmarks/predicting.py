"""How fast a schedule is predicted."""

from collections.abc import Callable, Iterator

import numpy as np
from measuring import Row, at_least, only_told, ratio, seconds, skipped

from helpers.schedule import predict

TASKS = 100_000
DURATIONS = np.random.default_rng(0).exponential(size=TASKS)
WORKERS = 4


def predict_many() -> Iterator[Row]:
    """Schedule 10^5 tasks, one a chunk."""
    for workers in (2, 4, 16):
        took = seconds(lambda workers=workers: predict(DURATIONS, workers), runs=9)
        name = f"predict 100,000 tasks, {workers} workers"
        yield at_least(2, name, TASKS / took / 1e6, "million/s")


def predict_or_simpy() -> Iterator[Row]:
    """Compare with simpy, where it is installed.

    Its queue of tasks is a Store with room for as many as there are workers: as in a pool, a
    feeder fills it and workers empty it. The other row is simpy without its queue, workers that
    share an iterator: nobody models a pool so, but it is the least that simpy can do.
    """
    try:
        import simpy
    except ImportError:
        yield skipped("predict 100,000 tasks, against simpy", "pip install simpy")
        return

    def with_store() -> np.ndarray:
        env = simpy.Environment()
        store = simpy.Store(env, capacity=WORKERS)

        def feed() -> Iterator[simpy.Event]:
            for task in enumerate(DURATIONS.tolist()):
                yield store.put(task)

        def work(who: int) -> Iterator[simpy.Event]:
            while True:
                task, duration = yield store.get()
                start = env.now
                yield env.timeout(duration)
                done.append((task, who, start, env.now))

        done = []
        env.process(feed())
        return run(env, work, done)

    def with_iterator() -> np.ndarray:
        env = simpy.Environment()
        tasks = enumerate(DURATIONS.tolist())

        def work(who: int) -> Iterator[simpy.Event]:
            for task, duration in tasks:
                start = env.now
                yield env.timeout(duration)
                done.append((task, who, start, env.now))

        done = []
        return run(env, work, done)

    def run(env: simpy.Environment, work: Callable, done: list[tuple]) -> np.ndarray:
        for who in range(WORKERS):
            env.process(work(who))
        env.run()
        columns = np.array(done).T
        return columns[:, columns[0].argsort()]

    def ours() -> object:
        return predict(DURATIONS, WORKERS)

    timeline = ours()
    for simulate in (with_store, with_iterator):
        assert np.allclose(simulate()[2:], [timeline.start, timeline.finish])
    faster = ratio(with_store, ours, runs=5)
    yield at_least(10, "predict, against simpy with its Store", faster, "x faster")
    faster = ratio(with_iterator, ours, runs=5)
    yield only_told("predict, against simpy without a queue", faster, "x faster")
