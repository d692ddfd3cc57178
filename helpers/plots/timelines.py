"""Pictures of a Timeline. Every function draws on the axes it is given, or on new ones.

It returns the axes, with the picture's text alternative as their label; `show` displays both.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import MaxNLocator

from helpers.plots.figure import (
    FINISHED,
    FINISHED_2,
    NOTE,
    RUNNING,
    SHADE,
    SHOWN,
    STARTING,
    draw_bars,
    new_figure,
    pixels_wide,
    prepare,
    right_edge,
    set_lanes,
    set_title,
)
from helpers.timeline import Timeline, count_until, sorted_times

BUSY = LinearSegmentedColormap.from_list("busy", ["#ffffff", FINISHED_2])
_TURNS = np.array([FINISHED, FINISHED_2])


def plot_workers(
    timeline: Timeline,
    ax: Axes | None = None,
    until: float = 0.0,
    title: str = "",
    lane: str = "worker",
) -> Axes:
    """A lane a worker, each task a bar with its number. The time axis reaches `until`, or further.

    A task that started and did not end has another colour, and reaches `until`.
    Grey is the time before the worker's first task, where it starts up; the line above a bar is
    the time from a finish, a dot, until the task was shown. Where bars would be thinner than a
    pixel, the lanes show the share of time the worker was busy.

    title: the point of the picture. lane: what each lane is, if not a worker, which starts up.
    """
    ax = ax or new_figure(0.45 * timeline.workers + 1.2).subplots()
    prepare(ax, timeline, "", until)
    ran = np.flatnonzero(~np.isnan(timeline.start))
    if len(ran) > 1.5 * pixels_wide(ax) * timeline.workers / 2:
        _draw_busy_share(ax, timeline)
    else:
        if lane == "worker":
            _draw_start_up(ax, timeline)
        _draw_tasks(ax, timeline, ran, until)
        _draw_waiting(ax, timeline)
    set_lanes(ax, [f"{lane} {number}" for number in range(timeline.workers)])
    tasks, workers = len(timeline), timeline.workers
    set_title(ax, title or f"{tasks} tasks on {workers} {lane}s in {timeline.makespan:.2f} s")
    ax.set_label(f"{title}. {timeline.describe(lane)}".removeprefix(". "))
    return ax


def plot_progress(timeline: Timeline, ax: Axes | None = None) -> Axes:
    """Finished and shown tasks as steps over time; what lies between them is the bar's lag."""
    ax = ax or new_figure(2.6).subplots()
    prepare(ax, timeline, "tasks")
    ax.set_label(timeline.describe())
    times, done, seen = _steps(timeline, right_edge(timeline))
    ax.fill_between(times, seen, done, step="post", color=SHADE, linewidth=0)
    ax.step(times, done, where="post", color=FINISHED, linewidth=5, label="finished")
    ax.step(times, seen, where="post", color=SHOWN, linewidth=2, label="shown")
    ax.set_ylim(-0.04 * max(len(timeline), 1), 1.08 * max(len(timeline), 1))
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
    ax.legend(loc="upper left", frameon=False, labelcolor="linecolor")
    if behind := timeline.most_behind:
        moment, then_done, then_shown = timeline.worst
        middle = (then_done + then_shown) / 2
        side = "right" if moment > 0.2 * right_edge(timeline) else "left"
        ax.text(moment, middle, f"{behind} behind ", color=SHOWN, weight="bold", ha=side)
        set_title(ax, f"At worst {behind} finished tasks are not shown")
    else:
        set_title(ax, timeline.headline)
    return ax


