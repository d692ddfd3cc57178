"""The half of the recorder that runs inside workers: a lane a worker. Standard library only.

A lane is a file with one writer and no lock: a head, then one record a task of three native
8-byte fields: task + 1, start, finish (`perf_counter` seconds; 0 = has not happened). The worker
writes into mapped memory, so a record costs no system call, is visible while the task runs, and
outlives a worker that is killed.

The tasks of a chunk run one after another, each from the finish of the one before it. So only the
first has task and start, and the second minus the number of them all in the place of its task: to
write down one more is to write down its finish.
"""

import mmap
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Any

FIELD = 8  # bytes
RECORD = 3 * FIELD
HEAD = b"\0\0\0\0\0\0\0\0a watched lane 2"  # one record long, of no task
SEGMENT = 8192 * RECORD  # whole records, and a multiple of every system's mapping granularity
FIELDS = SEGMENT // FIELD
SUFFIX = ".lane"
CALL = 32  # a task's number is its call's number << 32, plus its index in the call

_lanes: dict[tuple[str, int, int], "Lane"] = {}


class Lane:
    """Where one worker (a process, or a thread of one) writes down its tasks.

    A worker of a pool says what it takes and when it has put it down; `task` is the number of
    what it put down last, None if that was no task. Else, `begin` tells of one task.
    """

    def __init__(self, folder: str) -> None:
        """Open a new lane in `folder`. Where that fails, records go nowhere and work goes on."""
        self._file = None
        with suppress(OSError):
            handle, _ = tempfile.mkstemp(SUFFIX, dir=folder)
            self._file = open(handle, "r+b", buffering=0)  # noqa: SIM115 - lives as the worker
        self._running = False
        self.task: int | None = None
        self._new_segment(HEAD)

    def begin(self, task: int) -> tuple[memoryview, int]:
        """Write down that `task` starts now; return the place where its finish belongs."""
        if self._free == FIELDS:
            self._new_segment()
        at = self._free
        self._free = at + 3
        self._times[at + 1] = perf_counter()
        self._numbers[at] = task + 1
        return self._times, at + 2

    def take(self, task: int | None) -> None:
        """Write down that the worker has `task` now; None is no task."""
        self.task, self._running = None, task is not None
        if task is not None:
            self.begin(task)

    def take_each(self, task: int, items: Sequence) -> Iterator:
        """Yield the items of a chunk, whose first task is `task`, and write down each.

        Who asks for the next item has ended the one before.
        """
        self.task, self._running = None, True
        rest, stop = iter(items), task + len(items)
        while task < stop:
            times, at = self.begin(task)
            ends = range(at, min(at + 3 * (stop - task), FIELDS), 3)  # the rest finds no room here
            if len(ends) > 1:
                self._numbers[at + 1] = -len(ends)
                self._free = ends[-1] + 1
            for at, item in zip(ends, rest, strict=False):
                yield item
                times[at] = perf_counter()
            task += len(ends)
        self.task, self._running = stop - 1, False

    def put_down(self) -> None:
        """Write down that what was taken ends now; the second time, do nothing."""
        if self._running:
            self._running = False
            at = self._free - 1
            number = self._numbers[at - 2]
            if number <= 0:  # one of a chunk has failed
                number, at = self._cut_chunk()
            self.task = number - 1
            self._times[at] = perf_counter()

    def _cut_chunk(self) -> tuple[int, int]:
        """Forget what never began of a chunk; return what runs, and the place of its finish."""
        head = self._free - 3
        while self._numbers[head] <= 0:
            head -= 3
        count, at = 1, head + 2
        while self._times[at]:
            count, at = count + 1, at + 3
        self._numbers[head + 3] = -count
        return self._numbers[head] + count - 1, at

    def close(self) -> None:
        """Let go of the file, so that Windows can delete it. Later records go nowhere."""
        self._numbers.release()
        self._times.release()
        self._segment.close()
        if self._file:
            self._file.close()
            self._file = None
        self._running = False
        self._new_segment()

    def _new_segment(self, head: bytes = b"") -> None:
        """Go on in fresh memory: the file's next, or where there is none, that of no file."""
        try:
            self._segment = self._extend(head)
        except OSError:
            self._segment = mmap.mmap(-1, SEGMENT)
        # Two views of the same fields, because to set an item of one is twice as quick as to pack.
        self._numbers = memoryview(self._segment).cast("q")
        self._times = memoryview(self._segment).cast("d")
        self._free = len(head) // FIELD

    def _extend(self, head: bytes) -> mmap.mmap:
        # The zeros are written, not left as a hole: in a hole a full disk would kill the worker
        # (SIGBUS) when it touches the page; here it is an OSError, and the records go nowhere.
        if not self._file:
            raise FileNotFoundError
        at = self._file.seek(0, os.SEEK_END)
        if self._file.write(head.ljust(SEGMENT, b"\0")) < SEGMENT:
            raise OSError("disk full")
        return mmap.mmap(self._file.fileno(), SEGMENT, offset=at)


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


def run_watched(folder: str, task: int, func: Callable, /, *args: Any, **kwargs: Any) -> Any:
    """Run `func` and return what it returns; write down when it began and ended, as `task`."""
    times, at = lane(folder).begin(task)
    try:
        return func(*args, **kwargs)
    finally:
        # A recorder that was closed while a task ran in a thread has closed the lane under it.
        with suppress(ValueError):
            times[at] = perf_counter()
