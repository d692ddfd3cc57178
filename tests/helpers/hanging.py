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

from helpers.exercises import lesson_03, limits
from helpers.recording.recorder import FOLDER
from helpers.workers import count_letters, nap


def numbered_length(pair):
    time.sleep(0.1 * len(pair[1]))
    return pair[0], len(pair[1])


def cell_function(pool, words):
    lengths = dict(pool.imap_unordered(numbered_length, enumerate(words)))
    return [lengths[number] for number in range(len(words))]


def deadly(pool, words):
    return pool.map(os._exit, [1] * 4)


def idle_worker_killed(pool, words):
    for worker in multiprocessing.active_children():
        os.kill(worker.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    return pool.map(count_letters, words)


def stubborn_child(pool, words):
    started = [multiprocessing.Process(target=nap, args=(60,)) for _ in range(2)]
    for each in started:
        each.start()
    pool.map(partial(signal.signal, signal.SIGTERM), [signal.SIG_IGN] * 6, chunksize=1)
    return pool.map(nap, [60] * 3)


def programs_left(pool, words):
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    for _ in range(3):
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    time.sleep(0.3)
    return [len(word) for word in words]


def programs_queued(pool, words):
    threads = ThreadPoolExecutor(2)
    for _ in range(20):
        threads.submit(subprocess.run, [sys.executable, "-c", "import time; time.sleep(60)"])
    return [len(word) for word in words]


def own_pool_left(pool, words):
    global kept
    kept = Pool(2)
    return kept.map(nap, [60, 60])


def endless(pool, words):
    while True:
        pass


def deaf(pool, words):
    for _ in range(4):
        try:
            time.sleep(0.01)
            while True:
                pass
        except BaseException:
            continue


def terminated(pool, words):
    lengths = pool.map(count_letters, words)
    pool.terminate()
    return lengths


def closed(pool, words):
    pool.close()
    return pool.map(count_letters, words)


SOON = [terminated, closed, lesson_03.collect]  # what needs no limit
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
        verdict = lesson_03.early_and_in_order.verdict(case)
        took = time.monotonic() - begin
        print(case.__name__, f"{took:.1f}", len(left()), verdict, sep="\t", flush=True)
