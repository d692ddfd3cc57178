"""Measure what the command `watchedpool` adds to whole programs, beside the same without it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import NamedTuple

from measuring import Row, at_most

ROUNDS = 7
# Each prints what it measured of itself.
POOL = """
import sys, time
from multiprocessing import Pool

def add_one(number):
    return number + 1

if __name__ == "__main__":
    method, tasks, *chunksize = sys.argv[1:]
    with Pool(2) as pool:
        pool.map(abs, range(100))
        begin = time.perf_counter()
        for _ in getattr(pool, method)(add_one, range(int(tasks)), *map(int, chunksize)):
            pass
        print(time.perf_counter() - begin)
"""
SUBMITS = """
import sys, time
from concurrent.futures import ThreadPoolExecutor

with ThreadPoolExecutor(4) as executor:
    clock = getattr(time, sys.argv[1])
    begin = clock()
    futures = [executor.submit(abs, number) for number in range(100_000)]
    for future in futures:
        future.result()
    print(clock() - begin)
"""
NOTHING = "print(0)"


def watch_whole_programs() -> Iterator[Row]:
    """Run programs with and without the watch, in turn, and compare medians."""
    for limit, name, source, *arguments in [
        (1.05, "map, chunksize 1", POOL, "map", "20000", "1"),
        (1.05, "imap_unordered, chunksize 1", POOL, "imap_unordered", "20000", "1"),
        (1.1, "map, chunksize 64", POOL, "map", "500000", "64"),
        (1.1, "imap_unordered, chunksize 64", POOL, "imap_unordered", "500000", "64"),
        (1.15, "map, a million tasks in its own chunks", POOL, "map", "1000000"),
        (1.5, "100,000 submits to threads, wall", SUBMITS, "perf_counter"),
        (2.0, "100,000 submits to threads, CPU", SUBMITS, "process_time"),
    ]:
        pairs = _pairs(source, arguments)
        yield at_most(limit, name, median(with_.own / bare.own for bare, with_ in pairs), "x bare")
    added = median(with_.whole - bare.whole for bare, with_ in _pairs(NOTHING, []))
    yield at_most(0.1, "start, of a program without a pool", added, "s")
    pairs = _pairs(POOL, ["map", "1000000"], "-o", "run.png")
    report = median((with_.whole - with_.own) - (bare.whole - bare.own) for bare, with_ in pairs)
    memory = median(with_.peak - bare.peak for bare, with_ in pairs)
    yield at_most(1.5, "report and picture of a million tasks", report, "s")
    yield at_most(150, "report and picture of a million tasks", memory, "MB")


class _Cost(NamedTuple):
    own: float  # seconds that the program measured itself
    whole: float  # seconds from its start to its end
    peak: float  # MB


def _pairs(source: str, arguments: list[str], *options: str) -> list[tuple[_Cost, _Cost]]:
    """Return what a program costs without and with the watch, in several rounds."""
    with TemporaryDirectory() as folder:
        Path(folder, "program.py").write_text(source, encoding="utf-8")
        bare = [sys.executable, "program.py", *arguments]
        watched = [sys.executable, "-m", "watchedpool", *options, *bare[1:]]
        return [(_measure(bare, folder), _measure(watched, folder)) for _ in range(ROUNDS)]


def _measure(command: list[str], folder: str) -> _Cost:
    """Run a program that prints the seconds it measured itself (POSIX)."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    begin = perf_counter()
    with subprocess.Popen(command, cwd=folder, **streams) as program:
        own = float(program.stdout.read().split()[-1])
        _, status, usage = os.wait4(program.pid, 0)
        program.returncode = os.waitstatus_to_exitcode(status)
    assert program.returncode == 0
    return _Cost(own, perf_counter() - begin, usage.ru_maxrss / 1e3)
