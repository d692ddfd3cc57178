"""Pictures of a Timeline.

Every `plot_*` function draws on the axes it is given, or on new ones, and returns them. Their label
is the picture's text alternative; `show` displays both. The `draw_*` functions draw the same
without a caption, for pictures that have another one.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import MaxNLocator

from watchedpool.plots.figure import (
    ALTERNATE_COLOR,
    DELIVERED_COLOR,
    FINISHED_COLOR,
    LAG_COLOR,
    NOTE_COLOR,
    RUNNING_COLOR,
    STARTUP_COLOR,
    Caption,
    draw_bars,
    new_figure,
    prepare_axes,
    right_edge,
    set_caption,
    set_lanes,
    width_in_pixels,
)
from watchedpool.schedule import check_seconds
from watchedpool.timeline import Timeline, count_until, sorted_times

_BUSY_SHARE_COLORS = LinearSegmentedColormap.from_list("busy share", ["#ffffff", ALTERNATE_COLOR])
_ALTERNATING_COLORS = np.array([FINISHED_COLOR, ALTERNATE_COLOR])


def plot_workers(
    timeline: Timeline,
    ax: Axes | None = None,
    until: float = 0.0,
    title: str = "",
    lane: str = "worker",
) -> Axes:
    """Draw one lane per worker, with each task as a bar with its number.

    Grey is the time before the worker's first task, while the worker starts up. The line above a
    bar begins with a dot when the task finishes, and ends when the task is delivered. A task that
    started and did not end has a different colour. If bars would be thinner than a pixel, the lanes
    show instead how large a share of the time the worker was busy.

    until: the time axis, and the bar of a task without an end, reach at least this moment.
    title: the point of the picture.
    lane: what each lane is, if it is not a worker. Only workers start up.

    Raises ValueError if `until` is not a number of seconds, 0 or more.
    """
    until = float(check_seconds("until", until, 1)[0])
    ax = ax or new_figure(0.45 * timeline.workers + 1.2).subplots()
    draw_workers(timeline, ax, until, lane)
    set_caption(ax, workers_caption(timeline, title, lane))
    return ax


def draw_workers(timeline: Timeline, ax: Axes, until: float = 0.0, lane: str = "worker") -> None:
    """Draw the lanes of `plot_workers`."""
    prepare_axes(ax, timeline, "", until)
    ran = np.flatnonzero(~np.isnan(timeline.start))
    if len(ran) > 0.75 * width_in_pixels(ax) * timeline.workers:
        _draw_busy_share(ax, timeline)
    else:
        if lane == "worker":
            _draw_start_up(ax, timeline)
        _draw_tasks(ax, timeline, ran, until)
        _draw_waiting(ax, timeline)
    set_lanes(ax, [f"{lane} {number}" for number in range(timeline.workers)])


def workers_caption(timeline: Timeline, title: str = "", lane: str = "worker") -> Caption:
    """Return the caption of `plot_workers`."""
    words = timeline.describe(lane)
    if title:
        return Caption(title, f"{title}. {words}")
    tasks, workers = len(timeline), timeline.workers
    return Caption(f"{tasks} tasks on {workers} {lane}s in {timeline.makespan:.2f} s", words)


def plot_progress(timeline: Timeline, ax: Axes | None = None) -> Axes:
    """Draw how many tasks are finished, and how many are delivered, as steps over time.

    The area between the two lines is the lag of the bar.
    """
    ax = ax or new_figure(2.6).subplots()
    draw_progress(timeline, ax)
    set_caption(ax, Caption(progress_title(timeline), timeline.describe()))
    return ax


def draw_progress(timeline: Timeline, ax: Axes) -> None:
    """Draw the steps of `plot_progress`."""
    prepare_axes(ax, timeline, "tasks")
    times, finished, delivered = _steps(timeline, right_edge(timeline))
    ax.fill_between(times, delivered, finished, step="post", color=LAG_COLOR, linewidth=0)
    ax.step(times, finished, where="post", color=FINISHED_COLOR, linewidth=5, label="finished")
    ax.step(times, delivered, where="post", color=DELIVERED_COLOR, linewidth=2, label="delivered")
    ax.set_ylim(-0.04 * max(len(timeline), 1), 1.08 * max(len(timeline), 1))
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
    ax.legend(loc="upper left", frameon=False, labelcolor="linecolor")
    if behind := timeline.most_behind:
        moment, then_finished, then_delivered = timeline.worst
        middle = (then_finished + then_delivered) / 2
        side = "right" if moment > 0.2 * right_edge(timeline) else "left"
        look = {"color": DELIVERED_COLOR, "weight": "bold", "ha": side}
        ax.text(moment, middle, f"{behind} behind ", **look)


def progress_title(timeline: Timeline) -> str:
    """Return the title of `plot_progress`."""
    if behind := timeline.most_behind:
        return f"At worst {behind} finished tasks are not delivered"
    return timeline.headline


def plot_lag(timeline: Timeline, axes: tuple[Axes, Axes] | None = None) -> tuple[Axes, Axes]:
    """Draw workers above and progress below, over one time axis: why a bar lags behind the work.

    Raises ValueError if `axes` is not a pair.
    """
    if axes is None:
        height = 0.45 * timeline.workers + 3.6
        ratios = [max(height - 3.2, 1), 2.2]
        axes = tuple(new_figure(height).subplots(2, sharex=True, height_ratios=ratios))
    _check_axes(axes, 2, "one for the workers, and one for the progress below")
    draw_lag(timeline, axes)
    set_caption(axes[0], lag_caption(timeline))
    return axes


def draw_lag(timeline: Timeline, axes: tuple[Axes, Axes]) -> None:
    """Draw the workers and the progress of `plot_lag`."""
    above, below = axes
    draw_progress(timeline, below)
    if timeline.most_behind:
        for ax in axes:
            _mark_moment(ax, timeline.worst[0])
    draw_workers(timeline, above)
    above.set_xlabel("")


def lag_caption(timeline: Timeline) -> Caption:
    """Return the caption of `plot_lag`."""
    return workers_caption(timeline, timeline.headline)


def plot_runs(runs: dict[str, Timeline], axes: tuple[Axes, ...] | None = None) -> tuple[Axes, ...]:
    """Draw the workers of each run, under its name, one run below the other over one time axis.

    Raises ValueError if `runs` is empty, or if there is not one of `axes` per run.
    """
    _check_runs(runs)
    if axes is None:
        heights = [0.45 * run.workers + 0.8 for run in runs.values()]
        grid = new_figure(sum(heights)).subplots(len(runs), height_ratios=heights, squeeze=False)
        axes = tuple(grid[:, 0])
    _check_axes(axes, len(runs), "one per run")
    until = max(right_edge(run) for run in runs.values())
    for ax, (name, run) in zip(axes, runs.items(), strict=True):
        took = "not finished" if run.missing else f"{run.makespan:.2f} s"
        plot_workers(run, ax, until, f"{name}: {took}")
        if ax is not axes[-1]:
            ax.set_xlabel("")
    return axes


def plot_behind(runs: dict[str, Timeline], ax: Axes | None = None) -> Axes:
    """Draw one row per bar, over one time axis: how far its count is from the finished tasks.

    The height of a shape is how many finished tasks the bar does not count, or how many tasks it
    counts too early. The number at the peak is the greatest height. An honest bar has none.

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
    for tasks, color in (behind, DELIVERED_COLOR), (ahead, FINISHED_COLOR):
        ax.fill_between(times, floor, floor - scale * tasks, step="post", color=color, linewidth=0)
    ax.plot([0, run.end], [floor, floor], color=NOTE_COLOR, linewidth=0.8)
    verdict, color, peak, moment, side = "honest", NOTE_COLOR, 0, 0.0, "left"
    if run.most_ahead:
        peak, moment = run.most_ahead, times[np.argmax(ahead)]
        verdict, color = f"{peak} ahead", FINISHED_COLOR
    elif run.most_behind > 1:
        peak, moment, side = run.most_behind, run.worst[0], "right"
        verdict, color = f"{peak} behind", DELIVERED_COLOR
    if peak:
        top = floor - 0.02 - scale * peak
        ax.text(moment, top, f" {peak} ", color=color, size=8, ha=side, va="bottom")
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
    ax.axvline(moment, color=NOTE_COLOR, linewidth=1, linestyle=(0, (2, 3)), zorder=0.5)


