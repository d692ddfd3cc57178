"""demonstrate(): run a program that may hang or be killed, apart from ours, and see what it did.

It runs in a process of its own, with its pools watched, and is ended when it falls silent.
"""

import json
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

import psutil

from helpers.commands.run import end_family, start
from helpers.timeline import Timeline

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 30.0  # seconds that a program may take in all, and to its first sign of life
LULL = 0.02  # seconds of core time: a program that waits uses less while we look
MOST = 200_000  # bytes of red text: workers that are started again and again, and die
TRACKER = "multiprocessing.resource_tracker"  # ends when all others have, and cleans up

# What runs a program: it puts a WatchedPool in the place of Pool, takes a byte of its input for
# Ctrl-C, and when the program ends, or our end of its input closes, writes down what its last pool
# did. A text, so that it imports little.
RUNNER = """
import json, multiprocessing.pool, os, signal, sys, threading, types
from helpers.recording.pool import WatchedPool

class Watched(WatchedPool):
    last = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        Watched.last = self

def tell():
    if Watched.last is not None:
        run = Watched.last.timeline()
        columns = [each.tolist() for each in (run.worker, run.start, run.finish, run.shown)]
        with open("timeline.new", "w") as file:
            json.dump(columns, file)
        os.replace("timeline.new", "timeline")

def listen():
    while os.read(0, 1):  # no lock, which a fork would copy
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    tell()
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(1)

method, *cell = sys.argv[1:]
multiprocessing.set_start_method(method)
multiprocessing.pool.Pool = Watched  # looked up when a program makes a pool
threading.Thread(target=listen, daemon=True).start()
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
    tell()
"""


@dataclass(frozen=True)
class Demonstration:
    """What became of a program.

    ending: "ended", "failed" (an exception), "killed" (a signal), or "hangs": it fell silent, or
        took too long.
    output, errors: what it and its workers wrote to stdout and stderr.
    timeline: of its last pool; empty if it made none or was killed.
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
    """Run the program `source` and return what became of it. Nothing of it is left.

    method: its default start method; without it, ours. cell: run it as a notebook's cell, which has
    no file. stop: press Ctrl-C, for it and its workers, soon after it first prints something.

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
            hangs = _follow(process, folder, stop)
            left = 0 if hangs else len(_workers(_wait_for_family(process, 1.0)))
            said = _read(folder, "output"), _read(folder, "errors")
        finally:
            _end(process)
        columns = json.loads(_read(folder, "timeline") or "[[], [], [], []]")
        code = process.returncode
        ending = "hangs" if hangs else "ended" if code == 0 else "killed" if code < 0 else "failed"
        return Demonstration(ending, *said, Timeline(*columns), left)


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


def _follow(process: subprocess.Popen, folder: Path, stop: bool) -> bool:
    """Wait until the program ends; return whether it fell silent, or took too long, instead.

    Silent means: no new line or record for four times as long as the first one took to come, which
    is longer where the machine is slow or busy; and that nothing computes in the latter half.
    """
    seen, wait, patience, worked = _news(folder), LIMIT, 0.0, None
    now = since = 0.0  # counted, not read from a clock: while we stand still, so may the program
    while process.poll() is None:
        time.sleep(0.03)
        now += 0.03
        if (news := _news(folder)) != seen:
            patience = patience or max(0.7, 4 * now)
            seen, since, wait, worked = news, now, patience / 2, None
        if (folder / "over").exists():  # it has come to its end, and needs only to leave
            wait = LIMIT
        if now > LIMIT or len(seen[1]) > MOST:
            return True
        if now > since + wait:
            work = _core_time(process)
            if worked is not None and abs(work - worked) < LULL:  # less, if one has ended
                return True
            since, worked = now, work
        if stop and _read(folder, "output"):
            stop = False
            time.sleep(0.2)  # not while a worker hands over the result of the task that printed
            _press_stop(process)
    return False


def _news(folder: Path) -> list[bytes]:
    """Return what was printed, the errors, and what each worker recorded until now."""
    lanes, found = [], []
    with suppress(OSError):  # a pool that ends removes its folder
        lanes = sorted(folder.glob("*/*.lane"))
    for path in (folder / "output", folder / "errors", *lanes):
        with suppress(OSError):
            found.append(path.read_bytes())
    return found


def _press_stop(process: subprocess.Popen) -> None:
    if os.name == "posix":
        # The program sends it to its main thread: one for all of its threads may be taken by that
        # which forks the next worker, and then the main thread would wait on.
        with suppress(OSError):  # it has just ended
            os.write(process.stdin.fileno(), b"!")
        for each in _family(process):
            with suppress(psutil.Error):
                each.send_signal(signal.SIGINT)
    else:
        process.terminate()  # Windows has no signal for this program and its workers alone


def _family(process: subprocess.Popen) -> list[psutil.Process]:
    """Return the processes that the program has started, directly or not, and that still run."""
    found = []
    for each in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            head = os.getsid(each.pid) if os.name == "posix" else each.ppid()
            if head == process.pid != each.pid and each.status() != psutil.STATUS_ZOMBIE:
                found.append(each)
    return found


def _wait_for_family(process: subprocess.Popen, seconds: float) -> list[psutil.Process]:
    """Wait for so long at most until all that it has started have ended; return those that run."""
    end = time.monotonic() + seconds
    while (family := _family(process)) and time.monotonic() < end:
        time.sleep(0.02)
    return family


def _core_time(process: subprocess.Popen) -> float:
    """Return how many seconds of core time the program and all that it started have used."""
    used = 0.0
    with suppress(psutil.Error):
        for each in psutil.Process(process.pid), *_family(process):
            with suppress(psutil.Error):
                times = each.cpu_times()
                used += times.user + times.system
    return used


def _workers(family: list[psutil.Process]) -> list[psutil.Process]:
    """Return the family without its tracker."""
    found = []
    for each in family:
        with suppress(psutil.Error):
            if TRACKER not in " ".join(each.cmdline()):
                found.append(each)
    return found


def _end(process: subprocess.Popen) -> None:
    """End the program by closing its input, then its workers, and wait for its tracker."""
    process.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(10)
    for worker in _workers(_family(process)):
        with suppress(psutil.Error):
            worker.kill()
    _wait_for_family(process, 5.0)
    end_family(process)


def _read(folder: Path, name: str) -> str:
    path = folder / name
    # As bytes: to go back to the start of a line, as bars do, is no new line.
    text = path.read_bytes().decode("utf-8", "replace") if path.exists() else ""
    return text.replace("\r\n", "\n")
