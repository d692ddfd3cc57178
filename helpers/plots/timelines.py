"""Pictures of a Timeline. Every function draws on the axes it is given, or on new ones.

It returns the axes, with the picture's text alternative as their label; `show` displays both.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
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
    new_figure,
    pixels_wide,
    prepare,
    right_edge,
    set_title,
)
from helpers.timeline import Timeline

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
    lanes = range(timeline.workers)
    ax.set_yticks(lanes, [f"{lane} {number}" for number in lanes])
    ax.set_ylim(timeline.workers - 0.4, -0.75)
    ax.tick_params(axis="y", length=0)
    tasks, workers = len(timeline), timeline.workers
    set_title(ax, title or f"{tasks} tasks on {workers} {lane}s in {timeline.makespan:.2f} s")
    ax.set_label(f"{title}. {timeline.describe(lane)}".removeprefix(". "))
    return ax


def plot_progress(timeline: Timeline, ax: Axes | None = None) -> Axes:
    """Finished and shown tasks as steps over time; what lies between them is the bar's lag."""
    ax = ax or new_figure(2.6).subplots()
    prepare(ax, timeline, "tasks")
    finished, shown = (np.sort(column) for column in (timeline.finish, timeline.shown))
    times = np.unique(np.concatenate([[0.0, right_edge(timeline)], finished, shown]))
    times = times[~np.isnan(times)]
    if len(times) > 4000:
        times = np.linspace(0.0, right_edge(timeline), 2000)  # more than the picture has pixels
    done, seen = (np.searchsorted(column, times, side="right") for column in (finished, shown))
    ax.fill_between(times, seen, done, step="post", color=SHADE, linewidth=0)
    ax.step(times, done, where="post", color=FINISHED, linewidth=5, label="finished")
    ax.step(times, seen, where="post", color=SHOWN, linewidth=2, label="shown")
    ax.set_ylim(-0.04 * max(len(timeline), 1), 1.08 * max(len(timeline), 1))
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
    ax.legend(loc="upper left", frameon=False, labelcolor="linecolor")
    moment, then_done, then_shown = timeline.worst
    behind = then_done - then_shown
    if behind:
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
    plot_workers(timeline, above)
    plot_progress(timeline, below)
    if timeline.most_behind:
        for ax in axes:
            ax.axvline(
                timeline.worst[0], color=NOTE, linewidth=1, linestyle=(0, (2, 3)), zorder=0.5
            )
    set_title(above, timeline.headline)
    set_title(below, "")
    above.set_xlabel("")
    above.set_label(f"{timeline.headline}. {timeline.describe()}")
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
        plot_workers(run, ax, until)
        title = f"{name}: {run.makespan:.2f} s"
        set_title(ax, title)
        ax.set_label(f"{title}. {run.describe()}")
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
        finished, shown = np.sort(run.finish), np.sort(run.shown)
        times = np.unique(np.concatenate([[0.0, run.end], finished, shown]))
        times = times[~np.isnan(times)]
        done, seen = (np.searchsorted(each, times, side="right") for each in (finished, shown))
        for tasks, color in ((done - seen).clip(0), SHOWN), ((seen - done).clip(0), FINISHED):
            top = row + 0.35 - 0.6 * tasks / max(len(run), 1)
            ax.fill_between(times, row + 0.35, top, step="post", color=color, linewidth=0)
        ax.plot([0, run.end], [row + 0.35] * 2, color=NOTE, linewidth=0.8)
        ahead, behind = (seen - done).max(), run.most_behind
        word = f"{ahead} ahead" if ahead > 0 else f"{behind} behind" if behind > 1 else "honest"
        color = FINISHED if ahead > 0 else SHOWN if behind > 1 else NOTE
        ax.text(1.01, row, word, transform=ax.get_yaxis_transform(), color=color, va="center")
        if word != "honest":
            peak, side = (ahead, "left") if ahead > 0 else (behind, "right")
            x = times[np.argmax(seen - done)] if ahead > 0 else run.worst[0]
            top = row + 0.33 - 0.6 * peak / max(len(run), 1)
            ax.text(x, top, f" {peak} ", color=color, size=8, ha=side, va="bottom")
        said.append(word)
    ax.set_yticks(range(len(runs)), list(runs))
    ax.set_ylim(len(runs) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    honest = said.count("honest")
    verb = "is" if honest == 1 else "are"
    set_title(ax, f"{honest} of {len(runs)} bars {verb} never more than one task off, blinks aside")
    told = "; ".join(f"{name}: {word}" for name, word in zip(runs, said, strict=True))
    ax.set_label(f"{ax.get_title('left')}. {told}.")
    return ax


def _draw_start_up(ax: Axes, timeline: Timeline) -> None:
    """Grey from 0 to the first task, for workers that started before anything was finished."""
    for worker in range(timeline.workers):
        first = np.nanmin(timeline.start[timeline.worker == worker])
        if 0 < first <= np.nanmin(timeline.finish, initial=np.inf):
            ax.barh(worker, first, height=0.5, color=STARTING)
            if first > 0.08 * ax.get_xlim()[1]:
                ax.text(
                    first / 2, worker, "starts up", color=NOTE, size=8, ha="center", va="center"
                )


def _draw_tasks(ax: Axes, timeline: Timeline, ran: np.ndarray, until: float) -> None:
    start, lane = timeline.start[ran], timeline.worker[ran]
    end = max(timeline.end, until)
    finish = np.where(np.isnan(timeline.finish), end, timeline.finish)[ran]
    left, right, low, high = start, finish, lane - 0.25, lane + 0.25
    corners = np.stack([left, low, right, low, right, high, left, high], axis=1).reshape(-1, 4, 2)
    order = np.lexsort((start, lane))
    turn = np.empty(len(ran), dtype=int)
    turn[order] = np.arange(len(ran)) - np.searchsorted(lane[order], lane[order])
    pixels = (finish - start) / ax.get_xlim()[1] * pixels_wide(ax)
    ax.add_collection(
        PolyCollection(
            corners,
            facecolors=np.where(np.isnan(timeline.finish[ran]), RUNNING, _TURNS[turn % 2]),
            edgecolors="white",
            linewidths=1 if len(ran) and np.median(pixels) > 8 else 0,
        ),
        autolim=False,
    )
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
    height = timeline.worker[late] - 0.36
    ends = timeline.finish[late], timeline.shown[late]
    lines = [np.stack([at, height], axis=1) for at in ends]
    ax.add_collection(
        LineCollection(np.stack(lines, axis=1), colors=SHOWN, linewidths=2.5), autolim=False
    )
    ax.plot(ends[0], height, "o", color=SHOWN, markersize=5)
    ax.plot(ends[1], height, "|", color=SHOWN, markersize=7, markeredgewidth=2)
    longest = int(np.argmax(timeline.lag[late]))
    narrow = ax.bbox.height < 44 * timeline.workers
    if narrow or timeline.lag[late][longest] < 0.05 * ax.get_xlim()[1]:
        return  # no room for words between the lanes, or not worth them
    ax.annotate(
        f"task {late[longest]} is done and waits to be shown",
        (ends[0][longest], height[longest] - 0.06),
        color=SHOWN,
        size=9,
        va="bottom",
    )


def _draw_busy_share(ax: Axes, timeline: Timeline) -> None:
    edges = np.linspace(0, right_edge(timeline), 801)
    share = np.empty((timeline.workers, len(edges) - 1))
    for worker in range(timeline.workers):
        mine = timeline.worker == worker
        start, finish = np.sort(timeline.start[mine]), np.sort(timeline.finish[mine])
        finish[np.isnan(finish)] = timeline.end
        seconds = np.append(0.0, np.cumsum(finish - start))
        moments = np.ravel([start, finish], order="F")
        busy = np.interp(edges, moments, np.repeat(seconds, 2)[1:-1])
        share[worker] = np.diff(busy) / np.diff(edges)
    lanes = np.full((2 * len(share) - 1, share.shape[1]), np.nan)  # every other row is a gap
    lanes[::2] = share
    ax.imshow(
        lanes,
        cmap=BUSY,
        vmin=0,
        vmax=1,
        aspect="auto",
        interpolation="nearest",
        extent=(0, edges[-1], len(share) - 0.75, -0.25),
        zorder=1,
    )
    ax.annotate(
        "bars too thin to draw: the darker, the busier",
        (0.5, 1),
        xycoords="axes fraction",
        color=NOTE,
        size=9,
        ha="center",
        va="top",
    )
