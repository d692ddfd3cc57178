"""Exported pages and slides can be read: on a telephone, on a projector, without a network."""

import pytest
from browsing import NEEDS_CHROMIUM
from exports import LESSONS, REVEAL, page

LAID_OUT = "window.Reveal && Reveal.isReady()"
# Lays out all slides at once, in the pixels of the design. Returns how high each is, how much code
# there is, and what is wider than its place.
SLIDES = """() => {
    Reveal.configure({viewDistance: Reveal.getTotalSlides()});
    const slides = [...document.querySelectorAll(".page")];
    const places = [...document.querySelectorAll(".page pre, .page .jp-OutputArea-output")];
    const cut = places.filter(place => place.scrollWidth > place.clientWidth + 2);
    return {
        heights: slides.map(slide => slide.offsetHeight * slide.style.zoom),
        code: document.querySelectorAll(".page .jp-InputArea-editor").length,
        cut: cut.map(place => place.textContent.slice(0, 200)),
    };
}"""
# Returns the code that is wider than its place and cannot be scrolled, also with the keyboard.
CUT = """() => [...document.querySelectorAll("pre, table")].filter(part =>
    part.scrollWidth > part.clientWidth + 1
    && (getComputedStyle(part).overflowX !== "auto" || part.tabIndex !== 0)
).map(part => part.textContent.slice(0, 200))"""
LINE_WIDTHS = """() => [...document.querySelectorAll(".jp-RenderedMarkdown p")].map(line =>
    line.textContent.length / (line.offsetHeight / parseFloat(getComputedStyle(line).lineHeight)))
"""

pytestmark = [pytest.mark.walks, *NEEDS_CHROMIUM]
lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


@pytest.fixture
def tab(browser):
    """A tab that must load one file and nothing else."""
    tab = browser.new_page(viewport={"width": 1280, "height": 720})
    loaded, errors = [], []
    tab.on("request", lambda request: loaded.append(request.url))
    tab.on("pageerror", lambda error: errors.append(error))
    yield tab
    assert not errors
    assert not [url for url in loaded[1:] if not url.startswith("data:")]
    tab.close()


@lesson
@pytest.mark.skipif(not REVEAL.exists(), reason="no reveal.js: run `npm ci --prefix tests`")
def test_each_slide_fits_the_screen_and_is_more_than_one_line(tab, path):
    tab.goto(page(path, "slides").as_uri())
    tab.wait_for_function(LAID_OUT)
    seen = tab.evaluate(SLIDES)
    assert seen["code"] > 15
    assert not seen["cut"]
    assert max(seen["heights"]) <= 730
    assert min(seen["heights"]) > 90


@lesson
def test_a_page_is_as_wide_as_a_telephone_and_code_scrolls_in_its_place(tab, path):
    tab.set_viewport_size({"width": 390, "height": 844})
    tab.goto(page(path, "html").as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") == 390
    assert not tab.evaluate(CUT)


@lesson
def test_lines_of_prose_have_at_most_about_90_characters(tab, path):
    tab.set_viewport_size({"width": 1920, "height": 1080})
    tab.goto(page(path, "html").as_uri())
    assert max(tab.evaluate(LINE_WIDTHS)) < 95
