"""What this machine offers the lessons: Python, packages, worker processes, cores.

Standard library only, so that it can also say what is missing.
"""

import math
import multiprocessing
import os
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter

PYTHON = (3, 11)
PACKAGES = ("distributed", "ipykernel", "matplotlib", "numpy", "pillow", "psutil", "tqdm")


def usable_cores() -> int:
    """Return how many cores this process may keep busy: the tightest of its `core_limits`.

    Part of a core counts as one: a quota of 1.5 cores is worth two workers.
    """
    return max(1, math.ceil(min(core_limits().values())))


def core_limits(root: Path = Path("/"), environ: Mapping = os.environ) -> dict[str, float]:
    """Return the limits that were found, each with the number of cores it leaves.

    root: where the files of the system are. Known are `os.cpu_count()`, the affinity of this
    process, the CPU quota of its control groups (version 2: containers), and the variable
    CPU_LIMIT of JupyterHub. A limit that cannot be read counts as none.
    """
    limits: dict[str, float] = {"os.cpu_count()": os.cpu_count() or 1}
    if hasattr(os, "sched_getaffinity"):  # not on Windows and macOS
        limits["affinity"] = len(os.sched_getaffinity(0))
    if quotas := _quotas(root):
        limits["cgroup quota"] = min(quotas)
    hub = _number(environ.get("CPU_LIMIT", ""))
    if 0 < hub < math.inf:
        limits["CPU_LIMIT"] = hub
    return limits


def check_machine() -> None:
    """Print a line for each thing the lessons need: "ok", or "FIX" and what to do."""
    for line in (_python(), _packages(), _widgets(), _processes(), _cores()):
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
    begin = perf_counter()
    try:
        with multiprocessing.Pool(1) as pool:
            pool.apply_async(abs, (-1,)).get(timeout=60)
    except Exception as error:  # every system fails in its own way, and each is one line here
        return (
            f"FIX  no worker process could start ({type(error).__name__}: {error}). Inside a web "
            "page (JupyterLite) there are none: run the lessons on a computer, or on Binder"
        )
    method = multiprocessing.get_start_method()
    return (
        f"ok   a worker process started and answered in {perf_counter() - begin:.2f} s ({method})"
    )


def _cores() -> str:
    limits, cores = core_limits(), usable_cores()
    found = ", ".join(f"{name} {number:g}" for name, number in limits.items())
    count = "1 core" if cores == 1 else f"{cores} cores"
    alone = ". Number crunching gets no faster here; all else does" if cores == 1 else ""
    return f"ok   {count} for this process ({found}){alone}"


def _version(package: str) -> str:
    """Return the version of an installed package, or ""."""
    try:
        return version(package) or ""
    except PackageNotFoundError:
        return ""


def _quotas(root: Path) -> list[float]:
    """Return the quotas, in cores, of this process's control group and of those above it."""
    try:
        places = (root / "proc/self/cgroup").read_text().splitlines()
    except (OSError, ValueError):
        places = []
    place = next((line[3:] for line in places if line.startswith("0::")), "/")
    names = [name for name in place.split("/") if name not in ("", "..")]
    folders = [names[:depth] for depth in range(len(names) + 1)]
    read = (_quota(Path(root, "sys/fs/cgroup", *folder, "cpu.max")) for folder in folders)
    return [cores for cores in read if 0 < cores < math.inf]


def _quota(path: Path) -> float:
    """Return the cores that a file "quota period" leaves; inf for "max", and for what is none."""
    try:
        quota, period = path.read_text().split()
    except (OSError, ValueError):  # no file, an empty one, one of another kind
        return math.inf
    return _number(quota) / (_number(period) or math.nan)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.inf
