"""The site that `lab.py site` builds can be used: by keyboard, on a telephone, in the dark."""

import re

import publishing
import pytest
from browsing import NEEDS_AXE, NEEDS_CHROMIUM, violations
from exports import LESSONS, REVEAL
from sites import site

LESSON = LESSONS[4].stem
# Returns what is wider than the screen and does not scroll in its place, also with the keyboard.
CUT = """() => [...document.querySelectorAll("main :is(pre, table, img, form)")].filter(part => {
    const place = part.closest(".wide") ?? part;
    const scrolls = getComputedStyle(place).overflowX === "auto" && place.tabIndex === 0;
    const wide = place.getBoundingClientRect().right > innerWidth
        || place.scrollWidth > place.clientWidth + 1 && place.matches("pre, .wide") && !scrolls;
    return wide;
}).map(part => part.outerHTML.slice(0, 200))"""
CURRENT = "document.querySelector('#sections [aria-current]')?.textContent"
GROUND = "getComputedStyle(document.body).backgroundColor"

pytestmark = NEEDS_CHROMIUM


@pytest.fixture
def open_page(browser):
    """Give a function that opens a page of the site, from the disk and without a network."""
    context = browser.new_context(offline=True, reduced_motion="reduce")
    errors = []

    def note(request):
        if request.resource_type != "xhr":  # axe asks for the style sheets again
            errors.append(request.url)

    def open_page(name, width=1440, height=900):
        tab = context.new_page()
        tab.set_viewport_size({"width": width, "height": height})
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.on("requestfailed", note)
        tab.goto((site() / f"{name}.html").as_uri())
        return tab

    yield open_page
    context.close()
    assert not errors


def violations_in_both_themes(tab):
    found = []
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        found += [f"{scheme}: {line}" for line in violations(tab, ["body"])]
    return found


@NEEDS_AXE
@pytest.mark.parametrize("name", ["index", LESSON])
def test_axe_finds_nothing_wrong(open_page, name):
    assert not violations_in_both_themes(open_page(name))


@NEEDS_AXE
@pytest.mark.walks
@pytest.mark.parametrize("name", [*(path.stem for path in LESSONS), "playground", "handout"])
@pytest.mark.parametrize("width", [390, 1440])
def test_axe_finds_nothing_wrong_on_any_page(open_page, name, width):
    tab = open_page(name, width)
    assert not violations_in_both_themes(tab)
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    assert not tab.evaluate(CUT)


@pytest.mark.parametrize("name", ["index", LESSON])
def test_a_page_is_as_wide_as_a_telephone_and_code_scrolls_in_its_place(open_page, name):
    tab = open_page(name, 390, 844)
    assert tab.evaluate("document.documentElement.scrollWidth") == 390
    assert not tab.evaluate(CUT)
    tab.get_by_role("button", name="Sections").click()
    tab.locator("#sections a").last.click()
    assert not tab.locator("#sections").is_visible()
    tab.get_by_role("searchbox").fill("imap")
    found = tab.locator("search li").first.bounding_box()
    assert found["x"] >= 0
    assert found["x"] + found["width"] <= 390


def test_the_article_is_820_pixels_wide_between_lessons_and_sections(open_page):
    tab = open_page(LESSON, 1920)
    lessons, article, sections = (
        tab.locator(part).bounding_box() for part in ("#lessons", "main", "#sections")
    )
    assert article["width"] == 820
    assert lessons["x"] + lessons["width"] < article["x"]
    assert article["x"] + article["width"] < sections["x"]
    title = tab.locator("main h2").nth(2)
    title.evaluate("title => title.scrollIntoView()")
    tab.wait_for_function(f"{CURRENT} === {title.inner_text()!r}")


def test_search_works_by_keyboard_only(open_page):
    tab = open_page(LESSON)
    tab.keyboard.press("/")
    tab.keyboard.type("daemonic processes are not allowed")
    tab.get_by_role("status").get_by_text("sections found").wait_for()
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/12-look-it-up.html#*")
    assert tab.locator(":target").inner_text()


def test_search_says_when_nothing_is_found_and_escape_closes_it(open_page):
    tab = open_page("index")
    tab.get_by_role("searchbox").fill("zzzz")
    tab.get_by_role("status").get_by_text("Nothing found").wait_for()
    tab.keyboard.press("Escape")
    assert not tab.locator("search li").count()


def test_a_guess_is_answered_at_once_and_below_the_measurement(open_page):
    tab = open_page(LESSON)
    tab.get_by_label("4/10").check()
    verdict = tab.locator("#guess-bar_at_1_9 output").inner_text()
    assert verdict.startswith("Measured: 0/10. Your guess was: 4/10. Four tasks have finished")
    later = tab.locator("[data-answers=guess-bar_at_1_9]").inner_text()
    assert later == "Measured: 0/10. Your guess was: 4/10."
    tab.keyboard.press("ArrowUp")
    tab.keyboard.press("ArrowUp")
    assert "Your guess was right." in tab.locator("#guess-bar_at_1_9 output").inner_text()


def test_a_panel_is_a_player_that_can_be_changed(open_page):
    tab = open_page(LESSON)
    panel = tab.locator(".panel.wp")
    panel.get_by_label("Recipe").select_option("imap_unordered")
    panel.get_by_text("Every task is delivered as it finishes").first.wait_for()


def test_the_theme_stays_on_the_next_page(open_page):
    tab = open_page("index")
    tab.emulate_media(color_scheme="light")
    light = tab.evaluate(GROUND)
    tab.get_by_role("button", name="Dark theme").click()
    dark = tab.evaluate(GROUND)
    assert dark != light
    tab.get_by_role("link", name="Why ordered bars lag").first.click()
    tab.wait_for_url(f"**/{LESSON}.html")
    assert tab.evaluate(GROUND) == dark


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_the_handout_fits_on_one_sheet(open_page, paper):
    printed = open_page("handout").pdf(format=paper)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1


@pytest.mark.walks
@pytest.mark.skipif(not REVEAL.exists(), reason="no reveal.js: run `npm ci --prefix tests`")
def test_slides_of_the_cores_have_the_notes_of_the_teaching_guide(browser, tmp_path, monkeypatch):
    guide = tmp_path / "TEACHING.md"
    guide.write_text("# Guide\n### 04 Why\nDraw *lanes*.\n### 05 Bars\nNo.\n", encoding="utf-8")
    monkeypatch.setattr(publishing, "TEACHING", guide)
    publishing.write(publishing.build(slides=True), tmp_path / "site")
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 720})
    tab = context.new_page()
    for path in LESSONS:
        tab.goto((tmp_path / "site/slides" / f"{path.stem}.slides.html").as_uri())
        tab.wait_for_function("window.Reveal && Reveal.isReady()")
        heights = "[...document.querySelectorAll('.page')].map(p => p.offsetHeight * p.style.zoom)"
        tab.evaluate("Reveal.configure({viewDistance: Reveal.getTotalSlides()})")
        assert max(tab.evaluate(heights)) <= 730
        assert not tab.locator("h2", has_text="Going further").count()
    tab.goto((tmp_path / "site/slides" / f"{LESSON}.slides.html").as_uri())
    tab.wait_for_function("window.Reveal && Reveal.isReady()")
    with context.expect_page() as speaker:
        tab.keyboard.press("s")
    speaker.value.get_by_text("Draw lanes.").wait_for()
    context.close()