def plot_lag(timeline: Timeline, axes: tuple[Axes, Axes] | None = None) -> tuple[Axes, Axes]:
    """Workers above and progress below, over one time axis: why a bar shows less than is done."""
    if axes is None:
        height = 0.45 * timeline.workers + 3.6
        ratios = [max(height - 3.2, 1), 2.2]
        axes = tuple(new_figure(height).subplots(2, sharex=True, height_ratios=ratios))
    above, below = axes
    plot_progress(timeline, below)
    moment = timeline.worst[0]
    if timeline.most_behind:
        for ax in axes:
            ax.axvline(moment, color=NOTE, linewidth=1, linestyle=(0, (2, 3)), zorder=0.5)
    plot_workers(timeline, above, title=timeline.headline)
    above.set_xlabel("")
    set_title(below, "")
    below.set_label("")
    return axes


def plot_runs(runs: dict[str, Timeline], axes: tuple[Axes, ...] | None = None) -> tuple[Axes, ...]:
    """The workers of each run, under its name, one run below the other on the same time axis."""
    if axes is None:
        heights = [0.45 * run.workers + 0.8 for run in runs.values()]
        grid = new_figure(sum(heights)).subplots(len(runs), height_ratios=heights, squeeze=False)
        axes = tuple(grid[:, 0])
    until = max(right_edge(run) for run in runs.values())
    for ax, (name, run) in zip(axes, runs.items(), strict=True):
        took = "not finished" if run.missing else f"{run.makespan:.2f} s"
        plot_workers(run, ax, until, f"{name}: {took}")
        if ax is not axes[-1]:
            ax.set_xlabel("")
    return axes


def plot_behind(runs: dict[str, Timeline], ax: Axes | None = None) -> Axes:
    """A row a bar, over one time axis: how many finished tasks it hides, or counts too early.

    The number at the peak of a shape is its height; an honest bar has none.
    """
    ax = ax or new_figure(0.38 * len(runs) + 1.1).subplots()
    prepare(ax, max(runs.values(), key=right_edge), "")
    said = []
    for row, run in enumerate(runs.values()):
        floor, scale = row + 0.35, 0.6 / max(len(run), 1)
        times, done, seen = _steps(run, run.end)
        for tasks, color in ((done - seen).clip(0), SHOWN), ((seen - done).clip(0), FINISHED):
            top = floor - scale * tasks
            ax.fill_between(times, floor, top, step="post", color=color, linewidth=0)
        ax.plot([0, run.end], [floor, floor], color=NOTE, linewidth=0.8)
        word, color, peak, at, side = "honest", NOTE, 0, 0.0, "left"
        if run.most_ahead:
            word, color, peak = f"{run.most_ahead} ahead", FINISHED, run.most_ahead
            at = times[np.argmax(seen - done)]
        elif run.most_behind > 1:
            word, color, peak = f"{run.most_behind} behind", SHOWN, run.most_behind
            at, side = run.worst[0], "right"
        if peak:
            top = floor - 0.02 - scale * peak
            ax.text(at, top, f" {peak} ", color=color, size=8, ha=side, va="bottom")
        ax.text(1.01, row, word, transform=ax.get_yaxis_transform(), color=color, va="center")
        said.append(word)
    set_lanes(ax, list(runs))
    honest = said.count("honest")
    verb = "is" if honest == 1 else "are"
    title = f"{honest} of {len(runs)} bars {verb} never more than one task off, blinks aside"
    set_title(ax, title)
    told = "; ".join(f"{name}: {word}" for name, word in zip(runs, said, strict=True))
    ax.set_label(f"{title}. {told}.")
    return ax


