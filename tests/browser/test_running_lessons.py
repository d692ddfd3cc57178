"""The lessons that make controls run in JupyterLab: nbval has no page for a control to appear in.

All of them run at once, which takes two minutes: a file of its own, so that others run meanwhile.
"""

import nbformat
import pytest
from browsing import (
    LIVE,
    NEEDS_CHROMIUM,
    assert_nothing_wrong,
    meant_errors,
    run_all,
    wait_until_open,
)

HAVE_RUN = """([number, meant]) =>
    [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].filter(
        prompt => /[0-9]/.test(prompt.textContent)).length >= number
    || document.querySelectorAll("[data-mime-type='application/vnd.jupyter.error']").length > meant
"""

pytestmark = [pytest.mark.walks, *NEEDS_CHROMIUM]


def wait_until_run(page, path):
    """Wait until each code cell of the notebook at `path` has a number, or one has failed."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.source.strip()]
    number = sum(cell.cell_type == "code" for cell in cells)
    # pytest has the limit
    page.wait_for_function(HAVE_RUN, arg=[number, meant_errors(path)], timeout=0)


def test_lessons_with_controls_run_and_axe_finds_nothing_wrong_in_either_theme(open_lesson):
    pages = {path: open_lesson(path.name) for path in LIVE}  # all at once: they usually nap
    for page in pages.values():
        wait_until_open(page)
        run_all(page)
    for path, page in pages.items():
        wait_until_run(page, path)
        assert page.locator(".jp-OutputArea-output .jupyter-widgets").count(), path.name
    assert_nothing_wrong(pages)
