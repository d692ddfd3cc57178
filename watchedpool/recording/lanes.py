"""The half of the recorder that runs inside workers: one lane per worker. Standard library only.

A lane has one writer and no lock. That of a process is a file, and that of a thread of the parent
is memory. It is a head, then records of four native 4-byte integers and six doubles:

    call + 1      the number of a call of the program
    message       which of its messages to the workers the tasks came in
    offset        the place of the first task in this message
    count         how many tasks the record is of: this one, and those that follow it
    start         `perf_counter` seconds, as all moments
    finish        0 = has not happened
    cpu           the seconds that this thread ran on a core meanwhile
    task_bytes    the length of the message; 0 = not measured
    result_bytes  the length of the message with the result, in the last record of a message
    freed         the moment when that message had been handed over, in the last record, too

The head holds a mark, the number of the worker's process or thread, and the moments when it began
and when it asked for its first task.

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
from time import perf_counter, thread_time
from typing import Any

FIELD = 8  # bytes
FIELDS = 8
RECORD = FIELDS * FIELD
MARK = b"\0\0\0\0\0\0\0\0a watched lane 4"
HEAD = MARK.ljust(RECORD, b"\0")  # one record long, of no task
# Where a record and the head have what, in fields.
START, FINISH, CPU, TASK_BYTES, RESULT_BYTES, FREED = range(2, FIELDS)
WORKER, BEGUN, READY = range(3, 6)
# A lane grows by segments, each twice as long as the one before. A system maps whole pages only.
FIRST_SEGMENT = mmap.ALLOCATIONGRANULARITY
LAST_SEGMENT = max(FIRST_SEGMENT, 1 << 18)
SUFFIX = ".lane"
# Memory does not need the file open; before Python 3.13, mmap keeps it open nevertheless.
_NO_FILE = {"trackfd": False} if sys.version_info >= (3, 13) and os.name == "posix" else {}
# Tasks of a chunk that are shorter than this share a record: to write one costs a microsecond.
SHORT = 50e-6  # seconds
# To ask for CPU seconds takes half a microsecond: not for short tasks, whose CPU seconds are their
# duration, nor again within so many seconds, in which a thread is taken to have been on a core.
CPU_ERROR = 200e-6
GROWTH = 16  # how many times longer than the block before one may be

_of_this_thread = threading.local()  # its lanes, by folder and process: they go when it ends
_open: "weakref.WeakValueDictionary[int, Lane]" = weakref.WeakValueDictionary()


class Lane:
    """Where one worker (a process, or a thread of one) writes down its tasks."""

    def __init__(self, folder: str | None, begun: float = 0.0) -> None:
        """Open a new lane: a file in `folder`, or memory if that is None.

        Where no file can be opened, records go nowhere and work goes on. begun: when the worker
        began; it asks for its first task now. 0 = not measured.
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
        self.running: int | None = None  # the number of the call whose task runs
        self._block: Iterator | None = None  # of a chunk, what runs now
        self._call, self._count = -1, 1  # whose tasks are blocks of so many
        self._last: int | None = None  # where the last record of a message is
        self._cpu = self._cpu_at = 0.0  # what `thread_time` was, and when
        self._cpu_until = 0.0  # until when that can be used
        self.task_bytes = self.result_bytes = 0  # of the message that is here now
        self._open_segment(HEAD)
        self._times[WORKER] = threading.get_ident() if folder is None else os.getpid()
        if begun:
            self._times[BEGUN], self._times[READY] = begun, perf_counter()

    def start_task(self, call: int, message: int = 0) -> None:
        """Write down that the only task of a message starts now."""
        self._start(call, message, 0, 1)

    def start_nested(self, call: int) -> Callable[[], None]:
        """Write down that a task starts, maybe within another; return what is called at its end."""
        cpu = thread_time()
        self._start(call, 0, 0, 1)
        times, at = self._times, self._free - FIELDS
        self.running = None

        def finish() -> None:
            times[at + FINISH], times[at + CPU] = perf_counter(), thread_time() - cpu

        return finish

    def _start(self, call: int, message: int, offset: int, count: int) -> None:
        if self._free == self._end:
            self._open_segment()
        at = self._last = self._free
        self._free = at + FIELDS
        numbers, number = self._numbers, at + at
        if message:  # all of it is 0
            numbers[number + 1] = message
        if offset:
            numbers[number + 2] = offset
        numbers[number + 3] = count
        times = self._times
        times[at + TASK_BYTES] = self.task_bytes
        self.running = call
        now = perf_counter()
        if now > self._cpu_until:
            self._cpu = thread_time()
            self._cpu_at = now = perf_counter()
            self._cpu_until = now + CPU_ERROR
        times[at + START] = now
        numbers[number] = call + 1

    def finish_task(self) -> float:
        """Write down that what was started last ends now; the second time, do nothing.

        Return how many seconds it took. Where an exception broke off a block of a chunk, its
        remaining tasks never started.
        """
        if self.running is None:
            return 0.0
        now = perf_counter()
        self.running = None
        at, times = self._free - FIELDS, self._times
        if self._block is not None:
            self._numbers[2 * at + 3] -= length_hint(self._block)
            self._block = None  # which holds the items
        start = times[at + START]
        took = now - start
        if took < SHORT:
            times[at + CPU] = took
        else:
            cpu = thread_time()
            # From when it was last asked until the start, this thread was on a core.
            times[at + CPU] = max(0.0, cpu - self._cpu - (start - self._cpu_at))
            self._cpu, self._cpu_at, self._cpu_until = cpu, now, now + SHORT
        times[at + FINISH] = now
        return took

    def free_worker(self) -> None:
        """Write down that the message with the result has been handed over now."""
        if self._last is not None:
            self._times[self._last + RESULT_BYTES] = self.result_bytes
            self._times[self._last + FREED] = perf_counter()
            self._last = None

    def start_each(self, call: int, message: int, items: Sequence) -> Iterator:
        """Return the items of a chunk, and write down each task.

        Asking for the next item ends the one before. Short tasks are written down as blocks, with
        one start and one finish for all of them: within a block, nothing of ours runs.
        """
        return chain.from_iterable(self._blocks(call, message, tuple(items)))

    def _blocks(self, call: int, message: int, items: tuple) -> Iterator[Iterator]:
        if call != self._call:  # its tasks may be others
            self._call, self._count = call, 1
        done = 0
        while done < len(items):
            block = items[done : done + self._count]
            self._start(call, message, done, len(block))
            self._block = iter(block)
            yield self._block
            took = self.finish_task()
            done += len(block)
            self._count = next_count(len(block), took)

    def in_memory(self) -> bytes:
        """Return the head and the records of a lane that is memory."""
        return b"".join(self._memory or ())

    def close(self) -> None:
        """Let go of the file, so that Windows can delete it. Later records go nowhere."""
        self._numbers.release()
        self._times.release()
        self._segment.close()
        self._path, self.running, self._last = "", None, None
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
        self._numbers = memoryview(self._segment).cast("i")
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


