"""Little programs for the lessons on subprocess. Each is a command: a list of strings.

They are run by the Python that runs the lesson, so they exist on every system. Standard library
only. None outlives its lesson: each ends by itself, within a minute at the latest.
"""

import sys
import time
from pathlib import Path

NAP = "import sys, time; time.sleep(float(sys.argv[1]))"
FLOOD = """
import os, sys, threading
limit = threading.Timer(60, os._exit, [1])  # also if nobody reads what is printed
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
NOTE = """
import sys, time
start = time.perf_counter()
time.sleep(float(sys.argv[2]))
with open(sys.argv[1], "w") as notes:
    notes.write(f"{start} {time.perf_counter()}")
sys.exit(int(sys.argv[3]))
"""
BEAT = """
import os, sys, time
end = time.monotonic() + 60
try:
    while time.monotonic() < end and not os.path.exists(sys.argv[1] + ".stop"):
        with open(sys.argv[1], "a") as beats:
            beats.write(".")
        time.sleep(0.02)
except OSError:
    pass
"""
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"
DESERTER = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', *sys.argv[1:]])"


def python(code: str, *arguments: object, options: tuple[str, ...] = ()) -> list[str]:
    """Return the command that runs `code` with `arguments` in a Python of its own."""
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
    """Return a program that prints `count` lines, each with its clock, one every `seconds`.

    options: for Python itself, such as "-u".
    """
    return python(STEPS, count, seconds, options=options)


def noter(path: Path, seconds: float, code: int = 0) -> list[str]:
    """Return a program that naps, notes its start and end in `path`, and returns `code`."""
    return python(NOTE, path, seconds, code)


def beater(path: Path) -> list[str]:
    """Return a program that adds a dot to the file `path`, fifty times a second.

    It ends when there is a file `path`.stop, and when the folder is gone.
    """
    return python(BEAT, path)


def family(path: Path) -> list[str]:
    """Return a program that starts a `beater` and waits for it."""
    return python(PARENT, BEAT, path)


def deserter(path: Path) -> list[str]:
    """Return a program that starts a `beater` and ends without it."""
    return python(DESERTER, BEAT, path)


def beats(path: Path, within: float = 0.5) -> bool:
    """Tell whether a `beater` of `path` lives: whether the file grows in the next seconds."""
    end = time.monotonic() + within
    size = _size(path)
    while time.monotonic() < end:
        time.sleep(0.02)
        if _size(path) > size + 1:  # the last dot of one that was just killed may be under way
            return True
    return False


def end_beats(path: Path) -> None:
    """Have the `beater` of `path` end, if it lives, and wait until it writes no more."""
    Path(f"{path}.stop").touch()
    while beats(path, within=0.1):
        pass


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
