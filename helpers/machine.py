"""Check what this machine offers the lessons: Python, packages, worker processes, cores.

Standard library only, so that it can also say what is missing.
"""

import multiprocessing
import sys
from importlib.metadata import PackageNotFoundError, version

from watchedpool import clock
from watchedpool.cores import core_limits, usable_cores

PYTHON = (3, 11)
PACKAGES = (
    "cloudpickle",
    "distributed",
    "ipykernel",
    "matplotlib",
    "numpy",
    "pillow",
    "psutil",
    "tqdm",
)


def check_machine() -> None:
    """Print one line for each thing that the lessons need: "ok", or "FIX" and what to do.

    The last line is for reading out: what this machine can show, and what it cannot.
    """
    for line in (_python(), _packages(), _widgets(), _processes(), _cores(), _can_show()):
        print(line, flush=True)


def _python() -> str:
    have, need = (".".join(map(str, numbers)) for numbers in (sys.version_info[:3], PYTHON))
    if sys.version_info[:2] < PYTHON:
        return f"FIX  Python {have} is too old: install {need} or newer, and run lab.py with it"
    return f"ok   Python {have}"


def _packages() -> str:
    if missing := [name for name in PACKAGES if not _version(name)]:
        names = " ".join(missing)
        return f"FIX  missing: run `%pip install {names}` in a new cell, then restart the kernel"
    return "ok   packages: " + ", ".join(f"{name} {_version(name)}" for name in PACKAGES)


def _widgets() -> str:
    ours, browser = _version("ipywidgets"), _version("jupyterlab_widgets")
    if not (ours and browser):
        return (
            "FIX  widgets: run `%pip install ipywidgets` in a new cell, then restart JupyterLab "
            "and load this page again"
        )
    return f"ok   widgets: ipywidgets {ours}, for JupyterLab {browser} (click one below)"


def _processes() -> str:
    begin = clock.now()
    try:
        with multiprocessing.Pool(1) as pool:
            pool.apply_async(abs, (-1,)).get(timeout=60)
    except Exception as error:  # each system fails in its own way
        return (
            f"FIX  no worker process could start ({type(error).__name__}: {error}). A web page "
            "(JupyterLite) cannot start processes: run the lessons on a computer, or on Binder"
        )
    method = multiprocessing.get_start_method()
    return f"ok   a worker process started and answered in {clock.now() - begin:.2f} s ({method})"


def _cores() -> str:
    limits, cores = core_limits(), usable_cores()
    found = ", ".join(f"{name} {number:g}" for name, number in limits.items())
    count = "1 core" if cores == 1 else f"{cores} cores"
    alone = ". Number crunching gets no faster here; waiting does" if cores == 1 else ""
    return f"ok   {count} for this process ({found}){alone}"


def _can_show() -> str:
    cores, method = usable_cores(), multiprocessing.get_start_method()
    count = "1 core" if cores == 1 else f"{cores} cores"
    faster = "not faster" if cores == 1 else "faster"
    cell = "works" if method == "fork" else "fails"
    return (
        f"ok   to read out: {count}, {method}. Bars and naps are as in the lessons, number "
        f"crunching is {faster} with workers, and a worker function from a cell {cell}"
    )


def _version(package: str) -> str:
    """Return the version of an installed package, or ""."""
    try:
        return version(package) or ""
    except PackageNotFoundError:
        return ""
