"""The half of the recorder that runs inside workers: one lane per worker. Standard library only.

A lane has one writer and no lock. That of a process is a file, and that of a thread of the parent
is memory. It is a head, then records of four native 8-byte fields:

    number + 1    the number of a task
    count         how many tasks the record is of: this one, and those that follow it
    start         `perf_counter` seconds
    finish        `perf_counter` seconds; 0 = has not happened

The worker writes into mapped memory, so a record costs no system call, is visible while the task
runs, and outlives a worker that is killed.
"""

import mmap
import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from io import FileIO
from itertools import chain
from operator import length_hint
from os import scandir, urandom
from time import perf_counter
from typing import Any

FIELD = 8  # bytes
RECORD = 4 * FIELD
HEAD = b"\0\0\0\0\0\0\0\0a watched lane 3".ljust(RECORD, b"\0")  # one record long, of no task
# A lane grows by segments, each twice as long as the one before. A system maps whole pages only.
FIRST_SEGMENT = mmap.ALLOCATIONGRANULARITY
LAST_SEGMENT = max(FIRST_SEGMENT, 1 << 18)
SUFFIX = ".lane"
# Memory does not need the file open; before Python 3.13, mmap keeps it open nevertheless.
_NO_FILE = {"trackfd": False} if sys.version_info >= (3, 13) and os.name == "posix" else {}
# Tasks of a chunk that are shorter than this share a record: to write one costs a microsecond.
SHORT = 50e-6  # seconds
GROWTH = 16  # how many times longer than the block before one may be

_of_this_thread = threading.local()  # its lanes, by folder and process: they go when it ends
_open: "weakref.WeakValueDictionary[int, Lane]" = weakref.WeakValueDictionary()


class Lane:
    """Where one worker (a process, or a thread of one) writes down its tasks."""

    def __init__(self, folder: str | None) -> None:
        """Open a new lane: a file in `folder`, or memory if that is None.

        Where no file can be opened, records go nowhere and work goes on.
        """
        self.folder, self._path = folder, ""
        self._memory: list[bytearray] | None = [] if folder is None else None
        if folder is not None:
            # Not by `tempfile`: a program may have a module `random`, which that would import.
            path = os.path.join(folder, urandom(8).hex() + SUFFIX)
            with suppress(OSError):
                FileIO(path, "x").close()
                self._path = path
        self._size = FIRST_SEGMENT
        self._running = False
        self._block: Iterator | None = None  # of a chunk, what runs now
        self.last: int | None = None  # the number of the task that finished last
        self._open_segment(HEAD)

    def start_task(self, number: int, count: int = 1) -> tuple[memoryview, int]:
        """Write down that `count` tasks, from this number on, start now.

        Return the place where their finish belongs; the start is the field before it.
        """
        if self._free == self._end:
            self._open_segment()
        at = self._free
        self._free = at + 4
        self._times[at + 2] = perf_counter()
        self._numbers[at + 1] = count
        self._numbers[at] = number + 1
        self._running, self._block = True, None
        return self._times, at + 3

    def finish_task(self) -> None:
        """Write down that what was started last ends now; the second time, do nothing.

        Where an exception broke off a block of a chunk, its remaining tasks never started.
        """
        if self._running:
            self._running = False
            at = self._free - 4
            if self._block is not None:
                self._numbers[at + 1] -= length_hint(self._block)
                self._block = None  # which holds the items
            self.last = self._numbers[at] + self._numbers[at + 1] - 2
            self._times[at + 3] = perf_counter()

    def start_each(self, number: int, items: Sequence) -> Iterator:
        """Return the items of a chunk, whose first task has this number, and write down each.

        Asking for the next item ends the one before. Short tasks are written down as blocks, with
        one start and one finish for all of them: within a block, nothing of ours runs.
        """
        return chain.from_iterable(self._blocks(number, items))

    def _blocks(self, number: int, items: Sequence) -> Iterator[Iterator]:
        items = tuple(items)
        done, count = 0, 1
        while done < len(items):
            block = items[done : done + count]
            times, end = self.start_task(number + done, len(block))
            self._block = iter(block)
            yield self._block
            self.finish_task()
            done += len(block)
            took = max(times[end] - times[end - 1], 1e-9)
            count = max(1, min(GROWTH * count, int(len(block) * SHORT / took)))

    def in_memory(self) -> bytes:
        """Return the records of a lane that is memory."""
        return b"".join(self._memory or ())[RECORD:]

    def close(self) -> None:
        """Let go of the file, so that Windows can delete it. Later records go nowhere."""
        self._numbers.release()
        self._times.release()
        self._segment.close()
        self._path, self._running = "", False
        self._open_segment()

    def _open_segment(self, head: bytes = b"") -> None:
        """Go on in fresh memory: the file's next, or where there is none, that of no file."""
        if self._memory is not None:
            self._segment = bytearray(head.ljust(self._size, b"\0"))
            self._memory.append(self._segment)
        else:
            try:
                self._segment = self._extend_file(head)
            except OSError:
                self._segment = mmap.mmap(-1, self._size)
        # Two views of the same fields, because to set an item of one is twice as quick as to pack.
        self._numbers = memoryview(self._segment).cast("q")
        self._times = memoryview(self._segment).cast("d")
        self._free, self._end = len(head) // FIELD, self._size // FIELD
        self._size = min(2 * self._size, LAST_SEGMENT)

    def _extend_file(self, head: bytes) -> mmap.mmap:
        # The zeros are written, not left as a hole: in a hole a full disk would kill the worker
        # (SIGBUS) when it touches the page; here it is an OSError, and the records go nowhere.
        if not self._path:
            raise FileNotFoundError
        with FileIO(self._path, "r+") as file:  # a program may replace `open`
            at = file.seek(0, os.SEEK_END)
            if file.write(head.ljust(self._size, b"\0")) < self._size:
                raise OSError("disk full")
            return mmap.mmap(file.fileno(), self._size, offset=at, **_NO_FILE)


