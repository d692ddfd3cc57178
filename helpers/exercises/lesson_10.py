"""The exercises of lesson 10, on Dask, its guesses, and a cluster as if elsewhere."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are shown as a reader would write them)

import json
import os
import random
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Any, NamedTuple

import numpy as np
import psutil
from distributed import as_completed

from helpers.bar_recipes import Bar
from helpers.commands import end_family
from helpers.exercises.checking import Exercise, Wrong, as_results, check_order, hides
from helpers.exercises.limits import SECONDS, run_limited
from helpers.recording.dask import DaskCluster, DaskRecorder
from helpers.schedule import naps, predict
from helpers.timeline import Timeline
from helpers.workers import nap_and_draw

LOOPBACK = "127.0.0.1"
WORKERS = 5
TRIES = 3  # a busy machine is slow to deal any tasks; a wrong way to deal them is slow each time
SLACK = 1.12  # so many times the predicted makespan is still as predicted
# So many finished tasks that are not shown at one moment are too many; also the other way round,
# for what the killed worker had finished, and the bar counted, is done again.
HIDDEN = 3

# -- guesses: the idea behind each wrong option

lines_that_change = {
    "one": "An executor is known by its methods; a recipe does not say who runs the tasks.",
    "all": "Dask has calls of its own, but it also has the standard library's executor.",
}
time_to_start = {
    "as long as a pool": "A worker of Dask is a fresh Python that imports a large package.",
    "twice as long": "A worker of Dask also opens ports, gets a nanny, and reports for duty.",
}
equal_tasks = {
    "4": "For Dask, the same function with the same arguments is the same task: it runs once.",
    "2": "The number of workers does not matter: the four calls are one task for Dask.",
}
one_line_each = {
    "as long as predicted": "The prediction deals to who is free; Dask deals before that.",
    "less long": "No dealing takes less: in the prediction all five are busy to the end.",
}
deadly_task = {
    "once": "Dask cannot know whether the task or the machine was to blame, so it tries again.",
    "for ever": "Dask counts the workers that died with a task, and gives it up.",
}

# -- a cluster as another machine would have it


@contextmanager
def elsewhere(workers: int = 2) -> Iterator[str]:
    """Yield the address of a scheduler with so many workers, started as by hand on a machine
    that has Dask and not `helpers`: in an empty folder, each a process of its own.

    Raises TimeoutError where the scheduler is not there within 60 s. All end with the block.
    """
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        # The scheduler takes a port that is free and writes its address there; workers wait for it.
        file = Path(folder, "scheduler.json")
        common = ["--host", LOOPBACK, "--dashboard-address", f"{LOOPBACK}:0"]
        common += ["--scheduler-file", str(file)]
        worker = ["worker", "--nthreads", "1", "--no-nanny", *common]
        commands = [["scheduler", "--port", "0", *common], *[worker] * workers]
        programs = [_dask(command, folder) for command in commands]
        try:
            yield _address(file, programs[0])
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


def _address(file: Path, scheduler: subprocess.Popen) -> str:
    deadline = perf_counter() + 60
    while scheduler.poll() is None and perf_counter() < deadline:
        with suppress(OSError, ValueError):  # it is not there yet, or half written
            return json.loads(file.read_text())["address"]
        sleep(0.05)
    raise TimeoutError(f"no scheduler came up (exit code {scheduler.poll()})")


def _end(program: subprocess.Popen) -> None:
    program.terminate()  # in order, so that nothing of multiprocessing's is left
    try:
        program.wait(10)
    except subprocess.TimeoutExpired:
        end_family(program)


# -- exercise 1


class Run(NamedTuple):
    """One run: what was returned, what should be, what was measured meanwhile, of which naps."""

    returned: Any
    wanted: list[float]
    timeline: Timeline
    tasks: list[float]


def measure_deal(deal: Callable) -> tuple[Run]:
    """Let the answer deal ten naps that get shorter, whose results only the workers know."""
    tasks = naps("countdown", 2 * WORKERS, longest=round(random.uniform(0.9, 1.1), 2))
    runs: list[Run] = []
    with DaskCluster(WORKERS) as client:
        while len(runs) < TRIES and not any(map(_as_predicted, runs)):
            func, wanted = _drawing(tasks)
            recorder = DaskRecorder(client)
            returned = run_limited(deal, client, func, list(tasks))
            runs.append(Run(returned, wanted, recorder.timeline(), tasks))
    return (min(runs, key=lambda run: run.timeline.makespan),)


def _drawing(tasks: list[float]) -> tuple[Callable, list[float]]:
    """Return a function for these naps, and its results."""
    seed = random.randrange(10**6)
    results = [round(random.Random(f"{seed} {task}").random(), 4) for task in tasks]
    return partial(nap_and_draw, seed=seed), results


def _as_predicted(run: Run) -> bool:
    return run.timeline.makespan <= SLACK * predict(run.tasks, WORKERS).makespan


def judge_deal(run: Run) -> str:
    """Judge the naps of the cluster, the results, and whether it took as long as predicted."""
    results = as_results(run.returned, "deal", len(run.tasks))
    work, ran = sum(run.tasks), float(np.nansum(run.timeline.finish - run.timeline.start))
    if ran < 0.95 * work:
        raise Wrong(f"measured: the cluster napped {ran:.1f} s in all, and the tasks {work:.1f} s.")
    check_order(results, run.wanted)
    took, best = run.timeline.makespan, predict(run.tasks, WORKERS).makespan
    if not _as_predicted(run):
        raise Wrong(
            f"measured: {took:.2f} s, and predicted are {best:.2f} s. Some worker had a line of "
            "tasks before it while another had nothing to do."
        )
    return f"Measured: {took:.2f} s, and predicted were {best:.2f} s."


def deal(client, func, naps):
    futures = [client.submit(func, s, pure=False) for s in naps[:5]]
    in_flight = as_completed(futures)
    for _ in in_flight:
        if len(futures) < len(naps):
            futures.append(client.submit(func, naps[len(futures)], pure=False))
            in_flight.add(futures[-1])
    return client.gather(futures)


as_predicted = Exercise(
    name="deal",
    takes=Callable,
    measure=measure_deal,
    judge=judge_deal,
    hint_text=(
        "client.map feels like pool.map, but it deals out twice as many tasks as there are "
        "workers before the first has ended. Keep no more in flight than there are workers: "
        "submit five, and one more for each that is done."
    ),
    solved=deal,
)

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
    """Judge whether each job went where it is shorter; the costs are seconds a task."""
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


def measure_choice(choice: dict) -> tuple[dict, float, float]:
    """Return the choice, and what a task costs here in a Pool and on Dask, in seconds."""
    tasks = 200
    with Pool(2) as pool:
        pool_cost = _quickest(lambda: pool.map(abs, range(tasks), chunksize=1)) / tasks
    with DaskCluster(2, processes=False) as client:
        run = lambda: client.gather(client.map(abs, range(tasks), pure=False))  # noqa: E731
        dask_cost = _quickest(run) / tasks
    return choice, pool_cost, dask_cost


def _quickest(run: Callable[[], object]) -> float:
    took = []
    for _ in range(TRIES):
        begin = perf_counter()
        run()
        took.append(perf_counter() - begin)
    return min(took)


which_engine = Exercise(
    name="choice",
    takes=dict,
    measure=measure_choice,
    judge=judge_choice,
    hint_text=(
        "More workers do not make every job shorter. One process deals all tasks, a millisecond "
        "or more each with Dask, and sends all data. If dealing takes longer than the work, "
        "workers wait."
    ),
    solved=(
        'choice = {"thumbnails": "Pool", "simulations": "Dask", "log lines": "Pool",\n'
        '          "videos": "Pool", "models": "Dask"}'
    ),
)

# -- exercise 3


def measure_collect(collect: Callable) -> tuple[Run]:
    """Let the answer run ten naps, two of them equal, while a worker is killed."""
    short = _tasks()
    runs: list[Run] = []
    while len(runs) < TRIES and not any(_off(run) < HIDDEN for run in runs):
        # A busy machine, which has a worker to start anew meanwhile, gets longer naps each time.
        longer = len(runs) + 1
        tasks = [round(longer * seconds, 2) for seconds in short]
        func, wanted = _drawing(tasks)
        with DaskCluster(WORKERS) as client:
            victim = psutil.Process(max(client.run(os.getpid).values()))
            killer = threading.Timer(0.15, victim.kill)
            recorder = DaskRecorder(client)
            Bar.made.clear()
            killer.start()
            try:
                given = client, func, list(tasks), Bar
                returned = run_limited(collect, *given, seconds=longer * SECONDS)
            finally:
                killer.join()
            bar = max(Bar.made, key=lambda bar: bar.n, default=None)
            runs.append(Run(returned, wanted, recorder.timeline(bar=bar), tasks))
    return (min(runs, key=_off),)


def _tasks() -> list[float]:
    """Return ten naps, the long ones first; a bar over results in order would hide enough."""
    rest = [0.3, 0.3, *random.sample([0.2, 0.4, 0.45, 0.5, 0.6], 4)]
    while True:
        tasks = random.sample([0.7, 0.8, 0.9, 1.0], 4) + random.sample(rest, 6)
        if hides(tasks, WORKERS, HIDDEN + 1):
            return tasks


def _off(run: Run) -> int:
    """Return how many tasks the bar was off at worst, behind or ahead."""
    return max(run.timeline.most_behind, run.timeline.most_ahead)


def judge_collect(run: Run) -> str:
    """Judge the runs of the tasks, the results, and the bar."""
    results = as_results(run.returned, "collect", len(run.tasks))
    ran = int(np.isfinite(run.timeline.finish).sum())
    if ran != len(run.tasks):
        raise Wrong(
            f"the cluster ran {ran} tasks, and there are {len(run.tasks)}. Two of them are equal."
        )
    check_order(results, run.wanted)
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


def collect(client, func, tasks, tqdm):
    futures = client.map(func, tasks, pure=False)
    for _ in tqdm(as_completed(futures), total=len(tasks)):
        pass
    return client.gather(futures)


survive = Exercise(
    name="collect",
    takes=Callable,
    measure=measure_collect,
    judge=judge_collect,
    hint_text=(
        "Dask sees to the killed worker by itself, if all tasks are tasks of Dask. Your loop has "
        "two duties: a bar that moves as tasks end, and results in order. The list of futures "
        "keeps the order. And equal tasks are one task, unless you say pure=False."
    ),
    solved=collect,
)
