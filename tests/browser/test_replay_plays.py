"""The replay in a browser: it moves, pauses, and stands still if motion is to be reduced."""

import pytest
from browsing import NEEDS_CHROMIUM

from helpers.nap_patterns import naps
from watchedpool.plots.replays import replay
from watchedpool.schedule import predict

pytestmark = NEEDS_CHROMIUM

SEEK = "ms => document.getAnimations().forEach(each => { each.pause(); each.currentTime = ms })"
MATRIX = "kind => new DOMMatrix(getComputedStyle(document.querySelector(kind)).transform)[%r]"
BARS = ".finished.long", ".delivered.long"


def at(page, seconds):
    """Return how far the cover has moved, and how many tasks each of the two bars counts."""
    page.evaluate(SEEK, 1000 * seconds)
    x = page.evaluate(MATRIX % "e", ".sweep")
    return x, *(round(10 * page.evaluate(MATRIX % "a", kind)) for kind in BARS)


def test_the_replay_plays_pauses_at_the_worst_moment_and_ends(browser):
    page = browser.new_page()
    page.set_content(replay(predict(naps("countdown", 10), 5)))
    opacity = "getComputedStyle(document.querySelector('.worst')).opacity"
    assert at(page, 0.0) == (0, 0, 0)
    # It is played three times slower: this is 1.1 s of 2.2 s.
    assert at(page, 3.3) == (pytest.approx(400, abs=0.1), 0, 0)
    assert at(page, 5.1)[1:] == (3, 0)
    assert at(page, 7.0) == at(page, 8.5) == (pytest.approx(800 * 2.0 / 2.2, abs=0.1), 4, 0)
    assert page.evaluate(opacity) == "1"
    assert at(page, 9.3)[1:] == (5, 5)
    assert at(page, 11.0) == (pytest.approx(800, abs=0.1), 10, 10)
    assert page.evaluate(opacity) == "0"


def test_the_picture_moves_in_light_and_in_dark_colours(browser):
    picture = replay(predict(naps("countdown", 10), 5))._repr_html_()
    screenshots = set()
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.set_content(picture)
        first = page.locator("img").screenshot()
        page.wait_for_timeout(500)  # only time moves it, so there is nothing else to wait for
        screenshots |= {first, page.locator("img").screenshot()}
    assert len(screenshots) == 4


def test_nothing_moves_if_the_reader_prefers_reduced_motion(browser):
    page = browser.new_page(reduced_motion="reduce")
    page.set_content(replay(predict(naps("countdown", 10), 5)))
    assert page.evaluate("document.getAnimations().length") == 0
    visibility = "getComputedStyle(document.querySelector('.cover')).visibility"
    assert page.evaluate(visibility) == "hidden"
    assert [round(10 * page.evaluate(MATRIX % "a", kind)) for kind in BARS] == [4, 0]