class Lanes(dict[int, Lane]):
    """The lane of each worker, by its thread: asking for one opens it, where the worker runs.

    `lane` asks the system each time which process this is, which would be twice per task.
    """

    def __init__(self, folder: str | None = None) -> None:
        """Open lanes in `folder`, or in memory."""
        self.folder = folder

    def __missing__(self, worker: int) -> Lane:
        self[worker] = Lane(None) if self.folder is None else lane(self.folder)
        return self[worker]

    def __reduce__(self) -> tuple:
        return Lanes, (self.folder,)


def lane(folder: str) -> Lane:
    """Return the lane of this thread of this process in `folder`."""
    lanes = vars(_of_this_thread)
    key = folder, os.getpid()
    if key not in lanes:
        lanes[key] = Lane(folder)
        _open[id(lanes[key])] = lanes[key]
    return lanes[key]


def read_lanes(folder: str) -> Iterator[bytes]:
    """Yield the records of each lane in `folder`; what is no lane, or unreadable, is left out."""
    paths: list[str] = []
    with suppress(OSError):
        paths = sorted(entry.path for entry in scandir(folder))
    for path in paths:
        try:
            with FileIO(path) as file:
                content = file.readall()
        except OSError:
            continue
        if content.startswith(HEAD):
            # Without the zeros at the end, most of a lane that has few tasks.
            written = len(content.rstrip(b"\0"))
            yield content[RECORD : -(-written // RECORD) * RECORD]


def close_lanes(folder: str) -> None:
    """Close the lanes this process has open in `folder`."""
    for reference in _open.valuerefs():  # a list: other threads may open lanes meanwhile
        opened = reference()
        if opened is not None and opened.folder == folder:
            opened.close()


def run_watched(folder: str, number: int, func: Callable, /, *args: Any, **kwargs: Any) -> Any:
    """Run `func` and return what it returns; write down when it began and ended, as this task."""
    times, end = lane(folder).start_task(number)
    try:
        return func(*args, **kwargs)
    finally:
        # A recorder that was closed while a task ran in a thread has closed the lane under it.
        with suppress(ValueError):
            times[end] = perf_counter()
