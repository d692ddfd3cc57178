"""demonstrate(): run a program that may hang or be killed, apart from ours, and report what it did.

The program runs in a process of its own, with its pools watched, and is ended when it falls silent.
After `%load_ext helpers.commands.demonstration`, a cell that begins with `%%program NAME` keeps the
text below that line, a program, as the variable NAME. Its editor shows it as code, unlike a string.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import psutil

from helpers.commands.run import kill_process_tree, start
from watchedpool.timeline import Timeline

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

ROOT = Path(__file__).resolve().parents[2]
TIME_LIMIT = 30.0  # seconds that a program may take in all, and until its first output
IDLE_CPU_TIME = 0.02  # seconds: a program that only waits uses less CPU time while we watch it
MAX_ERROR_BYTES = 200_000  # of tracebacks: workers may start again and again, and die each time
RESOURCE_TRACKER = "multiprocessing.resource_tracker"  # ends after all others, and cleans up

# The code that runs a program under the watch, and takes each byte of its input for Ctrl-C. When
# the program ends, or when we close its input, it writes a file with what the last pool or executor
# of the program did. It is a string, not a module, so that it imports little.
RUNNER = """
import multiprocessing, os, signal, sys, threading, types
from watchedpool.watching import watching

watch = watching().__enter__()

def save_timeline():
    if watch.runs:
        watch.runs[-1].recorder.timeline().save("timeline.new")
        os.replace("timeline.new", "timeline")

def read_input():
    while os.read(0, 1):  # without a lock, which a fork would copy
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    save_timeline()
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(1)

method, *cell = sys.argv[1:]
multiprocessing.set_start_method(method)
threading.Thread(target=read_input, daemon=True).start()
runner, main = sys.modules["__main__"], types.ModuleType("__main__")  # to keep the first alive
if not cell:
    main.__file__ = os.path.abspath("program.py")
# The second name is what a spawned worker calls the program.
sys.modules["__main__"] = sys.modules["__mp_main__"] = main
try:
    with open("program.py", "rb") as file:
        program = compile(file.read(), "program.py", "exec")
    exec(program, vars(main))
finally:
    open("over", "w").close()
    save_timeline()
