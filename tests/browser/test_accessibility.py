"""Everybody can use an exported lesson: its pages pass axe-core.

So do the lessons and our controls in JupyterLab, in light and in dark: see test_browser.py.

What Jupyter draws around our cells (prompts, syntax colours, tool bars) is Jupyter's to put right.
"""

import re

import pytest
from browsing import JUPYTERS, NEEDS_AXE, NEEDS_CHROMIUM, violations
from exports import LESSONS, page

pytestmark = [pytest.mark.walks, *NEEDS_CHROMIUM, NEEDS_AXE]


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
