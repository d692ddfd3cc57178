"""What the lessons import. Names are loaded on first use, so a worker process stays light.

The pattern is the lazy package face of Scientific Python's SPEC 1.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from helpers.diagnosis import findings
    from helpers.recording.bar import WatchedBar
    from helpers.recording.pool import WatchedPool, WatchedThreadPool
    from helpers.recording.recorder import Recorder
    from helpers.timeline import Timeline

_HOME = {
    "Recorder": "recording.recorder",
    "Timeline": "timeline",
    "WatchedBar": "recording.bar",
    "WatchedPool": "recording.pool",
    "WatchedThreadPool": "recording.pool",
    "findings": "diagnosis",
}
__all__ = ["Recorder", "Timeline", "WatchedBar", "WatchedPool", "WatchedThreadPool", "findings"]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"helpers.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
