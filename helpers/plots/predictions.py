"""Pictures of predictions: with what was measured laid over, and over all chunksizes.

As the functions of `timelines`, these draw on the axes they are given, or on new ones.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FormatStrFormatter, NullFormatter

from helpers.plots.figure import (
    FINISHED,
    NOTE,
    SHOWN,
    STARTING,
    draw_bars,
    new_figure,
    right_edge,
    set_lanes,
    set_title,
)
from helpers.plots.timelines import plot_workers
from helpers.schedule import bounds, predict
from helpers.timeline import IDLE, Timeline

OUTLINE = "#000000"


def plot_predicted(predicted: Timeline, measured: Timeline, ax: Axes | None = None) -> Axes:
    """Draw what was measured as bars and what was predicted as outlines, and say how far off.

    Names of workers are chance: a predicted worker is drawn in the lane of the measured one with
    which it shares most tasks.
    """
    workers = max(predicted.workers, measured.workers)
    ax = ax or new_figure(0.45 * workers + 1.2).subplots()
    plot_workers(measured.work, ax, right_edge(predicted))
    lane = _shared_lanes(predicted, measured)[predicted.worker]
    look = {"facecolors": "none", "edgecolors": OUTLINE, "linewidths": 1.2}
    draw_bars(ax, lane, predicted.start, predicted.finish, 0.64, **look)
    set_lanes(ax, [f"worker {number}" for number in range(workers)])
    title = f"Predicted (outlines) {predicted.makespan:.2f} s, "
    ended = int(np.sum(~np.isnan(measured.finish)))
    if ended < len(predicted):
        title += f"measured until now {ended} of {len(predicted)} tasks"
    else:
        off = abs(predicted.makespan / measured.makespan - 1) if measured.makespan else 0.0
        title += f"measured {measured.makespan:.2f} s: {off:.1%} off"
    set_title(ax, title)
    ax.set_label(f"{title}. Predicted: {predicted.describe()} Measured: {measured.describe()}")
    return ax


def plot_chunks(
    timelines: dict[int, Timeline], chosen: int | None = None, ax: Axes | None = None
) -> Axes:
    """Draw makespan and overhead for each chunksize, in seconds; mark the chosen one.

    timelines: one for each chunksize. Overhead is what a worker spends between its tasks, on
    average. Without a choice, the chunksize with the shortest makespan is marked.
    """
    ax = ax or new_figure(3.2).subplots()
    sizes = sorted(timelines)
    runs = [timelines[size] for size in sizes]
    makespans = [run.makespan for run in runs]
    best = int(np.argmin(makespans))
    at = best if chosen is None else sizes.index(chosen)
    curves = (
        ("makespan", makespans, FINISHED, "-"),
        ("overhead", [np.nansum(run.gaps) / max(run.workers, 1) for run in runs], NOTE, ":"),
    )
    ax.set_xscale("log")
    ax.axvline(sizes[at], color=NOTE, linewidth=1, linestyle=(0, (2, 3)))
    facts = []
    for name, seconds, color, style in curves:
        facts.append(f"{name} {seconds[at]:.2f} s")
        ax.plot(sizes, seconds, style, color=color, linewidth=2, label=facts[-1])
        ax.plot(sizes[at], seconds[at], "o", color=color, markersize=8)
    ax.set(xlim=(0.9, 1.1 * sizes[-1]), xlabel="chunksize", ylabel="seconds")
    ax.set_ylim(0, 1.15 * max(max(seconds) for _, seconds, _, _ in curves) or 1)
    ticks = [size for size in (1, 2, 5, 10, 20, 50, 100, 200, 500) if size <= sizes[-1]]
    ax.set_xticks(ticks, ticks)
    ax.xaxis.set_minor_formatter("")
    ax.spines[["top", "right"]].set_visible(False)
    row = {"ncols": 2, "columnspacing": 1, "fontsize": 9}
    ax.legend(loc="upper left", frameon=False, labelcolor="linecolor", **row)
    title = f"Chunksize {sizes[at]} takes {makespans[at]:.2f} s"
    if makespans[best] < makespans[at]:
        title += f", the best ({sizes[best]}) {makespans[best]:.2f} s"
    set_title(ax, title)
    ax.set_label(
        f"{title}. With chunksize {sizes[at]}: {', '.join(facts)}. "
        f"With {sizes[-1]}, the largest: makespan {makespans[-1]:.2f} s."
    )
    return ax


def plot_growth(
    durations: Sequence[float], measured: dict[int, float], ax: Axes | None = None
) -> Axes:
    """Draw the makespan of these tasks over the number of workers: predicted, and as measured.

    measured: seconds for each number of workers. Shaded is what first come, first served can take,
    in whatever order the tasks come (see `bounds`).
    """
    ax = ax or new_figure(3.2).subplots()
    workers = sorted(measured)
    took = [measured[number] for number in workers]
    every = range(workers[0], workers[-1] + 1)
    predicted = {number: predict(durations, number).makespan for number in every}
    limits = [bounds(durations, number) for number in every]
    least, most = [each.least for each in limits], [each.most for each in limits]
    ax.fill_between(every, least, most, color=STARTING, linewidth=0, label="bounds")
    ax.plot(every, list(predicted.values()), color=FINISHED, linewidth=2, label="predicted")
    ax.plot(workers, took, "o", color=SHOWN, markersize=7, label="measured")
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    for axis, ticks in ((ax.xaxis, workers), (ax.yaxis, (0.1, 0.2, 0.5, 1, 2, 5, 10, 20))):
        axis.set_major_locator(FixedLocator(ticks))
        axis.set_major_formatter(FormatStrFormatter("%g"))
        axis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("workers")
    ax.set_ylabel("seconds")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="lower left", frameon=False)
    title = f"{workers[0]} workers take {took[0]:.2f} s, {workers[-1]} take {took[-1]:.2f} s"
    set_title(ax, title)
    told = "; ".join(
        f"{number} workers {predicted[number]:.2f} s and {measured[number]:.2f} s"
        for number in workers
    )
    ax.set_label(f"{title}. Predicted and measured: {told}.")
    return ax


def _shared_lanes(predicted: Timeline, measured: Timeline) -> np.ndarray:
    """Return, for each predicted worker, the measured one that ran most of its tasks."""
    both = min(len(predicted), len(measured))
    pairs = predicted.worker[:both], measured.worker[:both]
    ran = (pairs[0] != IDLE) & (pairs[1] != IDLE)
    workers = max(predicted.workers, measured.workers)
    shared = np.zeros((workers, workers))
    np.add.at(shared, (pairs[0][ran], pairs[1][ran]), 1)
    lane = np.arange(workers)
    for _ in range(workers):
        mine, its = np.unravel_index(np.argmax(shared), shared.shape)
        lane[mine] = its
        shared[mine], shared[:, its] = -1, -1
    return lane
