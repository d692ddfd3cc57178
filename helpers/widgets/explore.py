"""Controls for predictions and runs: move one, and see the schedule change under your hand.

Behind each is a pure function (`predict`, of `naps`) and its plot. What a control shows, those
two show in plain code. A panel that is given what it cannot show says so, and shows another.
"""

import threading
from collections.abc import Callable, Sequence

import ipywidgets as widgets
import numpy as np
from matplotlib.axes import Axes

from helpers import plots
from helpers.plots.figure import set_title
from helpers.schedule import PATTERNS, naps, predict
from helpers.timeline import Timeline
from helpers.widgets.live import Consumer, Look, run_live
from helpers.widgets.panel import Panel, Picture

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
    lag: bool = True,
) -> Panel:
    """Show what a pool would do with `naps(pattern, tasks, seed, longest)`, and let one do it.

    only: the names of the controls to show; without it, all. lag: without it, lanes only.
    """
    picture = Picture(250, 210, sharex=True) if lag else Picture(250)
    seen: Callable[[Timeline], Timeline] = (lambda run: run) if lag else (lambda run: run.work)

    def redraw(values: dict) -> str:
        predicted = seen(_predict(values))
        picture.draw(lambda axes: _mark_predicted(_draw(predicted, axes)))
        return "Predicted: " + predicted.describe()

    def run(stopped: threading.Event, values: dict) -> str | None:
        predicted = seen(_predict(values))

        def look(consumers: list[Consumer]) -> None:
            measured = seen(consumers[0].pool.timeline())
            picture.draw(lambda axes: _draw_measured(predicted, measured, axes))
            panel.say("Running for real …")
            panel.write("Measured: " + measured.describe())

        ran = _run([values["method"]], values, stopped, look)
        return picture.axes[0].get_title("left") + "." if ran else None

    values = {"workers": workers, "tasks": tasks, "chunksize": chunksize, "pattern": pattern}
    values |= {"seed": seed, "method": method, "longest": longest}
    plain = "plot_lag({})" if lag else "plot_workers({}.work)"
    panel = _panel(values, picture, redraw, lambda v: _cell(plain.format(_call(v))), only)
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
    look = {"style": {"description_width": "120px"}, "layout": {"width": "440px"}}
    bars = [
        widgets.HBox([widgets.IntProgress(description=method, **look), widgets.HTML()])
        for method in RACERS
    ]

    def redraw(values: dict) -> str:
        predicted = _predict(values)
        picture.draw(lambda axes: _mark_predicted(plots.plot_workers(predicted, axes[0])))
        for bar in bars:
            _count(bar, 0, 0, values["tasks"])
        return "Predicted: " + predicted.describe()

    def run(stopped: threading.Event, values: dict) -> str | None:
        predicted = _predict(values)

        def look(consumers: list[Consumer]) -> None:
            # The bars first: what they show has then finished when the timelines are read.
            on_screen = [consumer.on_screen for consumer in consumers]
            timelines = [consumer.pool.timeline() for consumer in consumers]
            for bar, shown, timeline in zip(bars, on_screen, timelines, strict=True):
                finished = int(np.sum(~np.isnan(timeline.finish)))
                _count(bar, shown, finished, values["tasks"])
            picture.draw(lambda axes: plots.plot_workers(timelines[0], axes[0], predicted.end))
            panel.say("Running for real …")
            panel.write("Measured, imap: " + timelines[0].describe())

        ran = _run(RACERS, values, stopped, look)
        return "All three have done the same work in the same time." if ran else None

    values = {"workers": workers, "tasks": tasks, "pattern": pattern, "seed": seed}
    values |= {"longest": longest}
    panel = _panel(values, picture, redraw, lambda v: _cell(f"plot_workers({_call(v)})"))
    panel.add(*bars)
    panel.can_run("Start the race", run)
    return panel