"""


@dataclass(frozen=True)
class Demonstration:
    """What a program did, and how it ended.

    ending: "ended", "failed" (an exception), "killed" (a signal), or "hangs": it fell silent, or
        took too long.
    output, errors: what it and its workers wrote to stdout and stderr.
    timeline: of its last pool or executor; empty if it made none or was killed.
    left: how many processes it left behind, which were then ended.
    """

    ending: str
    output: str
    errors: str
    timeline: Timeline
    left: int


def demonstrate(
    source: str, *, method: str | None = None, cell: bool = False, stop: bool = False
) -> Demonstration:
    """Run the program `source`, return how it ended, and leave nothing of it behind.

    method: its default start method; without it, ours. cell: run it as a cell of a notebook, which
    has no file. stop: press Ctrl-C, for it and its workers, soon after it has first printed.

    Raises ValueError for a method that this system does not have.
    """
    allowed = multiprocessing.get_all_start_methods()
    method = method or multiprocessing.get_start_method()
    if method not in allowed:
        raise ValueError(f"method is {method!r}; allowed are {', '.join(allowed)}")
    with TemporaryDirectory(prefix="w", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "program.py").write_text(source, encoding="utf-8")
        process = _start(folder, method, cell)
        try:
            hangs = _hangs(process, folder, stop)
            left = 0 if hangs else len(_without_tracker(_wait_for_descendants(process, 1.0)))
            printed = _read(folder, "output"), _read(folder, "errors")
        finally:
            _end(process)
        timeline = _timeline_in(folder)
        code = process.returncode
        ending = "hangs" if hangs else "ended" if code == 0 else "killed" if code < 0 else "failed"
        return Demonstration(ending, *printed, timeline, left)


def load_ipython_extension(shell: "InteractiveShell") -> None:
    """Add the cell magic `%%program NAME`."""

    def program(name: str, source: str) -> None:
        if not name.isidentifier():
            raise ValueError(f"the name after %%program is {name!r}; write a variable's name")
        shell.user_ns[name] = source

    shell.register_magic_function(program, "cell")


def under_each_method(source: str, *, cell: bool = False) -> dict[str, Demonstration]:
    """Demonstrate the program under every start method of this system, all at the same time."""
    methods = sorted(multiprocessing.get_all_start_methods())
    with ThreadPoolExecutor(len(methods)) as threads:
        runs = [threads.submit(demonstrate, source, method=each, cell=cell) for each in methods]
    return {method: run.result() for method, run in zip(methods, runs, strict=True)}


def _start(folder: Path, method: str, cell: bool) -> subprocess.Popen:
    folders = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    text = {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "PYTHON_COLORS": "0"}
    command = [sys.executable, "-c", RUNNER, method, *(["cell"] if cell else [])]
    # Files, not pipes: a worker that is left behind would keep a pipe open.
    with open(folder / "output", "ab") as output, open(folder / "errors", "ab") as errors:
        streams = {"stdin": subprocess.PIPE, "stdout": output, "stderr": errors}
        return start(command, cwd=folder, env=os.environ | folders | text, **streams)


def _hangs(process: subprocess.Popen, folder: Path, stop: bool) -> bool:
    """Wait until the program ends; return whether it fell silent, or took too long, instead.

    A program is silent if there is no new line or record for four times as long as the first one
    took to come, and if it uses no CPU time in the second half of that wait. The first one takes
    longer where the machine is slow or busy.
    """
    seen, wait, patience, cpu_time = _progress(folder), TIME_LIMIT, 0.0, None
    now = since = 0.0  # counted, not read from a clock: while we are suspended, so is the program
    while process.poll() is None:
        time.sleep(0.03)
        now += 0.03
        if (progress := _progress(folder)) != seen:
            patience = patience or max(0.7, 4 * now)
            seen, since, wait, cpu_time = progress, now, patience / 2, None
        if (folder / "over").exists():  # it has reached its end, and only needs to exit
            wait = TIME_LIMIT
        if now > TIME_LIMIT or len(seen[1]) > MAX_ERROR_BYTES:
            return True
        if now > since + wait:
            used = _cpu_time(process)
            # The difference is negative if a process has ended meanwhile.
            if cpu_time is not None and abs(used - cpu_time) < IDLE_CPU_TIME:
                return True
            since, cpu_time = now, used
        if stop and _read(folder, "output"):
            stop = False
            time.sleep(0.2)  # the task that printed must not be just sending its result
            _press_stop(process)
    return False


def _progress(folder: Path) -> list[bytes]:
    """Return what was printed, the errors, and what each worker has recorded so far."""
    lanes, found = [], []
    with suppress(OSError):  # a pool that ends removes its folder
        lanes = sorted(folder.glob("*/*/*.lane"))
    for path in (folder / "output", folder / "errors", *lanes):
        with suppress(OSError):
            found.append(path.read_bytes())
    return found


def _press_stop(process: subprocess.Popen) -> None:
    if os.name == "posix":
        # The runner sends the signal to its main thread. A signal to the process could go to the
        # thread that forks the next worker, and then the main thread would go on waiting.
        with suppress(OSError):  # it has just ended
            os.write(process.stdin.fileno(), b"!")
        for each in _descendants(process):
            with suppress(psutil.Error):
                each.send_signal(signal.SIGINT)
    else:
        process.terminate()  # Windows has no signal for this program and its workers alone


def _descendants(process: subprocess.Popen) -> list[psutil.Process]:
    """Return the running processes that the program has started, directly or indirectly."""
    found = []
    for each in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            head = os.getsid(each.pid) if os.name == "posix" else each.ppid()
            if head == process.pid != each.pid and each.status() != psutil.STATUS_ZOMBIE:
                found.append(each)
    return found


def _wait_for_descendants(process: subprocess.Popen, seconds: float) -> list[psutil.Process]:
    """Wait until all descendants have ended, at most so long; return those that still run."""
    end = time.monotonic() + seconds
    while (running := _descendants(process)) and time.monotonic() < end:
        time.sleep(0.02)
    return running


def _cpu_time(process: subprocess.Popen) -> float:
    """Return how many seconds of CPU time the program and its descendants have used."""
    used = 0.0
    with suppress(psutil.Error):
        for each in psutil.Process(process.pid), *_descendants(process):
            with suppress(psutil.Error):
                times = each.cpu_times()
                used += times.user + times.system
    return used


def _without_tracker(descendants: list[psutil.Process]) -> list[psutil.Process]:
    """Return these processes without multiprocessing's resource tracker."""
    found = []
    for each in descendants:
        with suppress(psutil.Error):
            if RESOURCE_TRACKER not in " ".join(each.cmdline()):
                found.append(each)
    return found


def _end(process: subprocess.Popen) -> None:
    """End the program by closing its input, then its workers, and wait for its tracker."""
    process.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(10)
    for worker in _without_tracker(_descendants(process)):
        with suppress(psutil.Error):
            worker.kill()
    _wait_for_descendants(process, 5.0)
    kill_process_tree(process)


def _timeline_in(folder: Path) -> Timeline:
    path = folder / "timeline"
    return Timeline.load(path) if path.exists() else Timeline([], [], [], [])


def _read(folder: Path, name: str) -> str:
    path = folder / name
    # As bytes: a return to the start of the line, as bars print it, is not a new line.
    text = path.read_bytes().decode("utf-8", "replace") if path.exists() else ""
    return text.replace("\r\n", "\n")
