"""Run what a reader wrote, within limits, and leave nothing behind, whatever it does.

`nothing_left` ends every process, pool and program that begins inside it: by its family, so that
nobody has to know whose a process is. `run_limited` gives up waiting; `lend` makes the pool that
an answer gets.
"""

import asyncio
import ctypes
import inspect
import multiprocessing
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial, wraps
from multiprocessing.pool import Pool
from pathlib import Path
from reprlib import Repr
from time import monotonic, sleep
from typing import Any

from helpers.recording.pool import Marked, WatchedPool
from helpers.recording.recorder import Recorder
from helpers.timeline import Timeline
from helpers.workers import keep_result, nap

SECONDS = 20.0  # that an answer may take, unless its exercise says otherwise
ENDING = 3.0  # that it may take to end what an answer has left


class Wrong(Exception):
    """What a judge raises: one or two sentences to the reader."""


class Raised(Wrong):
    """The answer raised an exception: `error`."""

    def __init__(self, name: str, error: BaseException) -> None:
        """Say which function raised what."""
        message = f": {short(str(error), text=True)}" if str(error) else "."
        super().__init__(f"{name} raised {type(error).__name__}{message}")
        self.error = error


class LentPool(WatchedPool):
    """A WatchedPool that remembers which functions it was given.

    folder: with it, its workers keep there what each task returned; `kept` reads it.
    """

    def __init__(self, workers: int, folder: str | None = None) -> None:
        """Start the workers."""
        self.folder = folder
        self.given: list[Callable] = []
        self.crew: set[multiprocessing.process.BaseProcess] = set()
        self.ended = False  # by whom it was lent to
        super().__init__(workers)

    def mark(self, func: Callable, **call: Any) -> Marked:
        """As WatchedPool: every submission comes here."""
        self.given.append(func)
        watched = partial(keep_result, self.folder, func) if self.folder else func
        return super().mark(watched, **call)

    def terminate(self) -> None:
        """As Pool.terminate."""
        self.ended = True
        super().terminate()

    @property
    def died(self) -> bool:
        """Whether a worker died though nobody ended the pool."""
        return not self.ended and not all(worker.is_alive() for worker in self.crew)

    @property
    def kept(self) -> str:
        """What the tasks returned, as text, a line a task."""
        return "".join(path.read_text(encoding="utf-8") for path in Path(self.folder).iterdir())


def lend(workers: int, folder: str | None = None) -> LentPool:
    """Return a pool whose workers have started. Use it inside `nothing_left`, which ends it."""
    before, end = set(multiprocessing.active_children()), monotonic() + 60

    def look() -> None:
        if monotonic() > end:
            raise Wrong("your machine could not start the workers. Restart the kernel, try again.")

    pool = LentPool(workers, folder)
    pool.warm_up(look)
    pool.given.clear()
    pool.crew = set(multiprocessing.active_children()) - before
    return pool


def watch(naps: list[float], workers: int, method: str = "map", chunksize: int = 1) -> Timeline:
    """Return the measured Timeline of these naps, on workers that are warm."""
    with WatchedPool(workers) as pool:
        pool.warm_up()
        list(getattr(pool, method)(nap, naps, chunksize=chunksize))
        return pool.timeline()


