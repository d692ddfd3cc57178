"""Slides, exported as the README says, show every line of code and of output whole."""

import re

import pytest
from browsing import NEEDS_CHROMIUM, chromium
from exports import LESSONS, ROOT, page

REVEAL = ROOT / "tests/node_modules/reveal.js"
REQUIRE = ROOT / "tests/node_modules/requirejs/require.js"
# From npm's folder what slides load from the network when they are shown.
HERE = [
    f"--SlidesExporter.reveal_url_prefix={REVEAL.as_uri()}",
    f"--SlidesExporter.require_js_url={REQUIRE.as_uri()}",
]
# Goes through all slides; returns how many have code, and what is wider than its place.
LOOK = """async reveal => {
    const Reveal = await new Promise(done => require([reveal], done));
    if (!Reveal.isReady()) await new Promise(done => Reveal.on("ready", done));
    const cut = [];
    let code = 0;
    for (let slides = Reveal.getTotalSlides(); slides > 0; slides--, Reveal.next()) {
        code += document.querySelectorAll(".present .present .jp-CodeCell").length;
        const shown = document.querySelectorAll(".present pre, .present .jp-OutputArea-output");
        for (const each of shown)
            if (each.offsetParent && each.scrollWidth > each.clientWidth + 2)
                cut.push(each.textContent.slice(0, 200));
    }
    return [code, cut];
}"""

pytestmark = [
    *NEEDS_CHROMIUM,
    pytest.mark.skipif(not REVEAL.exists(), reason="no reveal.js: run `npm ci --prefix tests`"),
]


def look(browser, lesson, options):
    """Show all slides of `lesson`; return what `LOOK` does."""
    tab = browser.new_page(viewport={"width": 1280, "height": 720})
    tab.route(re.compile("^https?:"), lambda route: route.abort())
    tab.goto(page(lesson, "slides", *HERE, *options).as_uri())
    seen = tab.evaluate(LOOK, f"{REVEAL.as_uri()}/dist/reveal.js")
    tab.close()
    return seen


def test_no_line_is_cut():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    options = re.findall(r"--SlidesExporter[^\s`]+", readme)
    with chromium() as browser:
        seen = {lesson.stem: look(browser, lesson, options) for lesson in LESSONS}
        _, narrow = look(browser, LESSONS[-1], [])
    assert all(code > 15 for code, _ in seen.values()), seen
    assert not {stem: cut for stem, (_, cut) in seen.items() if cut}
    assert narrow, "nbconvert's slides are too narrow for our code; if not, the options can go"
