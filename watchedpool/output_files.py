"""Write what pools did to files, in the format that the file's name asks for."""

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchedpool.page.report import Section
    from watchedpool.reports import Report

PAGE = ".html"

# One of these stands near the beginning of each file that we write.
MARKS = b"watchedpool", b"a watched pool's timeline"


def checked_output(name: str) -> Path:
    """Return the file of this name, with its full path: a program may change its folder.

    Raises ValueError, which says what is allowed, if it cannot be written.
    """
    path = Path(name).absolute()
    if _suffix(path) not in SUFFIXES:
        raise ValueError(f"-o is {name!r}; allowed are names that end in {', '.join(SUFFIXES)}")
    if not path.parent.is_dir():
        raise ValueError(f"-o is {name!r}; there is no folder {str(path.parent)!r}")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ValueError(f"-o is {name!r}, which cannot be written")
    if path.suffix == ".png" and find_spec("matplotlib") is None:
        raise ValueError(
            f"-o is {name!r}, which needs matplotlib: pip install 'watchedpool[plots]' "
            "(.html, .svg and .json need nothing more)"
        )
    return path


class Output:
    """The files for the pools of a program: one page for all of them, or one file per pool."""

    def __init__(self, path: Path | None) -> None:
        """Write to files of this name; None: write nothing."""
        self._path = path
        self._number = 0
        self._sections: list[Section] = []

    def add(self, report: "Report") -> str:
        """Take what is said of a pool; return a line on the file that was written, or ""."""
        self._number += 1
        if self._path is None:
            return ""
        if self._path.suffix != PAGE:
            return _write_one(report, self._path, self._number)
        from watchedpool.page.report import Section

        texts = [getattr(remark, "text", remark) for remark in report.remarks]
        self._sections.append(Section(report.where, texts, report.timeline))
        return ""

    def finish(self) -> str:
        """Write the page of all pools, if one is wanted; return a line on it, or ""."""
        if self._path is None or not self._sections:
            return ""
        from watchedpool.page.report import write_report

        try:
            write_report(self._sections, self._path)
        except OSError as error:
            return f"Not written: {self._path}: {error}\n"
        return f"Written: {self._path}\n"


def _write_one(report: "Report", path: Path, number: int) -> str:
    """Write a file for the pool of this number: lag.svg, lag-2.svg, ...; return a line on it.

    Only the file of the first was named by the user: another file is replaced if it is ours.
    """
    suffix = _suffix(path)
    if number > 1:
        path = path.with_name(f"{path.name.removesuffix(suffix)}-{number}{suffix}")
    try:
        if number > 1 and path.exists() and not _is_ours(path):
            return f"Not written: {path} exists, and watchedpool did not write it\n"
        _WRITERS[suffix](report, path)
    except (ImportError, OSError, ValueError) as error:
        return f"Not written: {path}: {error}\n"
    return f"Written: {path}\n"


def _suffix(path: Path) -> str:
    return ".trace.json" if path.name.endswith(".trace.json") else path.suffix


def _is_ours(path: Path) -> bool:
    with open(path, "rb") as file:
        head = file.read(4096)
    return any(mark in head for mark in MARKS)


def _write_svg(report: "Report", path: Path) -> None:
    from watchedpool.plots.replays import MOST_TASKS, replay

    if len(report.timeline) <= MOST_TASKS:
        path.write_text(replay(report.timeline), encoding="utf-8")
    else:
        _write_still(report, path)


def _write_json(report: "Report", path: Path) -> None:
    from watchedpool.reports import save_run

    save_run(report, path)


def _write_still(report: "Report", path: Path) -> None:
    from watchedpool import plot_lag  # says what to install where matplotlib is missing

    maker = {"Software" if path.suffix == ".png" else "Creator": "watchedpool"}
    plot_lag(report.timeline)[0].figure.savefig(path, metadata=maker)


_WRITERS: dict[str, Callable[["Report", Path], None]] = {
    ".svg": _write_svg,
    ".png": _write_still,
    ".json": _write_json,
    ".trace.json": lambda report, path: report.timeline.to_trace(path),
}
SUFFIXES = PAGE, *_WRITERS
