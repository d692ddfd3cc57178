"""findings(): what is wrong with a run, in plain sentences with numbers.

Each rule is a function that looks at one part of a run's budget, and yields what it finds. What a
change would bring is computed: the same run again, with its own durations and measured costs.
"""

from collections.abc import Iterator
from math import inf
from numbers import Integral, Real
from textwrap import fill
from typing import NamedTuple

import numpy as np

from watchedpool.budget import LOOP_PARTS, Sending, delivered_together
from watchedpool.cores import usable_cores
from watchedpool.timeline import Timeline
from watchedpool.what_if import Run

NOTICEABLE_SHARE = 0.05  # of the run: two runs of the same program differ by as much
NOTICEABLE_SECONDS = 0.1  # tqdm does not draw a bar more often
NOTICEABLE_RESULTS = 2  # not delivered at one moment: a single result is always on its way
USEFUL_SHARE = 0.85  # of the workers' time: with more, nothing is wrong
MOST_FINDINGS = 3
LONGEST_HANDOVER = 0.01  # seconds: what costs more per message is not its number, but its content
MANY_BYTES = 100_000  # per message
ALL_CORES_SHARE = 0.8  # of the cores: the program and the rest of the machine need some, too
LINE_WIDTH = 100  # characters: JupyterLab breaks a longer line in the middle of a word
FAILURES = "killed", "unended", "unsent", "failed"


class Finding(NamedTuple):
    """A problem: its name, the seconds it costs, a sentence about it, the lesson on it."""

    name: str
    seconds: float
    sentence: str
    lesson: str

    @property
    def text(self) -> str:
        """The sentence and the lesson, in one line."""
        return self.sentence + (f" (lesson {self.lesson})" if self.lesson else "")

    def __str__(self) -> str:
        return fill(self.text, LINE_WIDTH, subsequent_indent="    ")


def findings(timeline: Timeline, cores_busy: float = 0.0, workers: int = 0) -> list[Finding]:
    """Return what is wrong with a run, the worst first, at most three; or that nothing is.

    The seconds of a finding say by how much the run would be shorter without the problem. If the
    problem only delays results, they are the longest delay. A task that never ended costs an
    infinite number of seconds, and is then the only finding. What costs less than 0.1 seconds, or
    less than a twentieth of the run, is not reported.

    cores_busy: how many cores the workers kept busy, on average, if that was measured. A Timeline
        without details does not show whether a task computes or waits.
    workers: the number of workers in the pool, if it is known. A Timeline without details does not
        contain workers that never ran a task.

    Raises ValueError if `cores_busy` or `workers` is negative, or not a number of that kind.
    """
    _check_known(cores_busy, workers)
    run = Run(timeline, workers)
    if run.spent.faults:
        sentence = f"Nothing to say: the times of this run cannot be true: {run.spent.faults}."
        return [Finding("nothing", 0.0, sentence, "")]
    failures = [finding for rule in _FAILURES for finding in rule(run)]
    if any(finding.seconds == inf for finding in failures):
        return failures[:1]
    costs = [finding for rule in _RULES for finding in rule(run) if _is_noticeable(run, finding)]
    costs += _find_crowding(run, cores_busy)
    costs.sort(key=lambda finding: -finding.seconds)
    found = (failures + costs)[:MOST_FINDINGS]
    return found or list(_find_broken_off(run)) or [_nothing(run)]


def _check_known(cores_busy: float, workers: int) -> None:
    """Raise ValueError if `findings` cannot use these values."""
    if not isinstance(cores_busy, Real) or not 0 <= cores_busy < inf:
        raise ValueError(f"cores_busy is {cores_busy!r}; allowed is a number, 0 or more")
    if not isinstance(workers, Integral) or workers < 0:
        raise ValueError(f"workers is {workers!r}; allowed is a whole number, 0 or more")


def _least(run: Run) -> float:
    """Return the seconds from which on a cost is worth a finding."""
    return max(NOTICEABLE_SECONDS, NOTICEABLE_SHARE * run.took)


def _is_noticeable(run: Run, finding: Finding) -> bool:
    return finding.seconds >= _least(run)


# -- what went wrong, rather than slowly


