"""findings(): what is wrong with a run, in plain sentences with numbers.

Each rule is a function that looks for one problem in a Timeline, and yields what it finds.
"""

from collections.abc import Iterator
from math import inf
from numbers import Integral, Real
from textwrap import fill
from typing import NamedTuple

import numpy as np

from watchedpool.cores import usable_cores
from watchedpool.schedule import predict
from watchedpool.timeline import Timeline

NOTICEABLE_SHARE = 0.05  # of the makespan: two runs of the same program differ by as much
NOTICEABLE_WAIT = 0.1  # seconds: tqdm does not draw a bar more often
NOTICEABLE_RESULTS = 2  # not delivered at one moment: a single result is always on its way
LONGEST_HANDOVER = 0.01  # seconds: a worker that is idle for longer has no task to run
ALL_CORES_SHARE = 0.8  # of the cores: the program and the rest of the machine need some, too
LINE_WIDTH = 100  # characters: JupyterLab breaks a longer line in the middle of a word


class Finding(NamedTuple):
    """A problem: its name, the seconds it costs, a sentence about it, the lesson on it."""

    name: str
    seconds: float
    sentence: str
    lesson: str

    def __str__(self) -> str:
        pointer = f" (lesson {self.lesson})" if self.lesson else ""
        return fill(self.sentence + pointer, LINE_WIDTH, subsequent_indent="    ")


def findings(timeline: Timeline, cores_busy: float = 0.0, workers: int = 0) -> list[Finding]:
    """Return what is wrong with a run, the worst first; if nothing is, one finding that says so.

    The seconds of a finding say by how much the run would be shorter without the problem. If the
    problem only delays results, they are the longest delay. A task that never ended costs an
    infinite number of seconds, and is then the only finding.

    cores_busy: how many cores the workers kept busy, on average, if that was measured. A Timeline
        alone does not show whether a task computes or waits.
    workers: the number of workers in the pool, if it is known. A Timeline does not contain workers
        that never ran a task.

    Raises ValueError if `cores_busy` or `workers` is negative, or not a number of that kind.
    """
    _check_known(cores_busy, workers)
    found = list(_find_unended(timeline)) or [
        *(finding for rule in _RULES for finding in rule(timeline)),
        *_find_straggler(timeline, workers),
        *_find_crowding(timeline, cores_busy),
    ]
    return sorted(found, key=lambda finding: -finding.seconds) or [_nothing(timeline)]


def _check_known(cores_busy: float, workers: int) -> None:
    """Raise ValueError if `findings` cannot use these values."""
    if not isinstance(cores_busy, Real) or not 0 <= cores_busy < inf:
        raise ValueError(f"cores_busy is {cores_busy!r}; allowed is a number, 0 or more")
    if not isinstance(workers, Integral) or workers < 0:
        raise ValueError(f"workers is {workers!r}; allowed is a whole number, 0 or more")


def _find_unended(timeline: Timeline) -> Iterator[Finding]:
    """Find tasks without an end: code that waits for their results waits forever."""
    rows = timeline.without_end
    for row in rows[:1]:
        others = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
        sentence = (
            f"Task {row}{others} has not ended: it started at {timeline.start[row]:.2f} s on "
            f"worker {timeline.worker[row]}. It still runs, or its worker was killed."
        )
        yield Finding("unended", inf, sentence, "09")


def _find_order(timeline: Timeline) -> Iterator[Finding]:
    """Find results in order: each waits for those before it, or with map for all of them."""
    if longest := _noticeable(timeline, _waits(timeline)[0]):
        moment, finished, delivered = timeline.worst
        honest = Timeline(timeline.worker, timeline.start, timeline.finish, timeline.finish)
        sentence = (
            f"Results in order hide finished tasks: at {moment:.2f} s, {finished} were done and "
            f"{delivered} delivered. imap_unordered would have delivered {finished}"
        )
        if honest.longest_stall + timeline.wait_threshold < timeline.longest_stall:
            sentence += (
                f", and its bar would have stood still for {honest.longest_stall:.2f} s, "
                f"not {timeline.longest_stall:.2f} s"
            )
        # With map, no result could be used earlier. Only a bar would need the results one by one.
        seconds = 0.0 if _delivered_together(timeline) else longest
        yield Finding("order", seconds, sentence + ".", "04")


