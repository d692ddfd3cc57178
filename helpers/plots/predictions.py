"""Pictures of predictions: with what was measured laid over, and over all chunksizes.

As the functions of `timelines`, these draw on the axes they are given, or on new ones.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.ticker import FixedLocator, FormatStrFormatter, NullFormatter, ScalarFormatter

from helpers.plots.figure import FINISHED, NOTE, SHOWN, STARTING, new_figure, right_edge, set_title
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
    plot_workers(
        Timeline(measured.worker, measured.start, measured.finish), ax, right_edge(predicted)
    )
    lane = _shared_lanes(predicted, measured)[predicted.worker]
    left, right, low, high = predicted.start, predicted.finish, lane - 0.32, lane + 0.32
    corners = np.stack([left, low, right, low, right, high, left, high], axis=1).reshape(-1, 4, 2)
    ax.add_collection(
        PolyCollection(corners, facecolors="none", edgecolors=OUTLINE, linewidths=1.2),
        autolim=False,
    )
    ax.set_yticks(range(workers), [f"worker {lane}" for lane in range(workers)])
    ax.set_ylim(workers - 0.4, -0.75)
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
    """Draw makespan, longest lag and overhead for each chunksize, in seconds; mark the chosen one.

    timelines: one for each chunksize. Overhead is what a worker spends between its tasks, on
    average. Without a choice, the chunksize with the shortest makespan is marked.
    """
    ax = ax or new_figure(3.2).subplots()
    sizes = sorted(timelines)
    curves = {
        "makespan": ([timelines[size].makespan for size in sizes], FINISHED, "-"),
        "longest lag": ([_longest_lag(timelines[size]) for size in sizes], SHOWN, "--"),
        "overhead": ([_overhead(timelines[size]) for size in sizes], NOTE, ":"),
    }
    makespans = curves["makespan"][0]
    if chosen is None:
        chosen = sizes[int(np.argmin(makespans))]
    ax.set_xscale("log")
    ax.axvline(chosen, color=NOTE, linewidth=1, linestyle=(0, (2, 3)))
    at = sizes.index(chosen)
    for name, (seconds, color, style) in curves.items():
        ax.plot(
            sizes, seconds, style, color=color, linewidth=2, label=f"{name} {seconds[at]:.2f} s"
        )
        ax.plot(chosen, seconds[at], "o", color=color, markersize=8)
    ax.set_xlim(0.9, 1.1 * sizes[-1])
    ax.set_ylim(0, 1.15 * max(max(seconds) for seconds, _, _ in curves.values()) or 1)
    ticks = [size for size in (1, 2, 5, 10, 20, 50, 100, 200, 500) if size <= sizes[-1]]
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("chunksize")
    ax.set_ylabel("seconds")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(
        loc="upper left",
        frameon=False,
        labelcolor="linecolor",
        ncols=3,
        columnspacing=1,
        fontsize=9,
    )
    best = int(np.argmin(makespans))
    title = f"Chunksize {chosen} takes {makespans[at]:.2f} s"
    if makespans[best] < makespans[at]:
        title += f", the best ({sizes[best]}) {makespans[best]:.2f} s"
    set_title(ax, title)
    facts = ", ".join(f"{name} {seconds[at]:.2f} s" for name, (seconds, _, _) in curves.items())
    ax.set_label(
        f"{title}. With chunksize {chosen}: {facts}. With {sizes[-1]}, the largest: makespan "
        f"{makespans[-1]:.2f} s."
    )
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


def _longest_lag(timeline: Timeline) -> float:
    return float(np.nanmax(timeline.lag, initial=0.0))


def _overhead(timeline: Timeline) -> float:
    """Return the seconds a worker spent between its tasks, on average."""
    between = 0.0
    for worker in range(timeline.workers):
        mine = timeline.worker == worker
        start, finish = timeline.start[mine], timeline.finish[mine]
        between += np.nanmax(finish, initial=0.0) - np.nanmin(start) - np.nansum(finish - start)
    return float(between) / max(timeline.workers, 1)


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