def _steps(timeline: Timeline, until: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return moments up to `until`, and how many tasks were finished, and were shown, at each.

    The moments are all at which a number changes, or so many as a picture has pixels.
    """
    times = np.unique(np.concatenate([[0.0, until], timeline.finish, timeline.shown]))
    times = times[~np.isnan(times)]
    if len(times) > 4000:
        times = np.linspace(0.0, until, 2000)
    return times, count_until(timeline.finish, times), count_until(timeline.shown, times)


def _draw_start_up(ax: Axes, timeline: Timeline) -> None:
    """Grey from 0 to the first task, for workers that started before anything was finished."""
    for worker, first in enumerate(timeline.startup):
        if 0 < first <= np.nanmin(timeline.finish, initial=np.inf):
            ax.barh(worker, first, height=0.5, color=STARTING)
            if first > 0.08 * ax.get_xlim()[1]:
                words = {"color": NOTE, "size": 8, "ha": "center", "va": "center"}
                ax.text(first / 2, worker, "starts up", **words)


def _draw_tasks(ax: Axes, timeline: Timeline, ran: np.ndarray, until: float) -> None:
    start, lane = timeline.start[ran], timeline.worker[ran]
    end = max(timeline.end, until)
    finish = np.where(np.isnan(timeline.finish), end, timeline.finish)[ran]
    order = np.lexsort((start, lane))
    turn = np.empty(len(ran), dtype=int)
    turn[order] = np.arange(len(ran)) - np.searchsorted(lane[order], lane[order])
    pixels = (finish - start) / ax.get_xlim()[1] * pixels_wide(ax)
    colors = np.where(np.isnan(timeline.finish[ran]), RUNNING, _TURNS[turn % 2])
    edge = 1 if len(ran) and np.median(pixels) > 8 else 0
    draw_bars(ax, lane, start, finish, 0.5, facecolors=colors, edgecolors="white", linewidths=edge)
    open_ended = np.isnan(timeline.finish[ran]) & (until > timeline.end) & (pixels > 90)
    for x, y in zip(finish[open_ended], lane[open_ended], strict=True):
        ax.text(x, y, "no end  ", color="white", size=9, ha="right", va="center")
    room = pixels > 9 * len(str(len(timeline)))
    if room.sum() <= 80:
        for row, x, y in zip(ran[room], (start + finish)[room] / 2, lane[room], strict=True):
            ax.text(x, y, str(row), color="white", weight="bold", ha="center", va="center")


def _draw_waiting(ax: Axes, timeline: Timeline) -> None:
    """A line above the bar from a task's finish until it was shown, where that was no trifle."""
    late = np.flatnonzero(timeline.lag > timeline.grace)
    if not 0 < len(late) <= 400:
        return
    height, lag = timeline.worker[late] - 0.36, timeline.lag[late]
    finish, shown = timeline.finish[late], timeline.shown[late]
    ax.hlines(height, finish, shown, colors=SHOWN, linewidth=2.5)
    ax.plot(finish, height, "o", color=SHOWN, markersize=5)
    ax.plot(shown, height, "|", color=SHOWN, markersize=7, markeredgewidth=2)
    longest = int(np.argmax(lag))
    narrow = ax.bbox.height < 44 * timeline.workers
    if not narrow and lag[longest] >= 0.05 * ax.get_xlim()[1]:
        words = f"task {late[longest]} is done and waits to be shown"
        ax.text(finish[longest], height[longest] - 0.06, words, color=SHOWN, size=9, va="bottom")


def _draw_busy_share(ax: Axes, timeline: Timeline) -> None:
    edges = np.linspace(0, right_edge(timeline), 801)
    share = np.empty((timeline.workers, len(edges) - 1))
    for worker in range(timeline.workers):
        mine = timeline.worker == worker
        start, finish = (sorted_times(at[mine]) for at in (timeline.start, timeline.finish))
        finish[np.isnan(finish)] = timeline.end
        seconds = np.append(0.0, np.cumsum(finish - start))
        moments = np.ravel([start, finish], order="F")
        busy = np.interp(edges, moments, np.repeat(seconds, 2)[1:-1])
        share[worker] = np.diff(busy) / np.diff(edges)
    lanes = np.full((2 * len(share) - 1, share.shape[1]), np.nan)  # every other row is a gap
    lanes[::2] = share
    look = {"aspect": "auto", "interpolation": "nearest", "zorder": 1}
    ax.imshow(BUSY(lanes, bytes=True), extent=(0, edges[-1], len(share) - 0.75, -0.25), **look)
    words = "bars too thin to draw: the darker, the busier"
    above = {"transform": ax.transAxes, "ha": "center", "va": "top"}
    ax.text(0.5, 1, words, color=NOTE, size=9, **above)
