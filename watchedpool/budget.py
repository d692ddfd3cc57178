"""budget(): where the time of a pool went. Each second of each worker belongs to one part."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from watchedpool.details import Details
from watchedpool.timeline import IDLE, Timeline, count_until

# The names of the parts, in the order of a worker's life, are a contract.
PARTS = (
    "start-up",
    "initializer",
    "before the first task",  # of a Timeline that does not say more
    "waiting for input",
    "receiving",
    "running",
    "waiting in tasks",
    "sending",
    "between tasks",  # of a Timeline that does not say more
    "idle",
)
LOOP_PARTS = "waiting for tasks", "transfer", "order", "chunk", "your loop"
NOT_MEASURED = "before the first task", "between tasks"
USEFUL = "running", "waiting in tasks"
TOLERANCE = 1e-3  # seconds by which two measured moments may be in the wrong order
_PLACE = {name: place for place, name in enumerate(PARTS)}


@dataclass(frozen=True, eq=False)
class Budget:
    """Where the time went, in seconds.

    workers: a row per worker, a column per part of PARTS. A worker's seconds begin when the pool
        began to start it, and end when it ended, or with the last event of the run.
    loop: the seconds of the loop that takes the results, per part of LOOP_PARTS, from the first
        submission to the last delivery.
    begin, end: the moments between which seconds are counted, on the Timeline's clock.
    faults: what cannot be true in this Timeline; then parts of it are not measured.
    """

    workers: np.ndarray
    loop: np.ndarray
    begin: float
    end: float
    faults: str = ""

    @property
    def span(self) -> float:
        """The seconds from the moment when the pool was made to the last event."""
        return self.end - self.begin

    @property
    def pool(self) -> dict[str, float]:
        """The seconds of all workers, added up, per part."""
        return dict(zip(PARTS, self.workers.sum(axis=0).tolist(), strict=True))

    @property
    def shares(self) -> dict[str, float]:
        """The share of the workers' time, per part, from 0 to 1."""
        total = self.workers.sum() or 1.0
        return {name: seconds / total for name, seconds in self.pool.items()}

    @property
    def useful(self) -> float:
        """The share of the workers' time in which they ran tasks, from 0 to 1."""
        return sum(self.shares[name] for name in USEFUL)

    def of(self, *names: str) -> np.ndarray:
        """Return the seconds of these parts, added up, per worker."""
        return self.workers[:, [_PLACE[name] for name in names]].sum(axis=1)

    def describe(self) -> str:
        """Return the budget in words: the largest parts of the workers' time, and the loop's."""
        parts = sorted(self.shares.items(), key=lambda part: -part[1])
        said = ", ".join(f"{name} {share:.0%}" for name, share in parts if share >= 0.005)
        if not said:
            return "No worker ran."
        text = f"Workers' time ({self.workers.sum():.2f} s, all {len(self.workers)} added up): "
        loop = [
            f"{name} {seconds:.2f} s"
            for name, seconds in zip(LOOP_PARTS, self.loop.tolist(), strict=True)
            if seconds > 0.005 * self.span
        ]
        return f"{text}{said}." + (f"\nThe loop: {', '.join(loop)}." if loop else "")

    def as_json(self) -> dict[str, Any]:
        """Return the budget as what `json.dumps` writes."""
        return {
            "parts": list(PARTS),
            "workers": self.workers.tolist(),
            "loop": dict(zip(LOOP_PARTS, self.loop.tolist(), strict=True)),
            "begin": self.begin,
            "end": self.end,
            "faults": self.faults,
        }


def budget(timeline: Timeline, since: float = -np.inf) -> Budget:
    """Return where the time of a pool went; `Timeline.budget` calls this.

    since: seconds before this moment do not count.

    What was not measured is not invented: without details, a worker's time has the parts "before
    the first task", "running", "between tasks" and "idle".
    """
    details = timeline.details
    if details is None:
        details = Details.empty(len(timeline))
    begin, end = _span(timeline, details)
    begin = min(max(begin, since), end)
    workers, faults = _workers(timeline, details, begin, end)
    return Budget(workers, _loop(timeline, details), begin, end, faults)


