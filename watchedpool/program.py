"""Watch the program of this process, which the command `watchedpool` has started.

Nothing else is imported until the program has imported something that can make a pool, because a
program may have modules of the same names, and because the order of imports decides the order in
which functions are called at exit. From then on, its pools are watched. The report follows when the
program, its threads and its executors have ended.
"""

from __future__ import annotations

import atexit
import os
import sys

TYPE_CHECKING = False  # as in `typing`, which would take some milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, TextIO

    from watchedpool.watching import Watch

_open = open  # the program may put another in its place
PACKAGES = "multiprocessing.", "multiprocess.", "concurrent.futures."  # what is in them
# Whatever makes a process, a pool or an executor has imported one of these.
MAKERS = "multiprocessing.util", "multiprocess.util", "concurrent.futures.thread"
NEITHER = (
    "No pool was seen: the program imported neither multiprocessing nor concurrent.futures. "
    "A pool that another process makes is not watched."
)


def watch_program(output: str) -> None:
    """Watch the program that starts now; `output` is the file to write at its exit, or "".

    The first function that is registered is called last: when the program's own have been called,
    its threads and executors have ended, and multiprocessing has ended what was left.
    """
    start = _Start()
    atexit.register(_finish, start, output, _copy_of_stderr(), os.getpid())


class _Start:
    """Begins to watch when the program has imported what can make a pool.

    Python's own finder of modules says so, because another one could be seen in `sys.meta_path`.
    """

    def __init__(self) -> None:
        self.watch: Watch | None = None
        self.problem = ""  # why there is none
        self.path = sys.path[:]  # without the program's own folder, which comes later
        self._importing = 0  # modules of PACKAGES, which import each other
        (self._finder,) = (
            each for each in sys.meta_path if getattr(each, "__name__", "") == "PathFinder"
        )
        self._find_spec = vars(self._finder)["find_spec"]
        self._finder.find_spec = classmethod(self._find)

    def _find(
        self, finder: type, name: str, path: Sequence[str] | None = None, target: Any = None
    ) -> ModuleSpec | None:
        spec = self._find_spec.__func__(finder, name, path, target)
        if spec and spec.loader and name.startswith(PACKAGES):
            spec.loader = _Loader(spec.loader, self.importing)
        return spec

    def importing(self, change: int) -> None:
        """Count a module that begins to be imported (1), or has been (-1)."""
        self._importing += change
        ready = not self._importing and any(name in sys.modules for name in MAKERS)
        if ready and not (self.watch or self.problem):
            self._finder.find_spec = self._find_spec
            try:
                self._begin()
            except Exception as error:
                self.problem = f"could not watch this program ({type(error).__name__}: {error})"

    def _begin(self) -> None:
        theirs, before = sys.path[:], set(sys.modules)
        sys.path[:] = self.path  # so that no module of the program is taken for one of Python's
        try:
            from multiprocessing.util import Finalize

            from watchedpool.watching import watching
        finally:
            sys.path[:] = theirs
        self._leave_names(before, [path for path in theirs if path not in self.path])
        self.watch = watching().__enter__()
        self.watch.had_multiprocess = False
        # After multiprocessing has ended the pools, before the recorders remove their folders.
        Finalize(None, self.watch.close, exitpriority=-1)

    def _leave_names(self, before: set[str], folders: list[str]) -> None:
        """Forget modules that were imported now and have the names of modules in these folders."""
        from importlib.machinery import PathFinder

        for name in {each.partition(".")[0] for each in set(sys.modules) - before}:
            if name != "watchedpool" and PathFinder.find_spec(name, folders):
                sys.modules.pop(name, None)


class _Loader:
    """Loads a module as its own loader does, and reports when that begins and when it has ended."""

    def __init__(self, loader: Any, report: Callable[[int], None]) -> None:
        self._loader, self._report = loader, report

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As the module's own loader."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """As the module's own loader."""
        module.__spec__.loader = module.__loader__ = self._loader
        self._report(1)
        try:
            self._loader.exec_module(module)
        except BaseException as error:  # Python shows no frame of an import
            error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
            raise
        finally:
            self._report(-1)


def _finish(start: _Start, output: str, stderr: Callable[[], TextIO], process: int) -> None:
    """Say what each pool did, and write files. Whatever goes wrong, the program ends."""
    from contextlib import suppress

    if os.getpid() != process:  # a copy of the program that it has forked
        return
    with suppress(AttributeError, OSError, ValueError):  # closed, for one
        sys.stdout.flush()
    with stderr() as file, suppress(OSError):  # a report that nobody can read changes nothing
        if start.watch is None:
            file.write(f"watchedpool: {start.problem or NEITHER}\n")
            return
        # What the report imports is not theirs.
        sys.path[:] = [*start.path, *(path for path in sys.path if path not in start.path)]
        sys.setrecursionlimit(max(sys.getrecursionlimit(), 1000))  # it may be low
        try:
            _report(start.watch, output, file)
        except Exception as error:  # the program may have broken what the report needs
            file.write(f"watchedpool: no report ({type(error).__name__}: {error})\n")
    if getattr(sys, "last_type", None) is KeyboardInterrupt:
        # Python ends itself by SIGINT then, unless source was compiled and run since, as NumPy's
        # import does: so be interrupted again.
        with suppress(KeyboardInterrupt):
            exec("raise KeyboardInterrupt")


def _report(watch: Watch, output: str, stderr: TextIO) -> None:
    import warnings
    from pathlib import Path

    from watchedpool.output_files import Output

    files = Output(Path(output) if output else None)
    with warnings.catch_warnings(action="ignore"):  # the program may want them to be errors
        for report in watch.reports():
            stderr.write(f"watchedpool: {report.words}\n{files.add(report)}")
    stderr.write(files.finish())
    if watch.rest:
        stderr.write(f"watchedpool: {watch.rest}\n")


def _copy_of_stderr() -> Callable[[], TextIO]:
    """Return what opens stderr as it is now: the program may close it, or put another there."""
    try:
        copy = os.dup(2)
        status = os.fstat(copy)
    except OSError:  # there is none
        return lambda: _open(os.devnull, "w")

    def open_it() -> TextIO:
        # A program that closes all files may have opened one of its own under the same number.
        for number in copy, 2:
            try:
                if os.path.samestat(os.fstat(number), status):
                    options = {"encoding": "utf-8", "errors": "backslashreplace"}
                    return _open(number, "w", closefd=False, **options)
            except OSError:
                continue
        return _open(os.devnull, "w")

    return open_it
