"""The house is as its plan says: imports point down, doors are light, and it does not grow."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOUSE = ROOT / "helpers"
FILES = sorted(HOUSE.rglob("*.py"))
MOST_LINES = 4_776  # the plan wants 3,600: who adds a line takes another away


def room(path):
    """Return the room that a file is in: a folder of helpers/, or a module beside them."""
    return path.relative_to(HOUSE).with_suffix("").parts[0]


def imports(path):
    """Return (room, names) of each import in the file, lazy ones too, that is one of helpers."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            package = path.relative_to(HOUSE.parent).parent.parts
            base = package[: len(package) - node.level + 1]
            module = [*base, *(node.module or "").split(".")]
        elif isinstance(node, ast.ImportFrom):
            module = node.module.split(".")
        elif isinstance(node, ast.Import):
            found += [(a.name.split(".")[1], []) for a in node.names if a.name[:8] == "helpers."]
            continue
        else:
            continue
        module = [part for part in module if part]
        names = [alias.name for alias in node.names]
        if module == ["helpers"]:
            found += [(name, [name]) for name in names]
        elif module[0] == "helpers":
            found.append((module[1], [*module[2:], *names]))
    return found


def arrows():
    """Return which rooms each room imports, without itself; the front door is no room."""
    rooms = {room(path): set() for path in FILES if path != HOUSE / "__init__.py"}
    for path in FILES:
        if path != HOUSE / "__init__.py":
            rooms[room(path)] |= {name for name, _ in imports(path) if name in rooms}
    return {name: below - {name} for name, below in rooms.items()}


def plan():
    """Return the rooms in the rows of CONTRIBUTING's table, from the top."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]+) \|", text.partition("## Where things are")[2], re.MULTILINE)
    rows = [re.findall(r"`(\w+)/?`", row) for row in rows]
    return [row for row in rows if row != ["helpers"]]


def test_imports_point_down_the_plan():
    rows = {name: number for number, row in enumerate(plan()) for name in row}
    assert rows.keys() == arrows().keys(), "CONTRIBUTING.md lists every room, and no other"
    up = [(a, b) for a, below in arrows().items() for b in below if rows[a] >= rows[b]]
    assert not up


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_no_underscore_name_crosses_a_room(path):
    for there, names in imports(path):
        if there != room(path):
            assert not [name for name in names if name.startswith("_")], there


def test_the_door_of_recording_is_light():
    """Workers unpickle through it."""
    body = ast.parse((HOUSE / "recording/__init__.py").read_text(encoding="utf-8")).body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr)


def test_the_house_does_not_grow():
    lines = {
        path.relative_to(HOUSE).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in FILES
        if room(path) != "exercises"
    }
    assert sum(lines.values()) <= MOST_LINES, lines
