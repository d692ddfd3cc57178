"""What a Timeline looks like, and a prediction, and two programs joined by pipes.

Names are loaded on first use: `replay` needs neither matplotlib nor IPython.
"""

from importlib import import_module

_HOME = {
    "alternative": "figure",
    "bundled": "figure",
    "plot_behind": "timelines",
    "plot_chunks": "predictions",
    "plot_growth": "predictions",
    "plot_lag": "timelines",
    "plot_pipes": "pipes",
    "plot_predicted": "predictions",
    "plot_progress": "timelines",
    "plot_runs": "timelines",
    "plot_workers": "timelines",
    "replay": "replays",
    "show": "figure",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"helpers.plots.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