def _span(timeline: Timeline, details: Details) -> tuple[float, float]:
    """Return the moments of the first and the last event."""
    made = [worker.made for worker in details.workers]
    pool = [details.pool.made] if details.pool else []
    first = np.array([0.0, *made, *pool, *timeline.start])
    last = np.concatenate([[timeline.end], details.freed, details.arrived, details.submitted])
    killed = [worker.ended for worker in details.workers if worker.exit]
    begin = float(np.nanmin(first))
    return begin, max(begin, float(np.nanmax(np.append(last, killed))))


def _workers(
    timeline: Timeline, details: Details, begin: float, end: float
) -> tuple[np.ndarray, str]:
    """Return the seconds of each worker per part, and what cannot be true."""
    lives = _lives(timeline, details, begin, end)
    parts = np.zeros((len(lives), len(PARTS)))
    order = np.lexsort([timeline.start, timeline.worker])
    order = order[timeline.worker[order] != IDLE]
    worker = timeline.worker[order]
    start = timeline.start[order]
    finish = timeline.finish[order]
    same = worker[1:] == worker[:-1]
    faults = ""
    if (overlaps := np.flatnonzero(same & (finish[:-1] > start[1:] + TOLERANCE))).size:
        row, following = order[overlaps[0]], order[overlaps[0] + 1]
        faults = f"task {following} starts before task {row} ends, on the same worker"
    finish = np.where(np.isnan(finish), lives[worker, -1], finish)  # it ran until the end
    finish[:-1] = np.where(same, np.minimum(finish[:-1], start[1:]), finish[:-1])
    np.maximum(finish, start, out=finish)

    sending = Sending.of(timeline, details)

    def add(name: str, who: np.ndarray, seconds: np.ndarray) -> None:
        parts[:, _PLACE[name]] += np.bincount(who, seconds, minlength=len(parts))

    cpu = np.minimum(np.nan_to_num(details.cpu[order], nan=np.inf), finish - start)
    cpu = np.where(np.isnan(timeline.finish[order]), finish - start, cpu)
    add("running", worker, cpu.clip(0))
    add("waiting in tasks", worker, finish - start - cpu.clip(0))

    ran = np.unique(worker)
    first, last = np.searchsorted(worker, ran), np.searchsorted(worker, ran, "right") - 1
    rows, each = order[first], np.arange(len(lives))
    until = lives[:, -1].copy()
    until[ran] = start[first]
    known = ~np.isnan(lives).any(axis=1) & (np.diff(lives[:, :3]) >= -TOLERANCE).all(axis=1)
    known &= lives[:, 2] <= until + TOLERANCE
    lives[:, :3] = np.maximum.accumulate(np.minimum(lives[:, :3], until[:, None]), axis=1)
    made, begun, ready = lives[:, 0], lives[:, 1], lives[:, 2]
    add("start-up", each[known], (begun - made)[known])
    add("initializer", each[known], (ready - begun)[known])
    unknown = ~known & np.isin(each, ran)
    add("before the first task", each[unknown], until[unknown] - made[unknown])

    # From one task to the next, from the first moment to the first task, and behind the last.
    submitted, freed = details.submitted, details.freed
    _add_gaps(
        add,
        worker[1:][same],
        (finish[:-1][same], freed[order[:-1]][same], submitted[order[1:]][same], start[1:][same]),
        details.sent[order[1:]][same] == details.sent[order[:-1]][same],
        sending,
    )
    firsts = known[ran]
    at = ready[ran][firsts]
    _add_gaps(
        add, ran[firsts], (at, at, submitted[rows][firsts], start[first][firsts]), None, sending
    )
    since, out = finish[last], freed[order[last]]
    out = np.where((out >= since - TOLERANCE) & (out < np.inf), out.clip(since), since)
    out = np.minimum(out, lives[ran, -1])
    add("sending", ran, out - since)
    _add_rest(add, ran, out, lives[ran, -1], submitted)
    never = each[~np.isin(each, ran) & known]
    _add_rest(add, never, ready[never], lives[never, -1], submitted)
    lost = each[~np.isin(each, ran) & ~known]
    add("idle", lost, lives[lost, -1] - lives[lost, 0])
    return parts, faults


