"""Panels of controls for predictions and runs: move a control, and the schedule changes at once.

Behind each panel are a pure function (`predict`, of `naps`) and its plot, and plain code with the
two shows the same picture. A panel that is given a value it does not allow says so, and replaces
the value.
"""

import threading
from collections.abc import Callable, Sequence

import ipywidgets as widgets
import numpy as np
from matplotlib.axes import Axes

from helpers.controls.live import Look, Progress, run_live
from helpers.controls.panel import Panel, Picture
from helpers.keyboard import html
from helpers.nap_patterns import PATTERNS, naps
from watchedpool.plots.figure import Caption, alternative, right_edge, set_caption, set_title
from watchedpool.plots.predictions import (
    chunks_caption,
    draw_chunks,
    plot_predicted,
    predicted_title,
)
from watchedpool.plots.timelines import (
    draw_lag,
    draw_progress,
    draw_workers,
    lag_caption,
    plot_workers,
    progress_title,
    running_title,
    workers_caption,
)
from watchedpool.schedule import predict
from watchedpool.timeline import Timeline

LONGEST_RUN = 60  # seconds
RACE_METHODS = ("imap", "imap_unordered", "apply_async")
_ALLOWED: dict[str, range | tuple] = {
    "pattern": tuple(PATTERNS),
    "tasks": range(1, 501),
    "workers": range(1, 9),
    "chunksize": range(1, 501),
    "method": ("imap", "imap_unordered", "map", "apply_async"),
    "gap in ms": range(21),
    "seed": range(100),
}


def explore_schedule(
    pattern: str = "countdown",
    tasks: int = 10,
    workers: int = 5,
    chunksize: int = 1,
    method: str = "imap",
    longest: float = 2.0,
    only: Sequence[str] | None = None,
    lag: bool = True,
) -> Panel:
    """Show what a pool would do with naps of a pattern, and run them for real on request.

    longest: the longest nap of the pattern, in seconds.
    only: the names of the controls to show; without it, all of them.
    lag: whether to show the lag of the bar below the lanes.
    """
    picture = Picture(250, 210, sharex=True) if lag else Picture(250)

    def visible(run: Timeline) -> Timeline:
        return run if lag else run.work

    def redraw(values: dict) -> str:
        predicted = visible(_predict(values))
        picture.draw(lambda axes: _draw_predicted(predicted, axes, values["workers"]))
        return "Predicted: " + predicted.describe()

    def run(stopped: threading.Event, values: dict) -> str | None:
        predicted = visible(_predict(values))
        title = ""

        def look(progress: list[Progress]) -> None:
            nonlocal title
            (run,) = progress
            measured = run.timeline if run.now is not None else visible(run.timeline)
            title = predicted_title(predicted, measured)
            workers = values["workers"]
            picture.draw(lambda axes: _draw_measured(predicted, measured, axes, workers, run.now))
            panel.say("Running for real …")
            panel.write("Measured: " + visible(measured).describe())

        return f"{title}." if _run([values["method"]], values, stopped, look) else None

    values = {"workers": workers, "tasks": tasks, "chunksize": chunksize, "pattern": pattern}
    values |= {"seed": 0, "method": method, "longest": longest}

    def plain(values: dict) -> str:
        run, workers = _call(values), values["workers"]
        shown = f"plot_lag({run}" if lag else f"plot_workers({run}.work"
        return _cell(f"{shown}, workers={workers})")

    panel = _panel(values, picture, redraw, plain, only)
    panel.can_run("Run it for real", run)
    return panel


