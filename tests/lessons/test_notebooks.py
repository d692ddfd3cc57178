"""Every lesson obeys the rules of the project for structure, cells, stored outputs and links."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
PATHS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
IGNORED = "nbval-ignore-output"
LAST = ["In short", "Fine print", "Next"]


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(path):
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def prose(path):
    return "\n".join(c.source for c in read(path).cells if c.cell_type == "markdown")


def headings(path):
    """Return (level, text) of each heading of the lesson, in order."""
    found = re.findall(r"^(#+) (.+)$", prose(path), re.MULTILINE)
    return [(len(marks), text.strip()) for marks, text in found]


def lines(cell):
    return [line for line in cell.source.splitlines() if line.strip()]


def words(text):
    return len(re.findall(r"\w+", text))


def bundles(cell):
    return [output.data for output in cell.outputs if "data" in output]


def test_there_are_lessons():
    assert len(PATHS) == len({path.name[:2] for path in PATHS}) > 0


lesson = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


@lesson
def test_it_opens_with_title_goal_needs_and_minutes(path):
    first = read(path).cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    for word in ("**You will**", "**You need**", "**Minutes**"):
        assert word in first.source


@lesson
def test_headings_go_down_one_level_at_a_time(path):
    levels = [level for level, _ in headings(path)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@lesson
def test_it_ends_with_exercises_and_a_summary(path):
    titles = [text for level, text in headings(path) if level == 2]
    assert titles[-3:] == LAST
    assert "Try it" in titles
    exercises = [c for c in code_cells(path) if ".check(" in c.source]
    assert len(exercises) >= 2
    for cell in exercises:
        assert "Not tried yet" in "".join(output.get("text", "") for output in cell.outputs)


@lesson
def test_the_first_code_cell_comes_soon(path):
    cells = read(path).cells
    first = next(i for i, cell in enumerate(cells) if cell.cell_type == "code")
    assert sum(words(cell.source) for cell in cells[:first]) < 150
    assert "import" in cells[first].source


@lesson
def test_code_cells_are_short_and_separated_by_prose(path):
    cells = [cell for cell in read(path).cells if cell.source.strip()]
    kinds = [cell.cell_type for cell in cells]
    assert ("code", "code") not in pairwise(kinds)
    lengths = [len(lines(cell)) for cell in cells if cell.cell_type == "code"]
    assert max(lengths) <= 20
    assert sum(length < 10 for length in lengths) >= 0.95 * len(lengths)


@lesson
def test_no_cell_defines_a_function_and_starts_workers(path):
    """A worker function in a cell fails under spawn; the cells that show this carry the tag."""
    for cell in code_cells(path):
        if "worker-in-a-cell" in cell.metadata.get("tags", []):
            continue
        source = re.sub(r"^\s*[%!].*$", "", cell.source, flags=re.MULTILINE)
        nodes = list(ast.walk(ast.parse(source)))
        functions = {n.name for n in nodes if isinstance(n, ast.FunctionDef)}
        calls = {ast.unparse(n.func) for n in nodes if isinstance(n, ast.Call)}
        assert not (functions and any(re.search(r"(Pool|Executor)$", name) for name in calls))


@lesson
def test_pools_are_closed_and_no_semicolon_hides_output(path):
    for cell in code_cells(path):
        for line in lines(cell):
            assert not line.rstrip().endswith(";")
            if re.search(r"= *(\w+\.)*(Watched)?Pool\(", line):
                assert "with " in line or ".close()" in cell.source or ".terminate()" in cell.source


@lesson
def test_outputs_are_stored_and_what_a_clock_cannot_change_is_compared(path):
    notebook = read(path)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert "widgets" not in notebook.metadata
    with_output = [cell for cell in cells if cell.outputs]
    compared = [cell for cell in with_output if IGNORED not in cell.metadata.get("tags", [])]
    # The others are pictures, widgets and measurements, whose claims tests assert.
    assert len(compared) >= 0.3 * len(with_output)


@lesson
def test_pictures_are_not_compared_and_no_unexpected_error_is_stored(path):
    for cell in code_cells(path):
        tags = cell.metadata.get("tags", [])
        for output in cell.outputs:
            assert output.output_type != "error" or "raises-exception" in tags
            if "image/png" in output.get("data", {}):
                assert IGNORED in tags


@lesson
def test_pictures_have_a_text_alternative(path):
    for cell in code_cells(path):
        for data in bundles(cell):
            if "image/png" in data:
                alt = re.search(r'<img alt="([^"]+)"', data.get("text/html", ""))
                assert alt, cell.source
                assert words(alt[1]) >= 5


@lesson
def test_local_links_lead_somewhere(path):
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", prose(path)):
        if not re.match(r"[a-z]+:", link):
            assert (path.parent / link).exists(), link


@lesson
def test_the_file_is_small_and_contains_no_local_path(path):
    text = path.read_text(encoding="utf-8")
    assert len(text) < 400 * 1024
    assert not re.search(r"/(home|Users|root|work|tmp|srv)/\w", text)


@lesson
def test_lessons_named_in_prose_exist(path):
    numbers = {path.name[:2] for path in PATHS}
    assert set(re.findall(r"[Ll]esson (\d\d)", prose(path))) <= numbers
