"""The exercises of lesson 10, on Dask, its guesses, and a cluster as on another machine."""
# ruff: noqa: ANN001, ANN201, D103 (solutions are printed as a reader would write them)

import json
import os
import random
import subprocess
import sys
import sysconfig
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from time import perf_counter, sleep
from timeit import repeat
from typing import Any, NamedTuple

import numpy as np
import psutil
from distributed import Client, as_completed

from helpers.bar_recipes import Bar
from helpers.commands import kill_process_tree
from helpers.dask_cluster import DaskCluster
from helpers.exercises.checking import Exercise, as_results, check_choices, check_order
from helpers.exercises.limits import TimingError, WrongAnswerError, run_limited
from helpers.exercises.measuring import (
    expected_results,
    kept_results,
    run_with_bar,
    secret_function,
)
from helpers.nap_patterns import naps
from helpers.workers import drawn_number, keep_result
from watchedpool.recording.dask import DaskRecorder
from watchedpool.schedule import predict
from watchedpool.timeline import Timeline

LOOPBACK = "127.0.0.1"
WORKERS = 5
# A run is as predicted if the naps of no worker, and the whole run, take at most so many times the
# predicted makespan. Which worker gets which nap depends less on the machine than the time does.
MOST_NAPS, MOST_TIME = 1.2, 1.5

# -- guesses: the idea behind each wrong option

