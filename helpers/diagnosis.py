"""findings(): what is wrong with a run, in plain sentences with their numbers.

Each rule is a function that looks for one illness in a Timeline, and yields what it finds.
"""

from collections.abc import Iterator
from math import inf
from textwrap import fill
from typing import NamedTuple

import numpy as np

from helpers.machine import usable_cores
from helpers.schedule import predict
from helpers.timeline import Timeline

NOTICEABLE = 0.05  # of the makespan: two runs of the same program differ by as much
SEEN = 0.1  # seconds: tqdm draws no bar more often than that
HIDDEN = 2  # results: one is always on its way, two that are not shown are no accident
HANDING_OVER = 0.01  # seconds: no pool takes as long, so whoever is idle longer has no task to run
BUSY = 0.8  # of the cores: the program, and the rest of the machine, need some of them too
WIDTH = 100  # characters: a longer line is broken in the middle of a word, by JupyterLab for one


class Finding(NamedTuple):
    """One illness: its name, the seconds it costs, a sentence about it, the lesson that tells."""

    name: str
    seconds: float
    sentence: str
    lesson: str

    def __str__(self) -> str:
        pointer = f" (lesson {self.lesson})" if self.lesson else ""
        return fill(self.sentence + pointer, WIDTH, subsequent_indent="    ")


def findings(timeline: Timeline, cores_busy: float = 0.0, workers: int = 0) -> list[Finding]:
    """Return what is wrong with a run, the worst first; if nothing is, one finding that says so.

    The seconds are those that the run would be shorter; where results are only hidden, the longest
    time that one was. A task that never ended costs infinitely many, and is then all that is told.

    cores_busy: how many cores the workers kept busy, on average, if somebody measured that. A
        Timeline alone does not tell a task that computes from one that waits.
    workers: how many the pool has. A Timeline does not know of one that never had a task.
    """
    found = list(_unended(timeline)) or [
        *(finding for rule in _RULES for finding in rule(timeline)),
        *_straggler(timeline, workers),
        *_crowded(timeline, cores_busy),
    ]
    return sorted(found, key=lambda finding: -finding.seconds) or [_nothing(timeline)]


def _unended(timeline: Timeline) -> Iterator[Finding]:
    """Whoever waits for a task that never ends waits for ever."""
    rows = timeline.without_end
    for row in rows[:1]:
        others = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
        sentence = (
            f"Task {row}{others} has not ended: it started at {timeline.start[row]:.2f} s on "
            f"worker {timeline.worker[row]}. It still runs, or its worker was killed."
        )
        yield Finding("unended", inf, sentence, "09")


def _ordered(timeline: Timeline) -> Iterator[Finding]:
    """Results in order: each waits for those before it, or as from map for all of them."""
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
        # Who takes all results together misses none, unless somebody wants to see them.
        yield Finding("order", 0.0 if _together(timeline) else longest, sentence + ".", "04")


def _lumps(timeline: Timeline) -> Iterator[Finding]:
    """Chunks: results come together, when the last of a chunk has ended."""
    if longest := _noticed(timeline, _waits(timeline)[1]):
        chunk = _chunks(timeline)
        sentence = (
            f"Results come in lumps, {np.median(np.bincount(chunk)[chunk]):.0f} at a time: one "
            f"waits {longest:.2f} s for the last of its chunk. With chunksize=1 none would wait."
        )
        yield Finding("chunks", longest, sentence, "03")


def _straggler(timeline: Timeline, workers: int) -> Iterator[Finding]:
    """Workers idle at the end: a long task came late, or is longer than all else beside it."""
    ran, took = timeline.finish - timeline.start, timeline.makespan
    one_by_one = timeline.most_at_once == 1
    if not (one_by_one and (timeline.shown[:-1] <= timeline.start[1:]).all()):
        workers = 0  # who had no task was not there yet, or all tasks were in one chunk
    if (workers := max(workers, timeline.workers)) < 2:
        return
    ends = [np.nanmax(timeline.finish[timeline.worker == w]) for w in range(timeline.workers)]
    idle = took if one_by_one else float(took - np.mean(ends))
    longest_first = np.sort(ran[~np.isnan(ran)])[::-1]
    # One by one, a worker's first task says nothing of its start-up: it may just be late in turn.
    startup = timeline.startup.min() if one_by_one else timeline.startup
    costs = {"startup": startup, "gap": min(_gap(timeline), HANDING_OVER)}
    best = predict(longest_first, workers, **costs).makespan
    last, longest = np.nanargmax(timeline.finish), np.nanargmax(ran)
    if (saved := min(idle, took - best)) > NOTICEABLE * took:
        late = f"task {last} ({ran[last]:.2f} s)" if ran[last] >= saved else "a chunk of many tasks"
        why = f"at the end, because {late} came late"
        if one_by_one:
            why = "because each task was submitted when the one before had ended, as with apply"
        sentence = (
            f"Workers are idle {why}. One at a time and longest first, the tasks would have taken "
            f"{best:.2f} s, not {took:.2f} s."
        )
        yield Finding("straggler", saved, sentence, "05")
    elif len(ends) > 1 and idle > NOTICEABLE * took and ran[longest] > (1 - NOTICEABLE) * took:
        sentence = (
            f"Workers are idle at the end, because task {longest} took {ran[longest]:.2f} s of "
            f"{took:.2f} s. Longest first takes as long: that task would have to be split."
        )
        yield Finding("straggler", idle, sentence, "05")


