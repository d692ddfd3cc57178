"""Progress bars over pools, as people write them, and how far each is from the truth.

A recipe takes `func`, its `tasks`, a `tqdm`, and a `pool` or an `executor` of five workers. It
moves a bar and returns the results. None of it runs inside a worker.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from functools import partial
from io import StringIO
from multiprocessing.pool import Pool
from typing import TYPE_CHECKING, Any, ClassVar

from helpers.recording.bar import WatchedBar
from helpers.recording.recorder import Recorder
from helpers.workers import nap

if TYPE_CHECKING:
    from helpers.timeline import Timeline

WORKERS = 5


def over_map(func: Callable, tasks: list, tqdm: type, pool: Pool, **_: Any) -> list:
    """Bar over the finished list."""
    return list(tqdm(pool.map(func, tasks), total=len(tasks)))


def around_tasks(func: Callable, tasks: list, tqdm: type, pool: Pool, **_: Any) -> list:
    """Bar over what goes in."""
    return pool.map(func, tqdm(tasks))


def over_imap(
    func: Callable, tasks: list, tqdm: type, pool: Pool, chunksize: int = 1, **_: Any
) -> list:
    """Bar over results in order."""
    return list(tqdm(pool.imap(func, tasks, chunksize), total=len(tasks)))


def over_unordered(
    func: Callable, tasks: list, tqdm: type, pool: Pool, chunksize: int = 1, **_: Any
) -> list:
    """Bar over results as they come."""
    return list(tqdm(pool.imap_unordered(func, tasks, chunksize), total=len(tasks)))


def by_callback(func: Callable, tasks: list, tqdm: type, pool: Pool, **_: Any) -> list:
    """Bar that the callback of each task moves; results in order."""
    with tqdm(total=len(tasks)) as bar:
        jobs = [pool.apply_async(func, (task,), callback=lambda _: bar.update()) for task in tasks]
        return [job.get() for job in jobs]


def over_results(func: Callable, tasks: list, tqdm: type, executor: Executor, **_: Any) -> list:
    """Bar over an executor's results in order."""
    return list(tqdm(executor.map(func, tasks), total=len(tasks)))


def over_completed(func: Callable, tasks: list, tqdm: type, executor: Executor, **_: Any) -> list:
    """Bar over futures as they complete; results in order."""
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
    """A tqdm that draws each step at once, on no screen, and can be found where others make it."""

    made: ClassVar[list["Bar"]] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take what tqdm takes."""
        super().__init__(*args, **{"file": StringIO(), "mininterval": 0} | kwargs)
        self.made.append(self)


def measure(
    recipes: dict[str, Callable], tasks: Sequence, func: Callable = nap
) -> dict[str, "Timeline"]:
    """Run each recipe in turn, on workers that have started; return the Timeline of each.

    The function and the bar are watched, and nothing between: `shown` is when the bar was drawn
    with a count. A bar does not say whom it counts, so the first count goes to the first finish.
    """
    runs = {}
    with Recorder() as recorder, Pool(WORKERS) as pool, ProcessPoolExecutor(WORKERS) as executor:
        for run in (pool.map, executor.map):
            recorder.warm_up(run, WORKERS)
        for name, recipe in recipes.items():
            Bar.made.clear()
            recorder.forget()
            recipe(recorder.watch(func), tasks, Bar, pool=pool, executor=executor)
            runs[name] = recorder.timeline(Bar.made[-1] if Bar.made else None)
    return runs
