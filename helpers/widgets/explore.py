"""Controls for predictions and runs: move one, and see the schedule change under your hand.

Behind each is a pure function (`predict`, of `naps`) and its plot. What a control shows, those
two show in plain code. A panel that is given what it cannot show says so, and shows another.
"""

import threading
from collections.abc import Sequence

import ipywidgets as widgets
import numpy as np
from matplotlib.axes import Axes

from helpers.plots import (
    alternative,
    plot_chunks,
    plot_lag,
    plot_predicted,
    plot_progress,
    plot_workers,
)
from helpers.schedule import PATTERNS, naps, predict
from helpers.timeline import Timeline
from helpers.widgets.live import Consumer, run_live
from helpers.widgets.panel import Panel, Picture, make_controls

LONGEST_RUN = 60  # seconds that a run in a panel may take
RACERS = ("imap", "imap_unordered", "apply_async")
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
    seed: int = 0,
    longest: float = 2.0,
    only: Sequence[str] | None = None,
) -> Panel:
    """Show what a pool would do with `naps(pattern, tasks, seed, longest)`, and let one do it.

    only: the names of the controls to show; without it, all.
    """
    picture = Picture(250, 210, sharex=True)

    def redraw(values: dict) -> str:
        predicted = _predict(values, longest)
        picture.draw(lambda axes: _mark("Predicted", plot_lag(predicted, axes)[0]))
        return "Predicted: " + predicted.describe()

    def run(stopped: threading.Event, values: dict) -> str | None:
        predicted = _predict(values, longest)
        _check_length(predicted)

        def look(consumers: list[Consumer]) -> None:
            measured = consumers[0].pool.timeline()
            picture.draw(lambda axes: _draw_measured(predicted, measured, axes))
            panel.say("Running for real …")
            panel.write("Measured: " + measured.describe())

        durations, workers, chunks = (
            _durations(values, longest),
            values["workers"],
            values["chunksize"],
        )
        if run_live([values["method"]], durations, workers, chunks, stopped, look):
            return picture.axes[0].get_title("left") + "."
        return None

    controls, trouble = make_controls(
        _ALLOWED | _few(tasks),
        only,
        workers=workers,
        tasks=tasks,
        chunksize=chunksize,
        pattern=pattern,
        seed=seed,
        method=method,
    )
    panel = Panel(controls, picture, redraw, lambda v: _cell(f"plot_lag({_call(v, longest)})"))
    _finish(panel, trouble)
    panel.can_run("Run it for real", run)
    return panel


def race_bars(
    pattern: str = "countdown",
    tasks: int = 10,
    workers: int = 5,
    seed: int = 0,
    longest: float = 2.0,
) -> Panel:
    """Run the same naps through imap, imap_unordered and a callback, all at the same time.

    Each has a pool of its own, and a bar that says what tqdm says, beside the true count. The
    picture is of the workers of imap; the other pools do the same.
    """
    picture = Picture(270)
    bars = [_bar(method) for method in RACERS]

    def redraw(values: dict) -> str:
        predicted = _predict(values, longest)
        picture.draw(lambda axes: _mark("Predicted", plot_workers(predicted, axes[0])))
        for bar in bars:
            _count(bar, 0, 0, values["tasks"])
        return "Predicted: " + predicted.describe()

    def run(stopped: threading.Event, values: dict) -> str | None:
        predicted = _predict(values, longest)
        _check_length(predicted)

        def look(consumers: list[Consumer]) -> None:
            # The bars first: what they show has then finished when the timelines are read.
            on_screen = [consumer.on_screen for consumer in consumers]
            timelines = [consumer.pool.timeline() for consumer in consumers]
            for bar, shown, timeline in zip(bars, on_screen, timelines, strict=True):
                finished = int(np.sum(~np.isnan(timeline.finish)))
                _count(bar, shown, finished, values["tasks"])
            picture.draw(lambda axes: plot_workers(timelines[0], axes[0], predicted.end))
            panel.say("Running for real …")
            panel.write("Measured, imap: " + timelines[0].describe())

        durations = _durations(values, longest)
        if run_live(RACERS, durations, values["workers"], 1, stopped, look):
            return "All three have done the same work in the same time."
        return None

    controls, trouble = make_controls(
        _ALLOWED | _few(tasks), workers=workers, tasks=tasks, pattern=pattern, seed=seed
    )
    panel = Panel(controls, picture, redraw, lambda v: _cell(f"plot_workers({_call(v, longest)})"))
    _finish(panel, trouble)
    panel.add(*bars)
    panel.can_run("Start the race", run)
    return panel


