"""The plain cell that a panel prints runs in its lesson, and draws the picture of the panel."""

import ast
import builtins
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from helpers import controls
from watchedpool.plots import figure

ROOT = Path(__file__).resolve().parents[2]
MAKERS = {name: getattr(controls, name) for name in controls.__all__}


def sources(path):
    cells = nbformat.read(path, as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "code"]


def calls():
    """Yield (lesson, call) for each line of a lesson that calls a panel."""
    call = re.compile(rf"^({'|'.join(MAKERS)})\(.*\)$", re.MULTILINE)
    for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        for found in call.finditer("\n".join(sources(path))):
            yield pytest.param(path, found[0], id=f"{path.stem[:2]}-{found[1]}")


def bound_names(path):
    """Yield every name that the lesson's cells import, assign or define."""
    for source in sources(path):
        for node in ast.walk(ast.parse(TransformerManager().transform_cell(source))):
            if isinstance(node, ast.alias):
                yield (node.asname or node.name).split(".")[0]
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node.name


def printed(panel):
    """Return the plain cell that a panel prints."""
    return panel._repr_mimebundle_()[0]["text/plain"].rpartition("without controls:\n")[2]


def drawn(axes):
    """Return what is on these axes: text alternatives, titles, and lines."""
    lines = [np.round(line.get_xydata(), 6).tolist() for ax in axes for line in ax.get_lines()]
    words = [ax.get_label().removeprefix("Predicted: ") for ax in axes]
    titles = [ax.get_title("left").removeprefix("Predicted: ") for ax in axes]
    return words, titles, lines


def displayed_axes(monkeypatch):
    """Return a list of the axes that `show` is called with from now on."""
    displayed = []

    def show(axes):
        displayed.extend(axes if isinstance(axes, tuple) else (axes,))

    monkeypatch.setattr(figure, "show", show)
    return displayed


def test_there_are_panels_in_the_lessons():
    assert len(list(calls())) == 4


@pytest.mark.parametrize(("path", "call"), list(calls()))
def test_the_printed_cell_runs_in_its_lesson_and_draws_the_same(path, call, monkeypatch):
    """All names that the lesson defines, such as `naps`, have a useless value here."""
    panel = eval(call, dict(MAKERS))
    displayed = displayed_axes(monkeypatch)
    lesson = dict.fromkeys(bound_names(path), "the reader's own")
    assert {"nap", "show"} <= set(lesson)
    space = lesson | {"__builtins__": builtins}
    exec(printed(panel), space)
    assert drawn(displayed) == drawn(panel.picture.axes)
    assert all(space[name] == "the reader's own" for name in lesson)


@pytest.mark.parametrize("make", MAKERS.values())
@pytest.mark.parametrize("pattern", ["countdown", "random"])
def test_the_printed_cell_follows_the_controls(make, pattern, monkeypatch):
    panel = make()
    panel.controls["pattern"].value = pattern
    panel.controls["tasks"].value = 23
    panel.controls["workers"].value = 3
    if "chunksize" in panel.controls:
        panel.controls["chunksize"].value = 5
    if "method" in panel.controls:
        panel.controls["method"].value = "imap_unordered"
    displayed = displayed_axes(monkeypatch)
    exec(printed(panel), {})
    assert drawn(displayed) == drawn(panel.picture.axes)
