"""Run a reader's answer within limits, and leave nothing behind.

`cleanup` ends every pool, process and program that was started inside it, and everything that
these have started. `run_limited` stops waiting after a time limit. `run_in_child` does the same for
pure functions, in a separate process. `make_pool` returns the pool that an answer receives.

Only one thing in this process cannot be ended: a loop in C that keeps the GIL, such as
`sum(range(10**12))`. No other thread of the process runs during such a loop, so nothing can be
printed. Therefore `notice` displays a line before an answer runs.
"""

import asyncio
import ctypes
import inspect
import multiprocessing
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial, wraps
from multiprocessing.pool import Pool, starmapstar
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any, NamedTuple

import cloudpickle
import psutil
from IPython.display import display

from helpers.exercises.wording import in_notebook, in_words
from watchedpool.recording.pool import WatchedPool, end_pool
from watchedpool.recording.queues import is_chunk
from watchedpool.recording.recorder import Recorder

TIME_LIMIT = 7.0  # seconds that an answer may take, unless its exercise says otherwise
CLEANUP_LIMIT = 3.0  # seconds in which everything that an answer has left must end
START_LIMIT = 60.0  # seconds in which workers must start
NOTICE = (
    "The check runs your code. If this line stays for more than a minute, restart the kernel: "
    "your code is in a loop that nothing else can interrupt."
)
UNKNOWN_THERE = 77  # the exit code of CHILD if it could not load the answer, or save the outcome
CHILD = f"""
import asyncio, inspect, pickle, sys
with open(sys.argv[1], "rb") as file:
    sys.path[:], task = pickle.load(file)
import cloudpickle
try:
    import resource  # POSIX only
    resource.setrlimit(resource.RLIMIT_AS, (2**32, resource.getrlimit(resource.RLIMIT_AS)[1]))
except (ImportError, ValueError):
    pass
try:
    function, calls = pickle.loads(task)
except Exception:
    sys.exit({UNKNOWN_THERE})
try:
    results = [function(*args) for args in calls]
    results = [asyncio.run(each) if inspect.iscoroutine(each) else each for each in results]
    outcome = {{"result": results}}
except BaseException as error:
    outcome = {{"error": error}}
try:
    outcome = cloudpickle.dumps(outcome)
except Exception:
    sys.exit({UNKNOWN_THERE})
with open(sys.argv[1], "wb") as file:
    file.write(outcome)
"""


_returned: list = []  # what answers have returned since the last `cleanup` began


class WrongAnswerError(Exception):
    """What a grade raises for a wrong answer: one or two sentences to the reader."""


class AnswerError(WrongAnswerError):
    """The answer itself raised an exception: `error`."""

    def __init__(self, name: str, error: BaseException) -> None:
        """Say which of the reader's functions raised which exception."""
        super().__init__(f"{name} raised {in_words(error)}")
        self.error = error


class TimingError(WrongAnswerError):
    """The answer was too slow, of which a busy machine may be the cause."""


class TimeLimitError(TimingError):
    """The answer had not returned when its time was over."""


class MachineBusyError(Exception):
    """The machine is too busy to distinguish a right answer from a wrong one."""


class Call(NamedTuple):
    """One task that a pool has run.

    arguments: all that `function` received; if it was a partial, those of the partial too.
    returned: or the exception that was raised; an exception counts for every task of its chunk.
    """

    function: Callable
    arguments: tuple
    returned: Any


class _CallKeeper(Pool):
    """A pool that keeps each function when it is sent, and each call when its result arrives.

    It does so at the parent's ends of the queues, so tasks take no longer.
    """

    def _setup_queues(self) -> None:
        super()._setup_queues()
        # The pool's threads hold the functions below, which must not keep the pool itself alive.
        self.functions, self.calls = functions, calls = [], []
        put, get, sent = self._quick_put, self._quick_get, {}

        def keep_and_put(message: tuple | None) -> None:
            if message is not None:
                job, i, *task = message
                sent[job, i] = task
                functions.append(task[1][0][0] if is_chunk(task[0]) else task[0])
            put(message)

        def get_and_keep() -> tuple | None:
            message = get()
            if message is not None:
                job, i, outcome = message
                calls.extend(_calls_of(*sent.pop((job, i)), *outcome))
            return message

        self._quick_put, self._quick_get = keep_and_put, get_and_keep


def _calls_of(
    function: Callable, args: tuple, keywords: dict, succeeded: bool, value: Any
) -> list[Call]:
    """Return the calls of one message to a worker, which may be a chunk."""
    if not is_chunk(function):
        return [_call_of(function, (*args, *keywords.values()), value)]
    is_star = function is starmapstar
    ((function, items),) = args
    values = value if succeeded else [value] * len(items)
    return [
        _call_of(
            function, tuple(item) if is_star and isinstance(item, list | tuple) else (item,), each
        )
        for item, each in zip(items, values, strict=True)
    ]


def _call_of(function: Callable, arguments: tuple, returned: Any) -> Call:
    while isinstance(function, partial):
        arguments = (*function.args, *arguments, *function.keywords.values())
        function = function.func
    return Call(function, arguments, returned)


class ExercisePool(WatchedPool, _CallKeeper):
    """A WatchedPool that remembers its calls: `calls`, and `functions`, also of lost tasks."""

    def __init__(self, workers: int) -> None:
        """Start the workers."""
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


def make_pool(workers: int) -> ExercisePool:
    """Return a pool whose workers have started. Call it inside `cleanup`, which ends the pool."""
    before, deadline = set(multiprocessing.active_children()), monotonic() + START_LIMIT

    def check_deadline() -> None:
        if monotonic() > deadline:
            raise WrongAnswerError(
                "this machine could not start the workers. Restart the kernel and try again."
            )

    pool = ExercisePool(workers)
    pool.warm_up(check_deadline)
    pool.functions.clear()
    pool.calls.clear()
    pool.first_workers = set(multiprocessing.active_children()) - before
    return pool


