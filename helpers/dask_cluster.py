"""DaskCluster: a Dask cluster for lesson 10 that is safe by default.

This module imports Dask, which is slow: no worker of a Pool should have to import it.
"""

import asyncio
import logging
import os
import sys
import weakref
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dask
from distributed import Client, LocalCluster, rpc

from watchedpool.recording.dask import SCHEDULER_TIMEOUT
from watchedpool.recording.folders import make_folder, remove_folder

ADDRESS = "DASK_SCHEDULER_ADDRESS"
SENT_PACKAGES = ("helpers", "watchedpool")  # the worker functions, and what records them
# Jupyter's Interrupt is meant for the kernel, but reaches every process that the kernel started.
IGNORE_INTERRUPT = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"


class DaskCluster:
    """Workers of Dask, and the `client` to reach them: `close()` it, or use it in a with block.

    The workers are started on this machine, listen on loopback only, leave no file behind, and
    survive the kernel's Interrupt. If the variable DASK_SCHEDULER_ADDRESS is set, no worker is
    started: the client joins that cluster, sends it `helpers` and `watchedpool`, and says so.
    """

    def __init__(self, workers: int = 5, processes: bool = True) -> None:
        """Start so many workers of one thread each, in processes of their own or in this process.

        Raises ValueError for fewer than one worker, ConnectionError if no scheduler answers at
        DASK_SCHEDULER_ADDRESS within 10 s, and TimeoutError if it has no worker by then.
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
        """End what was started; a cluster that was joined goes on. Closing twice is harmless."""
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


def _start(workers: int, processes: bool, folder: str) -> LocalCluster:
    # By default, and also if it is given None, Dask serves its web pages on every interface.
    pages = {"dashboard_address": "127.0.0.1:0", "worker_dashboard_address": "127.0.0.1:0"}
    local = {"host": "127.0.0.1", "preload": [IGNORE_INTERRUPT]} if processes else {}
    with dask.config.set({"temporary-directory": folder}):
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=processes,
            silence_logs=logging.CRITICAL,
            local_directory=folder,  # also for workers that start later
            **pages,
            **local,
        )


def _join(address: str, folder: str) -> Client:
    try:
        with ThreadPoolExecutor(1) as thread:  # a notebook's thread already runs an event loop
            thread.submit(asyncio.run, _check_scheduler(address)).result()
        client = Client(address, timeout=SCHEDULER_TIMEOUT)
    except OSError as error:
        raise ConnectionError(
            f"{ADDRESS} is {address!r}, and no scheduler answers there within "
            f"{SCHEDULER_TIMEOUT:g} s"
        ) from error
    try:
        client.wait_for_workers(1, timeout=SCHEDULER_TIMEOUT)
        client.upload_file(_zipped(folder))
    except BaseException:
        client.close()
        raise
    workers, packages = len(client.nthreads()), " and ".join(SENT_PACKAGES)
    print(f"Joined the cluster at {address} (workers: {workers}); sent it {packages}.")
    return client


async def _check_scheduler(address: str) -> None:
    """Ask the scheduler for its identity; raise TimeoutError if it does not answer.

    A client would wait forever for a scheduler that accepts calls and never answers.
    """
    async with rpc(address, timeout=SCHEDULER_TIMEOUT) as scheduler:
        await asyncio.wait_for(scheduler.identity(), SCHEDULER_TIMEOUT)


def _zipped(folder: str) -> str:
    """Return the path of a zip file in `folder` that contains the SENT_PACKAGES."""
    root = Path(__file__).resolve().parents[1]
    path = Path(folder, "watchedpool.zip")
    with zipfile.ZipFile(path, "w") as archive:
        for package in SENT_PACKAGES:
            for module in (root / package).rglob("*.py"):
                archive.write(module, module.relative_to(root))
    return str(path)