def _find_killed(run: Run) -> Iterator[Finding]:
    """Find workers that did not end as their pool wanted."""
    ends = [(worker, each) for worker, each in enumerate(run.details.workers) if each.exit]
    if len(ends) == run.workers and all(each.exit == "exit code 1" for _, each in ends):
        return  # they were interrupted, with the program
    for worker, each in ends[:1]:
        others = f", and {len(ends) - 1} more ended like this" if len(ends) > 1 else ""
        lost = [row for row in run.timeline.without_end if run.timeline.worker[row] == worker]
        task = f" while it ran task {lost[0]}" if lost else ""
        after = (
            "The executor is broken from then on: its futures raise BrokenProcessPool."
            if run.executor
            else "The pool replaces it, but the result of its task never comes."
        )
        sentence = (
            f'Worker {worker} ended with "{each.exit}" at {each.ended:.2f} s{task}{others}. '
            f"{after} Signal 9 is often the system's, when memory runs out."
        )
        yield Finding("killed", inf, sentence, "09")


def _find_unended(run: Run) -> Iterator[Finding]:
    """Find tasks without an end: code that waits for their results waits forever."""
    timeline = run.timeline
    rows = [] if _left_early(run) else timeline.without_end
    for row in rows[:1]:
        others = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
        sentence = (
            f"Task {row}{others} has not ended: it started at {timeline.start[row]:.2f} s on "
            f"worker {timeline.worker[row]}. It still ran when the program ended, or its worker "
            "was killed."
        )
        yield Finding("unended", inf, sentence, "09")


def _find_unsent(run: Run) -> Iterator[Finding]:
    """Find tasks that could not be pickled, so no worker ever had them."""
    start = run.timeline.start
    rows = [row for row in run.details.errors if np.isnan(start[row])]
    if rows and not any(worker.exit for worker in run.details.workers):
        sentence = (
            f"{_tasks(len(rows))} could not be sent to a worker: task {min(rows)} raised "
            f'"{run.details.errors[min(rows)]}". Define the function at the top of a module, and '
            "send only what pickle can write."
        )
        yield Finding("unsent", 0.0, sentence, "09")


def _find_failed(run: Run) -> Iterator[Finding]:
    """Find exceptions that nobody looked at."""
    timeline = run.timeline
    rows = [
        row
        for row in run.details.errors
        if not np.isnan(timeline.start[row]) and np.isnan(timeline.delivered[row])
    ]
    if rows:
        ask = "result()" if run.executor else "get()"
        sentence = (
            f"{_tasks(len(rows))} raised an exception that the program never looked at: task "
            f'{min(rows)} raised "{run.details.errors[min(rows)]}". Call {ask} of each result.'
        )
        yield Finding("failed", 0.0, sentence, "09")


_FAILURES = (_find_killed, _find_unended, _find_unsent, _find_failed)


def _left_early(run: Run) -> bool:
    """Return whether a loop over imap ended before its results did: it asked for no other."""
    timeline, details = run.timeline, run.details
    taken = ~np.isnan(timeline.delivered)
    waits = ~np.isnan(details.asked) & ~taken
    return (
        bool(run.methods) and run.methods <= {"imap", "imap_unordered"} and not details.errors
    ) and bool(taken.any() and not taken.all() and not waits.any())


def _find_broken_off(run: Run) -> Iterator[Finding]:
    """Find an iterator that was left on purpose."""
    if _left_early(run):
        taken = int((~np.isnan(run.timeline.delivered)).sum())
        sentence = (
            f"The loop took {taken} of {_tasks(len(run.timeline))} and left: that is no error. "
            "What still ran or waited was dropped with the pool."
        )
        yield Finding("broken-off", 0.0, sentence, "")


# -- the workers' time


def _find_start_up(run: Run) -> Iterator[Finding]:
    """Find workers that were still starting when tasks were waiting for them."""
    each = run.spent.of("start-up", "before the first task")
    if not len(each) or (run.rounds.max(initial=0) and not run.measured):
        return
    first = each[: run.workers]
    shorter = run.ready.copy()
    shorter[: len(first)] -= first
    shorter[len(first) :] -= np.median(first)
    saved = run.base - run.again(ready=shorter.clip(0)) + _time_of_making(run)
    sentence = (
        f"Workers were still starting up for {_share(run, each)}. {_less(run, saved)} with "
        "workers that are there already: a pool that is kept and used again starts up only once"
    )
    method = run.pool.start_method if run.pool else ""
    if method in ("spawn", "forkserver"):
        sentence += f'. With "{method}", each worker first imports what the main script imports'
    yield Finding("start-up", saved, sentence + ".", "01")


