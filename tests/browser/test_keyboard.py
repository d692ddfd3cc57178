"""The controls by the keyboard, and where they stand on screens of several sizes.

JupyterLab has shortcuts for the keys that controls need: the arrow keys leave a cell or fold a
section.
"""

import nbformat
import pytest
from browsing import NEEDS_CHROMIUM, run_all, wait_until_open, write_notebook
from exports import LESSONS

QUESTION = "from helpers.exercises import guess\nseen = guess('The bar says …', '0', '4', '5')"
PANEL = "from helpers.controls import explore_schedule\nexplore_schedule({})"
HEADING = nbformat.v4.new_markdown_cell("# A section that an arrow key could fold")
SIZES = {"1366": (1366, 768), "1366 at 150%": (911, 512), "1024": (1024, 768), "HD": (1920, 1080)}
# Scrolls the panel to the top, and returns how far each part is below or right of what is seen.
HIDDEN = """parts => {
    const panel = document.querySelector(".watched-panel");
    panel.scrollIntoView({block: "start"});
    const seen = document.querySelector(".jp-WindowedPanel-outer").getBoundingClientRect();
    return parts.flatMap(part => [...panel.querySelectorAll(part)]).map(each => {
        const place = each.getBoundingClientRect();
        return Math.max(place.bottom - seen.bottom, place.right - seen.right, seen.top - place.top);
    });
}"""

pytestmark = NEEDS_CHROMIUM


@pytest.fixture
def notebook(lab, open_lesson):
    """Give a function that runs a notebook with these cells, and returns its page."""

    def notebook(*cells):
        write_notebook(lab.root / "keyboard.ipynb", cells)
        page = open_lesson("keyboard.ipynb")
        wait_until_open(page)
        run_all(page)
        return page

    return notebook


def active_cell(page):
    """Return the number of the cell that JupyterLab has selected."""
    classes = [cell.get_attribute("class") for cell in page.locator(".jp-Cell").all()]
    return next(i for i, names in enumerate(classes) if "jp-mod-active" in names)


def open_panel(notebook, arguments=""):
    page = notebook(HEADING, PANEL.format(arguments))
    page.locator(".watched-panel img").wait_for()
    page.locator("[role=slider][aria-label]").first.wait_for()
    return page


def test_keys_on_a_slider_move_it_and_fold_no_section(notebook):
    page = open_panel(notebook)
    slider = page.get_by_role("slider", name="workers", exact=True)
    number = page.get_by_role("textbox", name="workers, a number to type")
    slider.focus()
    for key, value in {
        "ArrowLeft": 4,
        "ArrowRight": 5,
        "Home": 1,
        "End": 8,
        "ArrowDown": 7,
    }.items():
        page.keyboard.press(key)
        number.filter(has_text=str(value)).wait_for()
        assert slider.evaluate("each => each == document.activeElement"), key
    for key in "dd":  # would delete the cell
        page.keyboard.press(key)
    page.keyboard.press("Tab")
    page.keyboard.type("3")
    page.keyboard.press("Enter")
    page.wait_for_function("slider => slider.ariaValueNow == 3", arg=slider.element_handle())
    assert page.locator(".jp-Cell:visible").count() == 2
    assert active_cell(page) == 1


@pytest.mark.walks
def test_a_number_that_is_clicked_is_replaced_by_the_next_one(notebook):
    page = open_panel(notebook)
    page.get_by_role("textbox", name="tasks, a number to type").click()
    page.keyboard.type("23")
    page.keyboard.press("Enter")
    page.get_by_text("Predicted: 23 tasks").wait_for()


def test_keys_stay_in_a_control_that_a_run_has_disabled(notebook):
    page = open_panel(notebook, "'equal', 12, 2, longest=8.0")
    slider = page.get_by_role("slider", name="workers", exact=True)
    slider.focus()
    page.get_by_role("button", name="Run it for real").dispatch_event("click")
    page.get_by_text("Running for real").wait_for()
    for key in ("ArrowLeft", "Home", "ArrowDown", "ArrowUp"):
        page.keyboard.press(key)
    assert slider.get_attribute("aria-valuenow") == "2.0"
    assert page.locator(".jp-Cell:visible").count() == 2
    assert active_cell(page) == 1
    page.get_by_role("button", name="Stop").click()


