"""What the pictures share: figures, colours, axes, titles, and how they are shown.

Figures are made without pyplot: nothing is global, nothing is left open.
"""

from base64 import b64encode
from html import escape
from io import BytesIO
from typing import Any

import numpy as np
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from PIL import Image

from helpers.timeline import Timeline

# Okabe and Ito's blue and vermilion, which colour-blind readers tell apart; darkened where text
# is set in them or on them, for a contrast of 4.5 against white (WCAG AA).
FINISHED, FINISHED_2 = "#0072b2", "#005685"
SHOWN, SHADE = "#b24700", "#fae9de"
STARTING, NOTE, RUNNING = "#e4e4e4", "#595959", "#33708f"
DPI = 120


def show(axes: Axes | tuple[Axes, ...]) -> None:
    """Display the figure of `axes` as a picture with its text alternative."""
    bundle, metadata = bundled(axes)
    display(bundle, raw=True, metadata=metadata)


def bundled(axes: Axes | tuple[Axes, ...]) -> tuple[dict[str, str], dict[str, dict]]:
    """Return the figure of `axes` as the data, and the metadata, of a notebook's output.

    The picture is wrapped in HTML because JupyterLab and nbconvert take an alt text from nowhere
    else; the bare PNG beside it is for readers of the notebook file that show no HTML.
    """
    axes = axes if isinstance(axes, tuple) else (axes,)
    figure = axes[0].figure
    large, small = BytesIO(), BytesIO()
    figure.savefig(large, dpi=DPI)
    # 64 colours: a quarter of the bytes.
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
    figure.get_layout_engine().set(h_pad=0.1)  # inches, below what the cell has printed
    return figure


def prepare(ax: Axes, timeline: Timeline, ylabel: str, until: float = 0.0) -> None:
    """Set up what the pictures share: the time axis, and little ink."""
    ax.set_xlim(0, max(right_edge(timeline), until))
    ax.set_xlabel("seconds since the first task was submitted")
    ax.set_ylabel(ylabel)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="x", color="#eeeeee")
    ax.set_axisbelow(True)


def set_lanes(ax: Axes, names: list[str]) -> None:
    """Give each lane its name; the first is at the top, with room for words above it."""
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.75)
    ax.tick_params(axis="y", length=0)


def draw_bars(
    ax: Axes, lane: np.ndarray, start: np.ndarray, finish: np.ndarray, height: float, **style: Any
) -> None:
    """Draw a bar for each task, in its lane, from start to finish."""
    low, high = lane - height / 2, lane + height / 2
    corners = np.stack([start, low, finish, low, finish, high, start, high], axis=1)
    ax.add_collection(PolyCollection(corners.reshape(-1, 4, 2), **style), autolim=False)


def set_title(ax: Axes, title: str) -> None:
    """Set the title, which states the point of the picture, above its left edge."""
    ax.set_title(title, loc="left", weight="bold")


def right_edge(timeline: Timeline) -> float:
    """Return where the time axis ends, in seconds: a little after the last thing that happened."""
    return 1.02 * timeline.end or 1.0


def pixels_wide(ax: Axes) -> float:
    """Return how many pixels the figure is wide where a page shows it."""
    return ax.figure.get_figwidth() * 100
