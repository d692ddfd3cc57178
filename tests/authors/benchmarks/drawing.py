"""Measure what pictures cost: of many tasks, under a slider, and of a run as it happens."""

import threading
from collections.abc import Callable, Iterator
from io import BytesIO
from statistics import median
from time import process_time

import numpy as np
from matplotlib.figure import Figure
from measuring import Row, at_most, ratio

from helpers.controls import explore_schedule, race_bars
from helpers.controls.live import Progress, run_live
from helpers.nap_patterns import naps
from watchedpool import Timeline
from watchedpool.plots.predictions import plot_predicted
from watchedpool.plots.timelines import draw_progress, plot_workers
from watchedpool.schedule import predict

DICE = np.random.default_rng(0)
FRAMES = np.linspace(0.1, 2.2, 22)  # the moments of a run of 2.2 s, in seconds


def draw_many_tasks() -> Iterator[Row]:
    """Compare a picture of many tasks with the same figure with empty axes."""
    for tasks in (1_000, 10_000, 100_000):
        timeline = predict(DICE.exponential(size=tasks), 4)

        def save(figure: Figure) -> None:
            figure.savefig(BytesIO())

        def draw_tasks(timeline: object = timeline) -> None:
            save(plot_workers(timeline).figure)

        def draw_nothing(
            size: tuple = tuple(plot_workers(timeline).figure.get_size_inches()),
        ) -> None:
            figure = Figure(figsize=size, layout="constrained")
            figure.subplots()
            save(figure)

        times = ratio(draw_tasks, draw_nothing)
        yield at_most(2, f"draw {tasks:,} tasks", times, "x empty axes")


def move_a_slider() -> Iterator[Row]:
    """Compare one step of a slider, a new picture of 500 tasks, with drawing its empty axes.

    Neither figure is made again.
    """
    panel = explore_schedule("random", tasks=500, longest=0.1)
    slider, picture = panel.controls["workers"], panel.picture
    empty = Figure(figsize=picture.figure.get_size_inches(), dpi=100)
    empty.subplots(len(picture.axes))

    def move() -> None:
        slider.value = 9 - slider.value  # 5 to 4, and back

    times = ratio(move, lambda: empty.savefig(BytesIO()), runs=21)
    yield at_most(2.5, "slider step, 500 tasks", times, "x empty axes")


def draw_live() -> Iterator[Row]:
    """Compare a run of short naps that is drawn ten times per second with one that is not."""
    durations = DICE.uniform(0.005, 0.03, 400).tolist()
    panel = race_bars()

    def makespan(draw: Callable) -> float:
        looks = []

        def look(progress: list[Progress]) -> None:
            looks.append(progress[0].timeline)
            draw(progress[0])

        assert run_live(["imap"], durations, 4, 1, threading.Event(), look)
        return looks[-1].makespan

    def draw(progress: Progress) -> None:
        panel.picture.draw(lambda axes: plot_workers(progress.timeline, axes[0], now=progress.now))
        panel.write(progress.timeline.describe())

    times = median(makespan(draw) / makespan(lambda _: None) for _ in range(5))
    yield at_most(1.1, "naps of a run that is drawn as it happens", times, "x undrawn")
    yield _frame()


def _frame() -> Row:
    """Measure one frame of ten naps on five workers as they run, with the encoding of the PNG."""
    whole = predict(naps("countdown", 10), 5)
    picture = explore_schedule().picture

    def draw(now: float) -> None:
        start, finish, delivered = (
            np.where(at <= now, at, np.nan) for at in (whole.start, whole.finish, whole.delivered)
        )
        known = Timeline(np.where(np.isnan(start), -1, whole.worker), start, finish, delivered)

        def plot(axes: tuple) -> None:
            draw_progress(known, axes[1], now)
            plot_predicted(whole, known, axes[0], now=now)

        picture.draw(plot)

    begin = process_time()
    for now in FRAMES:
        draw(now)
    milliseconds = 1000 * (process_time() - begin) / len(FRAMES)
    return at_most(100, "a frame of a run, lanes and progress", milliseconds, "ms of CPU time")
