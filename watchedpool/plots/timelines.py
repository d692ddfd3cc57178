"""Pictures of a Timeline.

Every `plot_*` function draws on the axes it is given, or on new ones, and returns them. Their label
is the picture's text alternative; `show` displays both. The `draw_*` functions draw the same
without a caption, for pictures that have another one.
"""

from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.ticker import MaxNLocator

from watchedpool.plots import palette
from watchedpool.plots.figure import (
    BLOCK_HEIGHT,
    Caption,
    draw_bars,
    lane_in_pixels,
    lanes_height,
    new_figure,
    prepare_axes,
    right_edge,
    set_caption,
    set_lanes,
    width_in_pixels,
)
from watchedpool.plots.labels import Box, add_label
from watchedpool.plots.waits import wait_levels, waiting
from watchedpool.schedule import check_seconds, check_whole
from watchedpool.timeline import Timeline, count_until, sorted_times

_CLEAR = (*to_rgba(palette.BLOCK)[:3], 0.0)
_BUSY_SHARE_COLORS = LinearSegmentedColormap.from_list("busy share", [_CLEAR, palette.BLOCK])
_ALTERNATING_COLORS = np.array([palette.BLOCK, palette.NEXT_BLOCK])
_MOST_NUMBERS = 80  # more numbers in one picture are clutter


def plot_workers(
    timeline: Timeline,
    ax: Axes | None = None,
    until: float = 0.0,
    title: str = "",
    lane: str = "worker",
    workers: int | None = None,
    now: float | None = None,
) -> Axes:
    """Draw one lane per worker, with each task as a bar with its number.

    Grey is the time before the worker's first task, while the worker starts up. The line above a
    bar begins with a dot when the task finishes, and ends when the task is delivered. A task that
    started and did not end is grey, with stripes. A lane without tasks is a thin line. If bars
    would be thinner than a pixel, the lanes show instead how large a share of the time the worker
    was busy.

    until: the time axis, and the bar of a task without an end, reach at least this moment.
    title: the point of the picture.
    lane: what each lane is, if it is not a worker. Only workers start up.
    workers: draw at least this many lanes.
    now: for a run in progress, the moment at which its running tasks are drawn, in seconds since
        the first submission.

    Raises ValueError if `until` or `now` is not a number of seconds, 0 or more, or if `workers` is
    not a whole number, 1 or more.
    """
    until = float(check_seconds("until", until, 1)[0])
    ax = ax or new_figure(lanes_height(_lanes(timeline, workers)) + 1.2).subplots()
    draw_workers(timeline, ax, until, lane, workers, now)
    if now is not None and not title:
        title = running_title(timeline)
    set_caption(ax, workers_caption(timeline, title, lane, workers))
    return ax


def draw_workers(
    timeline: Timeline,
    ax: Axes,
    until: float = 0.0,
    lane: str = "worker",
    workers: int | None = None,
    now: float | None = None,
) -> None:
    """Draw the lanes of `plot_workers`."""
    prepare_axes(ax, timeline, "", max(until, _checked_now(now)))
    lanes = _lanes(timeline, workers)
    set_lanes(ax, [f"{lane} {number}" for number in range(lanes)])
    ran = np.flatnonzero(~np.isnan(timeline.start))
    if lanes > timeline.workers:
        ax.hlines(range(timeline.workers, lanes), 0, ax.get_xlim()[1], colors=palette.IDLE)
    if len(ran) > 0.75 * width_in_pixels(ax) * max(timeline.workers, 1):
        _draw_busy_share(ax, timeline)
        return
    if lane == "worker":
        _draw_start_up(ax, timeline)
    _draw_tasks(ax, timeline, ran, until, now)
    _draw_waiting(ax, timeline, lanes)


def workers_caption(
    timeline: Timeline, title: str = "", lane: str = "worker", workers: int | None = None
) -> Caption:
    """Return the caption of `plot_workers`."""
    words = timeline.describe(lane)
    lanes = _lanes(timeline, workers)
    if idle := lanes - timeline.workers:
        words += f"\n{idle} {lane}{' has' if idle == 1 else 's have'} no task."
    if title:
        return Caption(title, f"{title}. {words}")
    return Caption(f"{len(timeline)} tasks on {lanes} {lane}s in {timeline.makespan:.2f} s", words)


def running_title(timeline: Timeline) -> str:
    """Return the title of a picture of a run in progress: how many tasks are delivered."""
    delivered = np.count_nonzero(~np.isnan(timeline.delivered))
    return f"Running: {delivered} of {len(timeline)} delivered"


