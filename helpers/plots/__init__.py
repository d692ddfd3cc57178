"""What a Timeline looks like, and a prediction, and two programs joined by pipes."""

from helpers.plots.figure import alternative, bundled, show
from helpers.plots.pipes import plot_pipes
from helpers.plots.predictions import plot_chunks, plot_growth, plot_predicted
from helpers.plots.timelines import plot_behind, plot_lag, plot_progress, plot_runs, plot_workers

__all__ = [
    "alternative",
    "bundled",
    "plot_behind",
    "plot_chunks",
    "plot_growth",
    "plot_lag",
    "plot_pipes",
    "plot_predicted",
    "plot_progress",
    "plot_runs",
    "plot_workers",
    "show",
]