def _find_chunks(timeline: Timeline) -> Iterator[Finding]:
    """Find chunks: their results are delivered together, when the last task has ended."""
    if longest := _noticeable(timeline, _waits(timeline)[1]):
        chunk = _chunk_numbers(timeline)
        sentence = (
            f"Results come in bursts, {np.median(np.bincount(chunk)[chunk]):.0f} at a time: one "
            f"waits {longest:.2f} s for the last of its chunk. With chunksize=1 none would wait."
        )
        yield Finding("chunks", longest, sentence, "03")


def _find_straggler(timeline: Timeline, workers: int) -> Iterator[Finding]:
    """Find workers that are idle at the end, because of a task that came late or is very long."""
    ran, took = timeline.finish - timeline.start, timeline.makespan
    one_by_one = timeline.max_concurrency == 1
    if not (one_by_one and (timeline.delivered[:-1] <= timeline.start[1:]).all()):
        workers = 0  # those without a task had not started yet, or all tasks were in one chunk
    if (workers := max(workers, timeline.workers)) < 2:
        return
    ends = [np.nanmax(timeline.finish[timeline.worker == w]) for w in range(timeline.workers)]
    idle = took if one_by_one else float(took - np.mean(ends))
    noticeable = NOTICEABLE_SHARE * took
    if idle <= noticeable:
        return
    best = _best_makespan(timeline, workers, one_by_one)
    saved = min(idle, took - best)
    last, longest = np.nanargmax(timeline.finish), np.nanargmax(ran)
    if saved > noticeable:
        late = f"task {last} ({ran[last]:.2f} s)" if ran[last] >= saved else "a chunk of many tasks"
        why = f"at the end, because {late} came late"
        if one_by_one:
            why = "because each task was submitted when the one before had ended, as with apply"
        sentence = (
            f"Workers are idle {why}. One at a time and longest first, the tasks would have taken "
            f"{best:.2f} s, not {took:.2f} s."
        )
        yield Finding("straggler", saved, sentence, "05")
    elif len(ends) > 1 and ran[longest] > took - noticeable:
        sentence = (
            f"Workers are idle at the end, because task {longest} took {ran[longest]:.2f} s of "
            f"{took:.2f} s. Longest first takes as long: that task would have to be split."
        )
        yield Finding("straggler", idle, sentence, "05")


def _best_makespan(timeline: Timeline, workers: int, one_by_one: bool) -> float:
    """Return the makespan that the tasks would have had one at a time, the longest first."""
    ran = timeline.finish - timeline.start
    # If tasks run one by one, a worker's first task may be late because its turn was late.
    startup = timeline.startup.min() if one_by_one else timeline.startup
    gap = min(_median_gap(timeline), LONGEST_HANDOVER)
    durations = np.sort(ran[~np.isnan(ran)])[::-1]
    return predict(durations, workers, startup=startup, gap=gap).makespan


def _find_start_up(timeline: Timeline) -> Iterator[Finding]:
    """Find workers that are still starting up when the first tasks are submitted."""
    starts, took = timeline.startup, timeline.makespan
    waited = starts[starts < np.nanmin(timeline.finish, initial=inf)].sum() / max(len(starts), 1)
    if waited > NOTICEABLE_SHARE * took:
        sentence = (
            f"Workers were still starting up for the first {_time(waited)} of {_time(took)}. "
            "A pool that is kept and used again starts up only once."
        )
        yield Finding("start-up", float(waited), sentence, "01")


def _find_short_tasks(timeline: Timeline) -> Iterator[Finding]:
    """Find tasks that cost more to hand over than to run."""
    ran, gap = timeline.finish - timeline.start, _median_gap(timeline)
    ran = ran[~np.isnan(ran)]
    if len(ran) and np.median(ran) < min(gap, LONGEST_HANDOVER):
        chunked = predict(ran, timeline.workers, None, "map", gap=gap).makespan
        sentence = (
            f"Tasks are too short for a pool: one runs for {_time(np.median(ran))}, and its worker "
            f"needs {_time(gap)} to get the next. In larger chunks all would have taken "
            f"{_time(chunked)}, in a plain loop {_time(ran.sum())}, not {_time(timeline.makespan)}."
        )
        yield Finding("too short", gap * len(ran) / timeline.workers, sentence, "01")