def run_limited(
    answer: Callable, *args: Any, seconds: float | None = None, name: str | None = None
) -> Any:
    """Return `answer(*args)`, awaited if it is a coroutine.

    seconds: how long it may take; without it, TIME_LIMIT. name: what messages call the answer;
    without it, its own name.

    Raises AnswerError if the answer raises, and TimeLimitError if it has not returned in time.
    """
    seconds = TIME_LIMIT if seconds is None else seconds
    name = name or getattr(answer, "__name__", "your function")
    pools = [arg for arg in args if isinstance(arg, ExercisePool)]

    def run() -> Any:
        result = answer(*args)
        return asyncio.run(result) if inspect.iscoroutine(result) else result

    with _thread_errors() as errors:
        outcome = run_in_thread(run, seconds, lambda: any(map(_unknown_to, pools)))
    return _result_of(outcome, name, lambda: _why_late(name, seconds, pools, errors))


def run_in_thread(
    function: Callable[[], Any], seconds: float, stop: Callable[[], bool] = lambda: False
) -> dict[str, Any]:
    """Run `function` in a thread; return its "result" or "error", or nothing if it was interrupted.

    It is interrupted after `seconds`, or as soon as `stop` returns True.
    """
    outcome: dict[str, Any] = {}

    def run() -> None:
        try:
            outcome["result"] = function()
        except BaseException as error:
            outcome["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    deadline = monotonic() + seconds
    thread.start()
    try:
        while thread.is_alive() and monotonic() < deadline and not stop():
            thread.join(0.1)
        return {} if thread.is_alive() else outcome
    finally:
        _interrupt(thread)


def run_in_child(
    answer: Callable, calls: list[tuple], seconds: float | None = None, name: str | None = None
) -> list[Any]:
    """Return `answer(*args)` for each args in `calls`, all run in one new Python process.

    It is for pure functions: what the answer changes elsewhere is lost. Unlike `run_limited`, it
    ends a loop in C that keeps the GIL. An answer that cannot be sent to another process, because
    it uses a lock or an open file, runs here.

    Raises what `run_limited` raises.
    """
    seconds = TIME_LIMIT if seconds is None else seconds
    name = name or getattr(answer, "__name__", "your function")
    outcome, code = {}, UNKNOWN_THERE
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder, "task")
        with suppress(Exception):  # what cannot be pickled raises errors of any kind
            path.write_bytes(pickle.dumps((sys.path, cloudpickle.dumps((answer, calls)))))
        if path.exists():
            streams = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            command = [sys.executable, "-c", CHILD, str(path)]
            try:
                code = subprocess.run(command, timeout=seconds, **streams).returncode
                outcome = {} if code else pickle.loads(path.read_bytes())
            except subprocess.TimeoutExpired:
                code = 0
    if code == UNKNOWN_THERE:
        return [run_limited(answer, *args, seconds=seconds, name=name) for args in calls]
    if code:
        raise WrongAnswerError(f"{name} ended the process that it ran in (exit code {code}).")
    return _result_of(outcome, name, lambda: _why_late(name, seconds))


def _result_of(outcome: dict[str, Any], name: str, why_late: Callable[[], str]) -> Any:
    """Return the result of an answer; raise its error as an AnswerError, or TimeLimitError."""
    if not outcome:
        raise TimeLimitError(why_late())
    if "error" in outcome:
        error = outcome["error"]
        raise error if isinstance(error, WrongAnswerError) else AnswerError(name, error)
    _returned.append(outcome["result"])
    return outcome["result"]


@contextmanager
def notice(text: str = NOTICE) -> Iterator[None]:
    """Display a line in a notebook until the block ends.

    The line must be there before the block begins: if the block keeps the GIL, the kernel can
    display nothing more, and no other process can write into the notebook.
    """
    if not in_notebook():
        yield
        return
    bundle = {"text/html": f"<i>{text}</i>", "text/plain": text}
    line = display(bundle, raw=True, display_id=True)
    sys.stdout.flush()  # returns when the kernel has sent everything so far, the line too
    try:
        yield
    finally:
        line.update(dict.fromkeys(bundle, ""), raw=True)


@contextmanager
def _thread_errors() -> Iterator[list[BaseException]]:
    """Yield a list that receives the errors that end threads inside the block."""
    errors: list[BaseException] = []
    original_hook = threading.excepthook

    def keep_error(event: Any) -> None:
        if event.exc_type is not SystemExit:
            errors.append(event.exc_value)
        original_hook(event)

    threading.excepthook = keep_error
    try:
        yield errors
    finally:
        threading.excepthook = original_hook


def _why_late(
    name: str,
    seconds: float,
    pools: Sequence[ExercisePool] = (),
    errors: Sequence[BaseException] = (),
) -> str:
    """Return sentences for the reader about an answer that has not returned."""
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
    if errors:
        reason += (
            " An error had ended a thread that may be needed, such as the thread of a pool that "
            f"calls callbacks and receives results: {in_words(errors[0])}"
        )
    return reason


@contextmanager
def cleanup() -> Iterator[list]:
    """End, when the block ends, every pool, process and program that was started inside it.

    Yields a list of what the answers return that run in the block.
    """
    _returned.clear()
    children, threads = set(multiprocessing.active_children()), set(threading.enumerate())
    with track_instances(subprocess.Popen) as programs, track_instances(Pool) as pools:
        try:
            yield _returned
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
    """Return the names of functions that workers could not find, if a worker ended."""
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
