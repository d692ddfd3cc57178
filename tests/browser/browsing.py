"""What the tests in a browser need: a JupyterLab of their own, and Chromium.

Chromium is at /usr/bin/chromium, or where the variable CHROMIUM says; playwright moves it.
"""

import json
import os
import re
import socket
import sys
import threading
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, STDOUT

import nbformat
import psutil
import pytest
from exports import LESSONS
from leftovers import DEADLINE, children
from storing import METADATA

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},  # the page holds every cell
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
HOW = {"executable_path": CHROMIUM, "args": SWITCHES}
ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "tests/node_modules/axe-core/axe.min.js"
# Jupyter's own, in nbconvert 7.17: the colours of prompts (2.2 : 1 on white) and of code (purple,
# 3.4 : 1 on black), and links in a sentence, which only their colour marks (1.9 : 1).
JUPYTERS = [".jp-InputPrompt", ".jp-OutputPrompt", ".highlight"]
OURS = [".jp-Notebook .jp-OutputArea-output", ".jp-Notebook .jp-MarkdownOutput"]
FOUND = """([within, without]) => axe.run(
    {include: within, exclude: without.map(selector => [selector])},
    {resultTypes: ["violations"], rules: {"link-in-text-block": {enabled: false}}}
).then(({violations}) => violations.flatMap(({id, nodes}) => nodes.map(
    ({target, html, failureSummary}) => [id, target.join(" "), html.slice(0, 200), failureSummary]
)))"""
BROKEN = re.compile(r"(displaying|creating|Loading) widget|widget model not found", re.IGNORECASE)
ASKS_FOR_CONTROLS = re.compile(r"helpers\.controls|tqdm\.(notebook|auto)")
LIVE = [path for path in LESSONS if ASKS_FOR_CONTROLS.search(path.read_text(encoding="utf-8"))]
THEME = """theme => window.jupyterapp.commands.execute("apputils:change-theme", {theme})"""
NEEDS_AXE = pytest.mark.skipif(not AXE.exists(), reason="no axe-core: run `npm ci --prefix tests`")
NEEDS_CHROMIUM = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no browser at {CHROMIUM}"),
]


@contextmanager
def chromium():
    """Give what starts browsers; skip the test where playwright is not installed."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        yield driver.chromium


def violations(tab, within, without=()):
    """Return what axe-core finds wrong in the parts `within`, one line each."""
    tab.evaluate(AXE.read_text(encoding="utf-8"))
    found = tab.evaluate(FOUND, [[[selector] for selector in within], list(without)])
    return [": ".join(parts) for parts in found]


def violations_in_both_themes(tab):
    """Return what axe-core finds wrong in a notebook in JupyterLab, in dark and in light."""
    found = []
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        tab.evaluate(THEME, theme)
        tab.wait_for_function("theme => document.body.dataset.jpThemeName === theme", arg=theme)
        found += [f"{theme}: {line}" for line in violations(tab, OURS, JUPYTERS)]
    return found


def write_notebook(path, cells):
    """Write a notebook with these cells, or cells of code with these sources."""
    code = nbformat.v4.new_code_cell
    cells = [code(cell) if isinstance(cell, str) else cell for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=METADATA), path)


def wait_until_open(page):
    """Wait until the page shows a notebook that has a kernel."""
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.get_by_text("| Idle").wait_for()  # the status bar


def run_all(page):
    """Begin to run all cells of the notebook."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()


class Lab:
    """A JupyterLab server with a folder and settings of its own."""

    def __init__(self, folder):
        self.root = folder / "lessons"
        self.root.mkdir()
        for name, value in SETTINGS.items():
            path = folder / "JUPYTERLAB_SETTINGS/@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(value))
        environment = {k: os.environ[k] for k in os.environ if not k.startswith("PYTEST")}
        for name in ("JUPYTER_CONFIG", "JUPYTERLAB_SETTINGS", "JUPYTERLAB_WORKSPACES"):
            environment[f"{name}_DIR"] = str(folder / name)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = f"-m jupyterlab --allow-root --no-browser --ip=127.0.0.1 --port={port}".split()
        options = ["--IdentityProvider.token=lab", f"--ServerApp.root_dir={self.root}"]
        options += ["--LabApp.expose_app_in_browser=True"]  # so that a test can give commands
        self.server = psutil.Popen(
            [sys.executable, *command, *options], stdout=PIPE, stderr=STDOUT, env=environment
        )
        log = []
        for line in self.server.stdout:
            log.append(line.decode(errors="replace"))
            if link := re.search(r"http://127\.0\.0\.1:\d+", log[-1]):
                self.url = link[0]  # on another port, if somebody took this one meanwhile
                break
        else:
            raise RuntimeError("JupyterLab did not start: " + "".join(log[-5:]))
        # Somebody must go on reading, or it stops when the pipe is full.
        threading.Thread(target=self.server.stdout.read, daemon=True).start()

    def page(self, name):
        """Return the address of the notebook `name` in JupyterLab, as if never opened before."""
        return f"{self.url}/doc/tree/{name}?token=lab&reset"

    def ask(self, path, method="GET"):
        """Return what the server answers."""
        headers = {"Authorization": "token lab"}
        request = urllib.request.Request(f"{self.url}/api/{path}", method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
            return json.loads(answer.read() or "null")

    def below_kernels(self):
        """Return the processes that kernels started, but for multiprocessing's own helpers."""
        return [child for kernel in self.server.children() for child in children(kernel)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Stop the kernels, then the server."""
        descendants = self.server.children(recursive=True)
        self.server.terminate()
        _, alive = psutil.wait_procs([self.server, *descendants], timeout=DEADLINE)
        assert not alive


def meant_errors(path):
    """Return how many cells of the notebook are meant to fail."""
    cells = nbformat.read(path, as_version=4).cells
    return sum("raises-exception" in cell.metadata.get("tags", []) for cell in cells)


def assert_nothing_wrong(pages):
    """Check that no page shows more errors than its lesson means, and that axe finds nothing."""
    for path, page in pages.items():
        errors = page.locator("[data-mime-type='application/vnd.jupyter.error']").all_inner_texts()
        assert len(errors) <= meant_errors(path), (path.name, errors)
        assert not page.get_by_text(BROKEN).count(), path.name
        assert not page.errors, path.name
    if not AXE.exists():
        pytest.skip("they work; but there is no axe-core: run `npm ci --prefix tests`")
    found = {path.name: violations_in_both_themes(page) for path, page in pages.items()}
    assert not any(found.values()), found
