"""The lessons in JupyterLab, in a real browser: they open, and their widgets do what they should.

`lab.py test` opens one lesson and works the controls by the keyboard. `.ci/run` also opens every
other lesson, and runs those that make controls: nbval has no page for a control to appear in.
"""

import re

import nbformat
import psutil
import pytest
from browsing import AXE, NEEDS_AXE, NEEDS_CHROMIUM, violations_in_both_themes
from exports import LESSONS
from leftovers import DEADLINE
from storing import METADATA

from helpers import controls

ASKS_FOR_CONTROLS = re.compile(r"helpers\.controls|tqdm\.(notebook|auto)")
LIVE = [path for path in LESSONS if ASKS_FOR_CONTROLS.search(path.read_text(encoding="utf-8"))]
STILL = [path for path in LESSONS if path not in LIVE]
PANELS = {
    "schedule": "explore_schedule('random', longest=1.0)",
    "chunks": "explore_chunks()",
    "race": "race_bars('random', 6, 3, longest=1.0)",
    "long": "explore_schedule('equal', 12, 2, longest=8.0)",
}
CONTROLS = [
    "from helpers import controls\nfrom helpers.exercises import guess",
    "bar = guess('The bar says …', '0/10', '4/10')",
    *[f"controls.{name}()" for name in controls.__all__],
]
BROKEN = re.compile(r"(displaying|creating|Loading) widget|widget model not found", re.IGNORECASE)
HAVE_RUN = """number => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].filter(
    prompt => /[0-9]/.test(prompt.textContent)).length >= number"""
NAMED = """panels => {
    const sliders = [...document.querySelectorAll('[role=slider]')];
    return document.querySelectorAll('.watched-panel img').length === panels
        && sliders.length > panels && sliders.every(slider => slider.ariaLabel);
}"""
# Opens a notebook in place of what is open: to load JupyterLab anew takes three times as long.
SHOW = """async path => {
    const {commands, shell} = window.jupyterapp;
    [...shell.widgets("main")].forEach(open => open.dispose());
    await commands.execute("docmanager:open", {path});
}"""
# JupyterLab asks this again and again. While a kernel starts, jupyter_server 2.21 answers 500: that
# kernel has no `last_activity` yet (TraitError in `kernel_model`).
KERNELS = "/api/kernels?"
HARMLESS = (
    "Window name candidate",  # pages of JupyterLab that open at once agree who has which name
    "Could not restore the debugger state",  # of a notebook that was closed as soon as it was open
)

pytestmark = NEEDS_CHROMIUM


@pytest.fixture
def open_lesson(lab, window):
    """Give a function that begins to open a notebook of the lab and returns its page."""
    pages = []

    def open_lesson(name):
        page = window.new_page()
        pages.append(page)
        page.set_default_timeout(1000 * DEADLINE)
        page.errors = []

        def note(wrong, url, text):
            harmless = KERNELS in url or any(words in text for words in HARMLESS)
            if wrong and not harmless:
                page.errors.append(text)

        page.on("console", lambda line: note(line.type == "error", line.location["url"], line.text))
        page.on("response", lambda got: note(got.status >= 500, got.url, got.url))
        page.on("pageerror", lambda error: note(True, page.url, str(error)))
        page.goto(lab.page(name))
        return page

    yield open_lesson
    for page in pages:
        page.close()


@pytest.fixture
def panel(lab, open_lesson):
    """Give a function that opens a notebook with one panel; it returns the page."""

    def panel(name):
        function = PANELS[name].partition("(")[0]
        cell = nbformat.v4.new_code_cell(f"from helpers.controls import {function}\n{PANELS[name]}")
        notebook = nbformat.v4.new_notebook(cells=[cell])
        notebook.metadata = METADATA
        nbformat.write(notebook, lab.root / f"{name}.ipynb")
        page = open_lesson(f"{name}.ipynb")
        wait_until_open(page)
        run_all(page)
        page.wait_for_selector(".watched-panel img")
        return page

    return panel


def wait_until_open(page):
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.get_by_text("| Idle").wait_for()  # the status bar: there is a kernel


def run_all(page):
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()


