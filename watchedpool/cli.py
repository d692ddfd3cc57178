"""The command `watchedpool`: run a program as Python would, then report what its pools did.

The report goes to stderr; the program's own output, exceptions and exit code stay as they are.
"""

import atexit
import builtins
import optparse
import os
import runpy
import sys
import zipfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from importlib.machinery import (
    BuiltinImporter,
    PathFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, TracebackType
from typing import NoReturn, TextIO

from watchedpool import __version__
from watchedpool.output_files import checked_output, write_output
from watchedpool.watching import PACKAGE, Watch, watching

USAGE = """watchedpool [-o FILE] SCRIPT [ARGUMENTS]
       watchedpool [-o FILE] -m MODULE [ARGUMENTS]
       watchedpool [-o FILE] -c CODE [ARGUMENTS]"""
OUTPUT_HELP = (
    "write what each pool did: a moving picture (.svg), a still one (.png), its Timeline (.json), "
    "or a trace for ui.perfetto.dev (.trace.json)"
)


def main(arguments: list[str] | None = None) -> None:
    """Run a program as Python would; then report on stderr, and write the files asked for.

    arguments: of the command line, without its name; left out, those of this process. Raises what
    the program raises, and SystemExit with code 2 where nothing can be run.
    """
    run, output = _parse(sys.argv[1:] if arguments is None else arguments)
    if not sys.flags.safe_path:
        del sys.path[0]  # the folder of this command; the program's own takes its place
    ours, process = sys.path[:], os.getpid()
    stdout, stderr = sys.stdout, _copy_of_stderr()
    if str(PACKAGE.parent) not in sys.path:
        sys.path.append(str(PACKAGE.parent))  # workers import us, wherever the program is
    end = ExitStack()
    watch = end.enter_context(watching())

    def finish() -> None:
        if os.getpid() == process:  # not in a copy of it that the program has forked
            with end, suppress(AttributeError, OSError, ValueError):  # closed, for one
                stdout.flush()
            # What the report imports is not theirs.
            sys.path[:] = [*ours, *(path for path in sys.path if path not in ours)]
            sys.setrecursionlimit(max(sys.getrecursionlimit(), 1000))  # it may be low
            _report(watch, output, stderr())
            if getattr(sys, "last_type", None) is KeyboardInterrupt:
                # Python ends itself by SIGINT then, unless source was compiled and run since, as
                # NumPy's import does: so be interrupted again.
                with suppress(KeyboardInterrupt):
                    exec("raise KeyboardInterrupt")

    # The first that is registered is called last: when the program's threads, executors and own
    # functions have ended, and before multiprocessing ends what it has left.
    atexit.register(finish)
    try:
        run()
    except BaseException as error:
        _hide_our_frames(error)
        raise


def _parse(arguments: list[str]) -> tuple[Callable[[], None], Path | None]:
    """Return what runs the program, and the file to write; leave with code 2 if that is wrong."""
    # Not argparse: it takes options after the script's name for its own, and eats a later "--".
    parser = optparse.OptionParser(USAGE, prog="watchedpool", version=f"watchedpool {__version__}")
    parser.disable_interspersed_args()
    parser.add_option("-o", metavar="FILE", dest="output", help=OUTPUT_HELP)
    parser.add_option("-m", action="store_true", dest="module", help="run a module, as python -m")
    parser.add_option("-c", action="store_true", dest="code", help="run this code, as python -c")
    options, program = parser.parse_args(arguments)

    def refuse(problem: str) -> NoReturn:
        parser.exit(2, f"watchedpool: {problem}\n")

    if find_spec("numpy") is None:
        refuse("this Python has no numpy, which the report needs: pip install numpy")
    try:
        output = checked_output(options.output) if options.output else None
    except ValueError as error:
        refuse(str(error))
    if not program:
        parser.error("name a script, -m and a module, or -c and code")
    name = program[0]
    if options.module:
        run = _module_runner(program, refuse)
    elif options.code:
        run = _code_runner(program)
    elif not os.path.exists(name):
        refuse(f"cannot open {name!r}: there is no such file")
    elif os.path.isdir(name) or zipfile.is_zipfile(name):
        run = _folder_runner(program, refuse)
    else:
        run = _script_runner(program, refuse)
    return run, output


def _module_runner(program: list[str], refuse: Callable[[str], NoReturn]) -> Callable[[], None]:
    """Return what runs a module as `python -m` does."""
    if not sys.flags.safe_path:
        sys.path[0] = os.getcwd()
    package = program[0].partition(".")[0]  # to look further would import it
    if not package or find_spec(package) is None:
        refuse(f"there is no module {program[0]!r}")

    def run() -> None:
        if not sys.flags.safe_path:
            sys.path.insert(0, os.getcwd())
        sys.argv = program
        _new_main(None)
        runpy._run_module_as_main(program[0])  # as Python does; run_module would take it away

    return run


def _code_runner(program: list[str]) -> Callable[[], None]:
    """Return what runs code as `python -c` does."""
    source = program[0]

    def run() -> None:
        if not sys.flags.safe_path:
            sys.path.insert(0, "")
        sys.argv = ["-c", *program[1:]]
        exec(compile(source, "<string>", "exec", dont_inherit=True), vars(_new_main(None)))

    return run


def _folder_runner(program: list[str], refuse: Callable[[str], NoReturn]) -> Callable[[], None]:
    """Return what runs a folder, or a zip file, that has a `__main__.py`."""
    path = _full_path(program[0])
    spec = PathFinder.find_spec("__main__", [path])
    if spec is None or spec.loader is None:
        refuse(f"cannot run {program[0]!r}: it has no __main__.py")

    def run() -> None:
        sys.path.insert(0, path)  # under -P too
        sys.argv = program
        _new_main(None)
        runpy._run_module_as_main("__main__", alter_argv=False)

    return run


def _full_path(name: str) -> str:
    """Return the path that Python gives `__file__`: only Windows resolves its `.` and `..`."""
    return os.path.abspath(name) if os.name == "nt" else os.path.join(os.getcwd(), name)


def _script_runner(program: list[str], refuse: Callable[[str], NoReturn]) -> Callable[[], None]:
    """Return what runs a file as `python file` does."""
    path = _full_path(program[0])
    try:
        source = Path(path).read_bytes()
    except OSError as error:
        refuse(f"cannot open {program[0]!r}: {error.strerror}")
    is_compiled = path.endswith(".pyc")

    def run() -> None:
        if not sys.flags.safe_path:
            sys.path.insert(0, os.path.dirname(os.path.realpath(path)))  # as Python does
        sys.argv = program
        main = _new_main(path)
        if is_compiled:
            main.__loader__ = SourcelessFileLoader("__main__", path)
            exec(main.__loader__.get_code("__main__"), vars(main))
        else:
            exec(compile(source, path, "exec", dont_inherit=True), vars(main))

    return run


def _new_main(path: str | None) -> ModuleType:
    """Put a new `__main__` in place, which stays to the end, so that workers find it."""
    main = ModuleType("__main__")
    main.__annotations__, main.__builtins__ = {}, builtins
    main.__loader__ = SourceFileLoader("__main__", path) if path else BuiltinImporter
    if path:
        main.__file__, main.__cached__ = path, None
    sys.modules["__main__"] = sys.modules["__mp_main__"] = main
    return main


def _hide_our_frames(error: BaseException) -> None:
    """Have an error shown as Python does alone, or as the program's own hook does."""
    theirs = error.__traceback__
    while theirs and theirs.tb_frame.f_code.co_filename == __file__:
        theirs = theirs.tb_next
    show = sys.excepthook

    def hook(kind: type, error: BaseException, _: TracebackType | None) -> None:
        sys.excepthook = show
        show(kind, error.with_traceback(theirs), theirs)

    sys.excepthook = hook


def _report(watch: Watch, output: Path | None, stderr: TextIO) -> None:
    """Say what each pool did, and write a file for each. Whatever goes wrong, the program ends."""
    with stderr, suppress(OSError):  # a report that nobody can read changes nothing
        try:
            for number, (words, timeline) in enumerate(watch.reports(), 1):
                stderr.write(f"watchedpool: {words}\n")
                if output:
                    stderr.write(write_output(timeline, output, number) + "\n")
            if watch.rest:
                stderr.write(f"watchedpool: {watch.rest}\n")
        except Exception as error:  # the program may have broken what the report needs
            stderr.write(f"watchedpool: no report ({type(error).__name__}: {error})\n")


def _copy_of_stderr() -> Callable[[], TextIO]:
    """Return what opens stderr as it is now: the program may close it, or put another there."""
    try:
        copy = os.dup(sys.stderr.fileno())
        status = os.fstat(copy)
    except (AttributeError, OSError, ValueError):  # there is none
        return lambda: open(os.devnull, "w")

    def open_it() -> TextIO:
        # A program that closes all files may have opened one of its own under the same number.
        for number in copy, 2:
            with suppress(OSError):
                if os.path.samestat(os.fstat(number), status):
                    return open(
                        number, "w", encoding="utf-8", errors="backslashreplace", closefd=False
                    )
        return open(os.devnull, "w")

    return open_it
