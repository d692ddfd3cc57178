"""demonstrate(): run a program that may hang or be killed, apart from ours, and see what it did.

It runs in a process of its own, with its pools watched, and is ended when it falls silent. Standard
library and psutil only until a program has pools: the programs import what they need themselves.
"""

import json
import multiprocessing.pool
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import TYPE_CHECKING

import psutil

from helpers.commands.run import end_family, start
from helpers.recording.pool import WatchedPool

if TYPE_CHECKING:
    from helpers.timeline import Timeline

ROOT = Path(__file__).resolve().parents[2]
RUNNER = "from helpers.commands.demonstration import _run; _run()"
LIMIT = 30.0  # seconds that a program may take in all, and to its first sign of life
MOST = 200_000  # bytes of red text: workers that are started again and again, and die
TRACKER = "multiprocessing.resource_tracker"  # ends when all others have, and cleans up


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
    timeline: "Timeline"
    left: int


def demonstrate(
    source: str,
    *,
    method: str | None = None,
    cell: bool = False,
    stop: bool = False,
    patience: float = 1.5,
) -> Demonstration:
    """Run the program `source` and return what became of it. Nothing of it is left.

    method: its default start method; without it, ours. cell: run it as a notebook's cell, which has
    no file. stop: press Ctrl-C, for it and its workers, when it first prints something.
    patience: seconds without a new line or record, once there was one, until we say that it hangs.

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
            hangs = _follow(process, folder, patience, stop)
            left = 0 if hangs else _left(process)
            said = _read(folder, "output"), _read(folder, "errors")
        finally:
            _end(process)
        columns = _read(folder, "timeline") or "[[], [], [], []]"
        from helpers.timeline import Timeline

        return Demonstration(
            "hangs" if hangs else _ending(process.returncode),
            *said,
            Timeline(*json.loads(columns)),
            left,
        )


def _start(folder: Path, method: str, cell: bool) -> subprocess.Popen:
    folders = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    text = {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "PYTHON_COLORS": "0"}
    command = [sys.executable, "-c", RUNNER, method, *(["cell"] if cell else [])]
    # Files, not pipes: a worker that is left behind would keep a pipe open.
    with open(folder / "output", "ab") as output, open(folder / "errors", "ab") as errors:
        streams = {"stdin": subprocess.PIPE, "stdout": output, "stderr": errors}
        return start(command, cwd=folder, env=os.environ | folders | text, **streams)


def _follow(process: subprocess.Popen, folder: Path, patience: float, stop: bool) -> bool:
    """Wait until the program ends; return whether it fell silent instead."""
    begin = since = time.monotonic()
    seen, wait = _news(folder), LIMIT
    while process.poll() is None:
        time.sleep(0.03)
        now = time.monotonic()
        if (news := _news(folder)) != seen:
            seen, since, wait = news, now, patience
        if (folder / "over").exists():  # it has come to its end, and needs only to leave
            wait = LIMIT
        if now > min(since + wait, begin + LIMIT) or len(seen[1]) > MOST:
            return True
        if stop and _read(folder, "output"):
            stop = False
            _press_stop(process)
    return False


def _news(folder: Path) -> list[bytes]:
    """Return what was printed, the errors, and what each worker recorded until now."""
    lanes = sorted(folder.glob("*/*.lane"))
    found = []
    for path in (folder / "output", folder / "errors", *lanes):
        with suppress(OSError):
            found.append(path.read_bytes())
    return found


def _press_stop(process: subprocess.Popen) -> None:
    if os.name == "posix":
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.CTRL_C_EVENT)


def _family(process: subprocess.Popen) -> list[psutil.Process]:
    """Return the processes that the program has started, directly or not, and that still run."""
    found = []
    for each in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            head = os.getsid(each.pid) if os.name == "posix" else each.ppid()
            if head == process.pid != each.pid and each.status() != psutil.STATUS_ZOMBIE:
                found.append(each)
    return found


def _workers(family: list[psutil.Process]) -> list[psutil.Process]:
    found = []
    for each in family:
        with suppress(psutil.Error):
            if TRACKER not in " ".join(each.cmdline()):
                found.append(each)
    return found


def _left(process: subprocess.Popen) -> int:
    """Return how many processes the program, which has ended, left; give them a second to end."""
    return len(_workers(psutil.wait_procs(_family(process), timeout=1.0)[1]))


def _end(process: subprocess.Popen) -> None:
    """End the program by closing its input, then its workers, and wait for its tracker."""
    process.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(10)
    family = _family(process)
    for worker in _workers(family):
        with suppress(psutil.Error):
            worker.kill()
    psutil.wait_procs(family, timeout=5)
    end_family(process)


def _ending(code: int) -> str:
    return "ended" if code == 0 else "killed" if code < 0 else "failed"


def _read(folder: Path, name: str) -> str:
    path = folder / name
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


class _Watched(WatchedPool):
    """What the program gets for a Pool."""

    last: "_Watched | None" = None

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        _Watched.last = self


def _run() -> None:
    """Run program.py in this process; also when our input closes, tell what its pool did."""
    method, *cell = sys.argv[1:]
    multiprocessing.set_start_method(method)
    multiprocessing.pool.Pool = _Watched  # looked up when a program makes a pool
    threading.Thread(target=_wait_for_the_end, daemon=True).start()
    main = ModuleType("__main__")
    if not cell:
        main.__file__ = str(Path("program.py").resolve())
    # The second name is what a spawned worker calls the program.
    sys.modules["__main__"] = sys.modules["__mp_main__"] = main
    try:
        exec(compile(Path("program.py").read_bytes(), "program.py", "exec"), vars(main))
    finally:
        Path("over").touch()
        _tell()


def _wait_for_the_end() -> None:
    os.read(0, 1)  # returns when the other end is closed; no lock, which a fork would copy
    _tell()
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(1)


def _tell() -> None:
    if _Watched.last is None:
        return
    run = _Watched.last.timeline()
    columns = [column.tolist() for column in (run.worker, run.start, run.finish, run.shown)]
    Path("timeline.new").write_text(json.dumps(columns))
    os.replace("timeline.new", "timeline")
