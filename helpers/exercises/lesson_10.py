"""The exercises of lesson 10, on Dask, its guesses, and a cluster as on another machine."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are printed as a reader would write them)

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
from itertools import count
from multiprocessing import Pool
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from timeit import repeat
from typing import Any, NamedTuple

import numpy as np
import psutil
from distributed import as_completed

from helpers.bar_recipes import Bar
from helpers.commands import kill_process_tree
from helpers.dask_cluster import DaskCluster
from helpers.exercises.checking import Exercise, as_results, check_order
from helpers.exercises.limits import TIME_LIMIT, WrongAnswerError, run_limited
from helpers.exercises.measuring import (
    draw_misleading_naps,
    expected_results,
    measure_until,
    run_with_bar,
    secret_function,
)
from helpers.patterns import naps
from watchedpool.recording.dask import DaskRecorder
from watchedpool.schedule import predict
from watchedpool.timeline import Timeline

LOOPBACK = "127.0.0.1"
WORKERS = 5
SLACK = 1.12  # a run that takes at most so many times the predicted makespan is as predicted
# So many finished tasks that the bar has not counted at one moment are too many. The same number
# holds for tasks counted too early: what the killed worker had finished is counted, and run again.
HIDDEN = 3

# -- guesses: the idea behind each wrong option

lines_that_change = {
    "one": "An executor is known by its methods; a recipe does not say what runs the tasks.",
    "all": "Dask has calls of its own, but it also has the executor of the standard library.",
}
time_to_start = {
    "as long as a pool": "A Dask worker is a new Python process that imports a large package.",
    "twice as long": (
        "A Dask worker also opens ports, starts a nanny process, and registers with the scheduler."
    ),
}
equal_tasks = {
    "4": "For Dask, the same function with the same arguments is the same task: it runs once.",
    "2": "The number of workers does not matter: for Dask, the four calls are one task.",
}
one_line_each = {
    "as long as predicted": (
        "In the prediction, each task goes to a free worker; Dask assigns tasks before that."
    ),
    "less long": "No schedule takes less: in the prediction all five are busy to the end.",
}
deadly_task = {
    "once": "Dask cannot know whether the task or the machine was to blame, so it tries again.",
    "forever": "Dask counts the workers that died with a task, and gives it up.",
}

# -- a cluster as another machine would have it


@contextmanager
def elsewhere(workers: int = 2) -> Iterator[str]:
    """Start a scheduler and workers as by hand on a machine without `helpers`; yield the address.

    They run in an empty folder, each in a process of its own, and end with the block.

    Raises TimeoutError if the scheduler does not answer within 60 s.
    """
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        # The scheduler takes a free port and writes its address there; workers wait for the file.
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
    # With -S, Python reads no .pth file, through which it could find this project.
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
        with suppress(OSError, ValueError):  # the file is missing, or half written
            return json.loads(file.read_text())["address"]
        sleep(0.05)
    raise TimeoutError(f"no scheduler started (exit code {scheduler.poll()})")


def _end(program: subprocess.Popen) -> None:
    program.terminate()  # an orderly end, so that multiprocessing leaves nothing behind
    try:
        program.wait(10)
    except subprocess.TimeoutExpired:
        kill_process_tree(program)


# -- exercise 1


class Run(NamedTuple):
    """One run: what was returned and should be, what was measured meanwhile, of which naps."""

    returned: Any
    wanted: list[float]
    timeline: Timeline
    tasks: list[float]


def measure_deal(deal: Callable) -> tuple[Run]:
    """Let the answer deal ten naps that get shorter, whose results only the workers know."""
    tasks = naps("countdown", 2 * WORKERS, longest=round(random.uniform(0.9, 1.1), 2))
    with DaskCluster(WORKERS) as client:

        def run() -> Run:
            func = secret_function()
            recorder = DaskRecorder(client)
            returned = run_limited(deal, client, func, list(tasks))
            return Run(returned, expected_results(func, tasks), recorder.timeline(), tasks)

        runs = measure_until(_is_as_predicted, run)
    return (min(runs, key=lambda run: run.timeline.makespan),)


def _is_as_predicted(run: Run) -> bool:
    return run.timeline.makespan <= SLACK * predict(run.tasks, WORKERS).makespan


def grade_deal(run: Run) -> str:
    """Grade the naps of the cluster, the results, and whether it took as long as predicted."""
    results = as_results(run.returned, "deal", len(run.tasks))
    work, ran = sum(run.tasks), float(np.nansum(run.timeline.finish - run.timeline.start))
    if ran < 0.95 * work:
        raise WrongAnswerError(
            f"measured: the cluster napped {ran:.1f} s in all, and the tasks are {work:.1f} s."
        )
    check_order(results, run.wanted)
    took, best = run.timeline.makespan, predict(run.tasks, WORKERS).makespan
    if not _is_as_predicted(run):
        raise WrongAnswerError(
            f"measured: {took:.2f} s; predicted: {best:.2f} s. Some worker had a queue of tasks "
            "while another had nothing to do."
        )
    return f"Measured: {took:.2f} s; predicted: {best:.2f} s."


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
    grade=grade_deal,
    hint_text=(
        "client.map looks like pool.map, but it assigns twice as many tasks as there are workers "
        "before the first task has ended. Keep no more tasks in flight than there are workers: "
        "submit five, and one more for each that is done."
    ),
    right_answer=deal,
)

# -- exercise 2


class Job(NamedTuple):
    """A job: how many tasks, the seconds that each takes, the megabytes that each is sent."""

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
NETWORK = 100  # megabytes per second


def seconds_of(job: Job, workers: int, per_task: float) -> float:
    """Return how long a job takes on so many workers, if one process assigns all tasks.

    per_task: seconds that this process needs for each task, in which it can do nothing else.
    """
    return max(predict([job.seconds] * job.tasks, workers).makespan, job.tasks * per_task)


def grade_choice(choice: dict, pool_cost: float, dask_cost: float) -> str:
    """Grade whether each job went where it is shorter; the costs are seconds per task."""
    for name, job in JOBS.items():
        if choice.get(name) not in ("Pool", "Dask"):
            raise WrongAnswerError(f'choose "Pool" or "Dask" for {name!r}.')
        travel = job.megabytes / NETWORK
        took = {
            "Pool": seconds_of(job, POOL, pool_cost),
            "Dask": seconds_of(job, CLUSTER, dask_cost + travel),
        }
        if choice[name] != min(took, key=took.get):
            raise WrongAnswerError(
                f"{name!r} would take {took['Pool']:,.0f} s in the pool and {took['Dask']:,.0f} s "
                f"on the cluster, at {1000 * pool_cost:.2f} and {1000 * dask_cost:.2f} ms per task."
            )
    return f"Here, Dask costs {dask_cost / pool_cost:.0f} times as much per task as a Pool."


def measure_choice(choice: dict) -> tuple[dict, float, float]:
    """Return the choice, and the seconds that a task costs here in a Pool and on Dask."""
    tasks, times = 200, {"number": 1, "repeat": 3}
    with Pool(2) as pool:
        pool_cost = min(repeat(lambda: pool.map(abs, range(tasks), chunksize=1), **times)) / tasks
    with DaskCluster(2, processes=False) as client:
        dask_map = partial(client.map, abs, range(tasks), pure=False)
        dask_cost = min(repeat(lambda: client.gather(dask_map()), **times)) / tasks
    return choice, pool_cost, dask_cost


which_engine = Exercise(
    name="choice",
    takes=dict,
    measure=measure_choice,
    grade=grade_choice,
    hint_text=(
        "More workers do not make every job shorter. One process assigns all tasks, which takes a "
        "millisecond or more per task with Dask, and sends all data. If that takes longer than the "
        "work, workers wait."
    ),
    right_answer=(
        'choice = {"thumbnails": "Pool", "simulations": "Dask", "log lines": "Pool",\n'
        '          "videos": "Pool", "models": "Dask"}'
    ),
)

# -- exercise 3


def measure_collect(collect: Callable) -> tuple[Run]:
    """Let the answer run ten naps, two of them equal, while a worker is killed."""
    short, attempts = _naps(), count(1)

    def run() -> Run:
        # A busy machine, which also has to start a new worker, gets longer naps each time.
        return _collect_once(collect, short, next(attempts))

    return (min(measure_until(lambda run: _off(run) < HIDDEN, run), key=_off),)


def _collect_once(collect: Callable, short: list[float], longer: int) -> Run:
    """Run the answer with these naps, each so many times longer, and kill a worker meanwhile."""
    tasks = [round(longer * seconds, 2) for seconds in short]
    func = secret_function()
    with DaskCluster(WORKERS) as client:
        victim = psutil.Process(max(client.run(os.getpid).values()))
        killer = threading.Timer(0.15, victim.kill)
        recorder = DaskRecorder(client)
        killer.start()
        try:
            arguments = client, func, list(tasks), Bar
            returned, bar = run_with_bar(collect, *arguments, seconds=longer * TIME_LIMIT)
        finally:
            killer.join()
        return Run(returned, expected_results(func, tasks), recorder.timeline(bar=bar), tasks)


def _naps() -> list[float]:
    """Return ten naps, the long ones first, of which a bar over results in order hides too many."""
    rest = [0.3, 0.3, *random.sample([0.2, 0.4, 0.45, 0.5, 0.6], 4)]
    return draw_misleading_naps(
        lambda: random.sample([0.7, 0.8, 0.9, 1.0], 4) + random.sample(rest, 6),
        WORKERS,
        HIDDEN + 1,
    )


def _off(run: Run) -> int:
    """Return by how many tasks the bar was wrong at worst, behind or ahead."""
    return max(run.timeline.most_behind, run.timeline.most_ahead)


def grade_collect(run: Run) -> str:
    """Grade the runs of the tasks, the results, and the bar."""
    results = as_results(run.returned, "collect", len(run.tasks))
    ran = int(np.isfinite(run.timeline.finish).sum())
    if ran != len(run.tasks):
        raise WrongAnswerError(
            f"the cluster ran {ran} tasks, and there are {len(run.tasks)}. Two of them are equal."
        )
    check_order(results, run.wanted)
    counted = int(np.isfinite(run.timeline.delivered).sum())
    if counted < ran:
        raise WrongAnswerError(
            f"the bar ended at {counted} of {ran}. Use the tqdm that is passed in."
        )
    if run.timeline.most_ahead >= HIDDEN:
        raise WrongAnswerError("measured: the bar counted tasks that were not finished.")
    if run.timeline.most_behind >= HIDDEN:
        raise WrongAnswerError(
            f"measured: at worst, {run.timeline.most_behind} tasks were finished that the bar had "
            "not counted. It is a bar over results in order."
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
    grade=grade_collect,
    hint_text=(
        "Dask replaces the killed worker and runs its tasks again, if all tasks are tasks of Dask. "
        "Your loop has to do two things: move the bar as tasks end, and return results in order. "
        "The list of futures keeps the order. And equal tasks are one task, unless you say "
        "pure=False."
    ),
    right_answer=collect,
)
