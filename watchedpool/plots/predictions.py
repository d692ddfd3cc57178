"""Pictures of predictions: next to what was measured, over all chunksizes, over all pool sizes.

Like the functions of `timelines`, `plot_*` draws on the axes it is given, or on new ones, and
`draw_*` draws the same without a caption.
"""

import reprlib
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FormatStrFormatter, NullFormatter

from watchedpool.plots import palette
from watchedpool.plots.figure import (
    Caption,
    draw_bars,
    lanes_height,
    new_figure,
    right_edge,
    set_caption,
    set_colors,
)
from watchedpool.plots.timelines import draw_workers, running_title
from watchedpool.schedule import bounds, check_seconds, check_whole, predict
from watchedpool.timeline import IDLE, Timeline

_OUTLINE_HEIGHT = 0.7  # of a predicted task, as a share of its lane: higher than a block


def plot_predicted(
    predicted: Timeline,
    measured: Timeline,
    ax: Axes | None = None,
    workers: int | None = None,
    now: float | None = None,
) -> Axes:
    """Draw the measured tasks as bars and the predicted ones as outlines, and compare them.

    The numbers of workers are arbitrary, so a predicted worker is drawn in the lane of the measured
    worker with which it shares the most tasks.

    workers: draw at least this many lanes.
    now: for a run in progress, the moment at which its running tasks are drawn.
    """
    lanes = max(predicted.workers, measured.workers, workers or 1)
    ax = ax or new_figure(lanes_height(lanes) + 1.2).subplots()
    draw_workers(measured.work, ax, right_edge(predicted), workers=lanes, now=now)
    lane = _shared_lanes(predicted, measured)[predicted.worker]
    look = {"facecolors": "none", "edgecolors": palette.TEXT, "linewidths": 1.5}
    draw_bars(ax, lane, predicted.start, predicted.finish, _OUTLINE_HEIGHT, **look)
    title = predicted_title(predicted, measured)
    words = f"{title}. Predicted: {predicted.describe()} Measured: {measured.describe()}"
    set_caption(ax, Caption(title, words))
    return ax


def predicted_title(predicted: Timeline, measured: Timeline) -> str:
    """Return the title of `plot_predicted`: by how much the prediction is wrong."""
    title = f"Predicted (outlines) {predicted.makespan:.2f} s, "
    if np.sum(~np.isnan(measured.finish)) < len(predicted):
        return title + running_title(measured).lower()
    off = abs(predicted.makespan / measured.makespan - 1) if measured.makespan else 0.0
    return f"{title}measured {measured.makespan:.2f} s: {off:.1%} off"


def plot_chunks(
    timelines: dict[int, Timeline], chosen: int | None = None, ax: Axes | None = None
) -> Axes:
    """Draw makespan and overhead for each chunksize, in seconds, and mark the chosen chunksize.

    The overhead is the time that a worker spends between its tasks, on average.

    timelines: one for each chunksize.
    chosen: the chunksize to mark; without it, the one with the shortest makespan.

    Raises ValueError if `timelines` is empty or does not contain the chosen chunksize.
    """
    sizes = sorted(timelines)
    if not sizes:
        raise ValueError(f"timelines is {timelines!r}; allowed is one or more, by chunksize")
    if chosen is None:
        chosen = min(sizes, key=lambda size: timelines[size].makespan)
    if chosen not in timelines:
        raise ValueError(f"chosen is {chosen!r}; allowed are {reprlib.repr(sizes)}")
    ax = ax or new_figure(3.2).subplots()
    draw_chunks(timelines, chosen, ax)
    set_caption(ax, chunks_caption(timelines, chosen))
    return ax


def draw_chunks(timelines: dict[int, Timeline], chosen: int, ax: Axes) -> None:
    """Draw the two curves of `plot_chunks`."""
    sizes = sorted(timelines)
    curves = (
        ("makespan", {size: timelines[size].makespan for size in sizes}, palette.FINISHED, "-"),
        ("overhead", {size: _overhead(timelines[size]) for size in sizes}, palette.TEXT, ":"),
    )
    set_colors(ax)
    ax.set_xscale("log")
    ax.axvline(chosen, color=palette.TEXT, linewidth=1, linestyle=(0, (2, 3)))
    for name, seconds, color, style in curves:
        label = f"{name} {seconds[chosen]:.2f} s"
        ax.plot(sizes, list(seconds.values()), style, color=color, linewidth=2, label=label)
        ax.plot(chosen, seconds[chosen], "o", color=color, markersize=8)
    ax.set(xlim=(0.9, 1.1 * sizes[-1]), xlabel="chunksize", ylabel="seconds")
    ax.set_ylim(0, 1.15 * max(max(seconds.values()) for _, seconds, _, _ in curves) or 1)
    ticks = [size for size in (1, 2, 5, 10, 20, 50, 100, 200, 500) if size <= sizes[-1]]
    ax.set_xticks(ticks, ticks)
    ax.xaxis.set_minor_formatter("")
    row = {"ncols": 2, "columnspacing": 1, "fontsize": 9}
    ax.legend(loc="upper left", frameon=False, labelcolor="linecolor", **row)