def _start_up(timeline: Timeline) -> Iterator[Finding]:
    """Workers that are not there yet when the first tasks are."""
    starts, took = timeline.startup, timeline.makespan
    waited = starts[starts < np.nanmin(timeline.finish, initial=inf)].sum() / max(len(starts), 1)
    if waited > NOTICEABLE * took:
        sentence = (
            f"Workers were still starting up for the first {_time(waited)} of {_time(took)}. "
            "A pool that is made once and kept starts up once."
        )
        yield Finding("start-up", float(waited), sentence, "01")


def _too_short(timeline: Timeline) -> Iterator[Finding]:
    """Handing a task over costs more than running it."""
    ran, gap = timeline.finish - timeline.start, _gap(timeline)
    ran = ran[~np.isnan(ran)]
    if len(ran) and np.median(ran) < min(gap, HANDING_OVER):
        chunked = predict(ran, timeline.workers, None, "map", gap=gap).makespan
        sentence = (
            f"Tasks are too short for a pool: one runs for {_time(np.median(ran))}, and its worker "
            f"needs {_time(gap)} to get the next. In larger chunks all would have taken "
            f"{_time(chunked)}, in a plain loop {_time(ran.sum())}, not {_time(timeline.makespan)}."
        )
        yield Finding("too short", gap * len(ran) / timeline.workers, sentence, "01")


_RULES = (_ordered, _lumps, _start_up, _too_short)


def _crowded(timeline: Timeline, cores_busy: float) -> Iterator[Finding]:
    """Tasks that compute, on more workers than there are cores. That costs memory, not time."""
    cores, ran = usable_cores(), timeline.side_by_side
    if ran > cores and cores_busy >= BUSY * cores:
        sentence = (
            f"{ran:.1f} tasks ran at a time and kept all cores busy, of which there are {cores}: "
            f"each took {ran / cores:.1f} times as long as alone. {cores} workers would be as fast."
        )
        yield Finding("more workers than cores", 0.0, sentence, "00")


def _nothing(timeline: Timeline) -> Finding:
    sentence = "Nothing to say: no task has run."
    if timeline.workers:
        busy = f"{timeline.utilisation.mean():.0%} of {_time(timeline.makespan)}"
        sentence = f"Nothing wrong: the workers ({timeline.workers}) were busy for {busy}."
    return Finding("nothing", 0.0, sentence, "")


def _waits(timeline: Timeline) -> tuple[np.ndarray, np.ndarray]:
    """Return how much of each task's lag is due to results before it, and to its chunk."""
    lag = np.nan_to_num(timeline.lag).clip(0)
    if _together(timeline) or not len(timeline):
        return lag, 0 * lag
    chunk = _chunks(timeline)
    end = np.full(len(timeline), np.nan)
    np.fmax.at(end, chunk, timeline.finish)
    end = end[chunk]
    chunks = np.minimum(lag, end - timeline.finish)
    before = np.fmax.accumulate(end)
    in_order = not (timeline.shown < before).any()
    return in_order * np.minimum(lag - chunks, before - end), chunks


def _chunks(timeline: Timeline) -> np.ndarray:
    """Number each task's chunk: what one worker ran in a row, and what was shown at once.

    Chunks are of one size. Where most of them would not be, there are none: each task is its own.
    """
    same = timeline.worker[1:] == timeline.worker[:-1]
    waited = timeline.shown[:-1] >= timeline.finish[1:]
    at_once = np.abs(np.diff(timeline.shown)) <= timeline.grace
    chunk = np.append(0, np.cumsum(~(same & waited & at_once)))
    alike = np.bincount(np.bincount(chunk))  # how many chunks there are of each size
    size = int(np.argmax(alike * np.arange(len(alike))))
    regular = size > 1 and alike[size] > 2 and alike[size] * size > len(timeline) / 2
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


def _gap(timeline: Timeline) -> float:
    """Return the seconds from a task to its worker's next, as a median; 0 if none ran two."""
    gaps = timeline.gaps[~np.isnan(timeline.gaps)]
    return max(0.0, float(np.median(gaps))) if len(gaps) else 0.0


def _time(seconds: float) -> str:
    """Return a time in words, in a unit that fits."""
    if seconds >= 0.1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1e3:.1f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f} µs"