def _time_of_making(run: Run) -> float:
    """Return the seconds before the first submission in which the pool was starting workers."""
    made = [worker.made for worker in run.details.workers[: run.workers] if worker.made < 0]
    return max(made) - min(made) if made else 0.0


def _find_initializer(run: Run) -> Iterator[Finding]:
    """Find an initializer that takes long: each worker runs it."""
    each = run.spent.of("initializer")
    if len(each):
        first = each[: run.workers]
        shorter = run.ready.copy()
        shorter[: len(first)] -= first
        shorter[len(first) :] -= np.median(first)
        saved = run.base - run.again(ready=shorter.clip(0))
        sentence = (
            f"The initializer took {_share(run, each)}. {_less(run, saved)} without it: load less, "
            "load it in the first task that needs it, or keep the pool and use it again."
        )
        yield Finding("initializer", saved, sentence, "01")


def _find_producer(run: Run) -> Iterator[Finding]:
    """Find an iterable that gives the next task later than a worker could take it."""
    if not run.measured or _one_by_one(run) or not len(run.order):
        return
    waited = run.spent.of("waiting for input") - run.pauses.sum() - _drained(run)
    if waited.clip(0).mean() < _least(run):
        return
    sending = Sending.of(run.timeline, run.details).until(run.messages.submitted)
    at_once = run.base - run.again(submitted=run.since_round(sending))
    sentence = (
        f"Workers waited for input for {_share(run, waited.clip(0))}: the loop that makes the "
        f"tasks is too slow for them. {_less(run, at_once)} if all tasks were there at once: let "
        "the workers make or read their own input, and send them only where it is."
    )
    yield Finding("producer", at_once, sentence, "03")


def _drained(run: Run) -> float:
    """Return the mean seconds of a worker, per run, at the end of rounds but the last."""
    return float(_idle_at_ends(run)[:-1].sum()) if run.workers else 0.0


def _idle_at_ends(run: Run) -> np.ndarray:
    """Return the mean seconds of a worker from its last task of each round to the round's end."""
    timeline, rounds = run.timeline, run.rounds
    count = int(rounds.max(initial=-1)) + 1
    ends = np.full((count, max(run.workers, timeline.workers, 1)), -inf)
    rows = run.order
    np.maximum.at(ends, (rounds[rows], timeline.worker[rows]), timeline.finish[rows])
    last = ends.max(axis=1, initial=-inf)
    begin = np.full(count, inf)
    np.minimum.at(begin, rounds[rows], timeline.start[rows])
    # Of more workers than at a time, because some were replaced, those that were there count.
    ends = np.sort(ends, axis=1)[:, -max(run.workers, 1) :]
    ends = np.maximum(ends, np.minimum(begin, last)[:, None])
    with np.errstate(invalid="ignore"):  # of a round in which no task has ended
        idle = (last[:, None] - ends).mean(axis=1)
    idle = np.where(np.isfinite(idle), idle, 0.0)
    if count:  # until the last submission, workers waited for input
        idle[-1] = min(idle[-1], run.spent.of("idle").sum() / max(run.workers, 1))
    return idle


def _one_by_one(run: Run) -> bool:
    """Return whether most tasks were submitted when the one before had been delivered."""
    tasks = len(run.timeline)
    alone = np.bincount(np.bincount(run.rounds, minlength=1), minlength=2)[1]
    return tasks > 1 and alone > tasks / 2