def run_limited(answer: Callable, *args: Any, seconds: float | None = None) -> Any:
    """Return `answer(*args)`, awaited if it is a coroutine.

    Raises Raised if the answer raises, Wrong if it has not returned after `seconds`, and says why
    if that can be known.
    """
    seconds = SECONDS if seconds is None else seconds
    name = getattr(answer, "__name__", "your function")
    pools = [arg for arg in args if isinstance(arg, LentPool)]
    outcome: dict[str, Any] = {}

    def run() -> None:
        try:
            result = answer(*args)
            outcome["result"] = asyncio.run(result) if inspect.iscoroutine(result) else result
        except BaseException as error:
            outcome["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    end = monotonic() + seconds
    thread.start()
    try:
        while thread.is_alive() and monotonic() < end and not any(map(_lost, pools)):
            thread.join(0.1)
        late = thread.is_alive()
    finally:
        _interrupt(thread)
    if not late and "error" in outcome:
        error = outcome["error"]
        raise error if isinstance(error, Wrong) else Raised(name, error)
    if not late:
        return outcome["result"]
    for pool in pools:
        if lost := _lost(pool):
            raise Wrong(
                f"{name} gives the workers {lost[0]}, which is defined in a cell. With the start "
                f"method {multiprocessing.get_start_method()}, a worker is a Python of its own and "
                f"cannot find it: the worker dies, its task is lost, and {name} would wait for "
                "ever. Give it functions from a file, such as helpers/workers.py."
            )
    said = f"{name} had not returned after {seconds:g} s, and was given up."
    if any(pool.died for pool in pools):
        said += " A worker died while it ran a task: the pool replaced it, but the task is lost."
    raise Wrong(said)


@contextmanager
def nothing_left() -> Iterator[None]:
    """Within it, processes may begin, pools and programs too; afterwards, they have ended."""
    children, threads = set(multiprocessing.active_children()), set(threading.enumerate())
    with noted(subprocess.Popen) as programs, noted(Pool) as pools:
        try:
            yield
        finally:
            programs.only = pools.only = threading.get_ident()
            _end(pools, programs, children)
            for thread in set(threading.enumerate()) - threads:
                if not thread.daemon:  # Python would wait for it at its own end
                    thread.join(0.2)
                    _interrupt(thread)


class _Noted(list):
    only: int | None = None  # the thread that may still make one; None: all

    def __init__(self) -> None:
        super().__init__()
        self.making: list[int] = []  # the threads that make one now. No lock: a fork would copy it


@contextmanager
def noted(kind: type) -> Iterator[_Noted]:
    """Within it, every object of that kind that is made is in the list."""
    made, make = _Noted(), kind.__init__

    @wraps(make)
    def noting(self: Any, *args: Any, **kwargs: Any) -> None:
        me = threading.get_ident()
        made.making.append(me)
        try:
            if made.only not in (None, me):
                raise RuntimeError("the check is over")
            make(self, *args, **kwargs)
            made.append(self)
        finally:
            made.making.remove(me)

    kind.__init__ = noting
    try:
        yield made
    finally:
        kind.__init__ = make


def cell_functions(function: Any) -> list[str]:
    """Return the names of what a task would need that is defined in a cell, not in a file."""
    if isinstance(function, partial):
        parts = [function.func, *function.args, *function.keywords.values()]
        return [name for part in parts for name in cell_functions(part)]
    if not callable(function) or getattr(function, "__module__", None) != "__main__":
        return []
    return [getattr(function, "__name__", type(function).__name__)]


class _Short(Repr):
    def repr_int(self, number: int, level: int) -> str:
        return repr(number) if abs(number) < 10**20 else "a number of more than 20 digits"


def short(value: Any, text: bool = False) -> str:
    """Return `value` as a reader would write it, but never longer than a line or two.

    text: the value is a message, which needs no quotes.
    """
    if text:
        return value if len(value) <= 300 else f"{value[:300]} …"
    shortened = _Short()
    shortened.maxlist = shortened.maxtuple = shortened.maxdict = 12
    shortened.maxstring = shortened.maxother = 80
    return shortened.repr(value)


def _lost(pool: LentPool) -> list[str]:
    """Return the functions that the pool's workers died of because they cannot find them."""
    if multiprocessing.get_start_method() == "fork":
        return []
    names = [name for function in list(pool.given) for name in cell_functions(function)]
    return names if names and pool.died else []


def _interrupt(thread: threading.Thread) -> None:
    """Raise SystemExit in a thread that does not end: a loop ends, a wait ends when it is over."""
    for _ in range(5):
        if not thread.is_alive():
            return
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit)
        )
        thread.join(0.05)


def _making(made: _Noted) -> bool:
    """Tell whether a thread that still lives makes one now."""
    return any(thread.ident in made.making for thread in threading.enumerate())


def _end(pools: _Noted, programs: _Noted, children: set) -> None:
    """End them all, and all children but these.

    A pool that lost a worker, and with it a lock, cannot be terminated: that waits for ever. So it
    is asked to, in a thread, which also keeps it from replacing workers; then they are killed.
    """
    end = monotonic() + ENDING
    while _making(pools) and monotonic() < end - 2.0:
        sleep(0.01)
    ending = {pool: threading.Thread(target=pool.terminate, daemon=True) for pool in pools}
    for thread in ending.values():
        thread.start()
    for thread in ending.values():
        thread.join(max(0.0, end - 1.5 - monotonic()))
    while monotonic() < end:
        making = _making(programs)  # first: what is made is then among the programs
        left = [program for program in programs if program.poll() is None]
        left += set(multiprocessing.active_children()) - children
        if not (left or making):
            break
        sleep(0.01)
        _kill_families([process.pid for process in left])
        for process in left:
            process.kill()
            _wait(process)
    for pool, thread in ending.items():
        thread.join(0.2)
        if thread.is_alive():  # for ever; so its folder would stay
            for recorder in [each for each in vars(pool).values() if isinstance(each, Recorder)]:
                recorder.close()


def _wait(process: Any) -> None:
    if isinstance(process, subprocess.Popen):
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.5)
    else:
        process.join(0.5)


def _kill_families(family: list[int]) -> None:
    """Kill these processes and what they have started."""
    if os.name == "nt":
        for pid in family:
            subprocess.run(["taskkill", "/F", "/T", "/PID", str(pid)], capture_output=True)
        return
    parents = _parents()
    for member in family:
        family += [child for child, parent in parents.items() if parent == member]
    for member in family:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(member, signal.SIGKILL)


def _parents() -> dict[int, int]:
    """Return the parent of every process, by number; on Linux and macOS."""
    try:
        done = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True)
    except OSError:  # a system without ps: nothing is known of grandchildren
        return {}
    numbers = [int(number) for number in done.stdout.split()]
    return dict(zip(numbers[::2], numbers[1::2], strict=True))
