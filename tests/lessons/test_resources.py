"""Each lesson passes on the smallest machine it is promised for: one core and 1 GiB for it all.

One run of a lesson has the three limits at once: its kernel and workers are bound to one core,
PYTHON_CPU_COUNT says 1, and together they may use 1 GiB.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
LIMIT = 2**30

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="only Linux can bind a process to a core"
)


@cache
def scope():
    """Return the command that runs another in a control group of its own; [] without systemd.

    There the system itself enforces the limit, ends all processes of the group at once, and removes
    it. Before 253, systemd knows no OOMPolicy for a scope, and refuses (systemd.scope(5)).
    """
    limits = [f"MemoryMax={LIMIT}", "MemorySwapMax=0", "OOMPolicy=kill"]
    properties = [f"--property={limit}" for limit in limits]
    command = ["systemd-run", "--user", "--scope", "--quiet", "--collect", *properties]
    if not shutil.which("systemd-run"):
        return []
    tried = subprocess.run([*command, "true"], stdin=subprocess.DEVNULL, capture_output=True)
    return command if tried.returncode == 0 else []


def family(head):
    """Return the process and all below it, as far as they live."""
    try:
        return [head, *head.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def memory(processes):
    """Return the bytes of all these processes together. A page that n share counts 1/n for each."""
    total = 0
    for process in processes:
        with suppress(psutil.Error):  # it has ended
            total += process.memory_full_info().pss
    return total


def run_small(*arguments):
    """Run Python on one core and within LIMIT; return its exit code, output and peak of bytes.

    Where `scope` finds no control group, this process enforces the limit: it looks 20 times a
    second, and kills the whole family when that has too much. What comes and goes between two
    looks it does not see.
    """
    surroundings = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COV"))}
    core = min(os.sched_getaffinity(0))
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        program = subprocess.Popen(
            [*scope(), sys.executable, *map(str, arguments)],
            cwd=ROOT,
            env=surroundings | {"PYTHON_CPU_COUNT": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
        head, peak = psutil.Process(program.pid), 0
        while program.returncode is None:
            with suppress(subprocess.TimeoutExpired):
                program.wait(timeout=0.05)
            alive = family(head)
            peak = max(peak, memory(alive))
            if peak > LIMIT:
                for process in alive:
                    with suppress(psutil.Error):
                        process.kill()
        output.seek(0)
        return program.returncode, output.read(), peak


def take(megabytes):
    """Return a program: two workers take that much each, hold it together, and say so."""
    return (
        "from multiprocessing import get_context\n"
        "from time import sleep\n"
        # Both hold it at once, for long enough to be seen: the watcher looks 20 times a second.
        f"code = 'held = bytearray(b\"x\") * {megabytes * 2**20}; barrier.wait(60); sleep(1)'\n"
        "context = get_context('fork')\n"
        "names = {'barrier': context.Barrier(2), 'sleep': sleep}\n"
        "both = [context.Process(target=exec, args=(code, names)) for _ in '12']\n"
        "[one.start() for one in both]\n"
        "[one.join() for one in both]\n"
        "print(*[one.exitcode for one in both])"
    )


def test_workers_that_stay_below_the_limit_together_are_let_be():
    code, said, peak = run_small("-c", take(300))
    assert (code, said) == (0, "0 0\n")
    assert 600 * 2**20 < peak < LIMIT


def test_workers_that_exceed_it_together_are_killed_though_each_is_below():
    code, said, _ = run_small("-c", take(600))
    assert code == -signal.SIGKILL
    assert said == ""


def test_a_worker_finds_one_core():
    code, said, _ = run_small(
        "-c",
        "import os; from multiprocessing import get_context\n"
        "with get_context('fork').Pool(1) as pool:\n"
        "    print(len(pool.apply(os.sched_getaffinity, (0,))), pool.apply(os.cpu_count))",
    )
    assert code == 0
    counted = 1 if sys.version_info >= (3, 13) else os.cpu_count()  # the first to read the variable
    assert said == f"1 {counted}\n"


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_passes_on_one_core_and_within_a_gibibyte(path):
    code, said, peak = run_small("-m", "pytest", "--quiet", "-p", "no:cacheprovider", path)
    print(f"{path.name}: at most {peak / 2**20:.0f} MiB")
    assert peak <= LIMIT
    assert code == 0, said