def plot_progress(
    timeline: Timeline,
    ax: Axes | None = None,
    now: float | None = None,
    counted: str = "delivered",
) -> Axes:
    """Draw how many tasks are finished, and how many are delivered, as steps over time.

    The area between the two lines is the lag of the bar.

    now: for a run in progress, the moment that the lines reach.
    counted: what the lower line counts, such as "drawn" for a timeline that has the moments at
        which a bar drew the tasks.
    """
    ax = ax or new_figure(2.6).subplots()
    draw_progress(timeline, ax, now, counted)
    title = progress_title(timeline, counted) if now is None else running_title(timeline)
    set_caption(ax, Caption(title, timeline.describe()))
    return ax


def draw_progress(
    timeline: Timeline, ax: Axes, now: float | None = None, counted: str = "delivered"
) -> None:
    """Draw the steps of `plot_progress`."""
    until = right_edge(timeline) if now is None else max(timeline.end, _checked_now(now))
    prepare_axes(ax, timeline, "tasks", until)
    times, finished, delivered = _steps(timeline, until)
    ax.fill_between(times, delivered, finished, step="post", color=palette.LAG, linewidth=0)
    ax.step(times, finished, where="post", color=palette.FINISHED, linewidth=5, label="finished")
    ax.step(times, delivered, where="post", color=palette.DELIVERED, linewidth=2, label=counted)
    ax.set_ylim(-0.04 * max(len(timeline), 1), 1.08 * max(len(timeline), 1))
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
    row = {"ncols": 2, "columnspacing": 1, "borderaxespad": 0.2}
    place = {"loc": "lower right", "bbox_to_anchor": (1, 1)}
    ax.legend(**place, **row, frameon=False, labelcolor="linecolor")
    if behind := timeline.most_behind:
        frame = {"boxstyle": "round,pad=0.25", "facecolor": palette.DELIVERED, "linewidth": 0}
        look = {"color": palette.ON_DELIVERED, "weight": "bold", "bbox": frame}
        add_label(
            ax, _places_behind(timeline, ax), f"{behind} behind", margin=(5, 5), ha="right", **look
        )


def _places_behind(timeline: Timeline, ax: Axes) -> list[Box]:
    """Return boxes that no line crosses, for the text on the most tasks behind.

    They are left of the worst moment: between the two lines, or above both.
    """
    moment, _, delivered = timeline.worst
    finish = sorted_times(timeline.finish[timeline.finish <= moment])
    behind = len(finish) - delivered
    few = range(len(finish) - 1, delivered - 1, -max(1, ceil(behind / 50)))  # the highest first
    between = [(finish[n], delivered, moment, n + 1) for n in few]
    return [*between, (ax.get_xlim()[0], len(finish), moment, ax.get_ylim()[1])]


def progress_title(timeline: Timeline, counted: str = "delivered") -> str:
    """Return the title of `plot_progress`."""
    if behind := timeline.most_behind:
        return f"At worst {behind} finished tasks are not {counted}"
    return timeline.headline


def plot_lag(
    timeline: Timeline,
    axes: tuple[Axes, Axes] | None = None,
    workers: int | None = None,
    now: float | None = None,
) -> tuple[Axes, Axes]:
    """Draw workers above and progress below, over one time axis: why a bar lags behind the work.

    workers: draw at least this many lanes.
    now: for a run in progress, the moment at which it is drawn, in seconds since the first
        submission.

    Raises ValueError if `axes` is not a pair.
    """
    if axes is None:
        lanes = lanes_height(_lanes(timeline, workers))
        grid = {"sharex": True, "height_ratios": [max(lanes + 0.4, 1), 2.2]}
        axes = tuple(new_figure(lanes + 3.6).subplots(2, **grid))
    _check_axes(axes, 2, "one for the workers, and one for the progress below")
    draw_lag(timeline, axes, workers, now)
    set_caption(axes[0], lag_caption(timeline, workers, now is not None))
    return axes


def draw_lag(
    timeline: Timeline,
    axes: tuple[Axes, Axes],
    workers: int | None = None,
    now: float | None = None,
) -> None:
    """Draw the workers and the progress of `plot_lag`."""
    above, below = axes
    draw_progress(timeline, below, now)
    if timeline.most_behind and now is None:
        for ax in axes:
            _mark_moment(ax, timeline.worst[0])
    draw_workers(timeline, above, workers=workers, now=now)
    above.set_xlabel("")


def lag_caption(timeline: Timeline, workers: int | None = None, running: bool = False) -> Caption:
    """Return the caption of `plot_lag`."""
    title = running_title(timeline) if running else timeline.headline
    return workers_caption(timeline, title, workers=workers)