def _steps(timeline: Timeline, until: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return moments up to `until`, and how many tasks were finished and delivered at each.

    They are all the moments at which a number changes, or about as many as a picture has pixels.
    """
    times = np.unique(np.concatenate([[0.0, until], timeline.finish, timeline.delivered]))
    times = times[~np.isnan(times)]
    if len(times) > 4000:
        times = np.linspace(0.0, until, 2000)
    return times, count_until(timeline.finish, times), count_until(timeline.delivered, times)


def _draw_start_up(ax: Axes, timeline: Timeline) -> None:
    """Draw grey from 0 to the first task, for workers that started before any task finished."""
    for worker, first in enumerate(timeline.startup):
        if 0 < first <= np.nanmin(timeline.finish, initial=np.inf):
            ax.barh(worker, first, height=0.5, color=STARTUP_COLOR)
            if first > 0.08 * ax.get_xlim()[1]:
                words = {"color": NOTE_COLOR, "size": 8, "ha": "center", "va": "center"}
                ax.text(first / 2, worker, "starts up", **words)


def _draw_tasks(ax: Axes, timeline: Timeline, ran: np.ndarray, until: float) -> None:
    """Draw the tasks in the rows `ran` as bars with numbers, where a number fits."""
    start, lane = timeline.start[ran], timeline.worker[ran]
    end = max(timeline.end, until)
    finish = np.where(np.isnan(timeline.finish), end, timeline.finish)[ran]
    order = np.lexsort((start, lane))
    place = np.empty(len(ran), dtype=int)  # of each task in its lane
    place[order] = np.arange(len(ran)) - np.searchsorted(lane[order], lane[order])
    pixels = (finish - start) / ax.get_xlim()[1] * width_in_pixels(ax)
    colors = np.where(np.isnan(timeline.finish[ran]), RUNNING_COLOR, _ALTERNATING_COLORS[place % 2])
    edge = 1 if len(ran) and np.median(pixels) > 8 else 0
    draw_bars(ax, lane, start, finish, 0.5, facecolors=colors, edgecolors="white", linewidths=edge)
    open_ended = np.isnan(timeline.finish[ran]) & (until > timeline.end) & (pixels > 90)
    for x, y in zip(finish[open_ended], lane[open_ended], strict=True):
        ax.text(x, y, "no end  ", color="white", size=9, ha="right", va="center")
    fits = pixels > 9 * len(str(len(timeline)))
    if fits.sum() <= 80:
        for row, x, y in zip(ran[fits], (start + finish)[fits] / 2, lane[fits], strict=True):
            ax.text(x, y, str(row), color="white", weight="bold", ha="center", va="center")


def _draw_waiting(ax: Axes, timeline: Timeline) -> None:
    """Draw a line above the bar from a task's finish until its delivery, if that took long.

    More than 400 lines would cover each other: then none is drawn.
    """
    late = np.flatnonzero(timeline.lag > timeline.wait_threshold)
    if not 0 < len(late) <= 400:
        return
    height, lag = timeline.worker[late] - 0.36, timeline.lag[late]
    finish, delivered = timeline.finish[late], timeline.delivered[late]
    ax.hlines(height, finish, delivered, colors=DELIVERED_COLOR, linewidth=2.5)
    ax.plot(finish, height, "o", color=DELIVERED_COLOR, markersize=5)
    ax.plot(delivered, height, "|", color=DELIVERED_COLOR, markersize=7, markeredgewidth=2)
    longest = int(np.argmax(lag))
    narrow = ax.bbox.height < 44 * timeline.workers
    if not narrow and lag[longest] >= 0.05 * ax.get_xlim()[1]:
        words = f"task {late[longest]} is done and waits to be delivered"
        look = {"color": DELIVERED_COLOR, "size": 9, "va": "bottom"}
        ax.text(finish[longest], height[longest] - 0.06, words, **look)


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
    words = "bars too thin to draw: the darker, the busier"
    above = {"transform": ax.transAxes, "ha": "center", "va": "top"}
    ax.text(0.5, 1, words, color=NOTE_COLOR, size=9, **above)
