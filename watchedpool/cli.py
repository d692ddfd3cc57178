"""The command `watchedpool`: start a program as Python would, with its pools watched.

The command becomes the Python that runs the program, so nothing of ours stands around it. How the
watch gets into it: `site/sitecustomize.py`. What it does there: `program.py`.
"""

import optparse
import os
import signal
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from watchedpool import __version__
from watchedpool.output_files import checked_output

USAGE = """watchedpool [-o FILE] SCRIPT [ARGUMENTS]
       watchedpool [-o FILE] -m MODULE [ARGUMENTS]
       watchedpool [-o FILE] -c CODE [ARGUMENTS]"""
OUTPUT_HELP = (
    "write what the pools did: one page that plays them (.html); or, per pool, a moving picture "
    "(.svg), a still one (.png), its Timeline (.json), or a trace for ui.perfetto.dev (.trace.json)"
)
SITE = Path(__file__).resolve().parent / "site"
KEPT = "WATCHEDPOOL_KEPT_"  # as in site/sitecustomize.py
HEAD = "-m", "watchedpool"


def main() -> NoReturn:
    """Run the program that the command line names, as Python would; then report on stderr.

    Leaves with code 2 where nothing can be run.
    """
    program, output = _parse()
    command = [sys.executable, *_python_options(), *program]
    environment = _environment(output)
    if os.name == "nt":  # without exec: the prompt would return while the program runs
        sys.exit(_wait_for(command, environment))
    os.execve(sys.executable, command, environment)


def _parse() -> tuple[list[str], Path | None]:
    """Return what Python should run, and the file to write; leave with code 2 if that is wrong."""
    # Not argparse: it takes options after the script's name for its own, and eats a later "--".
    parser = optparse.OptionParser(USAGE, prog="watchedpool", version=f"watchedpool {__version__}")
    parser.disable_interspersed_args()
    parser.add_option("-o", metavar="FILE", dest="output", help=OUTPUT_HELP)
    parser.add_option("-m", action="store_true", dest="module", help="run a module, as python -m")
    parser.add_option("-c", action="store_true", dest="code", help="run this code, as python -c")
    options, program = parser.parse_args()
    if not program:
        parser.error("name a script, -m and a module, or -c and code")
    try:
        output = checked_output(options.output) if options.output else None
        _check_python()
        if options.module:
            _check_module(program[0])
        elif not options.code:
            _check_script(program[0])
    except (ValueError, OSError) as problem:
        parser.exit(2, f"watchedpool: {problem}\n")
    return [*(["-m"] if options.module else ["-c"] if options.code else []), *program], output


def _check_python() -> None:
    """Raise ValueError if this Python cannot run a program under the watch."""
    if find_spec("numpy") is None:
        raise ValueError("this Python has no numpy, which the report needs: pip install numpy")
    if sys.flags.no_site:
        raise ValueError("cannot watch under -S: leave that option out")


def _check_module(name: str) -> None:
    """Raise ValueError if there is no such module; of one in a package, look for the package."""
    if not sys.flags.safe_path:
        sys.path.insert(0, os.getcwd())
    package = name.partition(".")[0]  # to look further would import it
    if not package or find_spec(package) is None:
        raise ValueError(f"there is no module {name!r}")


def _check_script(name: str) -> None:
    """Raise ValueError if there is no such file, or one that cannot be run."""
    if os.path.isdir(name):
        if not any(os.path.exists(os.path.join(name, f"__main__.py{c}")) for c in ("", "c")):
            raise ValueError(f"cannot run {name!r}: it has no __main__.py")
    elif not zipfile.is_zipfile(name):
        try:
            open(name, "rb").close()
        except FileNotFoundError:
            raise ValueError(f"cannot open {name!r}: there is no such file") from None
        except OSError as error:
            raise ValueError(f"cannot open {name!r}: {error.strerror}") from None


def _python_options() -> list[str]:
    """Return what stood between `python` and the name of the command.

    That is `coverage run`, for one, if the command was started by it.
    """
    before = sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv) + 1]
    options = before[:-2] if tuple(before[-2:]) == HEAD else before[:-1]
    if sys.flags.ignore_environment:  # as -I and -E do: `_environment` does that instead
        options = [option for option in options if option not in ("-I", "-E")]
        options += ["-P", "-s"] if sys.flags.isolated else []
    return options


def _environment(output: Path | None) -> dict[str, str]:
    """Return an environment in which Python imports our sitecustomize, which puts back the rest."""
    environment = dict(os.environ, WATCHEDPOOL_OUTPUT=str(output or ""))
    for name in list(environment):
        if name == "PYTHONPATH" or (sys.flags.ignore_environment and name.startswith("PYTHON")):
            environment[KEPT + name] = environment.pop(name)
    theirs = "" if sys.flags.ignore_environment else os.environ.get("PYTHONPATH", "")
    environment["PYTHONPATH"] = f"{SITE}{os.pathsep}{theirs}" if theirs else str(SITE)
    return environment


def _wait_for(command: list[str], environment: dict[str, str]) -> int:
    """Run a program; return its exit code. It handles Ctrl-C itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return subprocess.run(command, env=environment).returncode