def race_bars(
    pattern: str = "countdown", tasks: int = 10, workers: int = 5, longest: float = 3.0
) -> Panel:
    """Run the same naps through imap, imap_unordered and a callback, all at the same time.

    Each of them has its own pool, and a bar that counts as tqdm does, next to the true count. What
    each bar was at its worst stays next to it. The picture is of the workers of imap; the other
    pools do the same.

    longest: the longest nap of the pattern, in seconds.
    """
    picture = Picture(270)
    bars = [_Bar(method) for method in RACE_METHODS]

    def redraw(values: dict) -> str:
        predicted = _predict(values)
        picture.draw(lambda axes: _draw_predicted(predicted, axes, values["workers"]))
        for bar in bars:
            bar.reset(values["tasks"])
        return "Predicted: " + predicted.describe()

    def run(stopped: threading.Event, values: dict) -> str | None:
        predicted, workers = _predict(values), values["workers"]
        for bar in bars:
            bar.reset(values["tasks"])

        def look(progress: list[Progress]) -> None:
            for bar, each in zip(bars, progress, strict=True):
                bar.show(each)
            imap = progress[0]
            look = {"until": right_edge(predicted), "workers": workers, "now": imap.now}
            picture.draw(lambda axes: plot_workers(imap.timeline, axes[0], **look))
            panel.say("Running for real …")
            panel.write("Measured, imap: " + imap.timeline.describe())

        ran = _run(RACE_METHODS, values, stopped, look)
        return "All three have done the same work in the same time." if ran else None

    values = {"workers": workers, "tasks": tasks, "pattern": pattern, "seed": 0}
    values |= {"longest": longest}

    def plain(values: dict) -> str:
        return _cell(f"plot_workers({_call(values)}, workers={values['workers']})")

    panel = _panel(values, picture, redraw, plain)
    panel.add(*(bar.row for bar in bars))
    panel.can_run("Start the race", run)
    return panel


def explore_chunks(tasks: int = 100, chunksize: int = 1) -> Panel:
    """Show what a chunksize costs and saves, as predicted; a gap is the time between two chunks."""
    picture = Picture(230, 230)

    def redraw(values: dict) -> str:
        sizes = range(1, values["tasks"] + 1)
        chosen = min(values["chunksize"], values["tasks"])  # its slider follows that of the tasks
        timelines = {size: _predict(values | {"chunksize": size}).work for size in sizes}

        def draw(axes: tuple[Axes, Axes]) -> None:
            draw_chunks(timelines, chosen, axes[0])
            set_caption(axes[0], _predicted(chunks_caption(timelines, chosen)))
            plot_workers(timelines[chosen], axes[1], workers=values["workers"])

        picture.draw(draw)
        return alternative(picture.axes)

    def plain(values: dict) -> str:
        sizes = f"for size in range(1, {values['tasks'] + 1})"
        timelines = f"{{size: {_call(values, chunksize='size')}.work {sizes}}}"
        return _cell(
            f"plot_chunks({timelines}, {values['chunksize']})",
            f"plot_workers({_call(values)}.work, workers={values['workers']})",
        )

    values = {"chunksize": chunksize, "tasks": tasks, "workers": 4, "pattern": "random"}
    values |= {"seed": 0, "gap in ms": 2, "longest": 0.02}
    return _panel(values, picture, redraw, plain)


def _panel(
    values: dict,
    picture: Picture,
    redraw: Callable[[dict], str],
    plain: Callable[[dict], str],
    only: Sequence[str] | None = None,
) -> Panel:
    """Return a panel for the values. Controls that have no effect are disabled."""
    allowed = dict(_ALLOWED)
    if values["tasks"] in range(1, 51):
        allowed["tasks"] = range(1, 51)  # few values: the slider is easier to set
    elif values["tasks"] in range(60, 501, 10):
        allowed["tasks"] = range(10, 501, 10)
    panel = Panel(values, allowed, picture, redraw, plain, only)
    pattern, seed = panel.controls["pattern"], panel.controls["seed"]
    widgets.dlink((pattern, "value"), (seed, "disabled"), lambda pattern: pattern != "random")
    if "chunksize" in values:
        widgets.dlink((panel.controls["tasks"], "value"), (panel.controls["chunksize"], "max"))
    return panel


def _durations(values: dict) -> list[float]:
    """Return the naps of a panel's values."""
    return naps(values["pattern"], values["tasks"], values["seed"], values["longest"])


def _arguments(values: dict) -> dict:
    """Return the arguments of `predict` other than the durations."""
    given = {name: values[name] for name in ("workers", "chunksize", "method") if name in values}
    return given | ({"gap": values["gap in ms"] / 1000} if "gap in ms" in values else {})


