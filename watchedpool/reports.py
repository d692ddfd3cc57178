"""What is said of a watched program: for each pool, or for all that one line made, in words."""

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from watchedpool.budget import Budget
from watchedpool.diagnosis import (
    MOST_FINDINGS,
    NOTICEABLE_SECONDS,
    NOTICEABLE_SHARE,
    Finding,
    findings,
)
from watchedpool.timeline import Timeline
from watchedpool.what_if import Run

MANY_POOLS = 3  # of one line: fewer get a report each
LONGEST_END = 0.1  # seconds: to end a pool takes less; the program does something else


class PoolRun(NamedTuple):
    """A pool of the program: the line that made it, and what it did."""

    where: str
    timeline: Timeline
    cores_busy: float
    workers: int


class Report(NamedTuple):
    """What is said of a pool, or of the pools of one line: `findings` are among the remarks."""

    where: str
    remarks: list[str | Finding]
    timeline: Timeline
    findings: list[Finding]

    @property
    def words(self) -> str:
        """The report for a terminal."""
        return "\n".join(map(str, [self.where, *self.remarks]))


def reports(runs: Sequence[PoolRun]) -> Iterator[Report]:
    """Yield a report for each pool, or line that made many.

    Of many pools of one line, the Timeline is that of the one that took longest.
    """
    groups: dict[str, list[PoolRun]] = {}
    for number, run in enumerate(runs):
        same = sum(run.where == other.where for other in runs)
        key = run.where if same >= MANY_POOLS else f"{number}"
        groups.setdefault(key, []).append(run)
    for number, group in enumerate(groups.values(), 1):
        run = max(group, key=lambda each: each.timeline.end)
        found = findings(run.timeline, run.cores_busy, run.workers)
        found = _with_others(run, group, runs, found)
        where, remarks = run.where, []
        if len(group) > 1:
            where, remarks = _of_many(group), [f"The one that took longest: {run.where}"]
        remarks.append(run.timeline.describe().splitlines()[0])
        if run.timeline.workers:
            remarks += run.timeline.budget().describe().splitlines()
        remarks += found
        if number == len(groups) and len(runs) > 1:
            remarks.append(_of_program(runs))
        yield Report(where, remarks, run.timeline, found)


def save_run(report: Report, path: Path) -> None:
    """Write the Timeline of a report to a file, with its budget and with what was found."""
    timeline = report.timeline
    timeline.save(path, **run_as_json(timeline.budget(), report.findings))


def run_as_json(budget: Budget, found: Sequence[Finding]) -> dict[str, Any]:
    """Return what a file holds beside a Timeline; an infinite number of seconds is None."""
    names = [finding._asdict() for finding in found]
    for name in names:
        name["seconds"] = name["seconds"] if np.isfinite(name["seconds"]) else None
    return {"budget": budget.as_json(), "findings": json.loads(json.dumps(names))}


def _costs(run: PoolRun) -> tuple[float, float]:
    """Return the seconds that it cost to have this pool, and in which its tasks ran."""
    timeline, details = run.timeline, run.timeline.details
    pool = details.pool if details else None
    if not pool or not timeline.workers:
        return 0.0, 0.0
    model = Run(timeline)
    working = model.again(ready=np.zeros(model.workers))
    return max(0.0, -pool.made) + max(0.0, timeline.makespan - working), working


def _seconds_to_end(same: Sequence[PoolRun]) -> float:
    """Return how long it takes to end one of these pools: at most until the next was made.

    It is 0 if none was made after another had ended.
    """
    pools = [run.timeline.details.pool for run in same if run.timeline.details]
    times = sorted((pool.origin + pool.made, pool.origin + pool.closed) for pool in pools if pool)
    until = [after[0] - before[1] for before, after in pairwise(times)]
    until = [seconds for seconds in until if seconds >= 0]
    return min(*until, LONGEST_END) if until else 0.0


def _with_others(
    run: PoolRun, group: list[PoolRun], runs: Sequence[PoolRun], found: list[Finding]
) -> list[Finding]:
    """Return what was found of a pool, with what only shows beside other pools of its line."""
    same = [each for each in runs if each.where == run.where]
    if len(same) < 2 or run is not max(same, key=lambda each: each.timeline.end):
        return found
    starting, working = (sum(part) for part in zip(*map(_costs, same), strict=True))
    starting += _seconds_to_end(same) * len(same)
    saved = starting * (len(same) - 1) / len(same)
    if saved < max(NOTICEABLE_SECONDS, NOTICEABLE_SHARE * (starting + working)):
        return found
    sentence = (
        f"This line made {len(same)} pools, which took {starting:.2f} s to start and to end, and "
        f"{working:.2f} s for their tasks. One pool that is used again would save {saved:.2f} s."
    )
    # What one of the pools loses by its start is in there.
    rest = [each for each in found if each.name not in ("start-up", "nothing")]
    together = [Finding("many-pools", saved, sentence, "01"), *rest]
    return sorted(together, key=lambda each: -each.seconds)[:MOST_FINDINGS]


def _of_many(group: list[PoolRun]) -> str:
    """Return a line on pools that one line has made."""
    starting, working = (sum(part) for part in zip(*map(_costs, group), strict=True))
    where = group[0].where.partition(": ")[0]
    return f"{len(group)} pools at {where}: {starting:.2f} s start-up, {working:.2f} s work"


def _of_program(runs: Sequence[PoolRun]) -> str:
    """Return a line on all pools: how long no pool worked."""
    begins, ends = [], []
    for run in runs:
        details, timeline = run.timeline.details, run.timeline
        if details and details.pool and timeline.workers:
            started = ~np.isnan(timeline.start)
            until = np.where(np.isnan(timeline.finish), timeline.end, timeline.finish)
            begins.append(timeline.start[started] + details.pool.origin)
            ends.append(until[started] + details.pool.origin)
    if not begins:
        return f"The program made {len(runs)} pools, and none ran a task."
    begin, end = np.concatenate(begins), np.concatenate(ends)
    order = np.argsort(begin, kind="stable")
    begin, latest = begin[order], np.maximum.accumulate(end[order])
    idle = float((begin[1:] - latest[:-1]).clip(0).sum())
    return (
        f"The program made {len(runs)} pools. In {idle:.2f} s of the {latest[-1] - begin[0]:.2f} s "
        "from its first task to the end of its last, no pool worked."
    )
