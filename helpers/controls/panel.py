"""The parts of a panel: labelled controls, one picture that is redrawn, and its description.

Where widgets do not work (nbconvert, GitHub, a stored notebook), the reader sees the picture as it
was last drawn, and a cell that draws the same picture without controls.
"""

import reprlib
import threading
from base64 import b64encode
from collections.abc import Callable, Sequence
from html import escape
from io import BytesIO
from typing import Any

import ipywidgets as widgets
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from helpers.controls import live
from helpers.keyboard import html, keep_keys
from watchedpool.plots.figure import alternative, bundled

PICTURE_WIDTH = 600  # pixels; a narrow page shows it smaller
Work = Callable[[threading.Event, dict], str | None]
# The name and the number of a slider are above it, so that its track is as wide as the controls.
_STYLE = """<style>
.watched-panel .widget-hslider { flex-wrap: wrap; height: auto; margin-bottom: 6px; }
.watched-panel .widget-hslider .widget-label { width: auto; flex: 1; text-align: left; }
.watched-panel .widget-hslider .widget-readout {
    min-width: 46px; border: 1px solid #888; border-radius: 2px; cursor: text; }
.watched-panel .widget-hslider .slider-container { flex: 0 0 calc(100% - 20px); order: 1; }
.watched-panel .watched-words { position: relative; }
</style>"""
# ipywidgets gives its sliders and their numbers no name for screen readers. So name them when a
# picture has loaded:
_NAME_SLIDERS = (
    "setTimeout(() => this.closest('.watched-panel')?.querySelectorAll('.widget-slider').forEach("
    "slider => { const name = slider.querySelector('label').textContent;"
    " slider.querySelector('[role=slider]').setAttribute('aria-label', name);"
    " const number = slider.querySelector('.widget-readout');"
    " number.setAttribute('role', 'textbox');"
    " number.setAttribute('aria-label', name + ', a number to type'); }), 100)"
)
# The picture is as wide as there is space, and lower than the page: so the reader sees the controls
# and the whole picture together.
_FIT = "width: 100%; height: auto; max-height: max(320px, 72vh); object-fit: contain"
_drawing_lock = threading.RLock()  # a run draws in its own thread, a slider in the kernel's thread


class Picture:
    """One figure that is drawn again and again, as an image of constant size."""

    def __init__(self, *heights: int, sharex: bool = False) -> None:
        """Create axes of these heights, in pixels, one below the other."""
        self.height = sum(heights)
        # matplotlib 3.10 would cut 459.99… pixels to 459.
        size = PICTURE_WIDTH / 100, (self.height + 0.1) / 100
        self.figure = Figure(figsize=size, dpi=100, facecolor="none")
        grid = {"sharex": sharex, "height_ratios": heights, "squeeze": False}
        self.axes = tuple(self.figure.subplots(len(heights), **grid).flat)
        top, bottom = 1 - 30 / self.height, 46 / self.height
        between = 0.3 if sharex else 0.6
        self.figure.subplots_adjust(left=0.12, right=0.98, top=top, bottom=bottom, hspace=between)
        for ax in self.axes:
            ax.xaxis.set_major_locator(MaxNLocator(6))
        self._canvas = FigureCanvasAgg(self.figure)
        self.widget = html(max_width=f"{PICTURE_WIDTH}px", height="auto")

    def draw(self, plot: Callable[[tuple[Axes, ...]], object]) -> None:
        """Empty the axes, let `plot` draw on them, and show the result."""
        with _drawing_lock:
            with rc_context({"axes.titlesize": 11, "axes.titley": 1.02}):
                for ax in self.axes:
                    _wipe(ax)
                plot(self.axes)
            self._canvas.draw()
            size = PICTURE_WIDTH, self.height
            pixels = Image.frombuffer("RGBA", size, self._canvas.buffer_rgba())
            png = BytesIO()
            pixels.save(png, "PNG", compress_level=1)
            self.widget.value = (
                f'<img alt="{escape(alternative(self.axes))}" width="{PICTURE_WIDTH}" '
                f'height="{self.height}" style="{_FIT}" '
                f'onload="{_NAME_SLIDERS}" '
                f'src="data:image/png;base64,{b64encode(png.getvalue()).decode()}">'
            )

    def bundled(self) -> tuple[dict[str, str], dict[str, dict]]:
        """Return the data and the metadata of a notebook output with the picture."""
        with _drawing_lock:
            return bundled(self.axes)


