"""What all pictures share: figures, axes, captions, and how they are displayed.

Figures are made without pyplot, so there is no global state and no figure stays open.
"""

from base64 import b64encode
from html import escape
from io import BytesIO
from math import ceil
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, Locator

from watchedpool.plots import palette
from watchedpool.timeline import Timeline

DPI = 120
BLOCK_HEIGHT = 0.5  # of a task's block, as a share of its lane


class Caption(NamedTuple):
    """A picture in words: its title, which states the point, and its text alternative."""

    title: str
    alternative: str


def show(axes: Axes | tuple[Axes, ...]) -> None:
    """Display the figure of `axes` in a notebook, with its text alternative."""
    from IPython.display import display  # here: figures can be drawn and saved without IPython

    bundle, metadata = bundled(axes)
    display(bundle, raw=True, metadata=metadata)


def bundled(axes: Axes | tuple[Axes, ...]) -> tuple[dict[str, str], dict[str, dict]]:
    """Return the data and the metadata of a notebook output with the figure of `axes`.

    The picture is wrapped in HTML, because JupyterLab and nbconvert read an alt text nowhere else.
    The bare PNG next to it is for programs that show the notebook file without its HTML.
    """
    axes = axes if isinstance(axes, tuple) else (axes,)
    figure = axes[0].figure
    png = b64encode(small_png(figure)).decode()
    alt = alternative(axes)
    width = round(figure.get_figwidth() * 100)
    image = f'<img alt="{escape(alt)}" width="{width}" src="data:image/png;base64,{png}">'
    bundle = {"text/html": image, "image/png": png, "text/plain": alt}
    return bundle, {"image/png": {"alt": alt, "width": width}}


def small_png(figure: Figure) -> bytes:
    """Return the figure as a transparent PNG. With 128 colours, it has a third of the bytes."""
    from PIL import Image

    large, small = BytesIO(), BytesIO()
    figure.savefig(large, dpi=DPI)
    picture = Image.open(large).quantize(128, Image.Quantize.FASTOCTREE)
    picture.save(small, "PNG", optimize=True)
    return small.getvalue()


def alternative(axes: tuple[Axes, ...]) -> str:
    """Return the text alternative of a picture."""
    return " ".join(ax.get_label() for ax in axes if ax.get_label())


def new_figure(height: float) -> Figure:
    """Return an empty, transparent figure, as wide as a notebook and `height` inches high."""
    figure = Figure(figsize=(9.2, height), layout="constrained", facecolor="none")
    figure.get_layout_engine().set(h_pad=0.1)  # inches, between it and what the cell printed
    return figure


def lanes_height(lanes: int) -> float:
    """Return the height of this many lanes, in inches: more than twelve become narrower."""
    return max(lanes, 1) * min(0.45, max(0.16, 5.4 / max(lanes, 1)))


def set_colors(ax: Axes) -> None:
    """Set the colours of axes so that they are readable on light and dark grounds."""
    ax.set_facecolor("none")
    ax.tick_params(colors=palette.TEXT)
    for part in (ax.xaxis.label, ax.yaxis.label, *ax.spines.values()):
        part.set_color(palette.TEXT)
    ax.spines[["top", "right"]].set_visible(False)


def prepare_axes(ax: Axes, timeline: Timeline, ylabel: str, until: float = 0.0) -> None:
    """Set up what the pictures share: the time axis, a faint grid, and no frame."""
    set_colors(ax)
    ax.set_xlim(0, max(right_edge(timeline), until))
    ax.set_xlabel("seconds since the first task was submitted")
    ax.set_ylabel(ylabel)
    ax.grid(axis="x", color=palette.GRID)
    ax.set_axisbelow(True)


class _LaneLocator(Locator):
    """Places a tick at every lane, or at every second one and so on if the names would overlap."""

    def __init__(self, lanes: int) -> None:
        self._lanes = lanes

    def __call__(self) -> list[int]:
        ax = self.axis.axes
        label = self.axis.get_major_ticks(1)[0].label1.get_fontsize() * ax.figure.dpi / 72
        return list(range(0, self._lanes, ceil(1.4 * label / lane_in_pixels(ax, self._lanes))))


def set_lanes(ax: Axes, names: list[str]) -> None:
    """Name the lanes, from the top, and leave space for text above the first."""
    ax.set_ylim(max(len(names), 1) - 0.4, -0.75)
    ax.yaxis.set_major_locator(_LaneLocator(len(names)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda lane, _: names[round(lane)]))
    ax.tick_params(axis="y", length=0)


def lane_in_pixels(ax: Axes, lanes: int) -> float:
    """Return the height of one of the lanes, in pixels."""
    return ax.bbox.height / (max(lanes, 1) + 0.35)


def draw_bars(
    ax: Axes, lane: np.ndarray, start: np.ndarray, finish: np.ndarray, height: float, **style: Any
) -> None:
    """Draw one bar per task, in its lane, from start to finish."""
    low, high = lane - height / 2, lane + height / 2
    corners = np.stack([start, low, finish, low, finish, high, start, high], axis=1)
    ax.add_collection(PolyCollection(corners.reshape(-1, 4, 2), **style), autolim=False)


def set_title(ax: Axes, title: str) -> None:
    """Set the title, which states the point of the picture, above its left edge."""
    ax.set_title(title, loc="left", weight="bold", color=palette.TEXT)


def set_caption(ax: Axes, caption: Caption) -> None:
    """Set the title, and keep the text alternative as the label of the axes."""
    set_title(ax, caption.title)
    ax.set_label(caption.alternative)


def right_edge(timeline: Timeline) -> float:
    """Return where the time axis ends, in seconds: a little after the last event."""
    return 1.02 * timeline.end or 1.0


def width_in_pixels(ax: Axes) -> float:
    """Return the width of the figure on a page, in pixels."""
    return ax.figure.get_figwidth() * 100
