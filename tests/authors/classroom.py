"""Measure what a class needs: .venv/bin/python tests/authors/classroom.py 1 4 8

Opens so many kernels at once. Each runs the cells of one lesson's core. Prints, for each number of
kernels and each start method, how many processes there were, their memory (PSS, which counts a page
that four processes share as a quarter for each), how long the core took, and what was left.
If there were fewer than thirty, extrapolates to thirty and prints the arithmetic. Linux only: PSS
is from /proc.
"""

import argparse
import multiprocessing
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

import nbformat
import psutil
from jupyter_client.manager import start_new_kernel

ROOT = Path(__file__).resolve().parents[2]
CLASS = 30
MEGABYTE = 2**20
SETUP = "import multiprocessing; multiprocessing.set_start_method({!r})"


class Measured(NamedTuple):
    """What so many kernels needed: the most processes and bytes, seconds, and processes left."""

    kernels: int
    processes: int
    memory: int
    seconds: float
    left: int


def core_cells(lesson):
    """Return the sources of the code cells in a lesson's core."""
    (path,) = ROOT.glob(f"notebooks/{lesson}-*.ipynb")
    cells = []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.source.startswith("## Going further"):
            break
        if cell.cell_type == "code":
            cells.append(cell.source)
    return cells


def family():
    """Return every process that descends from this one."""
    return psutil.Process().children(recursive=True)


def memory_of(processes):
    """Return the sum of their PSS; processes that have ended count as 0."""
    total = 0
    for process in processes:
        with suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total


def run_core(client, cells, timeout):
    """Run the cells in a kernel; return the seconds, or raise RuntimeError if a cell failed."""
    begin = time.monotonic()
    for source in cells:
        reply = client.execute_interactive(source, timeout=timeout, output_hook=lambda _: None)
        if reply["content"]["status"] != "ok":
            raise RuntimeError(f"{reply['content']['ename']}: {reply['content']['evalue']}")
    return time.monotonic() - begin


def measure(kernels, method, cells, timeout=300):
    """Open so many kernels at once, let each run the cells, and return what this needed."""
    before, processes, memory = set(family()), 0, 0
    with ExitStack() as stack, ThreadPoolExecutor(kernels) as threads:
        clients = []
        for _ in range(kernels):
            manager, client = start_new_kernel(
                cwd=str(ROOT / "notebooks"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            stack.callback(manager.shutdown_kernel, now=True)
            stack.callback(client.stop_channels)
            clients.append(client)
        work = [SETUP.format(method), *cells]
        runs = [threads.submit(run_core, client, work, timeout) for client in clients]
        while not all(run.done() for run in runs):
            now = [each for each in family() if each not in before]
            processes, memory = max(processes, len(now)), max(memory, memory_of(now))
            time.sleep(0.2)
        seconds = max(run.result() for run in runs)
    _, alive = psutil.wait_procs([each for each in family() if each not in before], timeout=10)
    return Measured(kernels, processes, memory, seconds, len(alive))


def extrapolate(fewer, more, kernels=CLASS):
    """Return the bytes for so many kernels, on the line through two measurements, and its slope."""
    slope = (more.memory - fewer.memory) / (more.kernels - fewer.kernels)
    return more.memory + slope * (kernels - more.kernels), slope


def main(arguments):
    """Measure what the command line names."""
    methods = multiprocessing.get_all_start_methods()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kernels", type=int, nargs="*", default=[1, 4, 8])
    parser.add_argument("--lesson", default="04", help="whose core to run")
    parser.add_argument("--methods", nargs="*", choices=methods, default=methods)
    options = parser.parse_args(arguments)
    if min(options.kernels) < 1:
        parser.error(f"kernels is {min(options.kernels)}; allowed are 1 and more")
    if not sys.platform.startswith("linux"):
        parser.error("the memory of shared pages is only known on Linux")
    cells = core_cells(options.lesson)
    print(f"core of lesson {options.lesson}: {len(cells)} cells; {os.cpu_count()} cores")
    for method in options.methods:
        done = []
        for kernels in sorted(set(options.kernels)):
            one = measure(kernels, method, cells)
            done.append(one)
            print(
                f"{method:10} {kernels:3} kernels: {one.processes:4} processes, "
                f"{one.memory / MEGABYTE:6.0f} MiB, {one.seconds:5.1f} s, {one.left} left",
                flush=True,
            )
        if len(done) > 1 and done[-1].kernels < CLASS:
            total, slope = extrapolate(*done[-2:])
            last = done[-1]
            print(
                f"{method:10} {CLASS:3} kernels: {last.memory / MEGABYTE:.0f} + "
                f"{CLASS - last.kernels} x {slope / MEGABYTE:.0f} = {total / MEGABYTE:.0f} MiB",
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1:])
