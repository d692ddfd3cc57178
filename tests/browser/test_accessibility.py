"""Everybody can use a lesson: its exported pages and our controls pass axe-core.

The lessons in JupyterLab do so in light and in dark: see test_browser.py.

What Jupyter draws around our cells (prompts, syntax colours, tool bars) is Jupyter's to put right.
"""

import re

import nbformat
import pytest
import storing
from browsing import (
    JUPYTERS,
    NEEDS_AXE,
    NEEDS_CHROMIUM,
    violations,
    violations_in_both_themes,
)
from exports import LESSONS, page

from helpers import widgets
from helpers.widgets.panel import Panel

PANELS = [
    n for n, f in vars(widgets).items() if getattr(f, "__annotations__", {}).get("return") is Panel
]

pytestmark = [*NEEDS_CHROMIUM, NEEDS_AXE]


@pytest.fixture
def tab(browser):
    tab = browser.new_page(viewport={"width": 1200, "height": 900})
    elsewhere = re.compile(r"^https?://(?!127\.0\.0\.1)")  # a page must do without the network
    tab.route(elsewhere, lambda route: route.abort())
    yield tab
    tab.close()


@pytest.mark.parametrize("kind", ["html", "dark"])
@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_axe_finds_nothing_wrong_in_the_exported_page(tab, path, kind):
    tab.goto(page(path, kind).as_uri())
    found = violations(tab, ["body"], JUPYTERS)
    assert not found, "\n".join(found)


# ---- in JupyterLab, where the controls are; for the lessons there, see test_browser.py


RUN = """async () => {
    await window.jupyterapp.restored;
    await window.jupyterapp.commands.execute("notebook:run-all-cells");
}"""
CONTROLS = [
    "from helpers import widgets\nfrom helpers.exercises import guess",
    "bar = guess('The bar says …', '0/10', '4/10')",
    *[f"widgets.{name}()" for name in PANELS],
]


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