def explore_chunks(
    pattern: str = "random",
    tasks: int = 100,
    workers: int = 4,
    chunksize: int = 1,
    method: str = "imap",
    gap: int = 2,
    seed: int = 0,
    longest: float = 0.02,
) -> Panel:
    """Show what a chunksize costs and saves: makespan, lag and overhead of each, predicted.

    gap: what a worker needs from one chunk to the next, in milliseconds.
    """
    picture = Picture(230, 200)

    def redraw(values: dict) -> str:
        tasks, chosen = values["tasks"], values["chunksize"]
        timelines = {c: _predict(values | {"chunksize": c}, longest) for c in range(1, tasks + 1)}

        def draw(axes: tuple[Axes, Axes]) -> None:
            _mark("Predicted", plot_chunks(timelines, chosen, axes[0]))
            plot_progress(timelines[chosen], axes[1])

        picture.draw(draw)
        return alternative(picture.axes)

    def plain(values: dict) -> str:
        sizes = f"for size in range(1, {values['tasks'] + 1})"
        timelines = f"{{size: {_call(values, longest, chunksize='size')} {sizes}}}"
        return _cell(
            f"plot_chunks({timelines}, {values['chunksize']})",
            f"plot_progress({_call(values, longest)})",
        )

    controls, trouble = make_controls(
        _ALLOWED | {"method": _ALLOWED["method"][:3]},
        chunksize=chunksize,
        tasks=tasks,
        workers=workers,
        pattern=pattern,
        seed=seed,
        method=method,
        **{"gap in ms": gap},
    )
    panel = Panel(controls, picture, redraw, plain)
    _finish(panel, trouble)
    return panel


def _durations(values: dict, longest: float) -> list[float]:
    return naps(values["pattern"], values["tasks"], values["seed"], longest)


def _how(values: dict) -> dict:
    return {name: values[name] for name in ("workers", "chunksize", "method") if name in values}


def _predict(values: dict, longest: float) -> Timeline:
    gap = values.get("gap in ms", 0) / 1000
    return predict(_durations(values, longest), **_how(values), gap=gap)


def _call(values: dict, longest: float, **written: str) -> str:
    """Return the plain call of what `_predict` does; written: arguments given as code instead."""
    given = [f"{values['pattern']!r}, {values['tasks']}"]
    given += [f"seed={values['seed']}"] if values["pattern"] == "random" else []
    given += [f"longest={longest}"] if longest != 2.0 else []
    how = _how(values) | ({"gap": values["gap in ms"] / 1000} if "gap in ms" in values else {})
    how = {name: repr(value) for name, value in how.items()} | written
    how = ", ".join(f"{name}={value}" for name, value in how.items())
    return f"schedule.predict(schedule.naps({', '.join(given)}), {how})"


def _cell(*pictures: str) -> str:
    """Return a cell that shows these pictures in any notebook: it imports what it needs."""
    shows = [f"plots.show(plots.{picture})" for picture in pictures]
    return "\n".join(["from helpers import plots, schedule", *shows])


def _few(tasks: int) -> dict[str, range]:
    """Return a shorter range for a slider that begins low: it is easier to set."""
    return {"tasks": range(1, 51)} if tasks in range(1, 51) else {}


def _finish(panel: Panel, trouble: str) -> None:
    """Let a seed be set for random naps only, and chunks of all tasks at most; say the trouble."""
    controls = panel.controls
    pattern, seed = controls["pattern"], controls["seed"]
    widgets.dlink((pattern, "value"), (seed, "disabled"), lambda pattern: pattern != "random")
    if "chunksize" in controls:
        widgets.dlink((controls["tasks"], "value"), (controls["chunksize"], "max"))
    if trouble:
        panel.say(trouble)


def _check_length(predicted: Timeline) -> None:
    if predicted.makespan > LONGEST_RUN:
        raise ValueError(
            f"These naps would take {predicted.makespan:.0f} s; allowed here are {LONGEST_RUN} s: "
            "choose fewer tasks, or more workers."
        )


def _draw_measured(predicted: Timeline, measured: Timeline, axes: tuple[Axes, Axes]) -> None:
    plot_progress(measured, axes[1])
    plot_predicted(predicted, measured, axes[0])
    axes[0].set_xlabel("")
    axes[1].set_label("")


def _mark(word: str, ax: Axes) -> None:
    """Put a word before the title and the text alternative."""
    ax.set_title(f"{word}: {ax.get_title('left')}", loc="left", weight="bold")
    ax.set_label(f"{word}: {ax.get_label()}")


def _bar(method: str) -> widgets.HBox:
    bar = widgets.IntProgress(description=method)
    bar.style.description_width, bar.layout.width = "120px", "440px"
    return widgets.HBox([bar, widgets.HTML()])


def _count(row: widgets.HBox, shown: int, finished: int, tasks: int) -> None:
    bar, text = row.children
    bar.max, bar.value = tasks, shown
    text.value = f"bar {shown}/{tasks}, finished {finished}"
