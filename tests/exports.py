"""Export the lessons with `jupyter nbconvert`, for the tests that look at such pages."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

ROOT = Path(__file__).resolve().parents[1]
LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
REVEAL = ROOT / "tests/node_modules/reveal.js"
SETTINGS = ROOT / "binder/jupyter"
OPTIONS = {
    "html": ["--to", "html"],
    "dark": ["--to", "html", "--theme", "dark"],
    "slides": ["--to", "slides"],
}


@cache
def export(kind):
    """Export every lesson as `kind`, one of OPTIONS, once; return the folder of the pages.

    The folder is in the temporary folder of this test run, which removes it.
    """
    folder = Path(mkdtemp(prefix=kind))
    command = [sys.executable, "-m", "nbconvert", "--output-dir", folder]
    done = subprocess.run(
        [*command, *OPTIONS[kind], *LESSONS],
        env=os.environ | {"JUPYTER_CONFIG_PATH": str(SETTINGS)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


def page(lesson, kind):
    """Return the path of the page that is made of `lesson`."""
    ending = ".slides.html" if kind == "slides" else ".html"
    return export(kind) / (lesson.stem + ending)
