"""machine.py counts the cores that may be used, and names a fix for what is missing."""

import ast
import importlib.metadata
import multiprocessing
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import machine

ROOT = Path(__file__).resolve().parents[2]


def system(root, place="/", quotas=None):
    """Make the files of a system whose process is in the control group `place`."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(f"1:cpu:/other\n0::{place}\n")
    for folder, text in (quotas or {}).items():
        file = root / "sys/fs/cgroup" / folder.strip("/") / "cpu.max"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text)
    return root


def quota(root):
    return machine.core_limits(root, {}).get("cgroup quota")


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
def test_the_quota_of_control_groups_is_read_whatever_is_in_the_file(
    tmp_path, place, quotas, cores
):
    assert quota(system(tmp_path, place, quotas)) == cores


def test_a_system_without_control_groups_has_no_quota(tmp_path):
    assert quota(tmp_path) is None


@pytest.mark.parametrize(
    ("said", "cores"),
    [("1.0", 1.0), ("0.5", 0.5), ("", None), ("None", None), ("0", None), ("-1", None)],
)
def test_the_limit_of_jupyterhub_is_read(tmp_path, said, cores):
    assert machine.core_limits(tmp_path, {"CPU_LIMIT": said}).get("CPU_LIMIT") == cores


@pytest.mark.parametrize(("tightest", "cores"), [(0.2, 1), (1, 1), (1.5, 2), (8, 8)])
def test_the_tightest_limit_counts_and_part_of_a_core_is_one(monkeypatch, tightest, cores):
    monkeypatch.setattr(machine, "core_limits", lambda: {"one": 64, "other": tightest})
    assert machine.usable_cores() == cores


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_a_process_that_is_held_to_one_core_may_use_one():
    program = (
        "import os\nfrom helpers.machine import usable_cores\n"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\nprint(usable_cores())"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "1\n", done.stderr


# -- the check


def lines(capsys):
    machine.check_machine()
    return capsys.readouterr().out.splitlines()


def test_a_machine_that_runs_this_test_is_ok(capsys):
    said = lines(capsys)
    assert [line[:5] for line in said] == ["ok   "] * 5
    assert "Python" in said[0]
    assert f"for this process (os.cpu_count() {os.cpu_count()}" in said[4]


def test_each_thing_that_is_missing_gets_its_fix(capsys, monkeypatch):
    def no_pool(_):
        raise OSError("Function not implemented")

    monkeypatch.setattr(machine, "PYTHON", (99, 1))
    monkeypatch.setattr(machine, "PACKAGES", ("numpy", "no-such-one", "nor-this"))
    monkeypatch.setattr(machine, "_version", lambda name: "1" if name == "numpy" else "")
    monkeypatch.setattr(multiprocessing, "Pool", no_pool)
    monkeypatch.setattr(machine, "core_limits", lambda: {"os.cpu_count()": 8, "CPU_LIMIT": 1.0})
    python, packages, widgets, processes, cores = lines(capsys)
    assert python.startswith("FIX  Python 3.")
    assert python.endswith("is too old: install 99.1 or newer, and run lab.py with it")
    assert packages.startswith("FIX  missing: run `%pip install no-such-one nor-this`")
    assert widgets.startswith("FIX  widgets: run `%pip install ipywidgets`")
    assert "could start (OSError: Function not implemented)" in processes
    assert cores.startswith("ok   1 core for this process (os.cpu_count() 8, CPU_LIMIT 1).")
    assert "Number crunching gets no faster here" in cores


def test_a_package_that_is_not_installed_has_no_version():
    assert machine._version("no-such-package-of-ours") == ""
    assert machine._version("numpy")


def test_the_check_knows_every_package_that_the_lessons_import():
    """What helpers import and requirements.txt installs. machine.py itself needs none of it."""
    imported = {path.name: third_party(path) for path in (ROOT / "helpers").rglob("*.py")}
    assert imported["machine.py"] == set()
    locked = set(re.findall(r"^[\w-]+", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    home = importlib.metadata.packages_distributions()
    needed = {home[name][0].lower() for name in set().union(*imported.values()) & home.keys()}
    # ipykernel brings ipython, distributed dask; ipywidgets has a line of its own
    assert needed & locked <= {*machine.PACKAGES, "dask", "ipython", "ipywidgets"}


def third_party(path):
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - {"helpers"}