class Panel:
    """Controls, a picture and its description. Jupyter displays it as the result of a cell."""

    def __init__(
        self,
        values: dict[str, Any],
        allowed: dict[str, range | tuple],
        picture: Picture,
        redraw: Callable[[dict], str],
        plain: Callable[[dict], str],
        only: Sequence[str] | None,
    ) -> None:
        """Draw the picture for the values, now and whenever a control changes one.

        allowed: for each value that has a control, the numbers of its slider or the options of its
            menu. For any other value, the panel shows a message, and the first allowed one instead.
        redraw: receives the values by name, draws the picture, and returns its description. If it
            raises ValueError, the panel shows the message and keeps the picture.
        plain: returns the code of a cell that shows the same picture without the panel.
        only: the names of the controls to show; None for all of them.
        """
        live.stop_latest()  # if a cell is run again, end the run of its earlier panel
        self.picture, self._redraw, self._plain = picture, redraw, plain
        self._fixed = {name: value for name, value in values.items() if name not in allowed}
        self.controls: dict[str, widgets.Widget] = {}
        wrong = self._make_controls(values, allowed, only)
        self.message = html(height="64px", width="auto")
        self.words = html(flex="1 1 240px", min_height="130px")
        self.words.add_class("watched-words")
        controls = widgets.HBox(list(self.controls.values()), layout={"flex_flow": "row wrap"})
        self._left = widgets.VBox([controls, self.message], layout={"flex": "1 1 220px"})
        self._right = widgets.VBox([picture.widget], layout={"flex": "3 1 480px"})
        style = html(_STYLE, display="none")
        row = {"flex_flow": "row wrap", "max_width": "1200px"}
        self.box = widgets.HBox([self._left, self._right, self.words, style], layout=row)
        for box in (controls, self._left, self._right, self.box):
            box.layout.overflow = "visible"
            box.layout.min_width = "0"
        self.box.add_class("watched-panel")
        keep_keys(self.box)
        for control in self.controls.values():
            control.observe(lambda _: self.refresh(), "value")
        self.refresh()
        if wrong:
            self.say(" ".join(wrong))

    def _make_controls(
        self, values: dict[str, Any], allowed: dict[str, range | tuple], only: Sequence[str] | None
    ) -> list[str]:
        """Make the controls; return a message for each argument that is not allowed."""
        wrong = []
        for name in [name for name in values if name in allowed]:
            value, choices = values[name], allowed[name]
            if value not in choices:
                wrong.append(f"{name} is {reprlib.repr(value)}; {_describe(choices)}.")
                value = choices[0]
            self.controls[name] = _control(name, value, choices)
            if only is not None and name not in only:
                self.controls[name].layout.display = "none"
        if only is not None and not set(only) <= self.controls.keys():
            names = ", ".join(self.controls)
            wrong.append(f"only is {reprlib.repr(only)}; allowed are the names {names}.")
        return wrong

    @property
    def values(self) -> dict[str, Any]:
        """The values of the controls, and those without a control, by name."""
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
        """Show a message above the picture, in a space that is reserved for it."""
        self.message.value = (
            f'<div role="status" style="line-height: 1.4; padding: 6px 0">{escape(message)}</div>'
        )

    def write(self, words: str) -> None:
        """Show a description next to the picture."""
        self.words.value = (
            '<div role="group" aria-label="The picture in words" tabindex="0" style="position: '
            'absolute; inset: 0 0 0 8px; overflow: auto; white-space: pre-wrap; line-height: 1.4">'
            f"{escape(words)}</div>"
        )

    def add(self, *rows: widgets.Widget) -> None:
        """Insert rows above the picture."""
        self._right.children = [*rows, self.picture.widget]

    def can_run(self, label: str, work: Work) -> None:
        """Add a button that starts `work` in a background thread, and one that stops it.

        work: receives an Event, which is set when the work must stop, and the values by name. It
            returns the message to show at the end, or None if it was stopped.
        """
        self.run: live.Run | None = None
        look = {"button_style": "primary", "layout": {"flex": "2 1 0"}}
        self.start_button = widgets.Button(description=label, **look)
        self.stop_button = widgets.Button(description="Stop", layout={"flex": "1 1 0"})
        self.start_button.on_click(lambda _: self.start(work))
        self.stop_button.on_click(lambda _: self.run and self.run.stop())
        controls, message = self._left.children
        buttons = widgets.HBox([self.start_button, self.stop_button])
        self._left.children = [controls, buttons, message]

    def start(self, work: Work) -> None:
        """Start a run, and stop the one before if it is not over."""
        self.run = live.Run(lambda stopped: self._work(work, stopped))

    def _work(self, work: Work, stopped: threading.Event) -> None:
        """Do the work with disabled controls, and show how it ended."""
        was_disabled = {control: control.disabled for control in self.controls.values()}
        for control in was_disabled:
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
        except Exception as error:  # a thread has no cell that could show it
            self.say(f"The run failed. {type(error).__name__}: {error}")
        finally:
            for control, disabled in was_disabled.items():
                control.disabled = disabled

    def _repr_mimebundle_(self, **_: object) -> tuple[dict, dict]:
        data, metadata = self.picture.bundled()
        plain = self._plain(self.values)
        data["text/html"] += (
            "<p>The same without controls:</p>"
            f'<pre style="white-space: pre-wrap">{escape(plain)}</pre>'
        )
        data["text/plain"] += f"\nThe same without controls:\n{plain}"
        # ipywidgets 7, which Colab has, would display the box without the text and the picture.
        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        return {"application/vnd.jupyter.widget-view+json": view} | data, metadata


def _control(name: str, value: Any, allowed: range | tuple) -> widgets.Widget:
    """Return a slider for numbers, or a menu for options."""
    look = {"description": name, "layout": {"flex": "1 1 200px", "width": "auto"}}
    if isinstance(allowed, range):
        ends, tooltip = (allowed[0], allowed[-1], allowed.step), f"{allowed[0]} to {allowed[-1]}"
        return widgets.IntSlider(int(value), *ends, tooltip=tooltip, **look)
    return widgets.Dropdown(options=allowed, value=value, tooltip="", **look)


def _describe(allowed: range | tuple) -> str:
    """Return which values are allowed, in words."""
    if isinstance(allowed, range):
        return f"allowed in a widget are {allowed[0]} to {allowed[-1]}"
    return f"allowed are {', '.join(map(str, allowed))}"


def _wipe(ax: Axes) -> None:
    """Remove what was drawn, and keep the axis and its ticks: Axes.clear would be slow."""
    for artist in [*ax.collections, *ax.images, *ax.lines, *ax.patches, *ax.texts]:
        artist.remove()
    if ax.get_legend():
        ax.get_legend().remove()
    ax.set_title("", loc="left")
    ax.set_label("")
