"""The usual progress bars over pools, and a measurement of how far each is from the truth.

A recipe takes `func`, its `tasks`, a class `tqdm`, and a `pool` or an `executor` of five workers.
It moves a bar and returns the results. All of it runs in the main process.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from functools import partial
from io import StringIO
from multiprocessing.pool import Pool
from typing import TYPE_CHECKING, Any, ClassVar

from helpers.workers import nap
from watchedpool.recording.bar import WatchedBar
from watchedpool.recording.recorder import Recorder

if TYPE_CHECKING:
    from watchedpool.timeline import Timeline

WORKERS = 5


def over_map(func: Callable, tasks: list, tqdm: type, pool: Pool, **_: Any) -> list:
    """Put the bar over the finished list."""
    return list(tqdm(pool.map(func, tasks), total=len(tasks)))


def around_tasks(func: Callable, tasks: list, tqdm: type, pool: Pool, **_: Any) -> list:
    """Put the bar over the tasks that go in."""
    return pool.map(func, tqdm(tasks))


def over_imap(
    func: Callable, tasks: list, tqdm: type, pool: Pool, chunksize: int = 1, **_: Any
) -> list:
    """Put the bar over the results in order."""
    return list(tqdm(pool.imap(func, tasks, chunksize), total=len(tasks)))


def over_unordered(
    func: Callable, tasks: list, tqdm: type, pool: Pool, chunksize: int = 1, **_: Any
) -> list:
    """Put the bar over the results as they come."""
    return list(tqdm(pool.imap_unordered(func, tasks, chunksize), total=len(tasks)))


def by_callback(func: Callable, tasks: list, tqdm: type, pool: Pool, **_: Any) -> list:
    """Move the bar in the callback of each task; return the results in order."""
    with tqdm(total=len(tasks)) as bar:
        jobs = [pool.apply_async(func, (task,), callback=lambda _: bar.update()) for task in tasks]
        return [job.get() for job in jobs]


def over_results(func: Callable, tasks: list, tqdm: type, executor: Executor, **_: Any) -> list:
    """Put the bar over an executor's results in order."""
    return list(tqdm(executor.map(func, tasks), total=len(tasks)))


def over_completed(func: Callable, tasks: list, tqdm: type, executor: Executor, **_: Any) -> list:
    """Put the bar over the futures as they complete; return the results in order."""
    futures = [executor.submit(func, task) for task in tasks]
    for _future in tqdm(as_completed(futures), total=len(tasks)):
        pass
    return [future.result() for future in futures]


RECIPES: dict[str, Callable] = {
    "map": over_map,
    "map, bar around the tasks": around_tasks,
    "imap": over_imap,
    "imap, chunks of 2": partial(over_imap, chunksize=2),
    "imap_unordered": over_unordered,
    "imap_unordered, chunks of 2": partial(over_unordered, chunksize=2),
    "apply_async, callback": by_callback,
    "Executor.map": over_results,
    "as_completed": over_completed,
}


class Bar(WatchedBar):
    """A bar that draws each step immediately, but not on the screen. The class lists all bars."""

    made: ClassVar[list["Bar"]] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take the arguments of tqdm."""
        super().__init__(*args, **{"file": StringIO(), "mininterval": 0} | kwargs)
        self.made.append(self)


def measure(recipes: dict[str, Callable], naps: Sequence[float]) -> dict[str, "Timeline"]:
    """Run the recipes one after the other, on workers that have started; return their Timelines.

    Only the naps and the bar are watched. `delivered` is the time when the bar was drawn with
    the next count. A bar does not say which task it counts, so the first count is assigned to the
    task that finished first, and so on.
    """
    runs = {}
    with Recorder() as recorder, Pool(WORKERS) as pool, ProcessPoolExecutor(WORKERS) as executor:
        for run in (pool.map, executor.map):
            nap_briefly = recorder.track(nap)
            recorder.warm_up(WORKERS, lambda: list(run(nap_briefly, [0.02] * WORKERS)))  # noqa: B023
        for name, recipe in recipes.items():
            Bar.made.clear()
            recorder.forget()
            recipe(recorder.track(nap), naps, Bar, pool=pool, executor=executor)
            runs[name] = recorder.timeline(Bar.made[-1] if Bar.made else None)
    return runs