_RULES = (_find_order, _find_chunks, _find_start_up, _find_short_tasks)


def _find_crowding(timeline: Timeline, cores_busy: float) -> Iterator[Finding]:
    """Find more workers than cores, with tasks that compute. That costs memory, not time."""
    cores, ran = usable_cores(), timeline.mean_concurrency
    if ran > cores and cores_busy >= ALL_CORES_SHARE * cores:
        sentence = (
            f"{ran:.1f} tasks ran at a time and kept all usable cores ({cores}) busy: "
            f"each took {ran / cores:.1f} times as long as alone. {cores} workers would be as fast."
        )
        yield Finding("more workers than cores", 0.0, sentence, "00")


def _nothing(timeline: Timeline) -> Finding:
    """Return the finding that says that nothing is wrong."""
    sentence = "Nothing to say: no task has run."
    if timeline.workers:
        busy = f"{timeline.utilisation.mean():.0%} of {_time(timeline.makespan)}"
        sentence = f"Nothing wrong: the workers ({timeline.workers}) were busy for {busy}."
    return Finding("nothing", 0.0, sentence, "")


def _waits(timeline: Timeline) -> tuple[np.ndarray, np.ndarray]:
    """Return how much of each task's lag is due to earlier results, and how much to its chunk."""
    lag = np.nan_to_num(timeline.lag).clip(0)
    if _delivered_together(timeline) or not len(timeline):
        return lag, 0 * lag
    chunk = _chunk_numbers(timeline)
    end = np.full(len(timeline), np.nan)
    np.fmax.at(end, chunk, timeline.finish)
    end = end[chunk]
    for_chunk = np.minimum(lag, end - timeline.finish)
    earlier_end = np.fmax.accumulate(end)
    in_order = not (timeline.delivered < earlier_end).any()
    return in_order * np.minimum(lag - for_chunk, earlier_end - end), for_chunk


def _chunk_numbers(timeline: Timeline) -> np.ndarray:
    """Return the number of each task's chunk.

    The tasks of a chunk run on one worker, one after the other, and are delivered at once. All
    chunks have the same size. If most of those found do not, each task is a chunk of its own.
    """
    same_worker = timeline.worker[1:] == timeline.worker[:-1]
    waited = timeline.delivered[:-1] >= timeline.finish[1:]
    at_once = np.abs(np.diff(timeline.delivered)) <= timeline.wait_threshold
    chunk = np.append(0, np.cumsum(~(same_worker & waited & at_once)))
    of_size = np.bincount(np.bincount(chunk))  # how many chunks there are of each size
    size = int(np.argmax(of_size * np.arange(len(of_size))))
    regular = size > 1 and of_size[size] > 2 and of_size[size] * size > len(timeline) / 2
    return chunk if regular else np.arange(len(timeline))


def _delivered_together(timeline: Timeline) -> bool:
    """Return whether all results were delivered together, at the end."""
    first = np.nanmin(timeline.delivered, initial=inf)
    last = np.nanmax(timeline.delivered, initial=-inf)
    at_once = last - first <= timeline.wait_threshold
    return len(timeline) > 1 and timeline.makespan <= first and at_once


def _noticeable(timeline: Timeline, waits: np.ndarray) -> float:
    """Return the longest of these waits; 0 if nobody would notice it."""
    longest = float(np.nanmax(waits, initial=0.0))
    enough = max(NOTICEABLE_WAIT, NOTICEABLE_SHARE * timeline.makespan)
    return longest if timeline.most_behind >= NOTICEABLE_RESULTS and longest > enough else 0.0


def _median_gap(timeline: Timeline) -> float:
    """Return the median of the seconds between a worker's tasks; 0 if no worker ran two."""
    gaps = timeline.gaps[~np.isnan(timeline.gaps)]
    return max(0.0, float(np.median(gaps))) if len(gaps) else 0.0


def _time(seconds: float) -> str:
    """Return a time with a suitable unit."""
    if seconds >= 0.1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1e3:.1f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f} µs"
