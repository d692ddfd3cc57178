"""How many cores this process may keep busy. Standard library only."""

import math
import os
from collections.abc import Mapping
from pathlib import Path


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
