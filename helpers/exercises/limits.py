"""Run a reader's answer within limits, and leave nothing behind, whatever it does.

`cleanup` ends every pool, process and program that was started inside it, with everything that
these have started. `run_limited` stops waiting after a time limit. `make_pool` returns the pool
that an answer gets.
"""

import asyncio
import ctypes
import inspect
import multiprocessing
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial, wraps
from multiprocessing.pool import Pool
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psutil

from helpers.exercises.wording import short_text
from helpers.workers import keep_result
from watchedpool.recording.pool import WatchedPool, end_pool
from watchedpool.recording.recorder import Recorder

TIME_LIMIT = 20.0  # seconds that an answer may take, unless its exercise says otherwise
CLEANUP_LIMIT = 3.0  # seconds in which everything that an answer has left must end
START_LIMIT = 60.0  # seconds in which workers must start


class WrongAnswerError(Exception):
    """What a grade raises for a wrong answer: one or two sentences to the reader."""


class AnswerError(WrongAnswerError):
    """The answer itself raised an exception: `error`."""

    def __init__(self, name: str, error: BaseException) -> None:
        """Say which of the reader's functions raised which exception."""
        message = f": {short_text(str(error))}" if str(error) else "."
        super().__init__(f"{name} raised {type(error).__name__}{message}")
        self.error = error


class ExercisePool(WatchedPool):
    """A WatchedPool that remembers which functions it was given, by whatever method.

    folder: where the workers write what each task returned; `returned` reads it.
    """

    def __init__(self, workers: int, folder: str | None = None) -> None:
        """Start the workers."""
        self.folder = folder
        self.functions: list[Callable] = []
        self.first_workers: set[multiprocessing.process.BaseProcess] = set()
        self.was_terminated = False
        super().__init__(workers)

    def terminate(self) -> None:
        """Do what Pool.terminate does."""
        self.was_terminated = True
        super().terminate()

    @property
    def lost_a_worker(self) -> bool:
        """Return whether a worker ended although nobody terminated the pool."""
        all_alive = all(worker.is_alive() for worker in self.first_workers)
        return not self.was_terminated and not all_alive

    @property
    def returned(self) -> str:
        """Return what the tasks returned, as text with one line per task."""
        return "".join(path.read_text(encoding="utf-8") for path in Path(self.folder).iterdir())


def _remembering(submit: Callable) -> Callable:
    """Return a method of a pool that remembers the function that it is given."""

    @wraps(submit)
    def remembering(self: ExercisePool, func: Callable, *args: Any, **kwargs: Any) -> Any:
        self.functions.append(func)
        kept = partial(keep_result, self.folder, func) if self.folder else func
        return submit(self, kept, *args, **kwargs)

    return remembering


for _name in (
    "apply_async",
    "map",
    "map_async",
    "starmap",
    "starmap_async",
    "imap",
    "imap_unordered",
):
    setattr(ExercisePool, _name, _remembering(getattr(WatchedPool, _name)))


def make_pool(workers: int, folder: str | None = None) -> ExercisePool:
    """Return a pool whose workers have started. Call it inside `cleanup`, which ends the pool."""
    before, deadline = set(multiprocessing.active_children()), monotonic() + START_LIMIT

    def check_deadline() -> None:
        if monotonic() > deadline:
            raise WrongAnswerError(
                "this machine could not start the workers. Restart the kernel and try again."
            )

    pool = ExercisePool(workers, folder)
    pool.warm_up(check_deadline)
    pool.functions.clear()
    pool.first_workers = set(multiprocessing.active_children()) - before
    return pool


