"""The exercises of lesson 10, on Dask, and a cluster as another machine would have it."""

import os
import random
import socket
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import Pool
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Any, NamedTuple

import numpy as np
import psutil

from helpers.bar_recipes import Bar
from helpers.commands import end_family
from helpers.exercises.checking import Exercise, Wrong, run_limited
from helpers.recording.dask import DaskCluster, DaskRecorder
from helpers.schedule import naps, predict
from helpers.timeline import Timeline
from helpers.workers import nap

LOOPBACK = "127.0.0.1"
WORKERS = 5
TRIES = 3  # a busy machine is slow to deal any tasks; a wrong way to deal them is slow each time
SLACK = 1.12  # so many times the predicted makespan is still as predicted
# So many finished tasks that are not shown at one moment are too many; also the other way round,
# for what the killed worker had finished, and the bar counted, is done again.
HIDDEN = 3

# What is believed by who chooses another option than the one that is measured.
MISCONCEPTIONS = {
    "changed": {
        "one": "An executor is known by its methods; a recipe does not say who runs the tasks.",
        "all": "Dask has calls of its own, but it also has the standard library's executor.",
    },
    "start": {
        "as long as a pool": "A worker of Dask is a fresh Python that imports a large package.",
        "twice as long": "A worker of Dask also opens ports, gets a nanny, and reports for duty.",
    },
    "equal": {
        "4": "For Dask, the same function with the same arguments is the same task: it runs once.",
        "2": "The number of workers does not matter: the four calls are one task for Dask.",
    },
    "line": {
        "as long as predicted": "The prediction deals to who is free; Dask deals before that.",
        "less long": "No dealing takes less: in the prediction all five are busy to the end.",
    },
    "deaths": {
        "once": "Dask cannot know whether the task or the machine was to blame, so it tries again.",
        "for ever": "Dask counts the workers that died with a task, and gives it up.",
    },
}


@contextmanager
def elsewhere(workers: int = 2) -> Iterator[str]:
    """Yield the address of a scheduler with so many workers, started as by hand on a machine
    that has Dask and not `helpers`: in an empty folder, each a process of its own.

    Raises TimeoutError where the scheduler does not answer within 60 s. All end with the block.
    """
    with socket.create_server((LOOPBACK, 0)) as free:
        port = free.getsockname()[1]
    address = f"tcp://{LOOPBACK}:{port}"
    dashboard = ["--dashboard-address", f"{LOOPBACK}:0"]
    scheduler = ["scheduler", "--host", LOOPBACK, "--port", str(port), *dashboard]
    worker = ["worker", address, "--host", LOOPBACK, "--nthreads", "1", "--no-nanny", *dashboard]
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        programs = [_dask(options, folder) for options in (scheduler, *[worker] * workers)]
        try:
            _wait_for(port, programs[0])
            yield address
        finally:
            for program in reversed(programs):
                _end(program)