def explore_chunks(tasks: int = 100, chunksize: int = 1) -> Panel:
    """Show what a chunksize costs and saves, predicted; a gap is the time between two chunks."""
    picture = Picture(230, 230)

    def redraw(values: dict) -> str:
        sizes, chosen = range(1, values["tasks"] + 1), values["chunksize"]
        timelines = {size: _predict(values | {"chunksize": size}).work for size in sizes}

        def draw(axes: tuple[Axes, Axes]) -> None:
            _mark_predicted(plots.plot_chunks(timelines, chosen, axes[0]))
            plots.plot_workers(timelines[chosen], axes[1])

        picture.draw(draw)
        return plots.alternative(picture.axes)

    def plain(values: dict) -> str:
        sizes = f"for size in range(1, {values['tasks'] + 1})"
        timelines = f"{{size: {_call(values, chunksize='size')}.work {sizes}}}"
        return _cell(
            f"plot_chunks({timelines}, {values['chunksize']})",
            f"plot_workers({_call(values)}.work)",
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
    """Return a panel for the values, in which what does not matter cannot be set."""
    allowed = dict(_ALLOWED)
    if values["tasks"] in range(1, 51):
        allowed["tasks"] = range(1, 51)  # a slider that begins low is easier to set if it is short
    panel = Panel(values, allowed, picture, redraw, plain, only)
    pattern, seed = panel.controls["pattern"], panel.controls["seed"]
    widgets.dlink((pattern, "value"), (seed, "disabled"), lambda pattern: pattern != "random")
    if "chunksize" in values:
        widgets.dlink((panel.controls["tasks"], "value"), (panel.controls["chunksize"], "max"))
    return panel


def _durations(values: dict) -> list[float]:
    return naps(values["pattern"], values["tasks"], values["seed"], values["longest"])


def _how(values: dict) -> dict:
    """Return how the naps are run, in the words of `predict`."""
    how = {name: values[name] for name in ("workers", "chunksize", "method") if name in values}
    return how | ({"gap": values["gap in ms"] / 1000} if "gap in ms" in values else {})


def _predict(values: dict) -> Timeline:
    return predict(_durations(values), **_how(values))


def _run(methods: Sequence[str], values: dict, stopped: threading.Event, look: Look) -> bool:
    """Run what `_predict` predicts, by each of the methods, unless it is too long."""
    seconds = _predict(values).makespan
    if seconds > LONGEST_RUN:
        raise ValueError(
            f"These naps would take {seconds:.0f} s; allowed here are {LONGEST_RUN} s: "
            "choose fewer tasks, or more workers."
        )
    chunksize = values.get("chunksize", 1)
    return run_live(methods, _durations(values), values["workers"], chunksize, stopped, look)


def _call(values: dict, **written: str) -> str:
    """Return the plain call of what `_predict` does; written: arguments given as code instead."""
    given = [f"{values['pattern']!r}, {values['tasks']}"]
    given += [f"seed={values['seed']}"] if values["pattern"] == "random" else []
    given += [f"longest={values['longest']}"] if values["longest"] != 2.0 else []
    how = {name: repr(value) for name, value in _how(values).items()} | written
    how = ", ".join(f"{name}={value}" for name, value in how.items())
    return f"schedule.predict(schedule.naps({', '.join(given)}), {how})"


def _cell(*pictures: str) -> str:
    """Return a cell that shows these pictures in any notebook: it imports what it needs."""
    shows = [f"plots.show(plots.{picture})" for picture in pictures]
    return "\n".join(["from helpers import plots, schedule", *shows])


def _draw(predicted: Timeline, axes: tuple[Axes, ...]) -> Axes:
    """Draw the lanes, and the bar's lag if there are axes for it; return the axes of the lanes."""
    if axes[1:]:
        return plots.plot_lag(predicted, axes)[0]
    return plots.plot_workers(predicted, axes[0])


def _draw_measured(predicted: Timeline, measured: Timeline, axes: tuple[Axes, ...]) -> None:
    for ax in axes[1:]:
        plots.plot_progress(measured, ax)
        ax.set_label("")
    plots.plot_predicted(predicted, measured, axes[0])
    axes[0].label_outer()


def _mark_predicted(ax: Axes) -> None:
    """Say in the title and in the text alternative that nothing of this has run."""
    set_title(ax, f"Predicted: {ax.get_title('left')}")
    ax.set_label(f"Predicted: {ax.get_label()}")


def _count(row: widgets.HBox, shown: int, finished: int, tasks: int) -> None:
    bar, text = row.children
    bar.max, bar.value = tasks, shown
    text.value = f"bar {shown}/{tasks}, finished {finished}"
