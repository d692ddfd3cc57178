"""A lesson that differs in parallel with others runs again, alone; nothing else does."""

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
PARALLEL = "'PYTEST_XDIST_WORKER' in __import__('os').environ"  # True in the first run only
SLEEPS = "__import__('time').sleep(60)"
LEAVES = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPS!r}]) and False"


def run_in_parallel(folder, source):
    """Run a lesson whose stored outputs are False, and a test; return exit code and output."""
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


# The cells of a lesson, and how often pytest starts.
CASES = {
    "differs in parallel only": (PARALLEL, 2),
    "differs alone too": ("True", 2),
    "raises": (f"{PARALLEL}\n1 / 0", 1),
    "leaves a process": (f"{PARALLEL}\n{LEAVES}", 1),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Run all cases, two at a time; return the exit code and the output of each."""
    with ThreadPoolExecutor(2) as threads:
        running = {
            name: threads.submit(run_in_parallel, tmp_path_factory.mktemp("lesson"), source)
            for name, (source, _) in CASES.items()
        }
    return {name: run.result() for name, run in running.items()}


@pytest.mark.parametrize("name", CASES)
def test_only_a_lesson_that_differs_runs_again(runs, name):
    code, said = runs[name]
    assert code == (0 if name == "differs in parallel only" else 1)
    assert said.count("test session starts") == CASES[name][1]


def test_the_second_run_is_announced_and_counts(runs):
    _, said = runs["differs in parallel only"]
    parallel, alone = said.split("and that result counts: notebooks/00-x.ipynb")
    assert re.search("1 failed, 1 passed", parallel)
    assert re.search("1 passed in", alone)
    assert "test_x" not in alone
