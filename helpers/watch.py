"""Watch a program that knows nothing of us, and tell what its pools did.

In a notebook: `%load_ext helpers.watch`, then `%%watch` as the first line of a cell. Elsewhere:

    python -m helpers.watch [-o lag.svg] script.py [arguments]
    python -m helpers.watch [-o lag.svg] -m module [arguments]
"""

import argparse
import ast
import concurrent.futures
import multiprocessing.pool
import os
import runpy
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any

from helpers.recording.executors import Watching, noting_completed
from helpers.recording.pool import WatchedPool, WatchedThreadPool

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from helpers.timeline import Timeline

HOME = Path(__file__).resolve().parent
# The line that made a pool is the first on the way out that is in none of these.
NOT_THEIRS = ("<frozen", str(HOME), sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"))
NOT_SEEN = "a pool made by another process, or by a name that a module had imported before, is not"


class Watch:
    """The pools that were made while we watched, and the tqdm bars that were drawn."""

    def __init__(self) -> None:
        self.pools: list[tuple[Any, float, str]] = []  # each with when it was made, by which line
        self.bars: list[Any] = []  # each with `drawn`, as a WatchedBar has
        self.cores = sum(os.times()[2:4])  # seconds of core time of workers that have ended

    def told(self) -> Iterator[tuple[str, "Timeline"]]:
        """Yield what there is to say of each pool, and its Timeline."""
        import numpy as np

        from helpers.diagnosis import Finding, findings

        cores = sum(os.times()[2:4]) - self.cores
        for pool, made, line in self.pools:
            timeline = pool.timeline()
            busy = cores / max(timeline.makespan, 1e-9) if len(self.pools) == 1 else 0.0
            found = findings(timeline, busy, len(getattr(pool, "processes", ())))
            said = [line, timeline.describe().splitlines()[0], *map(str, found)]
            for bar in self.bars:
                if bar.drawn[-1][0] > made and bar.drawn[-1][1] == len(timeline) > 0:
                    order, both = (run.lag.clip(0) for run in (timeline, pool.timeline(bar)))
                    sentence = (
                        f"The bar on the screen: tasks waited {np.nansum(order):.2f} s, added up, "
                        f"until the loop had them, and {np.nansum((both - order).clip(0)):.2f} s "
                        "more until the bar was drawn."
                    )
                    said.append(str(Finding("drawing", 0.0, sentence, "04")))
                    break
            yield "\n".join(said), timeline


@contextmanager
def watching(names: dict[str, Any]) -> Iterator[Watch]:
    """Put a watched class wherever a pool or an executor is looked up; also among `names`."""
    watch, undo = Watch(), []
    pools, futures = vars(multiprocessing.pool), vars(concurrent.futures)
    watched = {pools["Pool"]: WatchedPool, pools["ThreadPool"]: WatchedThreadPool}
    for name in "ProcessPoolExecutor", "ThreadPoolExecutor", "InterpreterPoolExecutor":
        if executor := getattr(concurrent.futures, name, None):  # the last is new in Python 3.14
            watched[executor] = type(name, (Watching, executor), {})
    swaps = {id(old): _noting(old, new, watch) for old, new in watched.items()}
    swaps[id(concurrent.futures.as_completed)] = noting_completed
    for space in pools, futures, names:
        for name in [name for name, value in space.items() if id(value) in swaps]:
            undo.append((space, name, space[name]))
            space[name] = swaps[id(space[name])]
    try:
        yield watch
    finally:
        for space, name, old in undo:
            space[name] = old
        if "tqdm.std" in sys.modules:
            tqdm = sys.modules["tqdm.std"].tqdm
            tqdm.display = getattr(tqdm.display, "original", tqdm.display)


def _noting(old: type, new: type, watch: Watch) -> type:
    """Return the class `new`, under the name of `old`, so that each that is made is noted."""

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        if not isinstance(self, noting):  # ThreadPool calls Pool.__init__ by that name
            old.__init__(self, *args, **kwargs)
            return
        new.__init__(self, *args, **kwargs)
        watch.pools.append((self, perf_counter(), _line()))
        if "tqdm.std" in sys.modules:
            _note_bars(sys.modules["tqdm.std"].tqdm, watch)

    noting = type(old.__name__, (new,), {"__init__": __init__, "__module__": old.__module__})
    return noting


def _note_bars(tqdm: type, watch: Watch) -> None:
    """Have every tqdm note when it is drawn with which count, until `watching` is over."""
    draw = tqdm.display
    if hasattr(draw, "original"):
        return

    def display(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = draw(self, *args, **kwargs)
        if not hasattr(self, "drawn"):
            self.drawn = []
            watch.bars.append(self)
        self.drawn.append((perf_counter(), self.n))
        return result

    display.original, tqdm.display = draw, display


def _line() -> str:
    """Return the line of the program that is being run now: its file, its number, its text."""
    for frame in reversed(traceback.extract_stack()):
        if not frame.filename.startswith(NOT_THEIRS):
            cell = "ipykernel" in frame.filename or "<ipython" in frame.filename
            where = "cell" if cell else Path(frame.filename).name
            return f"{where}, line {frame.lineno}: {frame.line}"
    return "In a library:"


def load_ipython_extension(shell: "InteractiveShell") -> None:
    """Add `%%watch`: what `%load_ext helpers.watch` calls."""
    shell.register_magic_function(lambda _, cell: _watch_cell(shell, cell), "cell", "watch")


def _watch_cell(shell: "InteractiveShell", cell: str) -> None:
    """Run a cell as it is, then show the picture and the words of each pool it made."""
    from helpers.plots import plot_lag, show

    source = shell.transform_cell(cell)
    name = shell.compile.cache(source)
    *most, last = ast.parse(source, name).body or [ast.Pass()]
    with watching(shell.user_ns) as watch:
        try:
            shown = isinstance(last, ast.Expr)
            most = ast.Module(most if shown else [*most, last], [])
            exec(compile(ast.fix_missing_locations(most), name, "exec"), shell.user_ns)
            if shown:  # as any cell shows the value of its last line
                exec(compile(ast.Interactive([last]), name, "single"), shell.user_ns)
        finally:
            if not watch.pools:
                print(f"No pool was seen: {NOT_SEEN}.")
            for words, timeline in watch.told():
                show(plot_lag(timeline))
                print(words)


def main(arguments: list[str]) -> None:
    """Run a program as Python would; then tell on stderr what was seen, and write pictures."""
    parser = argparse.ArgumentParser("python -m helpers.watch", description="Watch a program.")
    parser.add_argument("-o", metavar="PICTURE", help="write a picture: an .svg moves, a .png not")
    parser.add_argument("-m", nargs=argparse.REMAINDER, default=[], help="a module, its arguments")
    parser.add_argument("script", nargs=argparse.REMAINDER, help="a file, its arguments")
    options = parser.parse_args(arguments)
    if not (options.m or options.script):
        parser.error("name a script, or -m and a module")
    if options.script and not os.path.isfile(options.script[0]):
        parser.error(f"cannot open {options.script[0]!r}")
    sys.argv = options.m or options.script
    sys.path.append(str(HOME.parent))  # workers import us, wherever the program is
    sys.excepthook = _show_error
    process = os.getpid()
    with watching({}) as watch:
        try:
            if options.m:
                runpy.run_module(options.m[0], run_name="__main__", alter_sys=True)
            else:
                _run_script(os.path.abspath(options.script[0]))
        finally:
            if os.getpid() == process:  # not in a copy of it that the program has forked
                sys.stdout.flush()
                _tell(watch, options.o)


def _run_script(path: str) -> None:
    """Run a file as `__main__`, which it stays to the end, so that workers find it."""
    module = ModuleType("__main__")
    module.__file__ = path
    sys.modules["__main__"], sys.path[0] = module, os.path.dirname(path)
    exec(compile(Path(path).read_bytes(), path, "exec", dont_inherit=True), vars(module))


def _show_error(kind: type, error: BaseException, trace: TracebackType | None) -> None:
    """Show an error as Python does alone: without those that ran the program."""
    while trace and trace.tb_frame.f_code.co_filename in (__file__, "<frozen runpy>"):
        trace = trace.tb_next
    sys.__excepthook__(kind, error.with_traceback(trace), trace)


def _tell(watch: Watch, picture: str | None) -> None:
    """Say on stderr what was seen; write a picture for each pool: lag.svg, lag-2.svg, ..."""
    from helpers import plots
    from helpers.plots.replays import MOST, replay

    if not watch.pools:
        print(f"helpers.watch: no pool was seen: {NOT_SEEN}.", file=sys.stderr)
    for number, (words, timeline) in enumerate(watch.told(), 1):
        print(f"helpers.watch: {words}", file=sys.stderr)
        if picture:
            path = Path(picture)
            path = path.with_stem(f"{path.stem}-{number}") if number > 1 else path
            try:
                if path.suffix == ".svg" and len(timeline) <= MOST:
                    path.write_text(replay(timeline), encoding="utf-8")
                else:
                    plots.plot_lag(timeline)[0].figure.savefig(path)
                print(f"Picture: {path}", file=sys.stderr)
            except (ImportError, OSError, ValueError) as error:
                print(f"No picture: {error}", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