def _dask(options: list[str], folder: str) -> subprocess.Popen:
    # With -S Python reads no .pth file, through which it would find this project.
    packages = os.pathsep.join({sysconfig.get_path(name) for name in ("purelib", "platlib")})
    return subprocess.Popen(
        [sys.executable, "-S", "-m", "dask", *options],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": packages, "DASK_TEMPORARY_DIRECTORY": folder},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _wait_for(port: int, program: subprocess.Popen) -> None:
    deadline = perf_counter() + 60
    while program.poll() is None and perf_counter() < deadline:
        with suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
            return
        sleep(0.05)
    raise TimeoutError(f"no scheduler answers on port {port}")


def _end(program: subprocess.Popen) -> None:
    program.terminate()  # in order, so that nothing of multiprocessing's is left
    try:
        program.wait(10)
    except subprocess.TimeoutExpired:
        end_family(program)


# -- exercise 1


class Run(NamedTuple):
    """What an answer did: what it returned, what was measured meanwhile, what was to be done."""

    returned: Any
    timeline: Timeline
    tasks: list[float]


def judge_deal(run: Run) -> str:
    """Return praise for a run that was as short as predicted; raise Wrong for another."""
    work, ran = sum(run.tasks), float(np.nansum(run.timeline.finish - run.timeline.start))
    if ran < 0.95 * work:
        raise Wrong(f"measured: the cluster napped {ran:.1f} s in all, and the tasks {work:.1f} s.")
    if run.returned != run.tasks:
        raise Wrong("the results are not those of the tasks, in their order.")
    took, best = run.timeline.makespan, predict(run.tasks, WORKERS).makespan
    if took > SLACK * best:
        raise Wrong(
            f"measured: {took:.2f} s, and predicted are {best:.2f} s. Some worker had a line of "
            "tasks before it while another had nothing to do."
        )
    return f"Measured: {took:.2f} s, and predicted were {best:.2f} s."


def _measure_deal(answer: Callable) -> Run:
    tasks = naps("countdown", 2 * WORKERS, longest=round(random.uniform(0.9, 1.1), 2))
    with DaskCluster(WORKERS) as client:
        runs = []
        for _ in range(TRIES):
            recorder = DaskRecorder(client)
            returned = run_limited(answer, client, nap, list(tasks))
            runs.append(Run(returned, recorder.timeline(), tasks))
            if runs[-1].timeline.makespan <= SLACK * predict(tasks, WORKERS).makespan:
                break
    return min(runs, key=lambda run: run.timeline.makespan)


# -- exercise 2


class Job(NamedTuple):
    """So many tasks, what each takes, and what each must be sent: seconds and megabytes."""

    tasks: int
    seconds: float
    megabytes: float = 0


JOBS = {
    "thumbnails": Job(20_000, 0.001),
    "simulations": Job(400, 30),
    "log lines": Job(100_000, 0.0001),
    "videos": Job(200, 1, 400),
    "models": Job(1_000, 2),
}
POOL, CLUSTER = 4, 40  # workers
NETWORK = 100  # megabytes a second


def seconds_of(job: Job, workers: int, per_task: float) -> float:
    """Return how long a job takes on so many workers, to whom one process deals the tasks.

    per_task: seconds which that process needs for each; it can do nothing else meanwhile.
    """
    return max(predict([job.seconds] * job.tasks, workers).makespan, job.tasks * per_task)


def judge_choice(choice: dict, pool_cost: float, dask_cost: float) -> str:
    """Return praise where each job went where it is shorter; the costs are seconds a task."""
    for name, job in JOBS.items():
        if choice.get(name) not in ("Pool", "Dask"):
            raise Wrong(f'choose "Pool" or "Dask" for {name!r}.')
        travel = job.megabytes / NETWORK
        took = {
            "Pool": seconds_of(job, POOL, pool_cost),
            "Dask": seconds_of(job, CLUSTER, dask_cost + travel),
        }
        if choice[name] != min(took, key=took.get):
            raise Wrong(
                f"{name!r} would take {took['Pool']:,.0f} s in the pool and {took['Dask']:,.0f} s "
                f"on the cluster, at {1000 * pool_cost:.2f} and {1000 * dask_cost:.2f} ms a task."
            )
    return f"Dask costs {dask_cost / pool_cost:.0f} times as much a task as a Pool here."


def _judge_choice(choice: dict) -> str:
    tasks = 200
    with Pool(2) as pool:
        pool_cost = _quickest(lambda: pool.map(abs, range(tasks), chunksize=1)) / tasks
    with DaskCluster(2, processes=False) as client:
        run = lambda: client.gather(client.map(abs, range(tasks), pure=False))  # noqa: E731
        dask_cost = _quickest(run) / tasks
    return judge_choice(choice, pool_cost, dask_cost)


def _quickest(run: Callable[[], object]) -> float:
    took = []
    for _ in range(TRIES):
        begin = perf_counter()
        run()
        took.append(perf_counter() - begin)
    return min(took)


# -- exercise 3


def judge_collect(run: Run) -> str:
    """Return praise for results in order and an honest bar; raise Wrong for another run."""
    ran = int(np.isfinite(run.timeline.finish).sum())
    if ran != len(run.tasks):
        raise Wrong(
            f"the cluster ran {ran} tasks, and there are {len(run.tasks)}. Two of them are equal."
        )
    if run.returned != run.tasks:
        raise Wrong("the results are not those of the tasks, in their order.")
    counted = int(np.isfinite(run.timeline.shown).sum())
    if counted < ran:
        raise Wrong(f"the bar ended at {counted} of {ran}. Use the tqdm that is passed in.")
    if run.timeline.most_ahead >= HIDDEN:
        raise Wrong("measured: the bar counted tasks that were not finished.")
    if run.timeline.most_behind >= HIDDEN:
        raise Wrong(
            f"measured: at worst {run.timeline.most_behind} finished tasks were not shown. "
            "The bar is over results in order."
        )
    return "Measured: a worker was killed, all results are there, in order, and the bar was honest."


def _measure_collect(answer: Callable) -> Run:
    tasks = [1.0, 0.9, 0.8, 0.7, 0.3, 0.3, 0.6, 0.5, 0.4, 0.2]
    random.shuffle(tasks[5:])
    runs = []
    with DaskCluster(WORKERS) as client:
        for _ in range(TRIES):
            client.wait_for_workers(WORKERS, timeout=60)  # until the killed one is replaced
            victim = psutil.Process(max(client.run(os.getpid).values()))
            killer = threading.Timer(0.15, victim.kill)
            recorder = DaskRecorder(client)
            Bar.made.clear()
            killer.start()
            try:
                returned = run_limited(answer, client, nap, list(tasks), Bar)
            finally:
                killer.join()
            bar = Bar.made[-1] if Bar.made else None
            runs.append(Run(returned, recorder.timeline(bar=bar), tasks))
            if _off(runs[-1]) < HIDDEN:
                break
    return min(runs, key=_off)


def _off(run: Run) -> int:
    """Return how many tasks the bar was off at worst, behind or ahead."""
    return max(run.timeline.most_behind, run.timeline.most_ahead)


as_predicted = Exercise(
    name="deal",
    takes=Callable,
    judge=lambda answer: judge_deal(_measure_deal(answer)),
    hint_text=(
        "client.map feels like pool.map, but it deals out twice as many tasks as there are "
        "workers before the first has ended. Keep no more in flight than there are workers: "
        "submit five, and one more for each that is done."
    ),
    solution_text=(
        "def deal(client, func, naps):\n"
        "    futures = [client.submit(func, s, pure=False) for s in naps[:5]]\n"
        "    in_flight = as_completed(futures)\n"
        "    for _ in in_flight:\n"
        "        if len(futures) < len(naps):\n"
        "            futures.append(client.submit(func, naps[len(futures)], pure=False))\n"
        "            in_flight.add(futures[-1])\n"
        "    return client.gather(futures)"
    ),
)

which_engine = Exercise(
    name="choice",
    takes=dict,
    judge=_judge_choice,
    hint_text=(
        "More workers do not make every job shorter. One process deals all tasks, a millisecond "
        "or more each with Dask, and sends all data. If dealing takes longer than the work, "
        "workers wait."
    ),
    solution_text=(
        'choice = {"thumbnails": "Pool", "simulations": "Dask", "log lines": "Pool",\n'
        '          "videos": "Pool", "models": "Dask"}'
    ),
)

survive = Exercise(
    name="collect",
    takes=Callable,
    judge=lambda answer: judge_collect(_measure_collect(answer)),
    hint_text=(
        "Dask sees to the killed worker by itself, if all tasks are tasks of Dask. Your loop has "
        "two duties: a bar that moves as tasks end, and results in order. The list of futures "
        "keeps the order. And equal tasks are one task, unless you say pure=False."
    ),
    solution_text=(
        "def collect(client, func, tasks, tqdm):\n"
        "    futures = client.map(func, tasks, pure=False)\n"
        "    for _ in tqdm(as_completed(futures), total=len(tasks)):\n"
        "        pass\n"
        "    return client.gather(futures)"
    ),
)
