"""A Dask cluster that is safe by default, and what its tasks did, as a Timeline.

For lesson 10 only: who imports this imports Dask, which no worker of a Pool should wait for.
"""

import asyncio
import logging
import os
import sys
import weakref
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import inf, nan
from pathlib import Path
from time import perf_counter
from typing import Any

import dask
from distributed import Client, Future, LocalCluster, rpc
from distributed.metrics import time

from helpers.recording.bar import WatchedBar
from helpers.recording.folders import make_folder, remove_folder
from helpers.recording.reading import on_screen
from helpers.timeline import Timeline

ADDRESS = "DASK_SCHEDULER_ADDRESS"
PATIENCE = 10.0  # seconds until a scheduler that does not answer is given up
# Jupyter's Interrupt reaches every process that the kernel started. It is meant for the kernel.
IGNORE_INTERRUPT = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"


class DaskCluster:
    """Workers of Dask, and the `client` to reach them: `close()` it, or use it in a with block.

    They are started on this machine, listen on loopback only, leave no file, and outlive the
    kernel's Interrupt. Where the variable DASK_SCHEDULER_ADDRESS is set nothing is started: the
    client joins that cluster instead, sends it `helpers`, and says so.
    """

    def __init__(self, workers: int = 5, processes: bool = True) -> None:
        """Start so many workers of one thread each, in processes of their own or in this one.

        Raises ValueError for fewer than one, ConnectionError where no scheduler answers at
        DASK_SCHEDULER_ADDRESS within 10 s, TimeoutError where it has no worker by then.
        """
        if not isinstance(workers, int) or workers < 1:
            raise ValueError(f"workers is {workers!r}; allowed is a whole number, 1 or more")
        self._folder = make_folder()
        self._remove_folder = weakref.finalize(self, remove_folder, self._folder)
        self._cluster: LocalCluster | None = None
        try:
            if address := os.environ.get(ADDRESS):
                self.client = _join(address, self._folder)
            else:
                self._cluster = _start(workers, processes, self._folder)
                self.client = Client(self._cluster)
        except BaseException:
            self._remove()
            raise

    def close(self) -> None:
        """End what was started; a cluster that was joined stays. Closing twice is harmless."""
        self.client.close()
        self._remove()

    def __enter__(self) -> Client:
        return self.client

    def __exit__(self, *_: object) -> None:
        self.close()

    def _remove(self) -> None:
        if self._cluster:
            self._cluster.close()
        self._remove_folder()
        sys.path[:] = [path for path in sys.path if not path.startswith(self._folder)]


class DaskRecorder:
    """Watches the tasks of a client, from now on; time 0 is now, so make it before you submit.

    `error` is by how many seconds the clocks of two processes may differ in its timelines: half
    of the slowest round trip with which they were brought together, or, where that is more, by how
    much a task seems to have been shown before it was finished.
    """

    def __init__(self, client: Client) -> None:
        """Bring the clocks of the workers together, and begin to watch.

        Raises TimeoutError, as `timeline` does, where the scheduler does not answer within 10 s.
        """
        self._client = client
        self._shown: dict[str, float] = {}
        # The first to ask makes the scheduler keep it. What ran before may run again, if a worker
        # dies that has its result: that is no new task.
        earlier = _ask(client, lambda: client.get_task_stream(start=0))
        self._before = {record["key"] for record in earlier}
        round_trip = bring_clocks_together(client)
        self._ahead, delay = _scheduler_ahead(client)
        self.error = (round_trip + delay) / 2
        self._origin = perf_counter()

    def show(self, future: Future) -> None:
        """Note that your loop has the result of this future now."""
        self._shown.setdefault(future.key, perf_counter() - self._origin)

    def timeline(
        self, futures: Sequence[Future] | None = None, bar: WatchedBar | None = None
    ) -> Timeline:
        """Return what has happened until now: a row a task, in the order of `futures`.

        Two futures of one task are one row, and so is a task that failed, or ran again: its row is
        the last run that had ended when it was shown. Dask tells of a task when it has ended: one
        that runs, or that died with its worker, counts as not started. Without futures: each new
        task that ended, in order of start. bar: with it, `shown` is when the bar on the screen had
        counted the task.
        """
        runs: dict[str, tuple[str, float, float]] = {}
        origin = self._origin + self._ahead
        for record in _ask(self._client, lambda: self._client.get_task_stream(start=origin)):
            key = record["key"]
            times = [x for x in record["startstops"] if x["action"] == "compute"]
            if not times:
                continue
            start, stop = (times[0][name] - origin for name in ("start", "stop"))
            if key not in runs or stop <= self._shown.get(key, inf):
                runs[key] = f"{record['worker']} {record['thread']}", start, max(start, stop)
        keys = sorted(runs.keys() - self._before, key=lambda key: runs[key][1])
        if futures is not None:
            keys = list(dict.fromkeys(future.key for future in futures))
        rows = [(*runs.get(key, ("", nan, nan)), self._shown.get(key, nan)) for key in keys]
        early = [finish - shown for _, _, finish, shown in rows if finish > shown]
        self.error = max(self.error, *early, 0.0)
        timeline = Timeline(*zip(*rows, strict=True)) if rows else Timeline([], [], [])
        return timeline if bar is None else on_screen(timeline, bar, self._origin)


