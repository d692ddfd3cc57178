"""What all pictures share: figures, colours, axes, captions, and how they are displayed.

Figures are made without pyplot, so there is no global state and no figure stays open.
"""

from base64 import b64encode
from html import escape
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from watchedpool.timeline import Timeline

# The blue and the vermilion of Okabe and Ito, which colour-blind readers can tell apart. Both are
# darkened, because text is set in them or on them: the contrast with white is 4.5 (WCAG AA).
FINISHED_COLOR = "#0072b2"
ALTERNATE_COLOR = "#005685"  # every other task of a lane: neighbours stay distinct
DELIVERED_COLOR = "#b24700"
LAG_COLOR = "#fae9de"  # between finished and delivered
RUNNING_COLOR = "#33708f"  # a task without an end
STARTUP_COLOR = "#e4e4e4"
NOTE_COLOR = "#595959"
DPI = 120


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
    from PIL import Image

    axes = axes if isinstance(axes, tuple) else (axes,)
    figure = axes[0].figure
    large, small = BytesIO(), BytesIO()
    figure.savefig(large, dpi=DPI)
    # With 64 colours, the file has a quarter of the bytes.
    picture = Image.open(large).convert("RGB").quantize(64, dither=Image.Dither.NONE)
    picture.save(small, "PNG", optimize=True)
    png = b64encode(small.getvalue()).decode()
    alt = alternative(axes)
    width = round(figure.get_figwidth() * 100)
    image = f'<img alt="{escape(alt)}" width="{width}" src="data:image/png;base64,{png}">'
    bundle = {"text/html": image, "image/png": png, "text/plain": alt}
    return bundle, {"image/png": {"alt": alt, "width": width}}


def alternative(axes: tuple[Axes, ...]) -> str:
    """Return the text alternative of a picture."""
    return " ".join(ax.get_label() for ax in axes if ax.get_label())


def new_figure(height: float) -> Figure:
    """Return an empty figure, as wide as a notebook and `height` inches high."""
    figure = Figure(figsize=(9.2, height), layout="constrained", facecolor="white")
    figure.get_layout_engine().set(h_pad=0.1)  # inches, between it and what the cell printed
    return figure


def prepare_axes(ax: Axes, timeline: Timeline, ylabel: str, until: float = 0.0) -> None:
    """Set up what the pictures share: the time axis, a faint grid, and no frame."""
    ax.set_xlim(0, max(right_edge(timeline), until))
    ax.set_xlabel("seconds since the first task was submitted")
    ax.set_ylabel(ylabel)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="x", color="#eeeeee")
    ax.set_axisbelow(True)


def set_lanes(ax: Axes, names: list[str]) -> None:
    """Name the lanes, from the top, and leave space for text above the first."""
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.75)
    ax.tick_params(axis="y", length=0)


def draw_bars(
    ax: Axes, lane: np.ndarray, start: np.ndarray, finish: np.ndarray, height: float, **style: Any
) -> None:
    """Draw one bar per task, in its lane, from start to finish."""
    low, high = lane - height / 2, lane + height / 2
    corners = np.stack([start, low, finish, low, finish, high, start, high], axis=1)
    ax.add_collection(PolyCollection(corners.reshape(-1, 4, 2), **style), autolim=False)


def set_title(ax: Axes, title: str) -> None:
    """Set the title, which states the point of the picture, above its left edge."""
    ax.set_title(title, loc="left", weight="bold")


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
