"""A lesson that differs beside others is decided alone; nothing else gets a second chance."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from nbformat import write
from nbformat.v4 import new_code_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parents[2]
BESIDE = "'PYTEST_XDIST_WORKER' in __import__('os').environ"  # what tells the two runs apart
SLEEPS = "__import__('time').sleep(60)"
LEAVES = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPS!r}]) and False"


def run_beside_others(folder, source, test="pass"):
    """Run a lesson whose cells are stored as False beside a test; return exit code and output."""
    for name in ("conftest.py", "pyproject.toml", "tests/kernels.py", "tests/leftovers.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (folder / "tests/test_x.py").write_text(f"def test_x():\n    {test}\n")
    data = {"text/plain": "False"}
    output = new_output("execute_result", data=data, execution_count=1)
    cells = [
        new_code_cell(line, outputs=[output], execution_count=1) for line in source.splitlines()
    ]
    (folder / "notebooks").mkdir()
    write(new_notebook(cells=cells), folder / "notebooks/00-x.ipynb")
    command = [sys.executable, "-m", "pytest", "notebooks", "tests", "-n", "1", "--all-cores"]
    alone = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    done = subprocess.run(
        command, cwd=folder, env=alone, capture_output=True, text=True, timeout=100
    )
    return done.returncode, done.stdout


def test_a_lesson_that_differs_beside_others_only_passes_and_is_told(tmp_path):
    code, said = run_beside_others(tmp_path, BESIDE)
    assert code == 0
    beside, alone = said.split("now they run alone, which counts: notebooks/00-x.ipynb")
    assert re.search("1 failed, 1 passed", beside)
    assert re.search("1 passed in", alone)
    assert "test_x" not in alone


@pytest.mark.parametrize(
    ("source", "test", "runs"),
    [
        ("True", "pass", 2),
        (BESIDE, "assert False", 1),
        (f"{BESIDE}\n1 / 0", "pass", 1),
        (f"{BESIDE}\n{LEAVES}", "pass", 1),
    ],
    ids=["differs alone too", "a test fails", "raises", "leaves a process"],
)
def test_all_else_fails_at_once(tmp_path, source, test, runs):
    code, said = run_beside_others(tmp_path, source, test)
    assert code == 1
    assert said.count("test session starts") == runs
