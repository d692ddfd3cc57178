"""Imports point down, workers stay light, and the public API is what the README lists."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

import watchedpool

ROOT = Path(__file__).resolve().parents[2]
WORKER_SIDE = """
helpers helpers.workers watchedpool watchedpool.clock watchedpool.recording
watchedpool.recording.calls watchedpool.recording.executors watchedpool.recording.folders
watchedpool.recording.lanes watchedpool.recording.messages watchedpool.recording.pool
watchedpool.recording.queues watchedpool.recording.recorder watchedpool.recording.workers
"""
FILES = sorted([*ROOT.glob("watchedpool/**/*.py"), *ROOT.glob("helpers/**/*.py")])
LESSONS = sorted(ROOT.glob("notebooks/**/*.ipynb"))


def imports(source):
    """Return (module, name) for each import, also inside functions; without `from`, no module."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found += [(getattr(node, "module", ""), alias.name) for alias in node.names]
    return found


def test_imports_point_down():
    """pyproject.toml lists the layers."""
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_private_name_leaves_its_module(path):
    for module, name in imports(path.read_text(encoding="utf-8")):
        if (module or name).startswith(("watchedpool", "helpers")):
            assert not re.search(r"(^|\.)_[^_]", f"{module}.{name}")


def test_what_workers_import_needs_the_standard_library_only():
    code = f"import sys, {', '.join(WORKER_SIDE.split())}; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-S", "-c", code], cwd=ROOT, text=True)
    ours = {name for name in loaded.split() if name.startswith(("helpers", "watchedpool"))}
    assert ours == set(WORKER_SIDE.split())


def test_each_name_of_the_public_api_has_a_docstring_and_stands_in_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `(\w+)` \|", readme, re.MULTILINE)) == watchedpool.__all__
    for name in watchedpool.__all__:
        # A dataclass without a docstring has its signature in that place.
        assert not re.match(rf"{name}\(|$", getattr(watchedpool, name).__doc__ or "")


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_imports_only_the_public_api(path):
    cells = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    for source in [re.sub(r"\A%%.*\n", "", cell.source) for cell in cells]:
        found = imports(TransformerManager().transform_cell(source))
        ours = {each for each in found if "watchedpool" in ".".join(each)}
        assert ours <= {("watchedpool", name) for name in watchedpool.__all__}
