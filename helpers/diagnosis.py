"""findings(): what is wrong with a run, in plain sentences with their numbers.

Each rule is a function that looks for one illness in a Timeline, and yields what it finds.
"""

from collections.abc import Callable, Iterator
from math import inf
from typing import NamedTuple

import numpy as np

from helpers.machine import usable_cores
from helpers.schedule import predict
from helpers.timeline import IDLE, Timeline

NOTICEABLE = 0.05  # of the makespan: two runs of the same program differ by as much
SEEN = 0.1  # seconds: tqdm draws no bar more often than that
HIDDEN = 2  # results: one is always on its way, two that are not shown are no accident
HANDING_OVER = 0.01  # seconds: no pool takes as long, so whoever is idle longer has no task to run
BUSY = 0.8  # of the cores: the program, and the rest of the machine, need some of them too


class Finding(NamedTuple):
    """One illness: its name, the seconds it costs, a sentence about it, the lesson that tells."""

    name: str
    seconds: float
    sentence: str
    lesson: str

    def __str__(self) -> str:
        return f"{self.sentence} (lesson {self.lesson})" if self.lesson else self.sentence


def findings(timeline: Timeline, cores_busy: float = 0.0) -> list[Finding]:
    """Return what is wrong with a run, the worst first; if nothing is, one finding that says so.

    The seconds are those that the run would be shorter; where results are only hidden, the longest
    time that one was. A task that never ended costs infinitely many, and is then all that is told.

    cores_busy: how many cores the workers kept busy, on average, if somebody measured that. A
        Timeline alone does not tell a task that computes from one that waits.
    """
    found = list(_unended(timeline)) or [
        *(finding for rule in _RULES for finding in rule(timeline)),
        *_crowded(timeline, cores_busy),
    ]
    found.sort(key=lambda finding: -finding.seconds)
    return found or [Finding("nothing", 0.0, _praise(timeline), "")]


def _unended(timeline: Timeline) -> Iterator[Finding]:
    """Whoever waits for a task that never ends waits for ever."""
    rows = np.flatnonzero(~np.isnan(timeline.start) & np.isnan(timeline.finish))
    for row in rows[:1]:
        others = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
        sentence = (
            f"Task {row}{others} has not ended: it started at {timeline.start[row]:.2f} s on "
            f"worker {timeline.worker[row]}. It still runs, or its worker was killed."
        )
        yield Finding("unended", inf, sentence, "01")


def _ordered(timeline: Timeline) -> Iterator[Finding]:
    """Results in order: each waits for those before it."""
    if longest := _noticed(timeline, _waits(timeline)[0]):
        moment, finished, shown = timeline.worst
        honest = Timeline(timeline.worker, timeline.start, timeline.finish, timeline.finish)
        sentence = (
            f"Results in order hide finished tasks: at {moment:.2f} s, {finished} were done and "
            f"{shown} shown. imap_unordered would have shown {finished}"
        )
        if honest.stood_still + timeline.grace < timeline.stood_still:
            sentence += (
                f", and its bar would have stood still for {honest.stood_still:.2f} s, "
                f"not {timeline.stood_still:.2f} s"
            )
        yield Finding("order", longest, sentence + ".", "04")


def _lumps(timeline: Timeline) -> Iterator[Finding]:
    """Chunks: results come together, when the last of a chunk has ended."""
    if longest := _noticed(timeline, _waits(timeline)[1]):
        chunk = _chunks(timeline)
        sentence = (
            f"Results come in lumps, {np.median(np.bincount(chunk)[chunk]):.0f} at a time: one "
            f"waits {longest:.2f} s for the last of its chunk. With chunksize=1 none would wait."
        )
        yield Finding("chunks", longest, sentence, "03")


def _slow_loop(timeline: Timeline) -> Iterator[Finding]:
    """Neither order nor chunks hold a result back: the loop has no time to take it."""
    if longest := _noticed(timeline, _waits(timeline)[2]):
        sentence = (
            f"Results wait up to {longest:.2f} s for the loop that takes them, which is busy with "
            "something else. Could the workers do that?"
        )
        yield Finding("slow loop", longest, sentence, "03")


