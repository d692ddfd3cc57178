"""Everybody can use a lesson: its pages pass axe-core, in light and in dark.

What Jupyter draws around our cells (prompts, syntax colours, tool bars) is Jupyter's to put right.
"""

import re
import shutil

import nbformat
import psutil
import pytest
import storing
from browsing import NEEDS_CHROMIUM, Lab, chromium
from exports import LESSONS, ROOT, page

from conftest import children
from helpers import widgets
from helpers.widgets.panel import Panel

AXE = ROOT / "tests/node_modules/axe-core/axe.min.js"
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
    *NEEDS_CHROMIUM,
    pytest.mark.skipif(not AXE.exists(), reason="no axe-core: run `npm ci --prefix tests`"),
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
    with chromium() as browser:
        yield browser


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


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with Lab(tmp_path_factory.mktemp("lab")) as lab:
        shutil.copytree(ROOT / "notebooks", lab.root, dirs_exist_ok=True)
        yield lab


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


@lesson
def test_axe_finds_nothing_wrong_in_a_lesson_in_jupyterlab(tab, lab, path):
    tab.goto(lab.page(path.name))
    tab.wait_for_selector(".jp-OutputArea-output img")
    found = violations_in_both_themes(tab)
    assert not found, "\n".join(found)


def test_axe_finds_nothing_wrong_in_our_controls(tab, lab):
    cells = [nbformat.v4.new_code_cell(source) for source in CONTROLS]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=storing.METADATA)
    nbformat.write(notebook, lab.root / "controls.ipynb")
    tab.goto(lab.page("controls.ipynb"))
    tab.wait_for_selector("text=/\\| Idle/", timeout=60_000)
    tab.evaluate(RUN)
    for number in range(len(CONTROLS) - 1):
        tab.locator(".jp-OutputArea-output .jupyter-widgets").nth(number).wait_for()
    assert tab.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0
    found = violations_in_both_themes(tab)
    assert not found, "\n".join(found)
