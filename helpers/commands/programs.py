"""Small programs for the lessons on subprocess. Each is a command: a list of strings.

The Python that runs the lesson runs them too, so they exist on every system. Standard library
only. None of them outlives its lesson: each ends by itself within a minute.
"""

import sys
import time
from pathlib import Path

NAP = "import sys, time; time.sleep(float(sys.argv[1]))"
FLOOD = """
import os, sys, threading
limit = threading.Timer(60, os._exit, [1])  # even if the output is never read
limit.daemon = True
limit.start()
for _ in range(int(sys.argv[1]) // 1000):
    sys.stdout.write("x" * 999 + "\\n")
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""
STEPS = """
import sys, time
for step in range(int(sys.argv[1])):
    print("step", step, time.perf_counter())
    time.sleep(float(sys.argv[2]))
"""
RECORD_TIMES = """
import sys, time
start = time.perf_counter()
time.sleep(float(sys.argv[2]))
with open(sys.argv[1], "w") as file:
    file.write(f"{start} {time.perf_counter()}")
sys.exit(int(sys.argv[3]))
"""
HEARTBEAT = """
import os, sys, time
end = time.monotonic() + 60
try:
    while time.monotonic() < end and not os.path.exists(sys.argv[1] + ".stop"):
        with open(sys.argv[1], "a") as file:
            file.write(".")
        time.sleep(0.02)
except OSError:
    pass
"""
START_AND_WAIT = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"
LEAVE_ORPHAN = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', *sys.argv[1:]])"


def python(code: str, *arguments: object, options: tuple[str, ...] = ()) -> list[str]:
    """Return the command that runs `code` with `arguments` in a new Python process."""
    return [sys.executable, *options, "-c", code, *map(str, arguments)]


def napper(seconds: float) -> list[str]:
    """Return a program that sleeps for `seconds` and prints nothing."""
    return python(NAP, seconds)


def flood(size: int) -> list[str]:
    """Return a program that prints `size` bytes, in lines of 1,000."""
    return python(FLOOD, size)


def stubborn() -> list[str]:
    """Return a program that prints "ready" and then ignores SIGTERM for a minute."""
    return python(STUBBORN)


def steps(count: int, seconds: float, *options: str) -> list[str]:
    """Return a program that prints `count` lines, each with the time, one every `seconds`.

    options: for Python itself, such as "-u".
    """
    return python(STEPS, count, seconds, options=options)


def record_times(path: Path, seconds: float, code: int = 0) -> list[str]:
    """Return a program that naps, writes its start and end into `path`, and returns `code`."""
    return python(RECORD_TIMES, path, seconds, code)


def heartbeat(path: Path) -> list[str]:
    """Return a program that adds a dot to the file `path`, fifty times per second.

    It ends when the file `path`.stop exists, or when the folder has been removed.
    """
    return python(HEARTBEAT, path)


def process_tree(path: Path) -> list[str]:
    """Return a program that starts a `heartbeat` and waits for it."""
    return python(START_AND_WAIT, HEARTBEAT, path)


def leave_orphan(path: Path) -> list[str]:
    """Return a program that starts a `heartbeat` and ends before it."""
    return python(LEAVE_ORPHAN, HEARTBEAT, path)


def is_beating(path: Path, within: float = 0.5) -> bool:
    """Return whether a `heartbeat` of `path` runs: whether the file grows in the next seconds."""
    end = time.monotonic() + within
    size = _size(path)
    while time.monotonic() < end:
        time.sleep(0.02)
        if _size(path) > size + 1:  # a heartbeat that was just killed may have written one last dot
            return True
    return False


def stop_heartbeat(path: Path) -> None:
    """Stop the `heartbeat` of `path`, if it runs, and wait until it writes no more."""
    Path(f"{path}.stop").touch()
    while is_beating(path, within=0.1):
        pass


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
