"""The player in a browser: it plays, steps, and predicts as Python does; everybody can use it."""

import json
import random
import time

import numpy as np
import pytest
from browsing import AXE, NEEDS_CHROMIUM, violations

from helpers.nap_patterns import naps
from watchedpool import Details, Timeline, predict, report
from watchedpool.page.data import run_as_data, script, style
from watchedpool.schedule import calibrate

pytestmark = NEEDS_CHROMIUM
HOSTILE = "</script><script>window.broken = 1</script><img src=x onerror='window.broken = 1'>\u2028"
TEN = predict(naps("countdown", 10), 5)
OTHER = {"name": "In order", "timeline": run_as_data(predict(naps("equal", 10), 3))}
PLAYGROUND = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Playground</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>:root {{ color-scheme: light dark; background: light-dark(white, #14181d) }} {style}</style>
<main><h1>Naps</h1><div data-watchedpool-playground='{{"compare": "imap_unordered"}}'></div></main>
<script>{script}</script></html>"""
PREDICT = """cases => cases.map(each => {
    const run = watchedpool.predict(each)
    return ["worker", "start", "finish", "delivered"].map(name => [...run[name]])
})"""
FRAMES = """() => new Promise(done => {
    let frames = 0
    const begin = performance.now()
    const frame = () => {
        frames += 1
        performance.now() - begin < 1000 ? requestAnimationFrame(frame) : done(frames)
    }
    requestAnimationFrame(frame)
})"""


@pytest.fixture
def open_page(browser):
    """Give a function that opens a file with the network off; then no error may be left."""
    contexts, errors = [], []

    def open_page(path, width=1000, **look):
        context = browser.new_context(
            offline=True, viewport={"width": width, "height": 900}, **look
        )
        contexts.append(context)
        tab = context.new_page()
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.on("console", lambda line: line.type == "error" and errors.append(line.text))
        tab.goto(path.as_uri())
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert not errors


@pytest.fixture(scope="module")
def ten(tmp_path_factory):
    """Write the report of ten naps."""
    path = tmp_path_factory.mktemp("report") / "run.html"
    report({f"program.py, line 3: {HOSTILE}": TEN}, path)
    return path


@pytest.fixture(scope="module")
def playground(tmp_path_factory):
    """Write a page with the playground."""
    path = tmp_path_factory.mktemp("site") / "playground.html"
    path.write_text(
        PLAYGROUND.format(style=style(), script=script("playground.js")), encoding="utf-8"
    )
    return path


def counts(tab):
    """Return how many tasks the first run has finished and delivered, as the page says."""
    return tab.locator("figure").first.locator(".wp-bars b").all_inner_texts()


def test_predict_is_that_of_python_in_1000_random_cases(open_page, ten):
    rng, cases = random.Random(29), []
    for _ in range(1000):
        workers = rng.randint(1, 12)
        method = rng.choice(["map", "imap", "imap_unordered", "apply_async"])
        startup = [rng.choice([0.0, 0.1, rng.random()]) for _ in range(workers)]
        durations = [rng.choice([0.0, 0.5, rng.expovariate(1)]) for _ in range(rng.randint(0, 60))]
        size = 1 if method == "apply_async" else rng.choice([1, 2, 3, 7, 100])
        size = rng.choice([None, size]) if method == "map" else size
        gap = rng.choice([0.0, 0.001, rng.random()])
        cases.append(
            {"durations": durations, "workers": workers, "chunksize": size, "method": method}
            | {"startup": rng.choice([startup, startup[0]]), "gap": gap}
        )
    for case, got in zip(cases, open_page(ten).evaluate(PREDICT, cases), strict=True):
        run = predict(**case)
        wanted = run.worker, run.start, run.finish, run.delivered
        np.testing.assert_allclose(np.array(got), np.array(wanted), rtol=0, atol=1e-6)


def test_a_reader_steps_plays_and_seeks_with_the_keyboard_only(open_page, ten):
    tab = open_page(ten)
    assert counts(tab) == ["4/10", "0/10"]  # the worst moment
    status = tab.get_by_role("status").first
    for _ in range(3):
        tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")  # the next event
    assert counts(tab) == ["5/10", "5/10"]
    assert "task 0 finished" in status.inner_text()
    assert "task 0, task 1, task 2 and 2 more delivered" in status.inner_text()
    tab.keyboard.press("Shift+Tab")
    tab.keyboard.press("Enter")  # the event before
    assert counts(tab) == ["4/10", "0/10"]
    tab.get_by_role("slider", name="Time", exact=True).focus()
    tab.keyboard.press("Home")
    assert counts(tab) == ["0/10", "0/10"]
    tab.get_by_role("combobox", name="Speed").focus()
    tab.keyboard.press("1")
    play = tab.get_by_role("button", name="Play", exact=True)
    play.press("Space")
    tab.get_by_role("button", name="Pause").wait_for()
    play.wait_for()  # it has come to the end
    assert counts(tab) == ["10/10", "10/10"]
    tab.get_by_role("button", name="Worst moment").press("Enter")
    assert counts(tab) == ["4/10", "0/10"]


def test_zoom_shows_a_part_and_the_whole_run_again(open_page, ten):
    tab = open_page(ten)
    pan = tab.get_by_role("slider", name="Move what is visible")
    assert not pan.is_visible()
    tab.get_by_role("button", name="Zoom in").click()
    assert float(pan.get_attribute("max")) == pytest.approx(TEN.end / 2, abs=1e-3)
    pan.press("Home")
    tab.get_by_role("button", name="Show the whole run").click()
    assert not pan.is_visible()


def test_what_if_predicts_the_run_that_python_predicts(open_page, ten):
    tab = open_page(ten)
    tab.get_by_role("slider", name="Workers").fill("8")
    tab.get_by_role("combobox", name="Order of tasks").select_option("shortest first")
    tab.get_by_role("combobox", name="Results").select_option("imap_unordered")
    costs = calibrate(TEN)
    startup = [*costs["startup"], *costs["startup"][-1:] * 3]
    run = predict(sorted(naps("countdown", 10)), 8, 1, "imap_unordered", startup, costs["gap"])
    words = f"Predicted: {run.makespan:.2f} s, {run.makespan - TEN.makespan:.2f} s more than"
    assert words in tab.locator(".wp-answer").inner_text()
    assert tab.locator("figure").count() == 2
    tab.get_by_role("button", name="Reset").click()
    assert tab.locator("figure").count() == 1


def test_hostile_names_stay_text(open_page, ten):
    tab = open_page(ten)
    assert tab.evaluate("window.broken") is None
    assert "</script><script>" in tab.locator(".where").inner_text()
    assert tab.locator("img").count() == 0


def test_readers_who_prefer_reduced_motion_see_two_pictures_per_second(open_page, ten):
    tab = open_page(ten, reduced_motion="reduce")
    tab.evaluate("""() => {
        window.draws = 0
        const draw = watchedpool.Player.prototype.draw
        watchedpool.Player.prototype.draw = function () { window.draws += 1; draw.call(this) }
    }""")
    tab.get_by_role("button", name="Play", exact=True).click()
    tab.evaluate(FRAMES)
    assert 1 <= tab.evaluate("window.draws") <= 4


@pytest.mark.skipif(not AXE.exists(), reason="no axe-core: run `npm ci --prefix tests`")
@pytest.mark.parametrize("name", ["ten", "playground"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_is_wider_than_a_phone(open_page, request, name, scheme):
    tab = open_page(request.getfixturevalue(name), width=390, color_scheme=scheme)
    if name == "ten":
        tab.get_by_role("slider", name="Workers").fill("8")
    assert not violations(tab, ["body"])
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_without_javascript_the_picture_and_the_words_stand_there(open_page, ten):
    tab = open_page(ten, java_script_enabled=False)
    assert tab.locator("svg").is_visible()
    assert "10 tasks on 5 workers" in tab.locator(".words").inner_text()


def test_the_playground_compares_recipes_and_draws_as_tqdm(open_page, playground):
    tab = open_page(playground)
    assert tab.locator("figcaption b").all_inner_texts() == ["imap", "imap_unordered"]
    tab.get_by_role("combobox", name="Recipe").select_option("map, bar around the tasks")
    tab.get_by_role("slider", name="Time", exact=True).press("Home")
    assert counts(tab) == ["0/10", "10/10"]  # it counts what goes in
    tab.get_by_role("combobox", name="Recipe").select_option("imap_unordered")
    tab.get_by_role("combobox", name="Compare with").select_option("nothing")
    tab.get_by_role("slider", name="Longest nap").fill("0.1")
    tab.get_by_role("checkbox").check()
    tab.get_by_role("slider", name="Time", exact=True).press("End")
    for _ in range(2):  # before task 0 and task 9 finish
        tab.get_by_role("button", name="Step back").click()
    assert counts(tab)[1] != "0/10"
    assert tab.locator("code").inner_text().endswith("0/10")


def test_a_budget_is_a_bar_per_worker_and_a_table(open_page, playground):
    tab = open_page(playground, width=390)
    options = {"parts": ["start-up", "running", "idle"], "workers": [[0.1, 1.8, 0], [0.2, 1, 0.7]]}
    tab.evaluate(
        """options => {
            const element = document.createElement("div")
            document.querySelector("main").append(element)
            mountPlayer(element, options)
        }""",
        {"timeline": run_as_data(TEN), "budget": options, "compare": OTHER},
    )
    rows = tab.locator("tr").all_inner_texts()
    assert [row.split() for row in rows] == [
        ["start-up", "0.30", "s", "8%"],
        ["running", "2.80", "s", "74%"],
        ["idle", "0.70", "s", "18%"],
    ]
    assert tab.locator("figcaption b").all_inner_texts()[-2:] == ["Measured", "In order"]
    if AXE.exists():
        assert not violations(tab, ["body"])


@pytest.mark.parametrize("options", [{}, {"timeline": {"worker": [], "start": []}}, None])
def test_what_is_no_run_is_named(open_page, playground, options):
    tab = open_page(playground)
    text = tab.evaluate(
        """options => {
            const element = document.createElement("div")
            document.body.append(element)
            mountPlayer(element, options ?? {})
            return element.textContent
        }""",
        options,
    )
    assert "This is not a run" in text


@pytest.mark.parametrize("tasks", [1000, 100_000])
def test_many_tasks_play_smoothly(open_page, tmp_path, tasks):
    rng = np.random.default_rng(29)
    report(predict(rng.exponential(0.01, tasks), 8, gap=0.0003), tmp_path / "run.html")
    begin = time.perf_counter()
    tab = open_page(tmp_path / "run.html")
    tab.get_by_role("button", name="Play", exact=True).wait_for()
    opened = time.perf_counter() - begin
    tab.get_by_role("button", name="Play", exact=True).click()
    frames = tab.evaluate(FRAMES)
    zoom = tab.evaluate("""() => {
        const begin = performance.now()
        document.querySelector("[aria-label='Zoom in']").click()
        return performance.now() - begin
    }""")
    print(f"{tasks} tasks: open after {opened:.1f} s, {frames} frames/s, a zoom {zoom:.0f} ms")
    assert frames > 8


def test_tasks_that_failed_or_never_ended_are_said(open_page, tmp_path):
    details = Details.empty(2, errors={1: "ValueError: no <b>file</b>"})
    run = Timeline([0, 1], [0.0, 0.1], [np.nan, 1.0], [np.nan, np.nan], details=details)
    report([run, Timeline([], [], [])], tmp_path / "run.html")
    tab = open_page(tmp_path / "run.html")
    tab.get_by_role("button", name="Step back").click()
    tab.get_by_role("button", name="Step to the next").click()
    assert "task 1 (ValueError: no <b>file</b>) finished" in tab.locator(".wp-status").inner_text()
    assert "did not finish" in json.dumps(tab.locator(".wp-words p").first.text_content())
    assert "No task was submitted, so there is nothing to play." in tab.inner_text("body")
    assert "1 task without an end is left out" in tab.locator(".wp-note").inner_text()
