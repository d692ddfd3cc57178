"""Slides, exported as the README says, show every line of code and of output whole."""

import re

import pytest
from browsing import NEEDS_CHROMIUM
from exports import LESSONS, REVEAL, page

# Lays all slides out at once; returns how much code is on them, and what is wider than its place.
LOOK = """async reveal => {
    const Reveal = await new Promise(done => require([reveal], done));
    if (!Reveal.isReady()) await new Promise(done => Reveal.on("ready", done));
    Reveal.configure({viewDistance: Reveal.getTotalSlides()});
    const places = [...document.querySelectorAll(".slides pre, .slides .jp-OutputArea-output")];
    const delivered = places.filter(place => place.offsetParent);
    const code = new Set(delivered.map(place => place.closest(".jp-CodeCell")).filter(Boolean));
    const cut = delivered.filter(place => place.scrollWidth > place.clientWidth + 2);
    return [code.size, cut.map(place => place.textContent.slice(0, 200))];
}"""

pytestmark = [
    pytest.mark.walks,
    *NEEDS_CHROMIUM,
    pytest.mark.skipif(not REVEAL.exists(), reason="no reveal.js: run `npm ci --prefix tests`"),
]


def look(browser, lesson):
    """Show all slides of `lesson`; return what `LOOK` does."""
    tab = browser.new_page(viewport={"width": 1280, "height": 720})
    tab.route(re.compile("^https?:"), lambda route: route.abort())
    tab.goto(page(lesson, "slides").as_uri())
    seen = tab.evaluate(LOOK, f"{REVEAL.as_uri()}/dist/reveal.js")
    tab.close()
    return seen


def test_no_line_is_cut(browser):
    seen = {lesson.stem: look(browser, lesson) for lesson in LESSONS}
    assert all(code > 15 for code, _ in seen.values()), seen
    assert not {stem: cut for stem, (_, cut) in seen.items() if cut}
