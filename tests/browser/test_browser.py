"""The lessons in JupyterLab, in a real browser: they open, and their widgets do what they should.

`lab.py test` opens one lesson and works the controls by the keyboard. `.ci/run` also opens every
other lesson.
"""

import nbformat
import psutil
import pytest
from browsing import (
    LIVE,
    NEEDS_AXE,
    NEEDS_CHROMIUM,
    assert_nothing_wrong,
    run_all,
    violations_in_both_themes,
    wait_until_open,
    write_notebook,
)
from exports import LESSONS
from leftovers import DEADLINE

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
    "controls.explore_schedule('equal', 12, 2, longest=8.0)",
    "controls.race_bars()",
    "controls.explore_chunks()",
]
NAMED = """panels => {
    const sliders = [...document.querySelectorAll('[role=slider]')];
    return document.querySelectorAll('.watched-panel img').length === panels
        && sliders.length > panels && sliders.every(slider => slider.ariaLabel);
}"""
# Counts the pictures that a panel shows, and the seconds from the first one to the last.
COUNT_PICTURES = """() => {
    const panel = document.querySelector(".watched-panel");
    let last = panel.querySelector("img").src, first;
    window.pictures = -1;
    new MutationObserver(() => {
        const now = panel.querySelector("img")?.src;
        if (!now || now == last) return;
        last = now;
        first ??= performance.now();
        window.pictures += 1;
        window.seconds = (performance.now() - first) / 1000;
    }).observe(panel, {childList: true, subtree: true});
}"""
# Opens a notebook in place of what is open: to load JupyterLab anew takes three times as long.
SHOW = """async path => {
    const {commands, shell} = window.jupyterapp;
    [...shell.widgets("main")].forEach(open => open.dispose());
    await commands.execute("docmanager:open", {path});
}"""

pytestmark = NEEDS_CHROMIUM


@pytest.fixture
def panel(lab, open_lesson):
    """Give a function that opens a notebook with one panel; it returns the page."""

    def panel(name):
        function = PANELS[name].partition("(")[0]
        cell = f"from helpers.controls import {function}\n{PANELS[name]}"
        write_notebook(lab.root / f"{name}.ipynb", [cell])
        page = open_lesson(f"{name}.ipynb")
        wait_until_open(page)
        run_all(page)
        page.wait_for_selector(".watched-panel img")
        return page

    return panel


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
    write_notebook(lab.root / "controls.ipynb", CONTROLS)
    page = open_lesson("controls.ipynb")
    wait_until_open(page)
    run_all(page)
    page.wait_for_function(NAMED, arg=3)
    assert page.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0
    found = violations_in_both_themes(page)
    press(page, "Run it for real")  # of naps that take longer than axe
    message(page).filter(has_text="Running").wait_for()
    found += violations_in_both_themes(page)
    assert message(page).filter(has_text="Running").count()
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", ["schedule", "chunks", "race"])
def test_each_control_changes_the_picture_and_nothing_moves(name, panel):
    page = panel(name)
    place = page.locator(".watched-panel").bounding_box()
    assert place["x"] + place["width"] <= 1000
    controls = page.locator(".watched-panel").get_by_role("slider")
    assert controls.count() >= 3
    assert not page.locator(".watched-panel [title=null]").count()
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
    assert page.get_by_text("bar 6, finished 6; at worst").count() == 3
    assert_gone(workers)


def test_an_interrupt_of_the_kernel_stops_a_run_as_stop_does(panel, lab):
    page = panel("long")
    workers = run(page, lab, "Run it for real")
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_text("Interrupt Kernel", exact=True).click()
    message(page).filter(has_text="Stopped.").wait_for()
    assert_gone(workers)
    assert page.locator("[data-mime-type='application/vnd.jupyter.stderr']").count() == 0


@pytest.mark.measures
def test_a_run_is_drawn_several_times_per_second(panel):
    page = panel("schedule")
    page.evaluate(COUNT_PICTURES)
    press(page, "Run it for real")
    message(page).filter(has_text="% off").wait_for()
    pictures, seconds = page.evaluate("[window.pictures, window.seconds]")
    assert pictures >= 4 * seconds  # about 10 per second on a quiet machine


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
