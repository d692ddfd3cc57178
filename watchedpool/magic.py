"""The magic `%%watch`: IPython runs a cell as it is; then its output shows what the pools did.

Not a cell magic in IPython's sense, which would have to run the cell itself: the first line is
removed from the source, and all else, such as `await` or other magics, is left to IPython.
"""

import optparse
import shlex
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from watchedpool.output_files import Output, checked_output
from watchedpool.watching import Watch, watching

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionInfo, InteractiveShell

MAGIC = "%%watch"
USAGE = "%%watch [-o FILE]"


def add_watch_magic(shell: "InteractiveShell") -> None:
    """Add `%%watch` to this IPython; if it has it already, do nothing."""
    if not any(getattr(each, "__func__", None) is _CellWatch.transform for each in _lines(shell)):
        watch = _CellWatch()
        _lines(shell).append(watch.transform)
        shell.register_magic_function(_refuse, "line", "watch")
        shell.events.register("pre_run_cell", watch.start)
        shell.events.register("post_run_cell", watch.stop)


def _lines(shell: "InteractiveShell") -> list:
    return shell.input_transformers_cleanup


class _CellWatch:
    """Watches one cell at a time."""

    def __init__(self) -> None:
        self._watch: Watch | None = None
        self._output: Path | None = None
        self._end = ExitStack()

    def transform(self, lines: list[str]) -> list[str]:
        """Return a cell without `%%watch`; with a wrong option, one that says so."""
        if not (lines and _is_magic(lines[0])):
            return lines
        try:
            _parse(lines[0])
        except ValueError:
            return [lines[0].replace(MAGIC, "%watch", 1)]
        return ["\n", *lines[1:]]  # so that the numbers of lines stay

    def start(self, info: "ExecutionInfo") -> None:
        """Begin to watch, if the cell that will run says so."""
        first = info.raw_cell.lstrip().partition("\n")[0]
        try:
            self._output = _parse(first) if _is_magic(first) else None
        except ValueError:  # which the cell itself will say
            return
        if _is_magic(first):
            self._end.close()  # of a cell whose end was not announced
            self._watch = self._end.enter_context(watching())

    def stop(self, _: object) -> None:
        """Show the picture and the words of each pool that the cell made."""
        if self._watch is None:
            return
        from watchedpool.plots.figure import show
        from watchedpool.plots.timelines import plot_lag

        watch, self._watch = self._watch, None
        with self._end:
            files = Output(self._output)
            for report in watch.reports():
                show(plot_lag(report.timeline))
                print(report.words)
                print(files.add(report), end="")
            print(files.finish(), end="")
            if watch.rest:
                print(watch.rest)


def _is_magic(line: str) -> bool:
    return line.split(maxsplit=1)[:1] == [MAGIC]


def _parse(line: str) -> Path | None:
    """Return the file that -o names, if any; raise ValueError for what is not allowed."""
    parser = _Parser(USAGE, add_help_option=False)
    parser.add_option("-o", dest="output")
    options, rest = parser.parse_args(shlex.split(line)[1:])
    if rest:
        raise ValueError(f"after {MAGIC} stands {' '.join(rest)!r}; allowed is -o and a file")
    return checked_output(options.output) if options.output else None


class _Parser(optparse.OptionParser):
    def error(self, msg: str) -> NoReturn:
        raise ValueError(msg)


def _refuse(line: str) -> Any:
    """Say what is wrong with the options of a `%%watch` cell."""
    from IPython.core.error import UsageError

    try:
        _parse(f"{MAGIC} {line}")
    except ValueError as error:
        raise UsageError(f"{error}. Usage: {USAGE}") from None
    raise UsageError(f"write {MAGIC} as the first line of a cell")
