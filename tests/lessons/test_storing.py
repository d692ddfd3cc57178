"""`lab.py run` stores what a reader of a lesson sees, the same on every machine, or nothing."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import nbformat
import psutil
import pytest
import storing
from leftovers import DEADLINE


def notebook_of(*cells):
    """Return a notebook without ids, as an old editor writes it; a cell is (source, *tags)."""
    cells = [
        {
            "cell_type": "code",
            "metadata": {"tags": tags, "execution": {"iopub.status.busy": "2026-01-01"}},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for source, *tags in cells
    ]
    metadata = {"language_info": {"name": "python", "version": "3.0"}, "widgets": {"state": {}}}
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4})


LESSON = [
    ("print('naïve')\nprint('in', __import__('pathlib').Path.cwd().name)",),
    ("1 / 0", "raises-exception"),
    ("import ipywidgets\nslider = ipywidgets.IntSlider(description='workers')\nslider",),
    ("display({'application/vnd.jupyter.widget-view+json': {'model_id': 'x'}}, raw=True)",),
    (
        "import sys\nprint('\\r 0/2\\r 1/2\\r 2/2', file=sys.stderr)\nprint(1)\nprint(2)",
        "nbval-skip",
    ),
    ("",),
    ("6 * 7",),
]


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A notebook after its outputs were stored once, and once more: the bytes of both."""
    folder = tmp_path_factory.mktemp("lessons")
    path = folder / "lesson.ipynb"
    path.write_text(notebook_of(*LESSON), encoding="utf-8")
    command = [sys.executable, storing.__file__, path.name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"lesson.ipynb: stored in \d+ s\n", done.stdout)
    first = path.read_bytes()
    storing.store(path)
    assert [each.name for each in folder.iterdir()] == ["lesson.ipynb"]
    return folder.name, first, path.read_bytes()


def test_storing_twice_gives_the_same_bytes(stored):
    _, first, second = stored
    assert first == second


def test_what_is_stored_is_what_a_reader_sees(stored):
    folder, text, _ = stored
    cells = json.loads(text)["cells"]
    outputs = [cell["outputs"] for cell in cells]
    assert outputs[0] == [
        {"name": "stdout", "output_type": "stream", "text": ["naïve\n", f"in {folder}\n"]}
    ]
    assert outputs[1][0]["ename"] == "ZeroDivisionError"
    assert outputs[2][0]["data"] == {"text/plain": ["IntSlider(value=0, description='workers')"]}
    assert outputs[3] == []
    assert {"".join(each["text"]) for each in outputs[4]} == {" 2/2\n", "1\n2\n"}
    assert outputs[5] == []
    assert outputs[6][0]["data"] == {"text/plain": ["42"]}
    assert outputs[6][0]["execution_count"] == 6


def test_what_is_stored_is_the_same_on_every_machine(stored):
    _, text, _ = stored
    notebook = json.loads(text)
    assert text.decode().endswith("}\n")
    assert "naïve" in text.decode()
    assert [cell["execution_count"] for cell in notebook["cells"]] == [1, 2, 3, 4, 5, None, 6]
    assert [cell["id"] for cell in notebook["cells"]] == [f"cell-{n:02}" for n in range(1, 8)]
    assert {key for cell in notebook["cells"] for key in cell["metadata"]} == {"tags"}
    assert notebook["metadata"]["language_info"] == {"name": "python"}
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    nbformat.validate(notebook)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("1 / 0", "cell 2: ZeroDivisionError: division by zero"),
        ("import os; os._exit(1)", "cell 2: the kernel died"),
    ],
)
def test_a_cell_that_fails_stores_nothing(tmp_path, capsys, source, reason):
    path, text = tmp_path / "lesson.ipynb", notebook_of(("print(1)",), (source,), ("print(2)",))
    path.write_text(text, encoding="utf-8")
    assert storing.main([path]) == 1
    assert capsys.readouterr().err == f"{path}: {reason}; nothing was stored\n"
    assert path.read_text(encoding="utf-8") == text
    assert list(tmp_path.iterdir()) == [path]


def test_a_cell_that_does_not_end_stores_nothing(tmp_path):
    path = tmp_path / "lesson.ipynb"
    path.write_text(notebook_of(("import threading; threading.Event().wait()",)), encoding="utf-8")
    with pytest.raises(storing.NotStored, match="cell 1: not done after 1 s"):
        storing.store(path, timeout=1)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_an_interrupt_stores_nothing_and_leaves_no_kernel(tmp_path):
    path = tmp_path / "lesson.ipynb"
    source = "import pathlib, threading; pathlib.Path('runs').touch(); threading.Event().wait()"
    path.write_text(notebook_of((source,)), encoding="utf-8")
    command = [sys.executable, storing.__file__, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        deadline = time.monotonic() + DEADLINE
        while not (tmp_path / "runs").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        kernels = psutil.Process(running.pid).children()
        running.send_signal(signal.SIGINT)
        assert running.communicate(timeout=DEADLINE)[0] == f"{path}: stopped, nothing was stored\n"
    assert running.returncode == 130
    assert psutil.wait_procs(kernels, timeout=DEADLINE)[1] == []
    assert path.read_text(encoding="utf-8") == notebook_of((source,))


@pytest.mark.parametrize("text", [None, "[]", '{"nbformat": 3, "worksheets": []}'])
def test_a_file_that_is_not_a_notebook_is_reported_in_one_line(tmp_path, capsys, text):
    path = tmp_path / "odd.ipynb"
    if text is not None:
        path.write_text(text)
    assert storing.main([path]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("nothing was stored")


def test_ids_are_kept_and_no_two_are_the_same(tmp_path):
    notebook = json.loads(notebook_of(*[("",)] * 4))
    for cell, name in zip(notebook["cells"], ["cell-02", None, "mine", "mine"], strict=True):
        cell |= {"id": name} if name else {}
    (tmp_path / "a.ipynb").write_text(json.dumps(notebook))
    ids = [cell.id for cell in storing.read(tmp_path / "a.ipynb").cells]
    assert ids == ["cell-02", "cell-03", "mine", "cell-04"]


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("plain\n", "plain\n"),
        ("\r 10%\r100%\n", "100%\n"),
        ("a longer line\rA\n", "A longer line\n"),
        ("gone\r    \r", ""),
        ("dos\r\nends\r\n", "dos\nends\n"),
        ("one\ntwo\rTWO\nthree", "one\nTWO\nthree"),
    ],
)
def test_a_bar_is_stored_as_a_terminal_leaves_it(raw, seen):
    assert storing.last_look(raw) == seen
