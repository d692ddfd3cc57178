"""What the tasks of a Dask client did, as a Timeline. Importing this imports Dask."""

from collections.abc import Callable, Sequence
from math import inf, nan
from typing import Any

from distributed import Client, Future
from distributed.metrics import time

from watchedpool import clock
from watchedpool.recording.bar import WatchedBar
from watchedpool.recording.reading import on_screen
from watchedpool.timeline import Timeline

SCHEDULER_TIMEOUT = 10.0  # seconds until a scheduler that does not answer is given up


class DaskRecorder:
    """Watches the tasks of a client, from now on; time 0 is now, so make it before you submit.

    `error` is by how many seconds the clocks of two processes may differ in its timelines: half
    of the slowest round trip with which they were brought together, or, where that is more, by how
    much a task seems to have been delivered before it was finished.
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
        self._origin = clock.now()

    def mark_delivered(self, future: Future) -> None:
        """Note that your loop has the result of this future now."""
        self._shown.setdefault(future.key, clock.now() - self._origin)

    def timeline(
        self, futures: Sequence[Future] | None = None, bar: WatchedBar | None = None
    ) -> Timeline:
        """Return what has happened until now: a row a task, in the order of `futures`.

        Two futures of one task are one row, and so is a task that failed, or ran again: its row is
        the last run that had ended when it was delivered. Dask reports a task when it has ended:
        one that runs, or that was lost with its worker, counts as not started. Without futures:
        each new task that ended, in order of start. bar: with it, `delivered` is the moment when
        the bar on the screen had counted the task.
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
        early = [finish - delivered for _, _, finish, delivered in rows if finish > delivered]
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
        begin = clock.now()
        there = _ask(client, lambda: client.run_on_scheduler(time))
        end = clock.now()
        looks.append((end - begin, there - (begin + end) / 2))
    round_trip, ahead = min(looks)
    return ahead, round_trip


def _ask(client: Client, call: Callable[[], Any]) -> Any:
    """Return what a call of the client returns; raises TimeoutError where nobody answers."""
    try:
        return client.sync(call, callback_timeout=SCHEDULER_TIMEOUT)
    except TimeoutError as error:
        raise TimeoutError(
            f"the scheduler did not answer within {SCHEDULER_TIMEOUT:g} s"
        ) from error
