"""Answers that hang, kill, refuse and leave things behind, judged in a process of its own.

Run as `python -c "…this file…" METHOD`: so, as in a notebook, no worker that starts afresh can
find what is defined here. Prints a line for each: its name, seconds, what is left, the verdict.
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

from helpers.exercises import lesson_01, limits
from helpers.recording.folders import FOLDER
from helpers.workers import nap


def numbered_nap(pair):
    time.sleep(pair[1])
    return pair


def cell_function(pool, naps):
    numbered = dict(pool.imap_unordered(numbered_nap, enumerate(naps)))
    return [numbered[number] for number in range(len(naps))]


def deadly(pool, naps):
    return pool.map(os._exit, [1] * 4)


def idle_worker_killed(pool, naps):
    for worker in multiprocessing.active_children():
        os.kill(worker.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    return pool.map(nap, naps)


def stubborn_child(pool, naps):
    started = [multiprocessing.Process(target=nap, args=(60,)) for _ in range(2)]
    for each in started:
        each.start()
    pool.map(partial(signal.signal, signal.SIGTERM), [signal.SIG_IGN] * 6, chunksize=1)
    return pool.map(nap, [60] * 3)


def programs_left(pool, naps):
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    for _ in range(3):
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    time.sleep(0.3)
    return list(naps)


def programs_queued(pool, naps):
    threads = ThreadPoolExecutor(2)
    for _ in range(20):
        threads.submit(subprocess.run, [sys.executable, "-c", "import time; time.sleep(60)"])
    return list(naps)


def own_pool_left(pool, naps):
    global kept
    kept = Pool(2)
    return kept.map(nap, [60, 60])


def endless(pool, naps):
    while True:
        pass


def deaf(pool, naps):
    for _ in range(4):
        try:
            time.sleep(0.01)
            while True:
                pass
        except BaseException:
            continue


def terminated(pool, naps):
    results = pool.map(nap, naps)
    pool.terminate()
    return results


def closed(pool, naps):
    pool.close()
    return pool.map(nap, naps)


SOON = [terminated, closed, lesson_01.collect]  # what needs no limit
CASES = [
    cell_function,
    deadly,
    idle_worker_killed,
    stubborn_child,
    programs_left,
    programs_queued,
    own_pool_left,
    endless,
    deaf,
    *SOON,
]


def left():
    """Return our processes and folders, without multiprocessing's own two helpers."""
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
        own_limit = case not in SOON and (case is not cell_function or sys.argv[1] != "fork")
        limits.SECONDS = 1.0 if own_limit else 20.0
        begin = time.monotonic()
        verdict = lesson_01.collect_naps.verdict(case)
        took = time.monotonic() - begin
        print(case.__name__, f"{took:.1f}", len(left()), verdict, sep="\t", flush=True)
