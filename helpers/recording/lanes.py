"""The half of the recorder that runs inside workers: a lane a worker. Standard library only.

A lane is a file with one writer and no lock: a head, then one record a task of three native
8-byte fields: task + 1, start, finish (`perf_counter` seconds; 0 = has not happened). The worker
writes into mapped memory, so a record costs no system call, is visible while the task runs, and
outlives a worker that is killed.
"""

import mmap
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Any

FIELD = 8  # bytes
RECORD = 3 * FIELD
HEAD = b"\0\0\0\0\0\0\0\0a watched lane 1"  # one record long, of no task
SEGMENT = 8192 * RECORD  # whole records, and a multiple of every system's mapping granularity
FIELDS = SEGMENT // FIELD
SUFFIX = ".lane"
CALL = 32  # a task's number is its call's number << 32, plus its index in the call
FAILED = "_watched_index"  # the attribute by which an exception tells whose it is

_lanes: dict[tuple[str, int, int], "Lane"] = {}


class Lane:
    """Where one worker (a process, or a thread of one) writes down its tasks."""

    def __init__(self, folder: str) -> None:
        """Open a new lane in `folder`. Where that fails, records go nowhere and work goes on."""
        self._file = None
        try:
            handle, _ = tempfile.mkstemp(SUFFIX, dir=folder)
            self._file = open(handle, "r+b", buffering=0)  # noqa: SIM115 - lives as the worker
        except OSError:
            pass
        self._map(self._next_segment(HEAD))
        self._free = len(HEAD) // FIELD

    def begin(self, task: int) -> tuple[memoryview, int]:
        """Write down that `task` starts now; return the place where its finish belongs."""
        at = self._free
        if at == FIELDS:
            self._map(self._next_segment())
            at = 0
        self._free = at + 3
        self._numbers[at] = task + 1
        self._times[at + 1] = perf_counter()
        return self._times, at + 2

    def close(self) -> None:
        """Let go of the file, so that Windows can delete it."""
        self._numbers.release()
        self._times.release()
        if isinstance(self._segment, mmap.mmap):
            self._segment.close()
        if self._file:
            self._file.close()

    def _map(self, segment: mmap.mmap | bytearray) -> None:
        # Two views of the same fields, because to set an item of one is twice as quick as to pack.
        self._segment = segment
        self._numbers = memoryview(segment).cast("q")
        self._times = memoryview(segment).cast("d")

    def _next_segment(self, head: bytes = b"") -> mmap.mmap | bytearray:
        # The zeros are written, not left as a hole: in a hole a full disk would kill the worker
        # (SIGBUS) when it touches the page; here it is an OSError, and the records go nowhere.
        try:
            if not self._file:
                raise FileNotFoundError
            at = self._file.seek(0, os.SEEK_END)
            written = self._file.write(head.ljust(SEGMENT, b"\0"))
            if written < SEGMENT:
                raise OSError("disk full")
            return mmap.mmap(self._file.fileno(), SEGMENT, offset=at)
        except OSError:
            return bytearray(SEGMENT)


def lane(folder: str) -> Lane:
    """Return the lane of this thread of this process in `folder`."""
    key = folder, os.getpid(), threading.get_ident()
    try:
        return _lanes[key]
    except KeyError:
        return _lanes.setdefault(key, Lane(folder))


def read_lanes(folder: str) -> Iterator[bytes]:
    """Yield the content of each lane in `folder`; what is no lane, or unreadable, is left out.

    A lane's head is as long as a record, and is no task's.
    """
    for path in sorted(Path(folder).glob("*" + SUFFIX)):
        try:
            content = path.read_bytes()
        except OSError:
            continue
        if content.startswith(HEAD):
            yield content


def close_lanes(folder: str) -> None:
    """Close the lanes this process has open in `folder`."""
    for key in [key for key in _lanes if key[0] == folder]:
        opened = _lanes.pop(key)
        if key[1] == os.getpid():
            opened.close()


def end(times: memoryview, at: int) -> None:
    """Write down, at the place that `Lane.begin` returned, that the task ends now."""
    # A recorder that was closed while a task ran in a thread has closed the lane under it.
    with suppress(ValueError):
        times[at] = perf_counter()


class Watched:
    """A picklable callable that runs `func` and writes down when it began and ended."""

    def __init__(self, func: Callable, folder: str, task: int) -> None:
        """Watch `func` into a lane of `folder`, as number `task`."""
        self.func = func
        self.folder = folder
        self.task = task

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run `func` and return what it returns."""
        times, at = lane(self.folder).begin(self.task)
        try:
            return self.func(*args, **kwargs)
        finally:
            end(times, at)


class WatchedItem(Watched):
    """As `Watched`, for the many tasks of one call: each comes as a pair (index, argument)."""

    def __init__(self, func: Callable, folder: str, task: int, star: bool, paired: bool) -> None:
        """`task` is the number of the call's first task.

        star: the argument is a tuple of arguments. paired: return (index, result), for a consumer
        who gets the results in any order.
        """
        self.func = func
        self.folder = folder
        self.task = task
        self.star = star
        self.paired = paired
        self.lane: Lane | None = None  # looked up once a chunk: a pool's worker has one thread

    def __reduce__(self) -> tuple:
        # Half the bytes of the default, which counts: it travels with every task.
        return WatchedItem, (self.func, self.folder, self.task, self.star, self.paired)

    def __call__(self, item: tuple[int, Any]) -> Any:
        """Run `func` on the argument. An exception carries the index along."""
        index, argument = item
        if self.lane is None:
            self.lane = lane(self.folder)
        times, at = self.lane.begin(self.task + index)
        try:
            result = self.func(*argument) if self.star else self.func(argument)
        except Exception as error:
            error.__dict__[FAILED] = index
            raise
        finally:
            times[at] = perf_counter()  # `end`, without the call
        return (index, result) if self.paired else result