def _find_one_at_a_time(run: Run) -> Iterator[Finding]:
    """Find tasks that are submitted one by one, so that one worker is busy at a time."""
    if run.workers < 2 or not _one_by_one(run):
        return
    messages = len(run.messages.first)
    saved = run.base - run.again(submitted=np.zeros(messages), in_rounds=False)
    instead = (
        "Submit all tasks first, and take the results with as_completed"
        if run.executor or "submit" in run.methods
        else "Submit all tasks in one call, such as imap_unordered"
    )
    sentence = (
        "One task ran at a time, because each task was submitted when the one before had ended, "
        f"as with {'submit(f).result()' if run.executor else 'apply'}. {instead}: "
        f"{_less(run, saved, 'the run')}."
    )
    yield Finding("one-at-a-time", saved, sentence, "02")


def _find_rounds(run: Run) -> Iterator[Finding]:
    """Find pauses between calls, in which the pool has nothing to do."""
    if _one_by_one(run) or not len(run.pauses):
        return
    # A pause can at most be hidden behind the work of a round.
    saved = run.base - run.again(pauses=np.zeros(len(run.pauses)))
    sentence = (
        f"The pool was called {len(run.pauses) + 1} times, and had nothing to do for "
        f"{run.pauses.sum():.2f} s between the calls. {_less(run, saved)} if the program prepared "
        "the next call while the pool works: give all tasks to one imap over a generator."
    )
    yield Finding("rounds", saved, sentence, "03")


def _find_few_tasks(run: Run) -> Iterator[Finding]:
    """Find a pool that has more workers than tasks."""
    tasks = len(run.order)
    if not 0 < tasks < run.workers or _one_by_one(run):
        return
    even = np.full(run.workers, run.ran.sum() / run.workers)
    saved = run.base - run.again(seconds=even)
    sentence = (
        f"There were {_tasks(tasks)} for {run.workers} workers. {_less(run, saved)} with smaller "
        f"tasks, {run.workers} or more of them; otherwise {tasks} workers do as well."
    )
    yield Finding("few-tasks", saved, sentence, "05")


def _find_end(run: Run) -> Iterator[Finding]:
    """Find workers that are idle at the end: one long task, large chunks, or too few tasks."""
    idle = _idle_at_ends(run)
    if run.workers < 2 or len(run.order) < run.workers or _one_by_one(run):
        return
    if idle.sum() < _least(run):
        return
    if len(run.pauses) and idle[:-1].sum() > idle[-1]:
        yield from _find_drained_rounds(run, idle)
        return
    ran, per_task = run.ran, run.handover / max(run.messages.tasks.mean(), 1)
    single = np.bincount(run.messages.tasks).argmax() > 1 and len(run.messages.first) < len(ran)
    best = run.again(seconds=np.sort(ran)[::-1], handover=run.handover, in_rounds=False)
    in_order = run.again(seconds=ran[np.argsort(run.order)], in_rounds=False) if single else inf
    saved = min(run.base - best, idle.sum())
    longest, last = int(run.order[ran.argmax()]), int(run.timeline.finish[run.order].argmax())
    last = int(run.order[last])
    if single and run.base - in_order >= ALL_CORES_SHARE * saved >= ALL_CORES_SHARE * _least(run):
        size = int(np.median(run.messages.tasks))
        sentence = (
            f"Workers are idle at the end for {_average(idle.sum())}, because {size} tasks went "
            f"into each message. {_less(run, saved)} with chunksize=1."
        )
        yield Finding("chunks", run.base - in_order, sentence, "03")
    elif saved >= _least(run):
        took = run.timeline.finish[last] - run.timeline.start[last]
        late = f"task {last} ({took:.2f} s)" if took >= saved else "a chunk of many tasks"
        sentence = (
            f"Workers are idle at the end, because {late} came late. Sent longest first, one task "
            f"per message, the tasks would have taken {best:.2f} s, not {run.base:.2f} s."
        )
        yield Finding("straggler", saved, sentence, "05")
    elif ran.max() > run.base - run.ready.max() - _least(run):
        sentence = (
            f"Workers are idle at the end, because task {longest} took {ran.max():.2f} s of "
            f"{run.base:.2f} s. Longest first takes as long: that task would have to be split."
        )
        yield Finding("straggler", float(idle.sum()), sentence, "05")
    else:
        even = run.ready.mean() + (ran.sum() + per_task * len(ran)) / run.workers
        saved = min(run.base - even, idle.sum())
        sentence = (
            f"Workers are idle at the end for {_average(idle.sum())}: the last tasks do not occupy "
            f"all {run.workers} of them. {_less(run, saved)} with smaller tasks, or with as many "
            "tasks as all workers can share."
        )
        yield Finding("drain", saved, sentence, "05")


