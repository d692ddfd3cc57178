"""Measure what pictures cost: of many tasks, under a slider, and of a run as it happens."""

import threading
from collections.abc import Callable, Iterator
from io import BytesIO
from statistics import median

import numpy as np
from matplotlib.figure import Figure
from measuring import Row, at_most, ratio

from helpers.controls import explore_schedule, race_bars
from helpers.controls.live import Consumer, run_live
from watchedpool.plots.timelines import plot_workers
from watchedpool.schedule import predict

DICE = np.random.default_rng(0)


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

        def look(consumers: list[Consumer]) -> None:
            looks.append(consumers[0].pool.timeline())
            draw(looks[-1])

        assert run_live(["imap"], durations, 4, 1, threading.Event(), look)
        return looks[-1].makespan

    def draw(timeline: object) -> None:
        panel.picture.draw(lambda axes: plot_workers(timeline, axes[0]))
        panel.write(timeline.describe())

    times = median(makespan(draw) / makespan(lambda _: None) for _ in range(5))
    yield at_most(1.1, "naps of a run that is drawn as it happens", times, "x undrawn")