def _at_once(timeline: Timeline) -> Iterator[Finding]:
    """All results together, as from map. That costs nothing, unless somebody wants to see them."""
    if _together(timeline) and timeline.most_behind >= HIDDEN:
        sentence = (
            f"All {len(timeline)} results came at once, after {_time(timeline.end)}, as from map "
            "or from large chunks. imap_unordered would have shown the first after "
            f"{_time(np.nanmin(timeline.finish))}."
        )
        yield Finding("at once", 0.0, sentence, "03")


def _straggler(timeline: Timeline) -> Iterator[Finding]:
    """Workers idle at the end: a long task came late, or is longer than all else beside it."""
    ran, took, workers = timeline.finish - timeline.start, timeline.makespan, timeline.workers
    durations = _durations(timeline)
    if workers < 2 or not len(durations):
        return
    idle = took - np.mean(_each_worker(np.nanmax, timeline, timeline.finish))
    costs = {"startup": _each_worker(np.min, timeline, timeline.start), "gap": _gap(timeline)}
    best = predict(np.sort(durations)[::-1], workers, **costs).makespan
    last, longest = np.nanargmax(timeline.finish), np.nanargmax(ran)
    others = (durations.sum() - ran[longest]) / (workers - 1)  # for each of the other workers
    if (saved := min(idle, took - best)) > NOTICEABLE * took:
        why = f"task {last} ({ran[last]:.2f} s)" if ran[last] >= saved else "a chunk of many tasks"
        sentence = (
            f"Workers are idle at the end, because {why} came late. One at a time and longest "
            f"first, the tasks would have taken {best:.2f} s, not {took:.2f} s."
        )
        yield Finding("straggler", float(saved), sentence, "05")
    elif ran[longest] > others and min(idle, ran[longest] - others) > NOTICEABLE * took:
        sentence = (
            f"Workers are idle because task {longest} took {ran[longest]:.2f} s of {took:.2f} s. "
            "No order of the tasks is much shorter: that task would have to be split."
        )
        saved = min(idle, ran[longest] - durations.sum() / workers)
        yield Finding("one long task", float(saved), sentence, "05")


def _start_up(timeline: Timeline) -> Iterator[Finding]:
    """Workers that are not there yet when the first tasks are."""
    starts = _each_worker(np.min, timeline, timeline.start)
    waited = starts[starts < np.nanmin(timeline.finish, initial=inf)].sum() / max(len(starts), 1)
    if waited > NOTICEABLE * timeline.makespan:
        sentence = (
            f"Workers were still starting up for the first {_time(waited)} of "
            f"{_time(timeline.makespan)}. A pool that is made once and kept starts up once."
        )
        yield Finding("start-up", float(waited), sentence, "01")


def _too_short(timeline: Timeline) -> Iterator[Finding]:
    """Handing a task over costs more than running it."""
    durations, gap = _durations(timeline), _gap(timeline)
    if len(durations) and np.median(durations) < min(gap, HANDING_OVER):
        chunked = predict(durations, timeline.workers, None, "map", gap=gap).makespan
        sentence = (
            f"Tasks are too short for a pool: one runs for {_time(np.median(durations))}, and its "
            f"worker needs {_time(gap)} to get the next. In larger chunks all would have taken "
            f"{_time(chunked)}, in a plain loop {_time(durations.sum())}, "
            f"not {_time(timeline.makespan)}."
        )
        yield Finding("too short", gap * len(durations) / timeline.workers, sentence, "01")


def _one_by_one(timeline: Timeline) -> Iterator[Finding]:
    """Several workers, and never two of them busy: somebody waits for each result at once."""
    if timeline.workers < 2 or timeline.most_at_once > 1 or [*_too_short(timeline)]:
        return
    best = predict(_durations(timeline), timeline.workers).makespan
    if (saved := timeline.makespan - best) > NOTICEABLE * timeline.makespan:
        sentence = (
            "Never did two tasks run at once: each was submitted when the one before had ended, "
            f"as with apply. Submitted together, they would have taken {best:.2f} s, "
            f"not {timeline.makespan:.2f} s."
        )
        yield Finding("one by one", saved, sentence, "03")


