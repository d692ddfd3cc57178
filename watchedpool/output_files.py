"""Write what a pool did to a file, in the format that the file's name asks for."""

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchedpool.timeline import Timeline

# One of these stands near the beginning of each file that we write.
MARKS = b"watchedpool", b"a watched pool's timeline"


def checked_output(name: str) -> Path:
    """Return the file of this name, with its full path: a program may change its folder.

    Raises ValueError, which says what is allowed, if it cannot be written.
    """
    path = Path(name).absolute()
    if _suffix(path) not in _WRITERS:
        raise ValueError(f"-o is {name!r}; allowed are names that end in {', '.join(_WRITERS)}")
    if not path.parent.is_dir():
        raise ValueError(f"-o is {name!r}; there is no folder {str(path.parent)!r}")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ValueError(f"-o is {name!r}, which cannot be written")
    if path.suffix == ".png" and find_spec("matplotlib") is None:
        raise ValueError(
            f"-o is {name!r}, which needs matplotlib: pip install 'watchedpool[plots]' "
            "(.svg and .json need nothing more)"
        )
    return path


def write_output(timeline: "Timeline", path: Path, number: int) -> str:
    """Write a file for the pool of this number: lag.svg, lag-2.svg, ...; return what to say of it.

    Only the file of the first was named by the user: another file is replaced if it is ours.
    """
    suffix = _suffix(path)
    if number > 1:
        path = path.with_name(f"{path.name.removesuffix(suffix)}-{number}{suffix}")
    try:
        if number > 1 and path.exists() and not _is_ours(path):
            return f"Not written: {path} exists, and watchedpool did not write it"
        _WRITERS[suffix](timeline, path)
    except (ImportError, OSError, ValueError) as error:
        return f"Not written: {path}: {error}"
    return f"Written: {path}"


def _suffix(path: Path) -> str:
    return ".trace.json" if path.name.endswith(".trace.json") else path.suffix


def _is_ours(path: Path) -> bool:
    with open(path, "rb") as file:
        head = file.read(4096)
    return any(mark in head for mark in MARKS)


def _write_svg(timeline: "Timeline", path: Path) -> None:
    from watchedpool.plots.replays import MOST_TASKS, replay

    if len(timeline) <= MOST_TASKS:
        path.write_text(replay(timeline), encoding="utf-8")
    else:
        _write_still(timeline, path)


def _write_still(timeline: "Timeline", path: Path) -> None:
    from watchedpool import plot_lag  # says what to install where matplotlib is missing

    maker = {"Software" if path.suffix == ".png" else "Creator": "watchedpool"}
    plot_lag(timeline)[0].figure.savefig(path, metadata=maker)


_WRITERS: dict[str, Callable[["Timeline", Path], None]] = {
    ".svg": _write_svg,
    ".png": _write_still,
    ".json": lambda timeline, path: timeline.save(path),
    ".trace.json": lambda timeline, path: timeline.to_trace(path),
}