def chunks_caption(timelines: dict[int, Timeline], chosen: int) -> Caption:
    """Return the caption of `plot_chunks`."""
    makespans = {size: timelines[size].makespan for size in sorted(timelines)}
    best, largest = min(makespans, key=makespans.get), max(makespans)
    title = f"Chunksize {chosen} takes {makespans[chosen]:.2f} s"
    if makespans[best] < makespans[chosen]:
        title += f", the best ({best}) {makespans[best]:.2f} s"
    return Caption(
        title,
        f"{title}. With chunksize {chosen}: makespan {makespans[chosen]:.2f} s, "
        f"overhead {_overhead(timelines[chosen]):.2f} s. "
        f"With {largest}, the largest: makespan {makespans[largest]:.2f} s.",
    )


def plot_growth(
    durations: Sequence[float], measured: dict[int, float], ax: Axes | None = None
) -> Axes:
    """Draw the makespan of these tasks over the number of workers, predicted and measured.

    The shaded area lies between the bounds on the makespan, in whatever order the tasks come: see
    `bounds`.

    durations: the seconds that each task takes.
    measured: the measured makespan, in seconds, for each number of workers.

    Raises ValueError if `measured` is empty, or for a value that `predict` does not allow.
    """
    if not measured:
        raise ValueError(f"measured is {measured!r}; allowed are seconds by number of workers")
    for number, seconds in measured.items():
        check_whole("a number of workers in measured", number)
        check_seconds(f"measured[{number}]", seconds, 1)
    check_seconds("durations", durations)
    ax = ax or new_figure(3.2).subplots()
    workers = sorted(measured)
    every = range(workers[0], workers[-1] + 1)
    predicted = {number: predict(durations, number).makespan for number in every}
    limits = [bounds(durations, number) for number in every]
    least, most = [each.least for each in limits], [each.most for each in limits]
    ax.fill_between(every, least, most, color=palette.BOUNDS, linewidth=0, label="bounds")
    ax.plot(every, list(predicted.values()), color=palette.FINISHED, linewidth=2, label="predicted")
    took = [measured[number] for number in workers]
    ax.plot(workers, took, "o", color=palette.DELIVERED, markersize=7, label="measured")
    _set_log_scales(ax, workers)
    title = f"{workers[0]} workers take {took[0]:.2f} s, {workers[-1]} take {took[-1]:.2f} s"
    words = "; ".join(
        f"{number} workers {predicted[number]:.2f} s and {measured[number]:.2f} s"
        for number in workers
    )
    set_caption(ax, Caption(title, f"{title}. Predicted and measured: {words}."))
    return ax


def _set_log_scales(ax: Axes, workers: list[int]) -> None:
    """Set up the axes of `plot_growth`."""
    set_colors(ax)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    for axis, ticks in ((ax.xaxis, workers), (ax.yaxis, (0.1, 0.2, 0.5, 1, 2, 5, 10, 20))):
        axis.set_major_locator(FixedLocator(ticks))
        axis.set_major_formatter(FormatStrFormatter("%g"))
        axis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("workers")
    ax.set_ylabel("seconds")
    ax.legend(loc="lower left", frameon=False, labelcolor=palette.TEXT)


def _overhead(run: Timeline) -> float:
    """Return the seconds that a worker spends between its tasks, on average."""
    return float(np.nansum(run.gaps) / max(run.workers, 1))


def _shared_lanes(predicted: Timeline, measured: Timeline) -> np.ndarray:
    """Return, for each predicted worker, the measured worker that ran most of its tasks."""
    both = min(len(predicted), len(measured))
    pairs = predicted.worker[:both], measured.worker[:both]
    ran = (pairs[0] != IDLE) & (pairs[1] != IDLE)
    workers = max(predicted.workers, measured.workers)
    shared = np.zeros((workers, workers))
    np.add.at(shared, (pairs[0][ran], pairs[1][ran]), 1)
    lane = np.arange(workers)
    for _ in range(workers):
        worker, partner = np.unravel_index(np.argmax(shared), shared.shape)
        lane[worker] = partner
        shared[worker], shared[:, partner] = -1, -1
    return lane
