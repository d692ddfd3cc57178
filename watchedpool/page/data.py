"""What the player (player.js) reads of a run: its columns, small, and what "What if?" needs."""

from collections.abc import Iterable
from importlib.resources import files
from typing import Any

import numpy as np

from watchedpool.cores import usable_cores
from watchedpool.details import CallDetails
from watchedpool.schedule import calibrate
from watchedpool.timeline import Timeline

SCRIPTS = "predict.js", "run.js", "player.js"  # in the order in which they must be loaded
STYLE = "player.css"
MOST_ERRORS = 200  # texts; more would make the page large
# How results are taken, in the words of `predict`.
METHODS = {
    "map": "map",
    "starmap": "map",
    "map_async": "map",
    "starmap_async": "map",
    "imap": "imap",
    "executor.map": "imap",
    "imap_unordered": "imap_unordered",
    "submit": "imap_unordered",
    "apply_async": "apply_async",
}


def script(*more: str) -> str:
    """Return the player's JavaScript; with "playground.js", that of the playground too."""
    return "\n".join(_source(name) for name in (*SCRIPTS, *more))


def style() -> str:
    """Return the player's style sheet."""
    return _source(STYLE)


def _source(name: str) -> str:
    return (files("watchedpool.page") / name).read_text(encoding="utf-8")


def player_options(timeline: Timeline, **more: Any) -> dict[str, Any]:
    """Return the options of mountPlayer (player.js) for a run, ready for `json.dumps`.

    more: further options, such as mininterval, or others in place of ours: title=None.
    """
    options = {
        "title": timeline.headline,
        "description": timeline.describe(),
        "timeline": run_as_data(timeline),
        "whatif": what_if(timeline),
    }
    return options | more


def run_as_data(timeline: Timeline) -> dict[str, Any]:
    """Return the columns in whole microseconds, or None for what has not happened.

    A start counts from the start before it, a finish from its start, a delivery from its finish:
    so the numbers are short.
    """
    start, finish, delivered = (
        np.round(1e6 * column) for column in (timeline.start, timeline.finish, timeline.delivered)
    )
    started = ~np.isnan(start)
    steps = start.copy()
    steps[started] = np.diff(start[started], prepend=0.0)
    base = np.where(started, start, 0.0)
    ended = np.where(np.isnan(finish), base, finish)
    return {
        "worker": timeline.worker.tolist(),
        "start": _whole(steps),
        "finish": _whole(finish - base),
        "delivered": _whole(delivered - ended),
        "errors": _errors(timeline),
    }


def _errors(timeline: Timeline) -> list[tuple[str, list[int]]]:
    """Return each text of an error with the tasks that raised it; rare ones share one text."""
    tasks: dict[str, list[int]] = {}
    for row, text in timeline.details.errors.items() if timeline.details else ():
        known = text in tasks or len(tasks) < MOST_ERRORS
        tasks.setdefault(text if known else "An error", []).append(row)
    return list(tasks.items())


def what_if(timeline: Timeline) -> dict[str, Any] | None:
    """Return the settings of a run and its measured costs; None if no task has started.

    Costs are measured per chunk. If no worker ran two chunks, the gap is taken for 0.
    """
    if not timeline.workers:
        return None
    calls = _calls(timeline)
    call = max(calls, key=lambda each: calls.count(each)) if calls else None
    size = call.chunksize if call else 1
    chunks = _chunks(timeline, size)
    try:
        costs = calibrate(chunks)
    except ValueError:
        costs = {"startup": timeline.startup.tolist(), "gap": 0.0}
    pool = timeline.details.pool if timeline.details else None
    number = len(timeline.details.calls) if timeline.details else 1
    return {
        "workers": timeline.workers,
        "chunksize": size,
        "method": METHODS.get(call.method, "imap_unordered") if call else _method(timeline),
        "startup": [round(seconds, 6) for seconds in costs["startup"]],
        "gap": round(costs["gap"], 9),
        "cores": usable_cores(),
        "executor": bool(pool and pool.kind.endswith("Executor")),
        "note": _note(number, call),
    }


def _note(number: int, call: CallDetails | None) -> str:
    """Return what the prediction does differently from the program."""
    if call and call.method == "apply":
        return "The program waited for each task before it submitted the next one."
    # A call of Executor.map submits each of its chunks, as a program that calls submit does.
    if number > 1 and call and call.method not in ("apply_async", "submit", "executor.map"):
        return f"The program made {number} calls; a prediction submits all tasks at once."
    return ""


def _calls(timeline: Timeline) -> list[CallDetails]:
    """Return the call of each task, as far as it is known."""
    details = timeline.details
    return [details.calls[at] for at in details.call.tolist() if at >= 0] if details else []


def _chunks(timeline: Timeline, size: int) -> Timeline:
    """Return the chunks of a run as its tasks; the run itself if calls were made in between."""
    call = timeline.details.call if timeline.details else np.zeros(len(timeline), dtype=int)
    if size == 1 or (np.diff(call) < 0).any():
        return timeline
    first = np.searchsorted(call, call)  # the first task of each task's call, which are in order
    rows = np.flatnonzero((np.arange(len(call)) - first) % size == 0)
    start = np.fmin.reduceat(timeline.start, rows)
    finish = np.fmax.reduceat(timeline.finish, rows)
    worker = np.maximum.reduceat(timeline.worker, rows)
    return Timeline(worker, start, finish)


def _method(timeline: Timeline) -> str:
    """Return which method would deliver the results as they were delivered."""
    delivered = timeline.delivered[~np.isnan(timeline.delivered)]
    if not len(delivered):
        return "imap_unordered"
    if np.ptp(delivered) <= timeline.wait_threshold / 10 and len(delivered) > 1:
        return "map"
    in_order = (np.diff(delivered) >= 0).all()
    return "imap" if in_order and timeline.most_behind else "imap_unordered"


def _whole(column: Iterable[float]) -> list[int | None]:
    return [None if value != value else int(value) for value in np.asarray(column).tolist()]
