"""Check answers that hang, kill processes, or leave processes behind, in a process of its own.

Run it as `python -c "…this file…" METHOD`: then, as in a notebook, a worker that starts as a new
Python process cannot find what is defined here. It prints one line per answer: its name, seconds,
how many processes and folders are left, the verdict.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import psutil

from helpers.exercises.checking import Exercise, as_results, check_calls
from helpers.exercises.limits import make_pool, run_limited
from helpers.workers import nap
from watchedpool.recording.folders import FOLDER

NAPS = [0.3, 0.1, 0.2, 0.1]


def measure(answer):
    pool = make_pool(2)
    return run_limited(answer, pool, list(NAPS), seconds=limit_of(answer)), pool.calls


def limit_of(answer):
    """Return how many seconds an answer may take: few if it does not end by itself."""
    forked = multiprocessing.get_start_method() == "fork"
    return 20.0 if answer in QUICK or (answer is uses_a_cell_function and forked) else 1.0


def grade(results, calls):
    check_calls(calls, NAPS, as_results(results, "collect", len(NAPS)))
    return "The workers napped."


def numbered_nap(pair):
    time.sleep(pair[1])
    return pair


def uses_a_cell_function(pool, naps):
    numbered = dict(pool.imap_unordered(numbered_nap, enumerate(naps)))
    return [numbered[number] for number in range(len(naps))]


def kills_its_workers(pool, naps):
    return pool.map(os._exit, [1] * 4)


def kills_idle_workers(pool, naps):
    for worker in multiprocessing.active_children():
        os.kill(worker.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    return pool.map(nap, naps)


def leaves_stubborn_children(pool, naps):
    started = [multiprocessing.Process(target=nap, args=(60,)) for _ in range(2)]
    for each in started:
        each.start()
    pool.map(partial(signal.signal, signal.SIGTERM), [signal.SIG_IGN] * 6, chunksize=1)
    return pool.map(nap, [60] * 3)


def leaves_programs(pool, naps):
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    for _ in range(3):
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    time.sleep(0.3)
    return list(naps)


def leaves_queued_programs(pool, naps):
    threads = ThreadPoolExecutor(2)
    for _ in range(20):
        threads.submit(subprocess.run, [sys.executable, "-c", "import time; time.sleep(60)"])
    return list(naps)


def leaves_its_own_pool(pool, naps):
    global kept
    kept = Pool(2)
    return kept.map(nap, [60, 60])


def loops_forever(pool, naps):
    while True:
        pass


def ignores_interrupts(pool, naps):
    for _ in range(4):
        try:
            time.sleep(0.01)
            while True:
                pass
        except BaseException:
            continue


def terminates_the_pool(pool, naps):
    results = pool.map(nap, naps)
    pool.terminate()
    return results


def closes_the_pool(pool, naps):
    pool.close()
    return pool.map(nap, naps)


def collect(pool, naps):
    return pool.map(nap, naps)


EXERCISE = Exercise(measure, grade, "", collect)
QUICK = [terminates_the_pool, closes_the_pool, collect]  # these end by themselves
CASES = [
    uses_a_cell_function,
    kills_its_workers,
    kills_idle_workers,
    leaves_stubborn_children,
    leaves_programs,
    leaves_queued_programs,
    leaves_its_own_pool,
    loops_forever,
    ignores_interrupts,
    *QUICK,
]


def left():
    """Return our processes and folders, without the two helper processes of multiprocessing."""
    below = psutil.Process().children(recursive=True)
    own = ("multiprocessing.forkserver", "multiprocessing.resource_tracker")
    alive = [each for each in below if not any(name in command(each) for name in own)]
    return [*alive, *Path(tempfile.gettempdir()).glob(FOLDER + "*")]


def command(process):
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it has just ended
        return ""


if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    for case in CASES:
        begin = time.monotonic()
        verdict = EXERCISE.verdict(case)
        took = time.monotonic() - begin
        print(case.__name__, f"{took:.1f}", len(left()), verdict, sep="\t", flush=True)