def _predict(values: dict) -> Timeline:
    """Return the Timeline of a panel's values."""
    return predict(_durations(values), **_arguments(values))


def _run(methods: Sequence[str], values: dict, stopped: threading.Event, look: Look) -> bool:
    """Run what `_predict` predicts, with each of the methods. Return whether it ran to its end.

    Raises ValueError if it would take too long.
    """
    seconds = _predict(values).makespan
    if seconds > LONGEST_RUN:
        raise ValueError(
            f"These naps would take {seconds:.0f} s; allowed here are {LONGEST_RUN} s: "
            "choose fewer tasks, or more workers."
        )
    chunksize = values.get("chunksize", 1)
    return run_live(methods, _durations(values), values["workers"], chunksize, stopped, look)


def _call(values: dict, **written: str) -> str:
    """Return the code that calls `predict` as `_predict` does.

    written: the code of arguments that are not to be taken from the values.
    """
    durations = [f"{values['pattern']!r}, {values['tasks']}"]
    durations += [f"seed={values['seed']}"] if values["pattern"] == "random" else []
    durations += [f"longest={values['longest']}"] if values["longest"] != 2.0 else []
    code = {name: repr(value) for name, value in _arguments(values).items()} | written
    arguments = ", ".join(f"{name}={value}" for name, value in code.items())
    return f"wp.predict(nap_patterns.naps({', '.join(durations)}), {arguments})"


def _cell(*pictures: str) -> str:
    """Return a cell that shows these pictures, whatever names the notebook has defined."""
    shows = [f"wp.show(wp.{picture})" for picture in pictures]
    return "\n".join(["import watchedpool as wp", "from helpers import nap_patterns", *shows])


def _draw_predicted(predicted: Timeline, axes: tuple[Axes, ...], workers: int) -> None:
    """Draw the lanes, and the bar's lag if there are axes for it."""
    if axes[1:]:
        draw_lag(predicted, axes, workers)
        caption = lag_caption(predicted, workers)
    else:
        draw_workers(predicted, axes[0], workers=workers)
        caption = workers_caption(predicted, workers=workers)
    set_caption(axes[0], _predicted(caption))


def _draw_measured(
    predicted: Timeline,
    measured: Timeline,
    axes: tuple[Axes, ...],
    workers: int,
    now: float | None,
) -> None:
    """Draw the lanes of both timelines, and the lag of the measured bar if there are axes for it.

    The text alternative of the lanes is enough: it describes the lag, too.
    """
    for ax in axes[1:]:
        draw_progress(measured, ax, now)
        set_title(ax, progress_title(measured) if now is None else running_title(measured))
    plot_predicted(predicted, measured, axes[0], workers, now)
    axes[0].label_outer()


def _predicted(caption: Caption) -> Caption:
    """Return a caption that says that nothing of this has run."""
    return Caption(*(f"Predicted: {text}" for text in caption))


class _Bar:
    """A bar of the race, and the text next to it."""

    def __init__(self, method: str) -> None:
        look = {"style": {"description_width": "120px"}, "layout": {"flex": "1 1 auto"}}
        self._bar = widgets.IntProgress(description=method, tooltip="", **look)
        self._text = html(width="290px", height="30px")
        self.row = widgets.HBox([self._bar, self._text], layout={"max_width": "600px"})

    def reset(self, tasks: int) -> None:
        """Begin again, with this many tasks."""
        self._bar.max, self._bar.value, self._worst = tasks, 0, 0
        self._text.value = ""

    def show(self, progress: Progress) -> None:
        """Show the count, the number of finished tasks, and the largest difference until now."""
        counted, finished = progress.counted, int(np.sum(~np.isnan(progress.timeline.finish)))
        self._worst = max(self._worst, finished - counted)
        self._bar.value = counted
        words = f"bar {counted}, finished {finished}; at worst {self._worst} behind"
        self._text.value = f'<span style="white-space: nowrap">{words}</span>'
