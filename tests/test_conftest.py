"""The rules of conftest.py hold for a test and for a notebook that break them."""

import multiprocessing
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat.v4 as nb
import pytest

ROOT = Path(__file__).parent.parent
METHODS = ["fork", "spawn", "forkserver"]


@pytest.fixture
def run(tmp_path):
    """Run pytest with our conftest.py on a file that is made of `source`; return what it says."""

    def run(name, source, *options):
        path = tmp_path / name
        if path.suffix == ".ipynb":
            output = nb.new_output("stream", text="as expected\n")
            cell = nb.new_code_cell(source, execution_count=1, outputs=[output])
            source = nb.writes(nb.new_notebook(cells=[cell]))
        path.write_text(source)
        command = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider"]
        env = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
        done = subprocess.run(
            [*command, "-c", "pyproject.toml", "--rootdir", tmp_path, *options, path],
            cwd=ROOT,
            env=env | {"COLUMNS": "1000", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        return done.stdout + done.stderr

    return run


@pytest.mark.parametrize("method", METHODS)
def test_start_method_is_in_force_in_a_cell(run, method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    source = (
        "import multiprocessing\n"
        f"assert multiprocessing.get_start_method() == {method!r}\n"
        "print('as expected')"
    )
    said = run("n.ipynb", source, "--start-method", method)
    assert "1 passed" in said
    assert "error" not in said


@pytest.mark.skipif(os.name == "nt", reason="ipykernel catches no file descriptors on Windows")
def test_cell_gets_what_a_program_prints_and_runs_in_the_folder_of_its_notebook(run, tmp_path):
    (tmp_path / "said.txt").write_text("as expected\n")
    source = (
        "import subprocess, sys\n"
        "program = \"print(open('said.txt').read(), end='')\"\n"
        "_ = subprocess.run([sys.executable, '-c', program], check=True)"
    )
    assert "1 passed" in run("n.ipynb", source)


LEAVE = """
import multiprocessing, subprocess, sys, time
from helpers import Recorder, WatchedPool

def test_clean():
    with WatchedPool(1) as pool:
        pool.map(len, [""])

def test_process():
    multiprocessing.Process(target=time.sleep, args=(600,), daemon=True).start()

def test_program():
    global program
    program = subprocess.Popen([sys.executable, "-c", ""])

def test_folder():
    global recorder
    recorder = Recorder()
    recorder.watch(len)
"""


def test_what_a_test_leaves_is_told(run):
    said = run("test_leave.py", LEAVE)
    assert "4 passed, 3 errors" in said
    assert "ERROR at teardown of test_clean" not in said
    assert re.search("ERROR .*::test_process - .*this test leaves psutil.Process", said)
    assert re.search("ERROR .*::test_program - .*this test leaves psutil.Process", said)
    assert re.search("ERROR .*::test_folder - .*this test leaves .*a-watched-pool-", said)


def test_what_a_notebook_leaves_is_told(run):
    said = run("leave.ipynb", LEAVE + "test_process(); test_folder(); print('as expected')")
    assert "1 passed, 1 error" in said, said
    assert re.search(r"leave\.ipynb leaves psutil\.Process.*, .*a-watched-pool-", said)
