"""Everybody can use a lesson: its pages pass axe-core, in light and in dark.

What Jupyter draws around our cells (prompts, syntax colours, tool bars) is Jupyter's to put right.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import psutil
import pytest
import store_outputs
from exports import LESSONS, ROOT, page

from conftest import children
from helpers import widgets
from helpers.panel import Panel

AXE = ROOT / "tests/node_modules/axe-core/axe.min.js"
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
# Jupyter's own, in nbconvert 7.17: the colours of prompts (2.2 : 1 on white) and of code (purple,
# 3.4 : 1 on black), and links in a sentence, which are told by their colour alone (1.9 : 1).
JUPYTERS = [".jp-InputPrompt", ".jp-OutputPrompt", ".highlight"]
PANELS = [
    n for n, f in vars(widgets).items() if getattr(f, "__annotations__", {}).get("return") is Panel
]
LIGHT, DARK = (), ("--HTMLExporter.theme=dark",)
FOUND = """([within, without]) => axe.run(
    {include: within, exclude: without.map(selector => [selector])},
    {resultTypes: ["violations"], rules: {"link-in-text-block": {enabled: false}}}
).then(({violations}) => violations.flatMap(({id, nodes}) => nodes.map(
    ({target, html, failureSummary}) => [id, target.join(" "), html.slice(0, 200), failureSummary]
)))"""

lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not AXE.exists(), reason="no axe-core: run `npm ci --prefix tests`"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no browser at {CHROMIUM}"),
]


@pytest.fixture(scope="module", autouse=True)
def nothing_left():
    """In place of conftest's look after each test: a tab may leave processes to the next one."""
    me = psutil.Process()
    before = set(children(me))
    yield
    _, alive = psutil.wait_procs(set(children(me)) - before, timeout=10)
    assert not alive


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=options)
        yield chromium
        chromium.close()


@pytest.fixture
def tab(browser):
    tab = browser.new_page(viewport={"width": 1200, "height": 900})
    elsewhere = re.compile(r"^https?://(?!127\.0\.0\.1)")  # a page must do without the network
    tab.route(elsewhere, lambda route: route.abort())
    yield tab
    tab.close()


def violations(tab, within, without=()):
    """Return what axe-core finds wrong in the parts `within`, one line each."""
    tab.evaluate(AXE.read_text(encoding="utf-8"))
    found = tab.evaluate(FOUND, [[[selector] for selector in within], list(without)])
    return [": ".join(parts) for parts in found]


@lesson
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_axe_finds_nothing_wrong_in_the_exported_page(tab, path, theme):
    tab.goto(page(path, "html", *theme).as_uri())
    found = violations(tab, ["body"], JUPYTERS)
    assert not found, "\n".join(found)


def test_axe_would_find_it(tab):
    tab.set_content(
        "<html lang=en><title>x</title><main><h1>a</h1><h3>b</h3><img src='data:,'>"
        "<input><p style='color: #999'>pale</p></main>"
    )
    rules = {line.split(":")[0] for line in violations(tab, ["body"])}
    assert rules >= {"color-contrast", "heading-order", "image-alt", "label"}


# ---- in JupyterLab, where the controls are


def wait_for(server, url):
    """Return once the server answers; fail where it ends before, or does not answer in a minute."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return urllib.request.urlopen(url).close()
        except OSError:
            assert server.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A copy of the lessons, for JupyterLab to save, and the setting to show all cells at once."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(ROOT / "notebooks", home / "notebooks")
    settings = home / "@jupyterlab/notebook-extension/tracker.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"windowingMode": "none"}')
    yield home
    shutil.rmtree(home)


@pytest.fixture(scope="module")
def lab(home):
    """JupyterLab in that folder; give its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "JUPYTER", "COV"))}
    env |= {f"JUPYTER_{name}_DIR": str(home) for name in ("CONFIG", "DATA", "RUNTIME")}
    env |= {f"JUPYTERLAB_{name}_DIR": str(home) for name in ("SETTINGS", "WORKSPACES")}
    command = [sys.executable, "-m", "jupyterlab", "--allow-root", "--no-browser", f"--port={port}"]
    command += [f"--ServerApp.root_dir={home}", "--IdentityProvider.token=test"]
    command += ["--LabApp.expose_app_in_browser=True"]
    server = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    try:
        wait_for(server, f"http://127.0.0.1:{port}/api/status?token=test")
        yield f"http://127.0.0.1:{port}/lab/tree/notebooks/%s?token=test&reset"
    finally:
        server.terminate()
        server.wait()


RUN = """async () => {
    await window.jupyterapp.restored;
    await window.jupyterapp.commands.execute("notebook:run-all-cells");
}"""
THEME = """theme => window.jupyterapp.commands.execute("apputils:change-theme", {theme})"""
CONTROLS = [
    "from helpers import widgets\nfrom helpers.exercises import guess",
    "bar = guess('The bar says …', '0/10', '4/10')",
    *[f"widgets.{name}()" for name in PANELS],
]


def violations_in_both_themes(tab):
    ours = [".jp-Notebook .jp-OutputArea-output", ".jp-Notebook .jp-MarkdownOutput"]
    found = []
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        tab.evaluate(THEME, theme)
        tab.wait_for_function("theme => document.body.dataset.jpThemeName === theme", arg=theme)
        found += [f"{theme}: {line}" for line in violations(tab, ours, JUPYTERS)]
    return found


def test_axe_finds_nothing_wrong_in_a_lesson_in_jupyterlab(tab, lab):
    tab.goto(lab % "04-why-ordered-bars-lag.ipynb")
    tab.wait_for_selector(".jp-OutputArea-output img")
    found = violations_in_both_themes(tab)
    assert not found, "\n".join(found)


def test_axe_finds_nothing_wrong_in_our_controls(tab, lab, home):
    cells = [nbformat.v4.new_code_cell(source) for source in CONTROLS]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=store_outputs.METADATA)
    nbformat.write(notebook, home / "notebooks/controls.ipynb")
    tab.goto(lab % "controls.ipynb")
    tab.wait_for_selector("text=/\\| Idle/", timeout=60_000)
    tab.evaluate(RUN)
    for number in range(len(CONTROLS) - 1):
        tab.locator(".jp-OutputArea-output .jupyter-widgets").nth(number).wait_for()
    assert tab.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0
    found = violations_in_both_themes(tab)
    assert not found, "\n".join(found)
