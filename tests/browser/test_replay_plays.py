"""The replay in a browser: it moves, is held, and stands still for who wants no motion."""

import pytest
from browsing import NEEDS_CHROMIUM

from helpers.plots import replay
from helpers.schedule import naps, predict

pytestmark = NEEDS_CHROMIUM

SEEK = "ms => document.getAnimations().forEach(each => { each.pause(); each.currentTime = ms })"
MATRIX = "kind => new DOMMatrix(getComputedStyle(document.querySelector(kind)).transform)[%r]"
BARS = ".one.long", ".seen.long"


def at(page, seconds):
    """Return how far the cover is, and how many tasks either bar counts."""
    page.evaluate(SEEK, 1000 * seconds)
    x = page.evaluate(MATRIX % "e", ".sweep")
    return x, *(round(10 * page.evaluate(MATRIX % "a", kind)) for kind in BARS)


def test_it_plays_is_held_at_the_worst_moment_and_ends(browser):
    page = browser.new_page()
    page.set_content(replay(predict(naps("countdown", 10), 5)))
    told = "getComputedStyle(document.querySelector('.told')).opacity"
    assert at(page, 0.0) == (0, 0, 0)
    assert at(page, 3.3) == (
        pytest.approx(400, abs=0.1),
        0,
        0,
    )  # three times slower: 1.1 s of 2.2 s
    assert at(page, 5.1)[1:] == (3, 0)
    held = at(page, 7.0)
    assert held == at(page, 8.5) == (pytest.approx(800 * 2.0 / 2.2, abs=0.1), 4, 0)
    assert page.evaluate(told) == "1"
    assert at(page, 9.3)[1:] == (5, 5)
    assert at(page, 11.0) == (pytest.approx(800, abs=0.1), 10, 10)
    assert page.evaluate(told) == "0"


def test_it_is_dark_where_the_reader_is_and_moves_as_a_picture(browser):
    picture = replay(predict(naps("countdown", 10), 5))._repr_html_()
    seen = set()
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.set_content(picture)
        first = page.locator("img").screenshot()
        page.wait_for_timeout(500)  # it is time itself that moves it
        seen |= {first, page.locator("img").screenshot()}
    assert len(seen) == 4


def test_nothing_moves_for_who_wants_no_motion(browser):
    page = browser.new_page(reduced_motion="reduce")
    page.set_content(replay(predict(naps("countdown", 10), 5)))
    assert page.evaluate("document.getAnimations().length") == 0
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.cover')).visibility") == "hidden"
    )
    assert [round(10 * page.evaluate(MATRIX % "a", kind)) for kind in BARS] == [4, 0]