def _find_drained_rounds(run: Run, idle: np.ndarray) -> Iterator[Finding]:
    """Find rounds at whose ends workers wait for the slowest task."""
    messages = len(run.messages.first)
    together = run.again(submitted=np.zeros(messages), in_rounds=False) + run.pauses.sum()
    saved = run.base - together
    sentence = (
        f"At the ends of {len(idle)} calls, workers were idle for {_average(idle.sum())} in all, "
        f"until the last task of each had ended. {_less(run, saved)} with all tasks in one call."
    )
    yield Finding("drain", saved, sentence, "05")


def _find_handover(run: Run) -> Iterator[Finding]:
    """Find time that goes into the messages: tasks too short, or what is sent too large."""
    parts = run.spent.of("receiving", "between tasks"), run.spent.of("sending")
    both, messages = parts[0] + parts[1], len(run.messages.first)
    if not messages or both.mean() < _least(run):
        return
    median = float(np.median(run.ran))
    bytes_in, bytes_out = (
        float(np.nan_to_num(column, nan=0.0)[run.order].sum()) / messages
        for column in (run.details.task_bytes, run.details.result_bytes)
    )
    if max(bytes_in, bytes_out) < MANY_BYTES and run.handover < LONGEST_HANDOVER:
        yield from _find_too_short(run, median)
    elif run.measured and (max(bytes_in, bytes_out) >= MANY_BYTES or _usually_slow(run)):
        yield from _find_transfer(run, "in", parts[0], bytes_in)
        yield from _find_transfer(run, "out", parts[1] + _on_their_way(run), bytes_out)


def _usually_slow(run: Run) -> bool:
    """Return whether most messages take long: a few do if other processes have the cores."""
    out, into = run.details.freed - run.timeline.finish, run.timeline.start - run.details.sent
    return max(np.median(out[run.order]), np.median(into[run.order])) >= LONGEST_HANDOVER


def _on_their_way(run: Run) -> float:
    """Return the seconds in which the loop waited for results that workers had handed over."""
    return float(run.spent.loop[LOOP_PARTS.index("transfer")]) if run.measured else 0.0


