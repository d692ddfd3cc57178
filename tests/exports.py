"""Export the lessons with `jupyter nbconvert`, for the tests that look at such pages."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

ROOT = Path(__file__).resolve().parents[1]
LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
REVEAL = ROOT / "tests/node_modules/reveal.js"
REQUIRE = ROOT / "tests/node_modules/requirejs/require.js"
README = (ROOT / "README.md").read_text(encoding="utf-8")
OPTIONS = {
    "html": ["--to", "html", "--embed-images"],
    "dark": ["--to", "html", "--theme", "dark", "--embed-images"],
    "slides": [  # scripts from npm's folder in place of the network, and the README's options
        *["--to", "slides", "--embed-images"],
        f"--SlidesExporter.reveal_url_prefix={REVEAL.as_uri()}",
        f"--SlidesExporter.require_js_url={REQUIRE.as_uri()}",
        *re.findall(r"--SlidesExporter[^\s`]+", README),
    ],
}


@cache
def export(kind):
    """Export every lesson as `kind`, one of OPTIONS, once; return the folder of the pages.

    The folder is in the temporary folder of this test run, which removes it.
    """
    folder = Path(mkdtemp(prefix=kind))
    command = [sys.executable, "-m", "nbconvert", "--output-dir", folder]
    done = subprocess.run(
        [*command, *OPTIONS[kind], *LESSONS], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder


def page(lesson, kind):
    """Return the path of the page that is made of `lesson`."""
    ending = ".slides.html" if kind == "slides" else ".html"
    return export(kind) / (lesson.stem + ending)
