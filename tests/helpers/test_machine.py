"""The check of the machine counts the usable cores, and names a fix for each missing thing."""

import ast
import importlib.metadata
import multiprocessing
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import watchedpool.cores
from helpers import machine

ROOT = Path(__file__).resolve().parents[2]
OURS = {"helpers", "watchedpool"}


def system(root, place="/", quotas=None):
    """Create the files of a system whose process is in the control group `place`."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(f"1:cpu:/other\n0::{place}\n")
    for folder, text in (quotas or {}).items():
        file = root / "sys/fs/cgroup" / folder.strip("/") / "cpu.max"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text)
    return root


def quota(root):
    return watchedpool.cores.core_limits(root, {}).get("cgroup quota")


@pytest.mark.parametrize(
    ("place", "quotas", "cores"),
    [
        ("/", {"/": b"150000 100000\n"}, 1.5),
        ("/", {"/": b"max 100000\n"}, None),
        ("/", {}, None),
        ("/a/b", {"/a/b": b"max 100000", "/a": b"200000 100000", "/": b"max 100000"}, 2),
        ("/a/b", {"/a/b": b"100000 100000", "/a": b"200000 100000"}, 1),
        ("/not/mounted/here", {"/": b"50000 100000"}, 0.5),
        ("/../../a", {"/a": b"100000 100000"}, 1),
        ("/", {"/": b""}, None),
        ("/", {"/": b"100000"}, None),
        ("/", {"/": b"100000 0"}, None),
        ("/", {"/": b"-1 100000"}, None),
        ("/", {"/": b"nan nan"}, None),
        ("/", {"/": b"\xff\xfe"}, None),
    ],
)
def test_the_cgroup_quota_is_read_or_ignored(tmp_path, place, quotas, cores):
    assert quota(system(tmp_path, place, quotas)) == cores


def test_a_system_without_control_groups_has_no_quota(tmp_path):
    assert quota(tmp_path) is None


@pytest.mark.parametrize(
    ("limit", "cores"),
    [("1.0", 1.0), ("0.5", 0.5), ("", None), ("None", None), ("0", None), ("-1", None)],
)
def test_the_cpu_limit_of_jupyterhub_is_read(tmp_path, limit, cores):
    limits = watchedpool.cores.core_limits(tmp_path, {"CPU_LIMIT": limit})
    assert limits.get("CPU_LIMIT") == cores


@pytest.mark.parametrize(("tightest", "cores"), [(0.2, 1), (1, 1), (1.5, 2), (8, 8)])
def test_the_tightest_limit_counts_and_is_rounded_up(monkeypatch, tightest, cores):
    limits = {"one": 64, "other": tightest}
    monkeypatch.setattr(watchedpool.cores, "core_limits", lambda: limits)
    assert watchedpool.cores.usable_cores() == cores


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_affinity_limits_the_usable_cores():
    program = (
        "import os\nfrom watchedpool.cores import usable_cores\n"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\nprint(usable_cores())"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "1\n", done.stderr


# -- the check


def printed_lines(capsys):
    machine.check_machine()
    return capsys.readouterr().out.splitlines()


def test_this_machine_passes_the_check(capsys):
    lines = printed_lines(capsys)
    assert [line[:5] for line in lines] == ["ok   "] * 6
    assert "Python" in lines[0]
    assert f"for this process (os.cpu_count() {os.cpu_count()}" in lines[4]


def test_the_check_names_a_fix_for_each_missing_thing(capsys, monkeypatch):
    def no_pool(_):
        raise OSError("Function not implemented")

    monkeypatch.setattr(machine, "PYTHON", (99, 1))
    monkeypatch.setattr(machine, "PACKAGES", ("numpy", "no-such-package", "nor-this"))
    monkeypatch.setattr(machine, "_version", lambda name: "1" if name == "numpy" else "")
    monkeypatch.setattr(multiprocessing, "Pool", no_pool)
    limits = {"os.cpu_count()": 8, "CPU_LIMIT": 1.0}
    monkeypatch.setattr(machine, "core_limits", lambda: limits)
    monkeypatch.setattr(machine, "usable_cores", lambda: 1)
    python, packages, widgets, processes, cores, summary = printed_lines(capsys)
    assert python.startswith("FIX  Python 3.")
    assert python.endswith("is too old: install 99.1 or newer, and run lab.py with it")
    assert packages.startswith("FIX  missing: run `%pip install no-such-package nor-this`")
    assert widgets.startswith("FIX  widgets: run `%pip install ipywidgets`")
    assert "could start (OSError: Function not implemented)" in processes
    assert cores.startswith("ok   1 core for this process (os.cpu_count() 8, CPU_LIMIT 1).")
    assert "Number crunching gets no faster here" in cores
    assert summary.startswith("ok   to read out: 1 core, ")
    assert "number crunching is not faster" in summary


@pytest.mark.parametrize(("method", "word"), [("fork", "works"), ("spawn", "fails")])
def test_the_last_line_says_what_the_cores_and_the_start_method_can_show(monkeypatch, method, word):
    monkeypatch.setattr(multiprocessing, "get_start_method", lambda: method)
    monkeypatch.setattr(machine, "usable_cores", lambda: 4)
    line = machine._can_show()
    assert line.startswith(f"ok   to read out: 4 cores, {method}. ")
    assert "number crunching is faster" in line
    assert line.endswith(f"a worker function from a cell {word}")


def test_a_package_that_is_not_installed_has_no_version():
    assert machine._version("no-such-package-of-ours") == ""
    assert machine._version("numpy")


def test_the_check_covers_every_package_that_the_lessons_import():
    """It covers what both packages import; the check itself imports none of it."""
    imported = {
        path.relative_to(ROOT).as_posix(): third_party(path)
        for package in OURS
        for path in (ROOT / package).rglob("*.py")
    }
    assert imported["helpers/machine.py"] == imported["watchedpool/cores.py"] == set()
    locked = set(re.findall(r"^[\w-]+", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    home = importlib.metadata.packages_distributions()
    needed = {home[name][0].lower() for name in set().union(*imported.values()) & home.keys()}
    # ipykernel installs ipython, and distributed installs dask; ipywidgets has a line of its own.
    assert needed & locked <= {*machine.PACKAGES, "dask", "ipython", "ipywidgets"}


def third_party(path):
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - OURS