@pytest.mark.walks
def test_tab_visits_each_control_once_and_in_order(notebook):
    page = open_panel(notebook, "'random'")
    page.get_by_role("slider", name="workers", exact=True).focus()
    names = []
    for _ in range(13):
        names.append(
            page.evaluate(
                "document.activeElement.ariaLabel || document.activeElement.labels?.[0]?.innerText"
                " || document.activeElement.innerText"
            )
        )
        page.keyboard.press("Tab")
    numbers = ["workers", "tasks", "chunksize"]
    sliders = [name for each in numbers for name in (each, f"{each}, a number to type")]
    seed = ["seed", "seed, a number to type"]
    last = ["Run it for real", "Stop", "The picture in words"]
    assert names == [*sliders, "pattern", *seed, "method", *last]


def test_keys_on_a_guess_choose_an_option_and_shift_enter_goes_on(notebook):
    page = notebook(QUESTION, "seen.compare('4')", HEADING)
    options = page.locator(".widget-radio input")
    options.first.focus()
    for key, number in {
        "Space": 0,
        "ArrowDown": 1,
        "End": 1,
        "ArrowRight": 2,
        "ArrowUp": 1,
    }.items():
        page.keyboard.press(key)
        assert [each.is_checked() for each in options.all()] == [i == number for i in range(3)], key
        assert options.nth(number).evaluate("each => each == document.activeElement"), key
    assert active_cell(page) == 0
    run_cells_until(page, 2)  # the first cell makes its controls anew; the guess stays chosen
    page.get_by_text("Your guess was right.").wait_for()
    assert options.nth(1).is_checked()


@pytest.mark.walks
def test_two_guesses_are_two_groups(notebook):
    page = notebook(QUESTION, QUESTION.replace("bar", "screen"))
    page.locator(".widget-radio").nth(1).wait_for()
    for group in page.locator(".widget-radio").all():
        group.locator("input").first.focus()
        page.keyboard.press("Space")
    assert page.locator(".widget-radio input:checked").count() == 2


def test_sliders_and_picture_are_seen_together(notebook):
    page = open_panel(notebook)
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        hidden = page.evaluate(HIDDEN, ["[role=slider]", "select", "button", "img"])
        assert len(hidden) == 4 + 2 + 2 + 1
        assert max(hidden) <= 1, size
        tracks = page.locator(".watched-panel .noUi-target").all()
        assert all(track.bounding_box()["width"] >= 190 for track in tracks), size


@pytest.mark.walks
@pytest.mark.parametrize(
    ("lesson", "right"), [(LESSONS[0], "4 letters"), (LESSONS[4], "0/10")], ids=["00", "04"]
)
def test_a_lesson_by_the_keyboard_from_its_first_cell_to_a_right_verdict(
    open_lesson, lesson, right
):
    page = open_lesson(lesson.name)
    wait_until_open(page)
    sources = [cell.source for cell in nbformat.read(lesson, 4).cells]
    question = next(i for i, source in enumerate(sources) if "= guess(" in source)
    verdict = next(i for i, source in enumerate(sources) if ".compare(" in source)
    assert active_cell(page) == 0  # without a click
    run_cells_until(page, question + 1)
    options = page.locator(".jp-Cell").nth(question).locator(".widget-radio label:has(input)")
    options.first.wait_for()
    page.keyboard.press("ArrowUp")
    for _ in range(3):  # over the cell's toolbar
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.type") == "radio":
            break
    page.keyboard.press("Space")
    for _ in range(options.all_inner_texts().index(right)):
        page.keyboard.press("ArrowDown")
    run_cells_until(page, verdict + 1)
    page.get_by_text("Your guess was right.").wait_for()


def run_cells_until(page, number):
    """Press Shift+Enter until this cell is selected."""
    while (now := active_cell(page)) < number:
        page.keyboard.press("Shift+Enter")
        page.wait_for_function(
            "now => ![...document.querySelectorAll('.jp-Cell')][now].matches('.jp-mod-active')",
            arg=now,
        )