def _find_too_short(run: Run, median: float) -> Iterator[Finding]:
    """Find tasks that cost more to hand over than to run."""
    if median >= run.handover:
        return
    size = max(2, -(-len(run.ran) // (4 * run.workers)))
    chunked = np.add.reduceat(run.ran, np.arange(0, len(run.ran), size))
    saved = run.base - run.again(seconds=chunked)
    per_message = run.messages.tasks.mean()
    yield Finding(
        "too-short",
        saved,
        f"Tasks are too short for a pool: one runs for {_time(median)}, and its worker needs "
        f"{_time(run.handover)} to get the next"
        f"{' message' if per_message > 1.5 else ''}. In chunks of {size} all would have taken "
        f"{_time(run.base - saved)}, in a plain loop {_time(run.ran.sum())}, not "
        f"{_time(run.base)}. {_how_to_chunk(run, size)}",
        "01",
    )


def _how_to_chunk(run: Run, size: int) -> str:
    if run.executor:
        return f"Executor.map has chunksize={size}."
    return f"map, imap and imap_unordered have chunksize={size}."


def _find_transfer(run: Run, way: str, each: np.ndarray, size: float) -> Iterator[Finding]:
    """Find arguments, or results, that take long to pickle and to send."""
    cost = float(each.sum()) / max(len(run.messages.first), 1)
    submitted = None
    if way == "in":
        sending = Sending.of(run.timeline, run.details).until(run.messages.submitted)
        submitted = run.since_round(run.messages.submitted - sending)
    saved = run.base - run.again(handover=max(0.0, run.handover - cost), submitted=submitted)
    what, instead = {
        "in": (
            "arguments",
            "Send where the data is, such as a file and a range, or load it once per worker in an "
            "initializer",
        ),
        "out": ("results", "Return less, such as a summary, or write a file and return its name"),
    }[way]
    sentence = (
        f"Workers spent {_share(run, each)} on the {what}: pickling and sending "
        f"{_bytes(size)} per message. {_less(run, saved)} without that. {instead}. Larger chunks "
        "would not help."
    )
    yield Finding(f"transfer-{way}", saved, sentence, "01")


def _find_respawn(run: Run) -> Iterator[Finding]:
    """Find workers that are replaced after a few tasks: maxtasksperchild."""
    extra = len(run.details.workers) - run.workers
    later = run.spent.of("start-up", "initializer")[run.workers :]
    if extra > 0 and len(later) and not any(worker.exit for worker in run.details.workers):
        gap = _until_replaced(run)
        saved = gap / run.workers
        sentence = (
            f"{extra} workers were replaced after a few tasks, as maxtasksperchild asks for. Each "
            f"new one took {_time(gap / extra)} to start. {_less(run, saved)} with workers that "
            "stay, or with a larger maxtasksperchild."
        )
        yield Finding("respawn", saved, sentence, "01")


def _until_replaced(run: Run) -> float:
    """Return the seconds, added up, from the end of each replaced worker to its successor."""
    workers = run.details.workers
    seconds = run.spent.workers[run.workers :, :2].sum()
    ends = sorted(worker.ended for worker in workers if worker.ended == worker.ended)
    made = sorted(worker.made for worker in workers[run.workers :])
    until = [at - end for end, at in zip(ends, made, strict=False) if at > end]
    return float(seconds + sum(until))


# -- threads, cores and locks


def _find_gil(run: Run) -> Iterator[Finding]:
    """Find threads that compute: they take turns."""
    cpu = np.nansum(run.details.cpu)
    if not run.threads or not len(run.ran) or run.ran.sum() <= 0:
        return
    active = run.took or 1.0
    waited, together = run.ran.sum() - cpu, cpu / active
    if run.timeline.mean_concurrency < 1.3 or together < 0.5 or together > 1.3:
        return
    workers = min(run.workers, usable_cores())
    saved = run.base - cpu / workers
    sentence = (
        f"Threads computed, and only one at a time runs Python code: the tasks waited "
        f"{waited:.2f} s for their turns, a sum over all tasks. {_less(run, saved)} with "
        f"{workers} processes, on as many cores."
    )
    yield Finding("gil", saved, sentence, "10")


def _find_lock(run: Run) -> Iterator[Finding]:
    """Find tasks that wait for each other: they end one after the other, at even distances.

    A task that had to wait for nobody is then shorter than those that run beside others.
    """
    cpu = np.nan_to_num(run.details.cpu[run.order], nan=inf)
    if len(run.ran) < 6 or (run.threads and cpu.sum() > run.took / 2):
        return
    waited = (run.ran - cpu).clip(0).sum()
    ends = np.diff(np.sort(run.timeline.finish[run.order]))
    alone, usual = np.quantile(run.ran, 0.02), float(np.median(run.ran))
    even = np.quantile(ends, 0.2) > 0.6 * np.median(ends)
    crowd = run.timeline.mean_concurrency
    if waited < 0.5 * run.ran.sum() or not even or crowd < 1.5 or alone > 0.7 * usual:
        return
    # Whoever holds the lock is the only one that gets on.
    if not 0.5 < crowd * np.median(ends) / usual < 2:
        return
    saved = run.base - run.again(seconds=np.full(len(run.messages.first), alone))
    sentence = (
        f"Tasks wait for each other, without a core, as for a lock, a file or a server that "
        f"serves one at a time: alone, a task takes {alone:.2f} s, and usually {usual:.2f} s. "
        f"{_less(run, saved)} if none had to wait; more workers would only wait longer."
    )
    yield Finding("lock-or-wait", saved, sentence, "06")


def _find_crowding(run: Run, cores_busy: float) -> Iterator[Finding]:
    """Find more tasks that compute than cores. That costs memory, and time if they take turns."""
    cores, ran = usable_cores(), run.timeline.mean_concurrency
    cpu = float(np.nansum(run.details.cpu))
    busy = max(cores_busy, cpu / run.took if run.took else 0.0)
    if run.threads or busy < ALL_CORES_SHARE * cores:
        return
    hidden = cores_busy * run.took - cpu
    if run.measured and cpu and hidden > cpu and ran > 1 and cpu > 0.05 * run.ran.sum():
        sentence = (
            f"The tasks kept {busy:.1f} cores busy, {hidden / cpu + 1:.1f} times what their own "
            f"threads did: a library, such as BLAS, runs threads in each worker on {cores} cores. "
            "Set OMP_NUM_THREADS=1 before the pool is made."
        )
        yield Finding("oversubscribed", 0.0, sentence, "00")
    elif ran > 1.1 * cores:
        sentence = (
            f"{ran:.1f} tasks ran at a time and kept all usable cores ({cores}) busy: "
            f"each took {ran / cores:.1f} times as long as alone. {cores} workers would be as fast."
        )
        yield Finding("oversubscribed", 0.0, sentence, "00")


# -- the results


def _find_order(run: Run) -> Iterator[Finding]:
    """Find results in order: each waits for those before it."""
    timeline = run.timeline
    if longest := _noticeable_wait(run, _waits(run)[0]):
        moment, finished, delivered = timeline.worst
        honest = Timeline(timeline.worker, timeline.start, timeline.finish, timeline.finish)
        instead = "as_completed" if run.executor else "imap_unordered"
        sentence = (
            f"Results in order hide finished tasks: at {moment:.2f} s, {finished} were done and "
            f"{delivered} delivered. {instead} would have delivered {finished}"
        )
        if honest.longest_stall + timeline.wait_threshold < timeline.longest_stall:
            sentence += (
                f", and the loop would have had no result for {honest.longest_stall:.2f} s at "
                f"most, not {timeline.longest_stall:.2f} s"
            )
        yield Finding("order", longest, sentence + ".", "04")


def _find_chunks(run: Run) -> Iterator[Finding]:
    """Find chunks: their results are delivered together, when the last task has ended."""
    if longest := _noticeable_wait(run, _waits(run)[1]):
        size = np.median(run.messages.tasks)
        sentence = (
            f"Results come in bursts, {size:.0f} at a time: one waits {longest:.2f} s for the last "
            "of its chunk. With chunksize=1 none would wait."
        )
        yield Finding("chunks", longest, sentence, "03")


def _find_consumer(run: Run) -> Iterator[Finding]:
    """Find a loop that is busy while results wait for it."""
    busy = float(run.spent.loop[LOOP_PARTS.index("your loop")])
    if not run.measured or not len(run.order):
        return
    timeline = run.timeline
    taken = np.sort(timeline.delivered[~np.isnan(timeline.delivered)])
    total = _seconds_of_loop(run)
    behind = float(run.took - np.nanmax(timeline.finish[run.order]))
    saved = min(behind, busy) if len(taken) else 0.0
    saved = saved - total / max(run.workers, 1) * (saved > 0)
    sentence = (
        f"The loop that takes the results was busy for {busy:.2f} s while results waited, and came "
        f"to the last one {behind:.2f} s after it had finished. {_less(run, saved)} if the workers "
        "did that part of the work: move it into the task."
    )
    yield Finding("consumer", saved, sentence, "05")


def _seconds_of_loop(run: Run) -> float:
    """Return the seconds, added up, that the loop took from a result to asking for the next."""
    rows = np.flatnonzero(~np.isnan(run.timeline.delivered) & ~np.isnan(run.details.asked))
    rows = rows[np.argsort(run.timeline.delivered[rows], kind="stable")]
    gaps = run.details.asked[rows][1:] - run.timeline.delivered[rows][:-1]
    same = run.rounds[rows][1:] == run.rounds[rows][:-1]
    return float(gaps[same].clip(0).sum())


def _find_callback(run: Run) -> Iterator[Finding]:
    """Find callbacks that keep the thread that takes all results."""
    if not run.methods & {"apply_async", "submit", "map"} or not run.measured:
        return
    late = (run.details.arrived - run.details.freed)[run.order]
    sizes = np.nan_to_num(run.details.result_bytes[run.order], nan=0.0)
    size = float(sizes.mean()) if len(sizes) else 0.0
    behind = float(np.nanmax(late, initial=0.0))
    if size >= MANY_BYTES or behind < _least(run):
        return
    arrived = np.nanmax(run.details.arrived[run.order])
    saved = float(min(behind, arrived - np.nanmax(run.timeline.finish[run.order])))
    sentence = (
        f"A result had to wait {behind:.2f} s for callbacks of others: one thread of the program "
        f"calls them all, one by one. {_less(run, saved)} with callbacks that only note what came, "
        "for example in a queue, and leave the work to the tasks."
    )
    yield Finding("callback", saved, sentence, "08")


_RULES = (
    _find_order,
    _find_chunks,
    _find_start_up,
    _find_initializer,
    _find_producer,
    _find_one_at_a_time,
    _find_rounds,
    _find_few_tasks,
    _find_end,
    _find_handover,
    _find_respawn,
    _find_gil,
    _find_lock,
    _find_consumer,
    _find_callback,
)


def _nothing(run: Run) -> Finding:
    """Return the finding that says that nothing is wrong, or where the rest of the time went."""
    if not run.timeline.workers or not run.took:
        ran = "no task took any time" if run.timeline.workers else "no task has run"
        return Finding("nothing", 0.0, f"Nothing to say: {ran}.", "")
    useful = run.spent.useful
    busy = f"{useful:.0%} of {_time(run.took)}"
    workers = run.timeline.workers
    sentence = f"Nothing wrong: the workers ({workers}) were busy for {busy}."
    if useful < USEFUL_SHARE:
        rest = {
            name: share
            for name, share in run.spent.shares.items()
            if name not in ("running", "waiting in tasks") and share >= NOTICEABLE_SHARE
        }
        parts = sorted(rest.items(), key=lambda part: -part[1])
        said = ", ".join(f"{name} {share:.0%}" for name, share in parts)
        sentence = (
            f"No single problem stands out: the workers ({workers}) were busy for {busy}"
            f"{'; the rest: ' * bool(said)}{said}."
        )
    return Finding("nothing", 0.0, sentence, "")


def _waits(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Return how much of each task's lag is due to earlier results, and how much to its chunk.

    The seconds in which the loop was busy are neither. Of map, no result could be used earlier.
    """
    timeline = run.timeline
    lag = np.nan_to_num(timeline.lag).clip(0)
    if not len(timeline) or delivered_together(timeline):
        return 0 * lag, 0 * lag
    chunk = run.chunks
    end = np.full(len(timeline), np.nan)
    np.fmax.at(end, chunk, timeline.finish)
    end = end[chunk]
    for_chunk = np.minimum(lag, end - timeline.finish)
    earlier_end = np.fmax.accumulate(end)
    in_order = not (timeline.delivered < earlier_end).any()
    for_order = in_order * np.minimum(lag - for_chunk, earlier_end - end)
    for number, call in enumerate(run.details.calls):
        if call.method in ("map", "starmap"):
            rows = run.details.call == number
            for_order[rows] = for_chunk[rows] = 0
    return for_order, for_chunk


def _noticeable_wait(run: Run, waits: np.ndarray) -> float:
    """Return the longest of these waits; 0 if nobody would notice it."""
    longest = float(np.nanmax(waits, initial=0.0))
    enough = run.timeline.most_behind >= NOTICEABLE_RESULTS
    return longest if enough and longest > _least(run) else 0.0


def _share(run: Run, each: np.ndarray) -> str:
    """Return the seconds of a part in words: their mean per worker, and their share."""
    total = run.spent.workers.sum() or 1.0
    count = min(len(run.spent.workers), run.workers) or 1
    return f"{each.sum() / count:.2f} s per worker, {each.sum() / total:.0%} of their time"


def _less(run: Run, saved: float, subject: str = "The run") -> str:
    """Return what a change would bring, in words."""
    return f"{subject} would take {_time(max(0.0, run.took - saved))} instead of {_time(run.took)}"


def _average(seconds: float) -> str:
    return f"{seconds:.2f} s on average"


def _tasks(number: int) -> str:
    return "1 task" if number == 1 else f"{number} tasks"


def _bytes(number: float) -> str:
    for unit, size in ("MB", 1e6), ("kB", 1e3):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number:.0f} bytes"


def _time(seconds: float) -> str:
    """Return a time with a suitable unit."""
    if seconds >= 0.1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1e3:.1f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f} µs"
