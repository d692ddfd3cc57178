"""Every lesson obeys the rules of the project for structure, cells, stored outputs and links.

A core answers the lesson's question and ends with "In short". Look-up lessons have none.
"""

import ast
import re
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
PATHS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
IGNORED = "nbval-ignore-output"
LAST = ["In short", "Going further", "Fine print", "Next"]
LOOKED_UP = ("08", "09", "12")
MOST_WORDS = {"core": 1500, "all cores": 15_000, "lessons 00 to 11": 26_000, "all": 30_000}
MOST_WORDS_OF_A_SECTION = 350  # in a lesson to look things up in


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
    """Return how many words the text has, without its code."""
    without_code = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return len(re.findall(r"[^\W_]+(?:['\u2019-][^\W_]+)*", without_code))


def parts(path):
    """Return the prose of the core and the rest: (all, "") of a lesson to look things up in."""
    if path.name[:2] in LOOKED_UP:
        return prose(path), ""
    core, marker, rest = prose(path).partition("\n## Going further")
    return core, marker + rest


def exercises(text):
    return len(re.findall(r"^#+ Exercise", text, re.MULTILINE))


def minutes(text):
    """Return how long a reader needs: 80 words per minute, and 12 minutes per exercise."""
    return round(words(text) / 80 + 12 * exercises(text))


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
def test_the_title_is_the_file_s_name(path):
    title = headings(path)[0][1]
    assert re.sub(r"[^\w]+", "-", title.lower()).strip("-") == path.stem


@lesson
def test_the_minutes_are_those_of_its_words_and_exercises(path):
    core, rest = parts(path)
    promised = re.search(r"\*\*Minutes\*\*: (.+)", read(path).cells[0].source)[1]
    assert re.findall(r"\d+", promised) == [str(minutes(part)) for part in (core, rest) if part]


@lesson
def test_the_core_is_short_and_has_one_exercise(path):
    core, rest = parts(path)
    if rest:
        assert words(core) <= MOST_WORDS["core"]
        assert exercises(core) == 1


def test_the_course_is_short():
    cores = sum(words(core) for core, rest in map(parts, PATHS) if rest)
    counts = {path.name[:2]: words(prose(path)) for path in PATHS}
    assert cores <= MOST_WORDS["all cores"]
    assert sum(counts.values()) - counts.get("12", 0) <= MOST_WORDS["lessons 00 to 11"]
    assert sum(counts.values()) <= MOST_WORDS["all"]


@lesson
def test_sections_to_look_things_up_in_are_short(path):
    if path.name[:2] in LOOKED_UP:
        sections = re.split(r"^## ", prose(path), flags=re.MULTILINE)
        too_long = {text.splitlines()[0]: words(text) for text in sections[1:]}
        assert {k: n for k, n in too_long.items() if n > MOST_WORDS_OF_A_SECTION} == {}


@lesson
def test_a_picture_is_never_far(path):
    if path.name[:2] == "12":
        return
    stretch, longest = 0, 0
    for cell in read(path).cells:
        drawn = "![" in cell.source or "<img" in str(cell.get("outputs", ""))
        stretch = 0 if drawn else stretch + 1
        longest = max(longest, stretch)
    assert longest <= 15


@lesson
def test_headings_go_down_one_level_at_a_time(path):
    levels = [level for level, _ in headings(path)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@lesson
def test_it_ends_with_exercises_and_a_summary(path):
    titles = [text for level, text in headings(path) if level == 2]
    is_looked_up = path.name[:2] in LOOKED_UP
    wanted = [title for title in LAST if not (is_looked_up and title == "Going further")]
    assert titles[-len(wanted) :] == wanted
    checks = [cell for cell in code_cells(path) if ".check(" in cell.source]
    assert bool(checks) == ("Try it" in titles)
    for cell in checks:
        assert "Not tried yet" in str(cell.outputs)


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
        if cell.source.startswith("%%program"):  # runs in a process of its own
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


UNITS = r"(?:s|ms|seconds?|milliseconds?|times|tasks?|%|MB|GB|MiB|kB)"


def computed(path):
    """Return the code and the printed outputs of a lesson, and the tests of its claims."""
    cells = [cell for cell in read(path).cells if cell.cell_type == "code"]
    texts = [cell.source for cell in cells]
    for output in (output for cell in cells for output in cell.outputs):
        texts += [output.get("text", ""), output.get("data", {}).get("text/plain", "")]
    here = Path(__file__).parent
    tests = f"test_lesson_{path.name[:2]}.py", "test_claims.py"
    return "\n".join([*texts, *((here / name).read_text(encoding="utf-8") for name in tests)])


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_numbers_in_prose_are_computed_in_a_cell_or_asserted_in_a_test(path):
    known = set(re.findall(r"\d*\.?\d+", computed(path)))
    known = {float(number) for number in known}
    text = re.sub(r"```.*?```|`[^`]*`|\]\([^)]*\)", "", prose(path), flags=re.DOTALL)
    claimed = re.findall(rf"(?<![\w.])(\d+(?:\.\d+)?)(?= ?{UNITS}\b)", text)
    assert {number for number in claimed if float(number) not in known} == set()