def _lives(timeline: Timeline, details: Details, begin: float, end: float) -> np.ndarray:
    """Return when each worker was made, had begun, was ready, and ended; in between, nan = unknown.

    A worker that has not ended lasts until the end.
    """
    count = max(timeline.workers, len(details.workers))
    lives = np.full((count, 4), np.nan)
    for row, worker in enumerate(details.workers):
        lives[row] = worker[:4]
    lives = np.where(lives < begin, begin, lives)
    latest = np.full(count, -np.inf)
    ran = timeline.worker != IDLE
    np.maximum.at(latest, timeline.worker[ran], np.fmax(timeline.start, timeline.finish)[ran])
    first = np.full(count, np.inf)
    np.minimum.at(first, timeline.worker[ran], timeline.start[ran])
    made = np.where(np.isnan(lives[:, 0]), min(0.0, begin) if details.pool else 0.0, lives[:, 0])
    lives[:, 0] = np.minimum(made.clip(begin, end), first)
    lives[:, -1] = np.maximum(np.fmin(lives[:, -1], end), np.maximum(latest, lives[:, 0]))
    return lives


def _add_gaps(
    add: Any,
    worker: np.ndarray,
    moments: tuple,
    same_message: np.ndarray | None,
    sending: "Sending",
) -> None:
    """Add the time between two tasks of a worker.

    moments: when the first finished, when its result was handed over, when the second was
        submitted, and when it started. Moments in the wrong order count as not measured.
    """
    finish, freed, submitted, start = moments
    known = (freed >= finish - TOLERANCE) & (submitted <= start + TOLERANCE)
    late = freed > start + TOLERANCE
    known &= ~late if same_message is None else ~late | same_message
    add("between tasks", worker[~known], (start - finish)[~known])
    worker, finish, freed, submitted, start = (
        each[known] for each in (worker, finish, freed, submitted, start)
    )
    freed = np.clip(freed, finish, start)
    submitted = np.clip(submitted, freed, start)
    add("sending", worker, freed - finish)
    others = sending.until(submitted) - sending.until(freed)
    add("waiting for input", worker, submitted - freed - others)
    add("receiving", worker, start - submitted + others)


class Sending(NamedTuple):
    """When the pool sent messages that a worker waited for: one at a time, so others wait, too.

    moments, seconds: until each of the moments, it had sent for so many seconds.
    """

    moments: np.ndarray
    seconds: np.ndarray

    @classmethod
    def of(cls, timeline: Timeline, details: Details) -> "Sending":
        """Return when messages were sent: from the moment `sent` until their first task starts.

        A message does not count if its worker still had something to do when it was sent.
        """
        rows = np.flatnonzero(~np.isnan(timeline.start) & (details.sent <= timeline.start))
        rows = rows[np.lexsort([timeline.start[rows], timeline.worker[rows]])]
        worker, free = timeline.worker[rows], details.freed[rows]
        same = worker[1:] == worker[:-1]
        waited = np.append(False, same & (free[:-1] <= details.sent[rows][1:]))[: len(rows)]
        ready = np.array([each.ready for each in details.workers])
        first = np.append(True, ~same)[: len(rows)] & (worker < len(ready))
        waited[first] = ready[worker[first]] <= details.sent[rows][first]
        begin, end = details.sent[rows][waited], timeline.start[rows][waited]
        order = np.argsort(begin, kind="stable")
        begin, end = begin[order], end[order]
        begin = np.maximum(begin, np.maximum.accumulate(np.append(-np.inf, end)[:-1])[: len(begin)])
        end = np.maximum(begin, end)
        seconds = np.cumsum(end - begin)
        return cls(
            np.ravel([begin, end], order="F"),
            np.ravel([seconds - (end - begin), seconds], order="F"),
        )

    def until(self, moments: np.ndarray) -> np.ndarray:
        """Return for how many seconds it had sent until each of these moments."""
        if not len(self.moments):
            return np.zeros(len(moments))
        return np.interp(moments, self.moments, self.seconds)