def plot_runs(runs: dict[str, Timeline], axes: tuple[Axes, ...] | None = None) -> tuple[Axes, ...]:
    """Draw the workers of each run, under its name, one run below the other over one time axis.

    Raises ValueError if `runs` is empty, or if there is not one of `axes` per run.
    """
    _check_runs(runs)
    if axes is None:
        heights = [lanes_height(run.workers) + 0.8 for run in runs.values()]
        grid = new_figure(sum(heights)).subplots(len(runs), height_ratios=heights, squeeze=False)
        axes = tuple(grid[:, 0])
    _check_axes(axes, len(runs), "one per run")
    until = max(right_edge(run) for run in runs.values())
    for ax, (name, run) in zip(axes, runs.items(), strict=True):
        took = "not finished" if run.missing else f"{run.makespan:.2f} s"
        plot_workers(run, ax, until, f"{name}: {took}")
        if ax is not axes[-1]:
            ax.set_xlabel("")
            ax.tick_params(labelbottom=False)
    return axes


def plot_behind(runs: dict[str, Timeline], ax: Axes | None = None) -> Axes:
    """Draw one row per bar, over one time axis: how far its count is from the finished tasks.

    The height of a shape is how many finished tasks the bar does not count, or how many tasks it
    counts too early. The greatest height is written to the right of the row.

    Raises ValueError if `runs` is empty.
    """
    _check_runs(runs)
    ax = ax or new_figure(0.38 * len(runs) + 1.1).subplots()
    prepare_axes(ax, max(runs.values(), key=right_edge), "")
    verdicts = [_draw_difference(ax, row, run) for row, run in enumerate(runs.values())]
    set_lanes(ax, list(runs))
    honest = verdicts.count("honest")
    verb = "is" if honest == 1 else "are"
    title = (
        f"{honest} of {len(runs)} bars {verb} never more than one task off, "
        "not counting brief delays"
    )
    words = "; ".join(f"{name}: {verdict}" for name, verdict in zip(runs, verdicts, strict=True))
    set_caption(ax, Caption(title, f"{title}. {words}."))
    return ax


def _draw_difference(ax: Axes, row: int, run: Timeline) -> str:
    """Draw the row of one bar in `plot_behind`; return what is wrong with the bar."""
    floor, scale = row + 0.35, 0.6 / max(len(run), 1)
    times, finished, delivered = _steps(run, run.end)
    behind, ahead = (finished - delivered).clip(0), (delivered - finished).clip(0)
    for tasks, color in (behind, palette.DELIVERED), (ahead, palette.FINISHED):
        ax.fill_between(times, floor, floor - scale * tasks, step="post", color=color, linewidth=0)
    ax.plot([0, run.end], [floor, floor], color=palette.TEXT, linewidth=0.8)
    verdict, color = "honest", palette.TEXT
    if run.most_ahead:
        verdict, color = f"{run.most_ahead} ahead", palette.FINISHED
    elif run.most_behind > 1:
        verdict, color = f"{run.most_behind} behind", palette.DELIVERED
    ax.text(1.01, row, verdict, transform=ax.get_yaxis_transform(), color=color, va="center")
    return verdict


def _check_runs(runs: dict[str, Timeline]) -> None:
    """Raise ValueError if there is no run to draw."""
    if not runs:
        raise ValueError(f"runs is {runs!r}; allowed is one Timeline or more, by name")


def _check_axes(axes: tuple[Axes, ...], number: int, what: str) -> None:
    """Raise ValueError if there are not this many axes."""
    if len(axes) != number:
        raise ValueError(f"axes has length {len(axes)}; allowed is {number}: {what}")


def _mark_moment(ax: Axes, moment: float) -> None:
    ax.axvline(moment, color=palette.TEXT, linewidth=1, linestyle=(0, (2, 3)), zorder=0.5)