def run_limited(
    answer: Callable, *args: Any, seconds: float | None = None, name: str | None = None
) -> Any:
    """Return `answer(*args)`, awaited if it is a coroutine.

    seconds: how long it may take; without it, TIME_LIMIT. name: what messages call the answer;
    without it, its own name.

    Raises AnswerError if the answer raises, and WrongAnswerError if it has not returned in time.
    """
    seconds = TIME_LIMIT if seconds is None else seconds
    name = name or getattr(answer, "__name__", "your function")
    pools = [arg for arg in args if isinstance(arg, ExercisePool)]
    outcome: dict[str, Any] = {}

    def run() -> None:
        try:
            result = answer(*args)
            outcome["result"] = asyncio.run(result) if inspect.iscoroutine(result) else result
        except BaseException as error:
            outcome["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    deadline = monotonic() + seconds
    thread.start()
    try:
        while thread.is_alive() and monotonic() < deadline and not any(map(_unknown_to, pools)):
            thread.join(0.1)
        late = thread.is_alive()
    finally:
        _interrupt(thread)
    if late:
        raise WrongAnswerError(_why_late(name, seconds, pools))
    if "error" in outcome:
        error = outcome["error"]
        raise error if isinstance(error, WrongAnswerError) else AnswerError(name, error)
    return outcome["result"]


def _why_late(name: str, seconds: float, pools: list[ExercisePool]) -> str:
    """Return the sentences to the reader about an answer that has not returned."""
    for pool in pools:
        if unknown := _unknown_to(pool):
            return (
                f"{name} gives the workers {unknown[0]}, which is defined in a cell. With the "
                f"start method {multiprocessing.get_start_method()}, each worker is a new Python "
                f"process and cannot find it: the worker dies, its task is lost, and {name} would "
                "wait forever. Use functions from a file, such as helpers/workers.py."
            )
    reason = f"{name} had not returned after {seconds:g} s, so the check gave up."
    if any(pool.lost_a_worker for pool in pools):
        reason += " A worker died while it ran a task: the pool replaced it, but the task is lost."
    return reason


@contextmanager
def cleanup() -> Iterator[None]:
    """End, when the block ends, every pool, process and program that was started inside it."""
    children, threads = set(multiprocessing.active_children()), set(threading.enumerate())
    with track_instances(subprocess.Popen) as programs, track_instances(Pool) as pools:
        try:
            yield
        finally:
            programs.only_thread = pools.only_thread = threading.get_ident()
            _end_all(pools, programs, children)
            for thread in set(threading.enumerate()) - threads:
                if not thread.daemon:  # Python would wait for it at its own end
                    thread.join(0.2)
                    _interrupt(thread)


class _Instances(list):
    only_thread: int | None = None  # the one thread that may still make an instance; None: any

    def __init__(self) -> None:
        super().__init__()
        # Which threads are making an instance. A list without a lock: a fork would copy the lock.
        self.making_threads: list[int] = []


@contextmanager
def track_instances(kind: type) -> Iterator[_Instances]:
    """Yield a list that receives every object of this class that is made inside the block."""
    made, original_init = _Instances(), kind.__init__

    @wraps(original_init)
    def tracking_init(self: Any, *args: Any, **kwargs: Any) -> None:
        this_thread = threading.get_ident()
        made.making_threads.append(this_thread)
        try:
            if made.only_thread not in (None, this_thread):
                raise RuntimeError("the check is over")
            original_init(self, *args, **kwargs)
            made.append(self)
        finally:
            made.making_threads.remove(this_thread)

    kind.__init__ = tracking_init
    try:
        yield made
    finally:
        kind.__init__ = original_init


def cell_functions(function: Any) -> list[str]:
    """Return the names of the functions that a task needs and that a cell, not a file, defines."""
    if isinstance(function, partial):
        parts = [function.func, *function.args, *function.keywords.values()]
        return [name for part in parts for name in cell_functions(part)]
    if not callable(function) or getattr(function, "__module__", None) != "__main__":
        return []
    return [getattr(function, "__name__", type(function).__name__)]


def _unknown_to(pool: ExercisePool) -> list[str]:
    """Return the functions that the pool's workers died of because they cannot find them."""
    if multiprocessing.get_start_method() == "fork":
        return []
    names = [name for function in list(pool.functions) for name in cell_functions(function)]
    return names if names and pool.lost_a_worker else []


def _interrupt(thread: threading.Thread) -> None:
    """Raise SystemExit in a thread: a loop ends at once, and a wait ends when its time is over."""
    for _ in range(5):
        if not thread.is_alive():
            return
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit)
        )
        thread.join(0.05)


def _is_making(made: _Instances) -> bool:
    """Return whether a thread that is still alive is making an instance now."""
    return any(thread.ident in made.making_threads for thread in threading.enumerate())


def _end_all(pools: _Instances, programs: _Instances, children: set) -> None:
    """End these pools and programs, and every child process that is not in `children`.

    Pools are ended in threads: a thread of a ThreadPool may never return from its task.
    """
    deadline = monotonic() + CLEANUP_LIMIT
    while _is_making(pools) and monotonic() < deadline - 2.0:
        sleep(0.01)
    ending = {pool: threading.Thread(target=end_pool, args=[pool], daemon=True) for pool in pools}
    for thread in ending.values():
        thread.start()
    for thread in ending.values():
        thread.join(max(0.0, deadline - 1.5 - monotonic()))
    while monotonic() < deadline:
        making = _is_making(programs)  # asked first: afterwards the new one is among the programs
        left = [program for program in programs if program.poll() is None]
        left += set(multiprocessing.active_children()) - children
        if not (left or making):
            break
        sleep(0.01)
        _kill_with_descendants(left)
    for pool, thread in ending.items():
        thread.join(0.2)
        if thread.is_alive():  # the folder of a watched pool would stay
            for recorder in [each for each in vars(pool).values() if isinstance(each, Recorder)]:
                recorder.close()


def _kill_with_descendants(processes: list[Any]) -> None:
    """Kill these children of ours and every process that they have started, and wait for them."""
    descendants: list[psutil.Process] = []
    for process in processes:
        with suppress(psutil.Error):
            descendants += psutil.Process(process.pid).children(recursive=True)
    for process in [*processes, *descendants]:
        with suppress(psutil.Error, ProcessLookupError):
            process.kill()
    for process in processes:
        if isinstance(process, subprocess.Popen):
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
        else:
            process.join(0.5)
