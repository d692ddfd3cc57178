"""Watch, predict and explain what Python's process pools do: this is the public API.

Names are loaded on first use, so a worker process stays light, and nobody needs matplotlib or
distributed who does not use them. The pattern is that of Scientific Python's SPEC 1.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from watchedpool.budget import Budget
    from watchedpool.cores import core_limits, usable_cores
    from watchedpool.details import Details
    from watchedpool.diagnosis import Finding, findings
    from watchedpool.page.report import report
    from watchedpool.plots.budgets import plot_budget
    from watchedpool.plots.figure import show
    from watchedpool.plots.predictions import plot_chunks, plot_growth, plot_predicted
    from watchedpool.plots.replays import replay
    from watchedpool.plots.timelines import (
        plot_behind,
        plot_lag,
        plot_progress,
        plot_runs,
        plot_workers,
    )
    from watchedpool.recording.bar import WatchedBar
    from watchedpool.recording.dask import DaskRecorder, bring_clocks_together
    from watchedpool.recording.pool import WatchedPool, WatchedThreadPool
    from watchedpool.recording.recorder import Recorder
    from watchedpool.schedule import Bounds, bounds, calibrate, predict
    from watchedpool.timeline import Timeline

__version__ = "2.1.0"
__all__ = [
    "Bounds",
    "Budget",
    "DaskRecorder",
    "Details",
    "Finding",
    "Recorder",
    "Timeline",
    "WatchedBar",
    "WatchedPool",
    "WatchedThreadPool",
    "bounds",
    "bring_clocks_together",
    "calibrate",
    "core_limits",
    "findings",
    "plot_behind",
    "plot_budget",
    "plot_chunks",
    "plot_growth",
    "plot_lag",
    "plot_predicted",
    "plot_progress",
    "plot_runs",
    "plot_workers",
    "predict",
    "replay",
    "report",
    "show",
    "usable_cores",
]

_MODULES = {
    "budget": ("Budget",),
    "cores": ("core_limits", "usable_cores"),
    "details": ("Details",),
    "diagnosis": ("Finding", "findings"),
    "page.report": ("report",),
    "plots.budgets": ("plot_budget",),
    "plots.figure": ("show",),
    "plots.predictions": ("plot_chunks", "plot_growth", "plot_predicted"),
    "plots.replays": ("replay",),
    "plots.timelines": ("plot_behind", "plot_lag", "plot_progress", "plot_runs", "plot_workers"),
    "recording.bar": ("WatchedBar",),
    "recording.dask": ("DaskRecorder", "bring_clocks_together"),
    "recording.pool": ("WatchedPool", "WatchedThreadPool"),
    "recording.recorder": ("Recorder",),
    "schedule": ("Bounds", "bounds", "calibrate", "predict"),
    "timeline": ("Timeline",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}
_INSTALL = {
    "dask": "'watchedpool[dask]'",
    "distributed": "'watchedpool[dask]'",
    "matplotlib": "'watchedpool[plots]'",
    "numpy": "numpy",
    "tqdm": "tqdm",
}


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"watchedpool.{_MODULE_OF[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name not in _INSTALL:
            raise
        fix = f"{name} needs {error.name}: pip install {_INSTALL[error.name]}"
        raise ModuleNotFoundError(fix, name=error.name) from None


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def load_ipython_extension(shell: "InteractiveShell") -> None:
    """Add the magic `%%watch`: IPython calls this for `%load_ext watchedpool`."""
    from watchedpool.magic import add_watch_magic

    add_watch_magic(shell)
