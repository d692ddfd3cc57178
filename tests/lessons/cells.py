"""Run single cells of a stored lesson, so that a test can assert what the prose says about them."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"

# Runs a file as `python FILE` would on Windows and macOS, where workers start with spawn.
RUN_WITH_SPAWN = """
import multiprocessing, runpy, sys
multiprocessing.set_start_method("spawn")
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def sources_of(lesson):
    """Return {id: source} of the cells of lesson `lesson`, "07" for example."""
    (path,) = NOTEBOOKS.glob(f"{lesson}-*.ipynb")
    return {cell.id: cell.source for cell in nbformat.read(path, as_version=4).cells}


def run_cells(lesson, *ids, **names):
    """Execute these cells of a lesson, in this order, with `names` defined; return all names.

    `%%program` keeps its text, as in a notebook; other magics are left out.
    """
    sources = sources_of(lesson)
    for each in ids:
        if program := re.match(r"%%program (\w+)\n", sources[each]):
            names[program[1]] = sources[each][program.end() :]
        else:
            plain = re.sub(r"^[%!].*$", "", sources[each], flags=re.MULTILINE)
            exec(compile(plain, each, "exec"), names)
    return names


def run_as_file(lesson, cell, folder):
    """Run a cell of a lesson as a file in `folder`, with spawn; return what it wrote to stderr.

    Raises CalledProcessError if the program fails.
    """
    path = folder / "program.py"
    path.write_text(sources_of(lesson)[cell], encoding="utf-8")
    command = [sys.executable, "-c", RUN_WITH_SPAWN, path]
    return subprocess.run(command, capture_output=True, check=True, encoding="utf-8").stderr
