"""What it costs to run many short programs from a notebook, compared with a shell's own tool."""

import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from measuring import Row, at_most, only_told, ratio, skipped

from helpers.commands import run_command

COUNT, AT_ONCE = 200, 4


def run_200_commands() -> Iterator[Row]:
    """200 short commands, four at a time: a thread pool of `run`, as a ratio to `xargs -P`."""
    name = f"{COUNT} commands, threads / xargs -P {AT_ONCE}"
    true = shutil.which("true")
    if not (true and shutil.which("xargs")):
        yield skipped(name, "no xargs here")
        return
    numbers = "\n".join(map(str, range(COUNT)))
    xargs = ["xargs", "-n", "1", "-P", str(AT_ONCE), true]

    def by_xargs() -> None:
        subprocess.run(xargs, input=numbers, text=True, check=True)

    def by_threads(run=subprocess.run) -> None:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(run, [[true, str(number)] for number in range(COUNT)]))

    yield at_most(1.2, name, ratio(by_threads, by_xargs), "x")
    guarded = partial(by_threads, partial(run_command, timeout=60))
    yield only_told("  the same, with run_command", ratio(guarded, by_xargs, runs=5), "x")
