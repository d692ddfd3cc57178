"""What the widgets are made of: labelled controls, one picture kept and redrawn, and its words.

A reader without widgets (nbconvert, GitHub, a stored notebook) sees the picture as it stands,
and a cell that shows it without controls.
"""

import threading
from base64 import b64encode
from collections.abc import Callable, Sequence
from html import escape
from io import BytesIO
from reprlib import repr as short
from typing import Any

import ipywidgets as widgets
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from helpers.plots import alternative, bundled
from helpers.widgets import live

WIDTH = 600  # pixels of a picture; with its words beside it, it fits a window of 1,000
Work = Callable[[threading.Event, dict], str | None]
# ipywidgets gives its sliders no name that a screen reader could say. Once a picture is there:
_NAME_SLIDERS = (
    "setTimeout(() => this.closest('.watched-panel')?.querySelectorAll('.widget-slider').forEach("
    "slider => slider.querySelector('[role=slider]').setAttribute("
    "'aria-label', slider.querySelector('label').textContent)), 100)"
)
_drawing = threading.RLock()  # a run draws in its own thread, a slider in the kernel's


class Picture:
    """One figure, kept, whose drawing replaces an image of constant size."""

    def __init__(self, *heights: int, sharex: bool = False) -> None:
        """Make axes of these heights, in pixels, one below the other."""
        self.height = sum(heights)
        size = WIDTH / 100, (self.height + 0.1) / 100  # matplotlib 3.10 cuts 459.99… pixels to 459
        self.figure = Figure(figsize=size, dpi=100, facecolor="white")
        grid = {"sharex": sharex, "height_ratios": heights, "squeeze": False}
        self.axes = tuple(self.figure.subplots(len(heights), **grid).flat)
        top, bottom = 1 - 30 / self.height, 46 / self.height
        between = 0.3 if sharex else 0.6
        self.figure.subplots_adjust(left=0.12, right=0.98, top=top, bottom=bottom, hspace=between)
        for ax in self.axes:
            ax.xaxis.set_major_locator(MaxNLocator(6))
        self._canvas = FigureCanvasAgg(self.figure)
        size = {"width": f"{WIDTH}px", "height": f"{self.height + 4}px"}
        self.widget = widgets.HTML(layout=size)

    def draw(self, plot: Callable[[tuple[Axes, ...]], object]) -> None:
        """Let `plot` draw on the axes, emptied, and show the result."""
        with _drawing:
            for ax in self.axes:
                _wipe(ax)
            with rc_context({"axes.titlesize": 11, "axes.titley": 1.02}):
                plot(self.axes)
            self._canvas.draw()
            pixels = Image.frombuffer("RGBA", (WIDTH, self.height), self._canvas.buffer_rgba())
            png = BytesIO()
            pixels.convert("RGB").save(png, "PNG", compress_level=1)
            self.widget.value = (
                f'<img alt="{escape(alternative(self.axes))}" width="{WIDTH}" '
                f'height="{self.height}" style="max-width: 100%; object-fit: contain" '
                f'onload="{_NAME_SLIDERS}" '
                f'src="data:image/png;base64,{b64encode(png.getvalue()).decode()}">'
            )

    def bundled(self) -> tuple[dict[str, str], dict[str, dict]]:
        """Return the picture as the data, and the metadata, of a notebook's output."""
        with _drawing:
            return bundled(self.axes)