def _add_rest(
    add: Any, worker: np.ndarray, since: np.ndarray, until: np.ndarray, submitted: np.ndarray
) -> None:
    """Add the time behind a worker's last task: it waited for input, until nothing was left."""
    last = np.nanmax(submitted) if (~np.isnan(submitted)).any() else -np.inf
    left = np.clip(last, since, until)
    add("waiting for input", worker, left - since)
    add("idle", worker, until - left)


def _loop(timeline: Timeline, details: Details) -> np.ndarray:
    """Return the seconds of the loop that takes the results, per part.

    Between two events, the loop is in one state: nothing has finished that it does not have yet;
    the result that it takes next is there, and it is busy, or is being handed it; or that result is
    not there, because of order, because its chunk has not ended, or because it is on its way.
    """
    parts = np.zeros(len(LOOP_PARTS))
    came = np.flatnonzero(~np.isnan(timeline.delivered) & ~np.isnan(timeline.finish))
    if not len(came):
        return parts
    came = came[np.argsort(timeline.delivered[came], kind="stable")]
    delivered = timeline.delivered[came]
    finish = np.minimum(_finished_together(timeline, details), timeline.delivered)[came]
    freed = np.fmin(np.fmax(details.freed[came], finish), delivered)
    freed = np.where(np.isnan(details.freed[came]), finish, freed)
    arrived = np.fmin(np.fmax(details.arrived[came], freed), delivered)
    arrived = np.where(np.isnan(details.arrived[came]), freed, arrived)
    asked = np.fmin(details.asked[came], delivered)

    moments = np.unique(np.concatenate([[0.0], finish, freed, arrived, delivered, asked]))
    moments = moments[(moments >= 0) & ~np.isnan(moments)]
    if len(moments) < 2:
        return parts
    seconds, at = np.diff(moments), moments[:-1]
    done = np.searchsorted(delivered, at, side="right")
    following = done.clip(max=len(came) - 1)
    left = done < len(came)
    finished, handed_over, there = (
        count_until(column, at) > done for column in (finish, freed, arrived)
    )
    is_there = left & (arrived[following] <= at)
    measured = ~np.isnan(details.asked[came][following])
    busy = is_there & measured & (asked[following] > at)
    if not np.isnan(details.submitted).any():
        left &= count_until(details.submitted, at) > done  # between two calls, it is no loop
    state = np.select([~finished, busy, is_there, there, handed_over], [0, 4, 1, 2, 1], default=3)
    return np.bincount(state[left], seconds[left], minlength=len(parts))


def _finished_together(timeline: Timeline, details: Details) -> np.ndarray:
    """Return when each task finished; all tasks of a call of map finish with its last one."""
    finish = timeline.finish.copy()
    for number, call in enumerate(details.calls):
        if call.method in ("map", "starmap"):
            rows = details.call == number
            finish[rows] = np.fmax.reduce(finish[rows], initial=-np.inf)
    if not details.calls and delivered_together(timeline):
        finish[:] = np.nanmax(finish)
    return finish


def delivered_together(timeline: Timeline) -> bool:
    """Return whether all results were delivered together, at the end."""
    first = np.nanmin(timeline.delivered, initial=np.inf)
    last = np.nanmax(timeline.delivered, initial=-np.inf)
    at_once = last - first <= timeline.wait_threshold
    return len(timeline) > 1 and timeline.makespan <= first and at_once
