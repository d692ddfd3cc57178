"""The lessons as `jupyter nbconvert` exports them, for the tests that look at such pages."""

import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

ROOT = Path(__file__).resolve().parents[1]
LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))


@cache
def export(kind, *options):
    """Export every lesson as `kind` ("html" or "slides"), once; return the folder of the pages.

    The folder is in the temporary folder of this run of the tests, and goes with it.
    """
    folder = Path(mkdtemp(prefix=kind))
    command = [sys.executable, "-m", "nbconvert", "--to", kind, "--output-dir", folder, *options]
    done = subprocess.run([*command, *LESSONS], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def page(lesson, kind, *options):
    """Return the path of the page that is made of `lesson`."""
    ending = {"html": ".html", "slides": ".slides.html"}[kind]
    return export(kind, *options) / (lesson.stem + ending)