lines_that_change = {
    "one": "The recipe only calls methods that every executor has, and Dask's is no exception.",
    "all": "Dask has its own functions, but it also has an executor like the standard library's.",
}
time_to_start = {
    "as long as a pool": "A Dask worker is a new Python process that imports a large package.",
    "twice as long": (
        "A Dask worker also imports a large package, opens ports, and registers with the scheduler."
    ),
}
equal_tasks = {
    "4": "For Dask, the same function with the same arguments is the same task: it runs once.",
    "2": "The number of workers does not matter: for Dask, the four calls are one task.",
}
one_line_each = {
    "as long as predicted": (
        "In the prediction, each task goes to a free worker. Dask assigns tasks to busy workers."
    ),
    "less long": "No schedule is shorter: in the prediction, all workers are busy until the end.",
}
deadly_task = {
    "once": "Dask cannot know whether the task or the machine was to blame, so it tries again.",
    "forever": "Dask counts the workers that died while running a task, and then gives up.",
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


class ClusterExercise(Exercise):
    """An exercise whose `measure` also receives a client of Dask: all runs share a cluster."""

    def measure_and_grade(self, answer: Callable) -> str:
        """Do what Exercise does, on a cluster."""
        with DaskCluster(WORKERS) as client:
            on_cluster = replace(self, measure=partial(self.measure, client))
            return Exercise.measure_and_grade(on_cluster, answer)


# -- exercise 1: the workers of the cluster nap each of ten naps once, as quickly as predicted. The
# result is what they returned, as a list, in the order of the naps. The check varies the naps.


class Dealt(NamedTuple):
    """One run: what was returned and should be, what was measured meanwhile, of which naps.

    done: what the workers returned. by_us: how many naps this process took itself.
    """

    returned: Any
    wanted: list[float]
    timeline: Timeline
    tasks: list[float]
    done: list[float]
    by_us: int


def measure_deal(client: Client, answer: Callable) -> tuple[Dealt]:
    """Let the answer deal ten naps that get shorter, whose results only the workers know."""
    longest = random.uniform(0.8, 1.0)
    tasks = sorted(
        (round(each * random.uniform(0.96, 1.04), 3) for each in naps("countdown", 10, 0, longest)),
        reverse=True,
    )
    draw = secret_function()
    recorder = DaskRecorder(client)
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        func = partial(keep_result, folder, draw)
        returned = run_limited(answer, client, func, list(tasks))
        done, by_us = kept_results(Path(folder))
    run = Dealt(
        returned,
        wanted=expected_results(draw, tasks),
        timeline=recorder.timeline(),
        tasks=tasks,
        done=done,
        by_us=by_us,
    )
    return (run,)


def grade_deal(run: Dealt) -> str:
    """Grade the naps of the cluster, the results, and whether it took as long as predicted."""
    results = as_results(run.returned, "deal", len(run.tasks))
    if run.by_us:
        raise WrongAnswerError(
            f"your own process took {run.by_us} of the naps. Give them to the cluster."
        )
    if sorted(run.done) != sorted(run.wanted):
        raise WrongAnswerError(
            f"the workers of the cluster took {len(run.done)} naps. Give them each of the "
            f"{len(run.tasks)} naps once."
        )
    check_order(results, run.wanted)
    took, best = run.timeline.makespan, predict(run.tasks, WORKERS).makespan
    longest = np.bincount(run.timeline.worker, run.timeline.finish - run.timeline.start).max()
    if longest > MOST_NAPS * best or took > MOST_TIME * best:
        raise TimingError(
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


as_predicted = ClusterExercise(
    measure=measure_deal,
    grade=grade_deal,
    hint_text=(
        "client.map looks like pool.map, but it assigns twice as many tasks as there are workers "
        "before the first task has ended. Keep no more tasks in flight than there are workers: "
        "submit five tasks, and one more for each task that is done."
    ),
    right_answer=deal,
)

# -- exercise 2: one of two words for each of five jobs. The text fixes their numbers. The check
# measures what a task costs here with either engine.


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
    check_choices(choice, JOBS, ("Pool", "Dask"))
    for name, job in JOBS.items():
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
    measure=measure_choice,
    grade=grade_choice,
    hint_text=(
        "More workers do not make every job shorter. One process assigns all tasks, which takes a "
        "millisecond or more per task with Dask, and sends all data. If that takes longer than the "
        "work itself, the workers wait."
    ),
    right_answer=(
        'choice = {"thumbnails": "Pool", "simulations": "Dask", "log lines": "Pool",\n'
        '          "videos": "Pool", "models": "Dask"}'
    ),
    takes=dict,
)

# -- exercise 3: the workers of the cluster run each of ten tasks, two of which are equal, although
# one worker is killed. The result is what they returned, as a list, in the order of the tasks. The
# bar has a total, and counts what has ended. The check varies the tasks, and which two are equal.
#
# The check decides when a task ends: a task waits for a file. So no verdict depends on the speed of
# the machine: while the first task waits, three others end, and the bar has some seconds to move.

BAR_LIMIT = 2.5  # seconds in which the bar must move after tasks have ended
START_LIMIT = 4.0  # seconds in which tasks must start
ENDED_FIRST = 3  # tasks that end while the first one waits


class Collected(NamedTuple):
    """One run: what was returned and should be, the tasks, those that workers ended, and the bar.

    early: what the bar counted before any task had ended. hidden: how many tasks had ended that it
    had not counted after BAR_LIMIT. bar: as it was at the end.
    """

    returned: Any
    wanted: list[float]
    tasks: list[int]
    ended: list[int]
    early: int
    hidden: int
    bar: Bar | None


def measure_collect(client: Client, answer: Callable) -> tuple[Collected]:
    """Let the answer run ten tasks; let three end before the first one; then kill a worker."""
    tasks = random.sample(range(100, 1000), 9)
    tasks.insert(random.randint(2, 9), tasks[-1])
    seed = random.randrange(10**6)
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        director = _Director(folder, tasks)
        function = _waiting_for_file(folder, seed)
        with ThreadPoolExecutor(1) as thread:
            directing = thread.submit(director.run)
            try:
                arguments = client, function, list(tasks), Bar
                returned, bar = run_with_bar(answer, *arguments)
            finally:
                director.returned.set()
        directing.result()
        run = Collected(
            returned,
            wanted=[drawn_number(task, seed) for task in tasks],
            tasks=tasks,
            ended=[task for process, task in director.notes("ended") if process != os.getpid()],
            early=director.early,
            hidden=director.hidden,
            bar=bar,
        )
    return (run,)


def _waiting_for_file(folder: str, seed: int) -> Callable[[int], float]:
    """Return a function that Dask sends by value: it waits for a file with the name of its task."""

    def wait_and_draw(task: int) -> float:
        from pathlib import Path
        from time import sleep

        def note(what: str) -> None:
            with Path(folder, what).open("a") as file:
                file.write(f"{os.getpid()} {task}\n")

        note("started")
        while not Path(folder, str(task)).exists():
            sleep(0.01)
        note("ended")
        return drawn_number(task, seed)

    return wait_and_draw


class _Director:
    """Decides which tasks end when, reads the bar meanwhile, and kills a worker.

    returned: set when the answer has returned. early, hidden: see Collected.
    """

    def __init__(self, folder: str, tasks: list[int]) -> None:
        self.folder, self.tasks = Path(folder), tasks
        self.returned = Event()
        self.early = self.hidden = 0

    def run(self) -> None:
        """Let some tasks end, then kill a worker that ran one of them, then let all end."""
        try:
            self._wait(lambda: len(self._candidates()) >= ENDED_FIRST, START_LIMIT)
            chosen = self._candidates()[:ENDED_FIRST]
            self._wait(lambda: False, 0.2)  # in which the bar may count what goes in
            self.early = _count_of_bar()
            self._let_end([task for _, task in chosen])
            self._wait(lambda: len(self.notes("ended")) >= len(chosen), START_LIMIT)
            self._wait(lambda: _count_of_bar() >= len(chosen), BAR_LIMIT)
            if not self.returned.is_set():
                self.hidden = max(0, len(chosen) - _count_of_bar())
                for process, _ in chosen[:1]:
                    if process != os.getpid():
                        psutil.Process(process).kill()
        finally:
            self._let_end(self.tasks)

    def notes(self, what: str) -> list[tuple[int, int]]:
        """Return the process and the task of each task that has "started" or "ended"."""
        path = self.folder / what
        lines = path.read_text().splitlines() if path.exists() else []
        return [tuple(map(int, line.split())) for line in lines]

    def _candidates(self) -> list[tuple[int, int]]:
        """Return the started tasks that may end first: not the first one, and not an equal one."""
        started = self.notes("started")
        return [n for n in started if n[1] != self.tasks[0] and self.tasks.count(n[1]) == 1]

    def _let_end(self, tasks: list[int]) -> None:
        for task in tasks:
            Path(self.folder, str(task)).touch()

    def _wait(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait until the condition holds, so many seconds, or until the answer has returned."""
        deadline = perf_counter() + seconds
        while not (condition() or self.returned.is_set()) and perf_counter() < deadline:
            sleep(0.02)


def _count_of_bar() -> int:
    return max((bar.n for bar in Bar.made), default=0)


def grade_collect(run: Collected) -> str:
    """Grade the runs of the tasks, the results, and the bar."""
    tasks, bar = run.tasks, run.bar
    results = as_results(run.returned, "collect", len(tasks))
    if missing := Counter(tasks) - Counter(run.ended):
        raise WrongAnswerError(
            f"the cluster ran {len(tasks) - missing.total()} tasks, and there are {len(tasks)}. "
            "Two of them are equal."
        )
    check_order(results, run.wanted)
    if bar is None or bar.n != len(tasks):
        raise WrongAnswerError(
            f"the bar ended at {bar.n if bar else 0} of {len(tasks)}. Use the tqdm that is passed "
            "in."
        )
    if run.early:
        raise WrongAnswerError("measured: the bar counted tasks that were not finished.")
    if run.hidden:
        raise WrongAnswerError(
            f"measured: {run.hidden} tasks were finished, and {BAR_LIMIT:g} s later the bar had "
            "not counted them. It is a bar over results in order."
        )
    if bar.total != len(tasks):
        raise WrongAnswerError(f"the bar should have the total {len(tasks)}; it has {bar.total}.")
    return "Measured: a worker was killed, all results are there, in order, and the bar was honest."


def collect(client, func, tasks, tqdm):
    futures = client.map(func, tasks, pure=False)
    for _ in tqdm(as_completed(futures), total=len(tasks)):
        pass
    return client.gather(futures)


survive = ClusterExercise(
    measure=measure_collect,
    grade=grade_collect,
    hint_text=(
        "Dask replaces the killed worker and runs its tasks again, if you submitted them to Dask. "
        "Your loop has to do two things: move the bar as tasks end, and return results in order. "
        "The list of futures keeps the order. Equal tasks count as one task, unless you pass "
        "pure=False."
    ),
    right_answer=collect,
)
