"""A lesson that differs beside others is decided alone; nothing else gets a second chance."""

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from nbformat import write
from nbformat.v4 import new_code_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parents[2]
BESIDE = "'PYTEST_XDIST_WORKER' in __import__('os').environ"  # what tells the two runs apart
SLEEPS = "__import__('time').sleep(60)"
LEAVES = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPS!r}]) and False"


def run_beside_others(folder, source):
    """Run a lesson whose cells are stored as False beside a test; return exit code and output."""
    for name in ("conftest.py", "pyproject.toml", "tests/kernels.py", "tests/leftovers.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (folder / "tests/test_x.py").write_text("def test_x():\n    pass\n")
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


# The cells of a lesson, and how often pytest begins.
CASES = {
    "differs beside others only": (BESIDE, 2),
    "differs alone too": ("True", 2),
    "raises": (f"{BESIDE}\n1 / 0", 1),
    "leaves a process": (f"{BESIDE}\n{LEAVES}", 1),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Run all cases, two at a time; return the exit code and the output of each."""
    with ThreadPoolExecutor(2) as threads:
        running = {
            name: threads.submit(run_beside_others, tmp_path_factory.mktemp("lesson"), source)
            for name, (source, _) in CASES.items()
        }
    return {name: run.result() for name, run in running.items()}


@pytest.mark.parametrize("name", CASES)
def test_only_a_lesson_that_differs_gets_a_second_chance(runs, name):
    code, said = runs[name]
    assert code == (0 if name == "differs beside others only" else 1)
    assert said.count("test session starts") == CASES[name][1]


def test_it_is_told_and_counts_alone(runs):
    _, said = runs["differs beside others only"]
    beside, alone = said.split("now they run alone, which counts: notebooks/00-x.ipynb")
    assert re.search("1 failed, 1 passed", beside)
    assert re.search("1 passed in", alone)
    assert "test_x" not in alone
