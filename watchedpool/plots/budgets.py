"""plot_budget(): where the workers' time went, as one stacked bar per worker and one for all."""

import numpy as np
from matplotlib.axes import Axes

from watchedpool.budget import PARTS, USEFUL, Budget
from watchedpool.plots import palette
from watchedpool.plots.figure import (
    Caption,
    draw_bars,
    lanes_height,
    new_figure,
    set_caption,
    set_colors,
    set_lanes,
)
from watchedpool.plots.labels import add_label
from watchedpool.timeline import Timeline

MOST_BARS = 24  # of more workers, only the bar of all is drawn
BAR_HEIGHT = 0.7  # as a share of its lane
# For each part: its colour, the colour of text on it, and its stripes.
_STYLES = {
    "start-up": (palette.STARTUP, palette.ON_STARTUP, ""),
    "initializer": (palette.STARTUP, palette.ON_STARTUP, "//"),
    "before the first task": (palette.STARTUP, palette.ON_STARTUP, ""),
    "waiting for input": (palette.UNENDED, palette.ON_BLOCK, ""),
    "receiving": (palette.DELIVERED, palette.ON_DELIVERED, ""),
    "running": (palette.BLOCK, palette.ON_BLOCK, ""),
    "waiting in tasks": (palette.NEXT_BLOCK, palette.ON_BLOCK, "//"),
    "sending": (palette.DELIVERED, palette.ON_DELIVERED, "//"),
    "between tasks": (palette.DELIVERED, palette.ON_DELIVERED, ""),
    "idle": ("none", palette.TEXT, ""),
}


def plot_budget(timeline_or_budget: Timeline | Budget, ax: Axes | None = None) -> Axes:
    """Draw where the workers' time went: one stacked bar per worker, and one for the pool.

    The bar of the pool is the mean of its workers. A part has its name in the picture where it
    fits; the text alternative has all of them.

    Raises TypeError for anything other than a Timeline or a Budget.
    """
    spent = timeline_or_budget
    if isinstance(spent, Timeline):
        spent = spent.budget()
    if not isinstance(spent, Budget):
        raise TypeError(f"a {type(spent).__name__} has no budget; allowed are Timeline and Budget")
    workers = len(spent.workers)
    rows = np.vstack([spent.workers.sum(axis=0) / max(workers, 1), spent.workers])
    names = ["the pool", *(f"worker {worker}" for worker in range(workers))]
    if workers > MOST_BARS:
        rows, names = rows[:1], names[:1]
    if ax is None:
        ax = new_figure(lanes_height(len(rows)) + 1.1).subplots()
    set_colors(ax)
    set_lanes(ax, names)
    ax.set_xlim(0, 1.01 * rows.sum(axis=1).max(initial=0.0) or 1.0)
    ax.set_xlabel("seconds of a worker")
    begins = rows.cumsum(axis=1) - rows
    for part, name in enumerate(PARTS):
        _draw_part(ax, name, begins[:, part], rows[:, part])
    set_caption(ax, Caption(_title(spent), spent.describe()))
    return ax


def _draw_part(ax: Axes, name: str, begin: np.ndarray, seconds: np.ndarray) -> None:
    """Draw one part of every bar, with its name where it fits."""
    lane = np.flatnonzero(seconds > 0)
    color, on_it, stripes = _STYLES[name]
    begin, end = begin[lane], (begin + seconds)[lane]
    edge = palette.STRIPES if on_it == palette.ON_BLOCK else palette.TEXT
    style = {"facecolor": color, "edgecolor": edge, "hatch": stripes, "linewidth": 0.5}
    draw_bars(ax, lane, begin, end, BAR_HEIGHT, **style)
    half = BAR_HEIGHT / 2
    for bar, left, right in zip(lane.tolist(), begin.tolist(), end.tolist(), strict=True):
        box = (left, bar + half, right, bar - half)
        texts = [f"{name} {right - left:.2f} s", name]
        ground = {"facecolor": color, "edgecolor": "none", "pad": 1}
        plain = {"bbox": ground} if stripes else {}
        add_label(ax, [box], *texts, ha="center", color=on_it, size=9, **plain)


def _title(spent: Budget) -> str:
    """Return what the picture shows, in a sentence."""
    shares = spent.shares
    if not spent.workers.sum():
        return "No worker ran"
    ran = f"The workers ran tasks for {spent.useful:.0%} of their time"
    rest = {name: share for name, share in shares.items() if name not in USEFUL}
    most = max(rest, key=rest.get)
    return f"{ran}; {most}: {rest[most]:.0%}" if rest[most] >= 0.05 else ran