def _steps(timeline: Timeline, until: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return moments up to `until`, and how many tasks were finished and delivered at each.

    They are all the moments at which a number changes, or about as many as a picture has pixels.
    """
    times = np.unique(np.concatenate([[0.0, until], timeline.finish, timeline.delivered]))
    times = times[~np.isnan(times)]
    if len(times) > 4000:
        times = np.linspace(0.0, until, 2000)
    return times, count_until(timeline.finish, times), count_until(timeline.delivered, times)


def _lanes(timeline: Timeline, workers: int | None) -> int:
    """Return how many lanes to draw; raise ValueError if `workers` is not a number of them."""
    return max(timeline.workers, 0 if workers is None else check_whole("workers", workers))


def _checked_now(now: float | None) -> float:
    """Return `now`, or 0 if the run is not in progress; raise ValueError if it is not seconds."""
    return 0.0 if now is None else float(check_seconds("now", now, 1)[0])


def _block(lane: float, start: float, finish: float) -> Box:
    """Return the box of a block in a lane."""
    return start, lane - BLOCK_HEIGHT / 2, finish, lane + BLOCK_HEIGHT / 2


def _draw_start_up(ax: Axes, timeline: Timeline) -> None:
    """Draw grey from 0 to the first task, for workers that started before any task finished."""
    look = {"color": palette.ON_STARTUP, "size": 8, "ha": "center"}
    for worker, first in enumerate(timeline.startup):
        if 0 < first <= np.nanmin(timeline.finish, initial=np.inf):
            ax.barh(worker, first, height=BLOCK_HEIGHT, color=palette.STARTUP)
            add_label(ax, [_block(worker, 0, first)], "starts up", **look)


def _draw_tasks(
    ax: Axes, timeline: Timeline, ran: np.ndarray, until: float, now: float | None
) -> None:
    """Draw the tasks in the rows `ran` as blocks with numbers, where a number fits."""
    start, lane, finish = timeline.start[ran], timeline.worker[ran], timeline.finish[ran]
    unended = np.isnan(finish)
    end = max(timeline.end, until) if now is None else now
    finish = np.where(unended, np.maximum(end, start), finish)
    order = np.lexsort((start, lane))
    place = np.empty(len(ran), dtype=int)  # of each task in its lane
    place[order] = np.arange(len(ran)) - np.searchsorted(lane[order], lane[order])
    if now is not None:
        unended[:] = False
    seconds_per_pixel = ax.get_xlim()[1] / width_in_pixels(ax)
    gap = np.minimum(seconds_per_pixel, (finish - start) / 4)  # between two blocks
    for rows, look in (
        (~unended, {"facecolors": _ALTERNATING_COLORS[place[~unended] % 2]}),
        (unended, {"facecolors": palette.UNENDED, "hatch": "//", "edgecolors": palette.STRIPES}),
    ):
        if rows.any():
            look |= {"linewidths": 0}
            draw_bars(ax, lane[rows], start[rows], (finish - gap)[rows], BLOCK_HEIGHT, **look)
    fits = finish - start > 7 * len(str(len(timeline))) * seconds_per_pixel
    if fits.sum() > _MOST_NUMBERS:
        return
    look = {"color": palette.ON_BLOCK, "weight": "bold", "ha": "center"}
    clear = {"facecolor": palette.UNENDED, "linewidth": 0, "pad": 1}
    for at in np.flatnonzero(fits):
        box = [_block(lane[at], start[at], finish[at])]
        if unended[at]:
            add_label(ax, box, f"{ran[at]}: no end", f"{ran[at]}", bbox=clear, **look)
        else:
            add_label(ax, box, f"{ran[at]}", **look)


def _draw_waiting(ax: Axes, timeline: Timeline, lanes: int) -> None:
    """Draw a line above the block from a task's finish until its delivery, if that took long.

    Tasks of one lane that wait at the same time have lines above each other. More than 400 lines
    would cover each other: then none is drawn.
    """
    late = waiting(timeline)
    if not 0 < len(late) <= 400:
        return
    level = wait_levels(timeline, late)
    floor = timeline.worker[late] - BLOCK_HEIGHT / 2
    spacing = 0.09
    height = floor - spacing * (level + 1)
    lag, finish, delivered = timeline.lag[late], timeline.finish[late], timeline.delivered[late]
    points = 0.72 * lane_in_pixels(ax, lanes) * spacing  # between two lines
    color, width = palette.DELIVERED, min(2.5, 0.9 * points)
    ax.hlines(height, finish, delivered, colors=color, linewidth=width)
    if points > 1.5:
        ax.plot(finish, height, "o", color=color, markersize=2 * width)
        ax.plot(delivered, height, "|", color=color, markersize=2.8 * width, markeredgewidth=2)
    crowded = np.unique(timeline.worker[late][level > 0])
    alone = np.flatnonzero(~np.isin(timeline.worker[late], crowded))
    if len(alone):
        longest = alone[np.argmax(lag[alone])]
        bottom, top = height[longest] - 0.04, floor[longest] - 1 + BLOCK_HEIGHT
        box = finish[longest], bottom, delivered[longest], top
        texts = ("is done and waits to be delivered", "waits to be delivered", "waits")
        texts = [f"task {late[longest]} {text}" for text in texts]
        add_label(ax, [box], *texts, color=color, size=9, ha="left")


def _draw_busy_share(ax: Axes, timeline: Timeline) -> None:
    """Draw how busy each worker was, as shades of one colour over time."""
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
    extent = (0, edges[-1], len(share) - 0.75, -0.25)
    ax.imshow(_BUSY_SHARE_COLORS(lanes, bytes=True), extent=extent, **look)
    words = "bars too thin to draw: the stronger the colour, the busier"
    above = {"transform": ax.transAxes, "ha": "center", "va": "top"}
    ax.text(0.5, 1, words, color=palette.TEXT, size=9, **above)