class Panel:
    """Controls, a picture and its words. Jupyter displays it where it is the result of a cell."""

    def __init__(
        self,
        values: dict[str, Any],
        allowed: dict[str, range | tuple],
        picture: Picture,
        redraw: Callable[[dict], str],
        plain: Callable[[dict], str],
        only: Sequence[str] | None = None,
    ) -> None:
        """Draw the picture for the values, now and whenever a control changes one.

        allowed: for each value that has a control, the numbers of its slider or the options of its
            menu. What is none of them is said in the panel, and replaced by the first.
        redraw: gets the values by name, draws the picture and returns its words. A ValueError is
            said in the panel, and the picture stays. plain: returns a cell that shows the same
            picture without the panel. only: the names of the controls to show.
        """
        live.stop_latest()  # a cell that is run again ends the run of its first panel
        self._fixed, self.picture, self._redraw, self._plain = {}, picture, redraw, plain
        self.controls: dict[str, widgets.Widget] = {}
        wrong = []
        for name, value in values.items():
            if name not in allowed:
                self._fixed[name] = value
                continue
            if value not in allowed[name]:
                wrong.append(f"{name} is {short(value)}; {_allowed(allowed[name])}.")
                value = allowed[name][0]
            self.controls[name] = _control(name, value, allowed[name])
            if only is not None and name not in only:
                self.controls[name].layout.display = "none"
        self.message = widgets.HTML(layout={"height": "40px"})
        beside = {"width": "auto", "height": f"{picture.height}px", "flex": "1 1 190px"}
        self.words = widgets.HTML(layout=beside)
        row = {"flex_flow": "row wrap", "overflow": "visible"}
        self._rows = [
            widgets.HBox(list(self.controls.values()), layout=row),
            self.message,
            widgets.HBox([picture.widget, self.words], layout=row),
        ]
        self.box = widgets.VBox(self._rows, layout={"max_width": "960px"})
        self.box.add_class("watched-panel")
        for control in self.controls.values():
            control.observe(lambda _: self.refresh(), "value")
        self.refresh()
        if wrong:
            self.say(" ".join(wrong))

    @property
    def values(self) -> dict[str, Any]:
        """The values by name, as the controls say."""
        return self._fixed | {name: control.value for name, control in self.controls.items()}

    def refresh(self) -> None:
        """Draw the picture for the values of the controls."""
        try:
            self.write(self._redraw(self.values))
        except (TypeError, ValueError) as error:
            self.say(str(error))
        else:
            self.say("")

    def say(self, message: str) -> None:
        """Show a message above the picture, in a place that is kept for it."""
        self.message.value = f'<div role="status">{escape(message)}</div>'

    def write(self, words: str) -> None:
        """Show the words beside the picture."""
        self.words.value = (
            '<div role="group" aria-label="The picture in words" tabindex="0" '
            f'style="height: {self.picture.height}px; overflow: auto; white-space: pre-wrap; '
            f'line-height: 1.4">{escape(words)}</div>'
        )

    def add(self, *rows: widgets.Widget) -> None:
        """Put rows between the controls and the message."""
        self._rows[1:1] = rows
        self.box.children = self._rows

    def can_run(self, label: str, work: Work) -> None:
        """Add a button that starts `work` in a background thread, and one that stops it.

        work: gets an Event, which is set when it shall end, and the values by name; it returns
        what to say at the end, or None if it was stopped.
        """
        self.run: live.Run | None = None
        wide = {"button_style": "primary", "layout": {"width": "160px"}}
        self.start_button = widgets.Button(description=label, **wide)
        self.stop_button = widgets.Button(description="Stop")
        self.start_button.on_click(lambda _: self.start(work))
        self.stop_button.on_click(lambda _: self.run and self.run.stop())
        self.add(widgets.HBox([self.start_button, self.stop_button]))

    def start(self, work: Work) -> None:
        """Start a run; one that goes on is stopped first."""
        self.run = live.Run(lambda stopped: self._work(work, stopped))

    def _work(self, work: Work, stopped: threading.Event) -> None:
        idle = {control: control.disabled for control in self.controls.values()}
        for control in idle:
            control.disabled = True
        try:
            self.say("Starting the workers …")
            message = work(stopped, self.values)
            if message is None:
                self.refresh()
                message = "Stopped."
            self.say(message)
        except ValueError as error:
            self.say(str(error))
        except Exception as error:  # there is no cell to raise it in
            self.say(f"The run failed. {type(error).__name__}: {error}")
        finally:
            for control, disabled in idle.items():
                control.disabled = disabled

    def _repr_mimebundle_(self, **_: object) -> tuple[dict, dict]:
        data, metadata = self.picture.bundled()
        plain = self._plain(self.values)
        data["text/html"] += (
            "<p>The same without controls:</p>"
            f'<pre style="white-space: pre-wrap">{escape(plain)}</pre>'
        )
        data["text/plain"] += f"\nThe same without controls:\n{plain}"
        # By hand: ipywidgets 7, which Colab has, can only show the box without text and picture.
        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        return {"application/vnd.jupyter.widget-view+json": view} | data, metadata


def _control(name: str, value: Any, allowed: range | tuple) -> widgets.Widget:
    look = {"style": {"description_width": "76px"}, "layout": {"width": "264px"}}
    if isinstance(allowed, range):
        return widgets.IntSlider(int(value), allowed[0], allowed[-1], description=name, **look)
    return widgets.Dropdown(options=allowed, value=value, description=name, **look)


def _allowed(allowed: range | tuple) -> str:
    if isinstance(allowed, range):
        return f"allowed in a widget are {allowed[0]} to {allowed[-1]}"
    return f"allowed are {', '.join(map(str, allowed))}"


def _wipe(ax: Axes) -> None:
    """Remove what was drawn, and keep axis and ticks: Axes.clear would make them anew, slowly."""
    for artist in [*ax.collections, *ax.images, *ax.lines, *ax.patches, *ax.texts]:
        artist.remove()
    if ax.get_legend():
        ax.get_legend().remove()