def wait_until_run(page, path):
    """Wait until each code cell of the notebook at `path` has a number."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.source.strip()]
    number = sum(cell.cell_type == "code" for cell in cells)
    page.wait_for_function(HAVE_RUN, arg=number, timeout=0)  # pytest has the limit


def picture(page):
    return page.locator(".watched-panel img")


def wait_for_new_picture(page, source):
    page.wait_for_function(
        "source => { const now = document.querySelector('.watched-panel img')?.src;"
        " return now && now != source }",
        arg=source,
    )


def press(page, button):
    """Press a button as the keyboard does."""
    page.get_by_role("button", name=button).focus()
    page.keyboard.press("Enter")


def message(page):
    return page.locator(".watched-panel [role=status]")


def run(page, lab, button):
    """Press the button that starts a run; return the worker processes, once they nap."""
    press(page, button)
    message(page).filter(has_text="Running").wait_for()
    workers = lab.below_kernels()
    assert len(workers) >= 2
    return workers


def assert_gone(processes):
    _, alive = psutil.wait_procs(processes, timeout=DEADLINE)
    assert not alive


def assert_nothing_wrong(pages):
    """Check that no page shows more errors than its lesson means, and that axe finds nothing."""
    for path, page in pages.items():
        cells = nbformat.read(path, as_version=4).cells
        meant = sum("raises-exception" in cell.metadata.get("tags", []) for cell in cells)
        errors = page.locator("[data-mime-type='application/vnd.jupyter.error']").all_inner_texts()
        assert len(errors) <= meant, (path.name, errors)
        assert not page.get_by_text(BROKEN).count(), path.name
        assert not page.errors, path.name
    if not AXE.exists():
        pytest.skip("they work; but there is no axe-core: run `npm ci --prefix tests`")
    found = {path.name: violations_in_both_themes(page) for path, page in pages.items()}
    assert not any(found.values()), found


@pytest.mark.walks
def test_lessons_with_controls_run_and_axe_finds_nothing_wrong_in_either_theme(open_lesson):
    pages = {path: open_lesson(path.name) for path in LIVE}  # all at once: they usually nap
    for page in pages.values():
        wait_until_open(page)
        run_all(page)
    for path, page in pages.items():
        wait_until_run(page, path)
        assert page.locator(".jp-OutputArea-output .jupyter-widgets").count(), path.name
    assert_nothing_wrong(pages)


def assert_as_stored(page, path):
    """Check that the page shows every output that is stored in the lesson."""
    wait_until_open(page)
    outputs = [
        output for cell in nbformat.read(path, 4).cells for output in cell.get("outputs", [])
    ]
    assert page.locator(".jp-OutputArea-output").count() == len(outputs), path.name


def test_the_first_lesson_opens_as_stored(open_lesson):
    page = open_lesson(LESSONS[0].name)
    assert_as_stored(page, LESSONS[0])
    assert not page.errors


@pytest.mark.walks
def test_other_lessons_open_as_stored_and_axe_finds_nothing_wrong_in_either_theme(open_lesson):
    page = open_lesson(STILL[0].name)
    wait_until_open(page)
    for path in STILL:
        page.evaluate(SHOW, path.name)
        assert_as_stored(page, path)
        assert_nothing_wrong({path: page})


@pytest.mark.walks
@NEEDS_AXE
def test_axe_finds_nothing_wrong_in_our_controls(lab, open_lesson):
    cells = [nbformat.v4.new_code_cell(source) for source in CONTROLS]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=METADATA)
    nbformat.write(notebook, lab.root / "controls.ipynb")
    page = open_lesson("controls.ipynb")
    wait_until_open(page)
    run_all(page)
    page.wait_for_function(NAMED, arg=len(controls.__all__))
    assert page.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0
    found = violations_in_both_themes(page)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", ["schedule", "chunks", "race"])
def test_each_control_changes_the_picture_and_nothing_moves(name, panel):
    page = panel(name)
    place = page.locator(".watched-panel").bounding_box()
    assert place["x"] + place["width"] <= 1000
    controls = page.locator(".watched-panel").get_by_role("slider")
    assert controls.count() >= 3
    for label in page.locator(".watched-panel .widget-slider .widget-label").all_inner_texts():
        source = picture(page).get_attribute("src")
        slider = page.get_by_role("slider", name=label, exact=True)
        slider.focus()
        key = "ArrowLeft" if label in ("workers", "tasks") else "ArrowRight"
        page.keyboard.press(key)
        wait_for_new_picture(page, source)
    for menu in page.locator(".watched-panel").get_by_role("combobox").all():
        source = picture(page).get_attribute("src")
        menu.select_option(index=1)
        wait_for_new_picture(page, source)
    assert page.locator(".watched-panel").bounding_box() == place
    assert picture(page).get_attribute("alt").startswith("Predicted: ")
    assert not page.errors


def test_a_run_is_drawn_while_it_goes_and_says_how_far_off(panel, lab):
    page = panel("schedule")
    place = page.locator(".watched-panel").bounding_box()
    workers = run(page, lab, "Run it for real")
    wait_for_new_picture(page, picture(page).get_attribute("src"))
    message(page).filter(has_text="% off").wait_for()
    assert_gone(workers)
    assert "measured" in picture(page).get_attribute("alt")
    assert page.locator(".watched-panel").bounding_box() == place
    assert not page.errors


@pytest.mark.walks
def test_a_race_moves_three_bars(panel, lab):
    page = panel("race")
    workers = run(page, lab, "Start the race")
    assert len(workers) == 9
    message(page).filter(has_text="All three").wait_for()
    assert page.get_by_text("bar 6/6, finished 6").count() == 3
    assert_gone(workers)


def test_stop_stops_and_a_second_run_works(panel, lab):
    page = panel("long")
    for _ in range(2):
        workers = run(page, lab, "Run it for real")
        press(page, "Stop")
        message(page).filter(has_text="Stopped.").wait_for()
        assert_gone(workers)
    assert picture(page).get_attribute("alt").startswith("Predicted: ")


@pytest.mark.walks
def test_running_the_cell_again_ends_its_run(panel, lab):
    page = panel("long")
    workers = run(page, lab, "Run it for real")
    run_all(page)
    assert_gone(workers)


def test_restarting_the_kernel_leaves_no_worker(panel, lab):
    page = panel("long")
    workers = run(page, lab, "Run it for real")
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_text("Restart Kernel and Run All Cells…", exact=True).click()
    page.locator(".jp-Dialog").get_by_role("button", name="Confirm").click()
    assert_gone(workers)
    message(page).filter(has_text="Running").wait_for(state="detached")  # there is a new panel
    picture(page).wait_for()


@pytest.mark.walks
def test_closing_the_notebook_lets_the_run_end_by_itself(panel, lab):
    page = panel("race")
    workers = run(page, lab, "Start the race")
    page.close()
    assert_gone(workers)
