"""Check whether this machine carries many users of the lessons at once.

    python -m helpers.many_users 30

Each user is a Python process of its own that has imported what a lesson imports and owns a pool of
five workers, as a kernel in lesson 04. One user starts first: its memory says how many fit.
"""

import argparse
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from statistics import median
from threading import Thread
from time import monotonic

import psutil

from helpers.commands.run import has_ended, kill_process_tree, start

ROOT = Path(__file__).resolve().parents[1]
MOST_USERS = 500
TIME_LIMIT = 45.0  # seconds until all users have run their naps
SPARE = 0.9  # of the memory that is available; the rest is for everybody else
NAPS = [2.0, 1.8, 1.6, 1.4, 1.2, 1.0, 0.8, 0.6, 0.4, 0.2]  # on five workers: 2.2 s
SLOW = 3.3  # seconds: half as long again

USER = f"""
import sys, time
from multiprocessing import Pool
import ipykernel.kernelapp, ipywidgets, matplotlib.pyplot, watchedpool
from helpers.workers import nap
if __name__ == "__main__":
    with Pool(5) as pool:  # not a WatchedPool, whose folder would stay if it is killed
        pool.map(nap, [0.1] * 5, chunksize=1)
        print("ready", flush=True)
        sys.stdin.readline()
        begin = time.perf_counter()
        for _ in pool.imap(nap, {NAPS}):
            pass
        print(time.perf_counter() - begin, flush=True)
        sys.stdin.readline()
"""


class _User:
    """A process like a kernel with its workers. `lines` receives what it prints."""

    def __init__(self) -> None:
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        quiet = {"stderr": subprocess.DEVNULL, "encoding": "utf-8"}
        self.process = start([sys.executable, "-c", USER], cwd=ROOT, **streams, **quiet)
        self.lines: Queue[str] = Queue()
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.put(line.strip())
        self.lines.put("")  # it has ended

    def next_line(self, deadline: float) -> str:
        """Return the next line; "" if it ends, or does not come in time."""
        try:
            return self.lines.get(timeout=max(0.0, deadline - monotonic()))
        except Empty:
            return ""

    def run_naps(self) -> None:
        """Let it run its naps."""
        with suppress(OSError):  # it has ended
            self.process.stdin.write("\n")
            self.process.stdin.flush()

    def memory(self) -> int:
        """Return the bytes of all its processes. A page that n of them share counts as 1/n."""
        total = 0
        with suppress(psutil.Error):
            process = psutil.Process(self.process.pid)
            for each in [process, *process.children(recursive=True)]:
                used = each.memory_full_info()
                total += getattr(used, "pss", used.uss)  # only Linux knows the PSS
        return total

    def ask_to_end(self) -> None:
        """Close its input, at which it ends if it is not busy."""
        with suppress(OSError):  # it has ended
            self.process.stdin.close()

    def end(self) -> None:
        """Kill it with its workers, unless it ends soon."""
        has_ended(self.process, within=2)
        kill_process_tree(self.process)


def check_users(count: int) -> bool:
    """Print whether so many users fit on this machine at once; return whether they do.

    Raises ValueError if count is not a number from 1 to MOST_USERS.
    """
    if not 1 <= count <= MOST_USERS:
        raise ValueError(f"users is {count}; allowed are 1 to {MOST_USERS}")
    users, deadline = [], monotonic() + TIME_LIMIT
    try:
        return _check(count, users, deadline)
    finally:
        for user in users:
            user.ask_to_end()
        for user in users:
            user.end()


def _check(count: int, users: list[_User], deadline: float) -> bool:
    free = psutil.virtual_memory().available
    users.append(_User())
    if not users[0].next_line(deadline):
        return _report("FIX", "no user could start: run check_machine() here first")
    each = users[0].memory()
    _report("ok", f"one user needs {_megabytes(each)} in 6 or more processes")
    room = int(SPARE * free / each)
    if count > room:
        return _report(
            "FIX",
            f"{count} users need {count} x {_megabytes(each)} = {_megabytes(count * each)}, and "
            f"{_megabytes(free)} are free: there is room for {room}",
        )
    users.extend(_User() for _ in range(count - 1))
    ready = 1 + sum(user.next_line(deadline) == "ready" for user in users[1:])
    if ready < count:
        return _report("FIX", f"only {ready} of {count} users had started after {TIME_LIMIT:g} s")
    total = sum(user.memory() for user in users)
    _report("ok", f"{count} users, {6 * count} processes or more: {_megabytes(total)} in all")
    for user in users:
        user.run_naps()
    took = [float(line) for user in users if (line := user.next_line(deadline))]
    if len(took) < count:
        return _report("FIX", f"only {len(took)} of {count} users ran their naps in time")
    text = f"ten naps that take 2.2 s took {median(took):.1f} s, for the slowest {max(took):.1f} s"
    if max(took) > SLOW:
        return _report("FIX", f"{text}: pictures will differ from the text. Use more cores")
    return _report("ok", f"{text}: {count} users fit. Their number crunching shares the cores")


def _report(word: str, text: str) -> bool:
    """Print a line of the check; return whether it is a good one."""
    print(f"{word:<5}{text}", flush=True)
    return word == "ok"


def _megabytes(number: int) -> str:
    return f"{number / 2**20:.0f} MiB"


def main(arguments: list[str]) -> int:
    """Check for as many users as the command line says; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers.many_users",
        description="Check whether this machine carries so many users of the lessons at once.",
    )
    parser.add_argument("users", type=int, help="how many")
    options = parser.parse_args(arguments)
    try:
        return 0 if check_users(options.users) else 1
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
