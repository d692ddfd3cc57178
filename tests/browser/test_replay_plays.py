"""The replay in a browser: it moves, pauses, answers to a click, and then stands still."""

import io

import pytest
from browsing import NEEDS_CHROMIUM
from PIL import Image

from helpers.nap_patterns import naps
from watchedpool.plots.replays import replay
from watchedpool.schedule import predict

pytestmark = NEEDS_CHROMIUM

SEEK = "ms => document.getAnimations().forEach(each => { each.pause(); each.currentTime = ms })"
# In one look: a picture that plays moves between two.
PROGRESS = """kinds => kinds.map(kind => {
    const matrix = new DOMMatrix(getComputedStyle(document.querySelector(kind)).transform)
    return [matrix.e, matrix.a]
})"""
STATES = "[...new Set(document.getAnimations().map(each => each.playState))]"
BARS = ".finished.long", ".delivered.long"
TEN = replay(predict(naps("countdown", 10), 5))
PLAY = 12.1  # seconds: the run three times slower, its worst moment, and its end


def at(page, seconds):
    """Return how far the picture has come, and how many tasks each of the two bars counts."""
    page.evaluate(SEEK, 1000 * seconds)
    return progress(page)


def progress(page):
    """Return how many pixels of the lanes are visible, and the counts of the two bars.

    The window moves to the right and the lanes behind it to the left, so the lanes stand still.
    """
    (window, _), (lanes, _), *bars = page.evaluate(PROGRESS, [".sweep", ".lanes", *BARS])
    assert window + lanes == pytest.approx(0, abs=0.01)
    return 800 + window, *(round(10 * width) for _, width in bars)


def visible(page, kind):
    """Return whether a part of the picture can be seen."""
    style = page.evaluate(
        "kind => { const style = getComputedStyle(document.querySelector(kind));"
        "return [style.opacity, style.visibility] }",
        kind,
    )
    return style == ["1", "visible"]


def test_the_replay_plays_pauses_at_the_worst_moment_and_ends(browser):
    page = browser.new_page()
    page.set_content(TEN)
    assert at(page, 0.0) == (0, 0, 0)
    # It is played three times slower: this is 1.1 s of 2.2 s.
    assert at(page, 3.3) == (pytest.approx(400, abs=0.1), 0, 0)
    assert not visible(page, ".worst")
    assert at(page, 5.1)[1:] == (3, 0)
    assert at(page, 7.0) == at(page, 8.5) == (pytest.approx(800 * 2.0 / 2.2, abs=0.1), 4, 0)
    assert visible(page, ".worst")
    assert visible(page, ".now")
    assert at(page, 9.3)[1:] == (5, 5)
    assert at(page, 11.0) == (pytest.approx(800, abs=0.1), 10, 10)
    assert not visible(page, ".worst")


def test_after_three_plays_the_replay_stands_at_the_worst_moment(browser):
    page = browser.new_page()
    page.set_content(TEN)
    assert at(page, 2 * PLAY + 3.3) == (pytest.approx(400, abs=0.1), 0, 0)
    page.evaluate("document.getAnimations().forEach(each => each.finish())")
    assert page.evaluate("document.getAnimations().length") == 0
    assert progress(page) == (800, 4, 0)
    assert visible(page, ".worst")
    assert not visible(page, ".now")


def test_a_click_or_a_key_pauses_and_resumes_the_replay_and_plays_it_again(browser):
    page = browser.new_page()
    page.set_content(TEN)
    picture = page.locator("svg[role=img]")
    assert page.evaluate(STATES) == ["running"]
    picture.click()
    assert page.evaluate(STATES) == ["paused"]
    picture.press("Space")
    assert page.evaluate(STATES) == ["running"]
    page.evaluate("document.getAnimations().forEach(each => each.finish())")
    picture.click()
    assert page.evaluate(STATES) == ["running"]
    assert progress(page)[0] < 800


def test_two_replays_in_one_page_play_at_their_own_speed(browser):
    page = browser.new_page()
    page.set_content(TEN + replay(predict([5.0] * 3, 2)))
    seconds = "document.getAnimations().map(each => each.effect.getTiming().duration / 1000)"
    assert {round(each, 1) for each in page.evaluate(seconds)} == {12.1, 7.5}


def test_the_picture_moves_and_lets_light_and_dark_grounds_through(browser):
    screenshots = set()
    for ground in ("#ffffff", "#0d1117"):
        page = browser.new_page()
        page.set_content(f'<body style="background: {ground}">{TEN._repr_html_()}')
        first = page.locator("img").screenshot()
        page.wait_for_timeout(500)  # only time moves it, so there is nothing else to wait for
        screenshots |= {first, page.locator("img").screenshot()}
        corner = Image.open(io.BytesIO(first)).convert("RGB").getpixel((2, 2))
        assert f"#{bytes(corner).hex()}" == ground
    assert len(screenshots) == 4


def test_nothing_moves_if_the_reader_prefers_reduced_motion(browser):
    page = browser.new_page(reduced_motion="reduce")
    page.set_content(TEN)
    assert page.evaluate("document.getAnimations().length") == 0
    assert progress(page) == (800, 4, 0)
    assert visible(page, ".worst")
    assert not visible(page, ".now")