def bring_clocks_together(client: Client) -> float:
    """Let each worker compare its clock with the scheduler's, and return the slowest round trip.

    Dask's workers do that with every heartbeat, and the first, while all start up, is a bad one.
    """

    async def beat(dask_worker: Any) -> float:  # inside, so it is sent by value: nobody imports it
        begin = time()
        await dask_worker.heartbeat()
        return time() - begin

    _ask(client, lambda: client.run(beat))
    return max(_ask(client, lambda: client.run(beat)).values(), default=0.0)


def _scheduler_ahead(client: Client) -> tuple[float, float]:
    """Return how far the scheduler's clock is ahead of `perf_counter`, and the round trip."""
    looks = []
    for _ in range(5):
        begin = perf_counter()
        there = _ask(client, lambda: client.run_on_scheduler(time))
        end = perf_counter()
        looks.append((end - begin, there - (begin + end) / 2))
    round_trip, ahead = min(looks)
    return ahead, round_trip


def _ask(client: Client, call: Callable[[], Any]) -> Any:
    """Return what a call of the client returns; raises TimeoutError where nobody answers."""
    try:
        return client.sync(call, callback_timeout=PATIENCE)
    except TimeoutError as error:
        raise TimeoutError(f"the scheduler did not answer within {PATIENCE:g} s") from error


def _start(workers: int, processes: bool, folder: str) -> LocalCluster:
    # Dask's own choice for its pages is every interface, also where it is given None.
    pages = {"dashboard_address": "127.0.0.1:0", "worker_dashboard_address": "127.0.0.1:0"}
    local = {"host": "127.0.0.1", "preload": [IGNORE_INTERRUPT]} if processes else {}
    with dask.config.set({"temporary-directory": folder}):
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=processes,
            silence_logs=logging.CRITICAL,
            local_directory=folder,  # for workers that come later, too
            **pages,
            **local,
        )


def _join(address: str, folder: str) -> Client:
    try:
        with ThreadPoolExecutor(1) as thread:  # a notebook's own thread has an event loop already
            thread.submit(asyncio.run, _knock(address)).result()
        client = Client(address, timeout=PATIENCE)
    except OSError as error:
        raise ConnectionError(
            f"{ADDRESS} is {address!r}, and no scheduler answers there within {PATIENCE:g} s"
        ) from error
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
        client.upload_file(_zipped_helpers(folder))
    except BaseException:
        client.close()
        raise
    print(f"Joined the cluster at {address} (workers: {len(client.nthreads())}), sent it helpers.")
    return client


async def _knock(address: str) -> None:
    """Ask the scheduler who it is: a client waits for ever for one that takes calls and is mute."""
    async with rpc(address, timeout=PATIENCE) as scheduler:
        await asyncio.wait_for(scheduler.identity(), PATIENCE)


def _zipped_helpers(folder: str) -> str:
    package = Path(__file__).parents[1]
    path = Path(folder, "helpers.zip")
    with zipfile.ZipFile(path, "w") as archive:
        for module in package.rglob("*.py"):
            archive.write(module, module.relative_to(package.parent))
    return str(path)