def _crowded(timeline: Timeline, cores_busy: float) -> Iterator[Finding]:
    """Tasks that compute, on more workers than there are cores. That costs memory, not time."""
    cores, ran = usable_cores(), timeline.side_by_side
    if ran > cores and cores_busy >= BUSY * cores:
        sentence = (
            f"{ran:.1f} tasks ran at a time and kept all cores busy, of which there are {cores}: "
            f"each took {ran / cores:.1f} times as long as alone. {cores} workers would be as fast."
        )
        yield Finding("more workers than cores", 0.0, sentence, "00")


_RULES = (_ordered, _lumps, _slow_loop, _at_once, _straggler, _start_up, _too_short, _one_by_one)


def _praise(timeline: Timeline) -> str:
    if not timeline.workers:
        return "Nothing to say: no task has run."
    busy = f"{timeline.utilisation.mean():.0%} of {_time(timeline.makespan)}"
    return f"Nothing wrong: the workers ({timeline.workers}) were busy for {busy}."


def _waits(timeline: Timeline) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Share each task's lag out, in seconds: to results before it, its chunk, whatever else."""
    lag = np.nan_to_num(timeline.lag).clip(0)
    if _together(timeline) or not len(timeline):
        return (np.zeros(len(timeline)),) * 3
    chunk = _chunks(timeline)
    end = np.full(len(timeline), np.nan)
    np.fmax.at(end, chunk, timeline.finish)
    end = end[chunk]
    chunks = np.minimum(lag, end - timeline.finish)
    before = np.fmax.accumulate(end)
    in_order = not (timeline.shown < before).any()
    order = np.minimum(lag - chunks, before - end) if in_order else np.zeros(len(timeline))
    return order, chunks, lag - chunks - order


def _chunks(timeline: Timeline) -> np.ndarray:
    """Number each task's chunk: what one worker ran in a row, and what was shown at once.

    Chunks are of one size. Where most of them would not be, there are none: each task is its own.
    """
    same = timeline.worker[1:] == timeline.worker[:-1]
    waited = timeline.shown[:-1] >= timeline.finish[1:]
    at_once = np.abs(np.diff(timeline.shown)) <= timeline.grace
    chunk = np.append(0, np.cumsum(~(same & waited & at_once)))
    sizes = np.bincount(chunk)
    alike = np.bincount(sizes)  # how many chunks there are of each size
    size = int(np.argmax(alike * np.arange(len(alike))))
    regular = alike[size] > 2 and alike[size] * size > len(timeline) / 2
    return chunk if regular else np.arange(len(timeline))


def _together(timeline: Timeline) -> bool:
    """Whether all results were shown together, at the end."""
    first, last = np.nanmin(timeline.shown, initial=inf), np.nanmax(timeline.shown, initial=-inf)
    return len(timeline) > 1 and timeline.makespan <= first and last - first <= timeline.grace


def _noticed(timeline: Timeline, waits: np.ndarray) -> float:
    """Return the longest of these waits; 0 where nobody would notice."""
    longest = float(np.nanmax(waits, initial=0.0))
    enough = max(SEEN, NOTICEABLE * timeline.makespan)
    return longest if timeline.most_behind >= HIDDEN and longest > enough else 0.0


def _durations(timeline: Timeline) -> np.ndarray:
    durations = timeline.finish - timeline.start
    return durations[~np.isnan(durations)]


def _each_worker(of: Callable, timeline: Timeline, column: np.ndarray) -> np.ndarray:
    return np.array([of(column[timeline.worker == w]) for w in range(timeline.workers)])


def _gap(timeline: Timeline) -> float:
    """Return the seconds from the end of a task to its worker's next, as a median; 0 if unknown."""
    order = np.lexsort([timeline.start, timeline.worker])
    order = order[timeline.worker[order] != IDLE]
    gaps = timeline.start[order][1:] - timeline.finish[order][:-1]
    gaps = gaps[np.diff(timeline.worker[order]) == 0]
    return max(0.0, float(np.median(gaps))) if len(gaps) else 0.0


def _time(seconds: float) -> str:
    """Return a time in words, in a unit that fits."""
    if seconds >= 0.1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1e3:.1f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f} µs"