def next_count(count: int, took: float) -> int:
    """Return how many tasks the next block should have, after one of `count` tasks."""
    return max(1, min(GROWTH * count, int(count * SHORT / max(took, 1e-9))))


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

    def open(self, begun: float) -> Lane:
        """Return the lane of a worker that began then, and asks for its first task now."""
        worker = threading.get_ident()
        self[worker] = Lane(None, begun) if self.folder is None else lane(self.folder, begun)
        return self[worker]

    def __reduce__(self) -> tuple:
        return Lanes, (self.folder,)


def lane(folder: str, begun: float = 0.0) -> Lane:
    """Return the lane of this thread of this process in `folder`; open it, if it is new."""
    lanes = vars(_of_this_thread)
    key = folder, os.getpid()
    if key not in lanes:
        lanes[key] = Lane(folder, begun)
        _open[id(lanes[key])] = lanes[key]
    return lanes[key]


def read_lanes(folder: str) -> Iterator[bytes]:
    """Yield the head and records of each lane in `folder`; what is none, or unreadable, is not."""
    paths: list[str] = []
    with suppress(OSError):
        paths = sorted(entry.path for entry in scandir(folder))
    for path in paths:
        try:
            with FileIO(path) as file:
                content = file.readall()
        except OSError:
            continue
        if content.startswith(MARK):
            # Without the zeros at the end, most of a lane that has few tasks.
            written = max(len(content.rstrip(b"\0")), RECORD)
            yield content[: -(-written // RECORD) * RECORD]


def close_lanes(folder: str) -> None:
    """Close the lanes this process has open in `folder`."""
    for reference in _open.valuerefs():  # a list: other threads may open lanes meanwhile
        opened = reference()
        if opened is not None and opened.folder == folder:
            opened.close()


def run_watched(folder: str, number: int, func: Callable, /, *args: Any, **kwargs: Any) -> Any:
    """Run `func` and return what it returns; write down when it began and ended, as this task."""
    finish = lane(folder).start_nested(number)
    try:
        return func(*args, **kwargs)
    finally:
        # A recorder that was closed while a task ran in a thread has closed the lane under it.
        with suppress(ValueError):
            finish()
