"""The replay is one small file that shows what its Timeline contains, moving or standing still."""

import base64
import re
import subprocess
import sys
from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.formatters import DisplayFormatter
from matplotlib.font_manager import findfont
from PIL import ImageFont

from helpers.nap_patterns import naps
from watchedpool import Timeline
from watchedpool.plots.figure import small_png
from watchedpool.plots.replays import replay
from watchedpool.plots.timelines import plot_lag
from watchedpool.schedule import predict

NAN = float("nan")
TEN = predict(naps("countdown", 10), 5)


def words(picture):
    """Return all texts of a picture."""
    return [text for text in ElementTree.fromstring(picture).itertext() if text.strip()]


def drawn(picture, kind):
    """Return the elements of a class."""
    return [
        element
        for element in ElementTree.fromstring(picture).iter()
        if element.get("class") == kind
    ]


def frames(picture, name):
    """Return the stops of an animation: the percentage, and the style from there on."""
    block = re.search(rf"@keyframes replay-\w+-{name}{{((?:[^{{}}]+{{[^}}]*}})*)}}", picture)[1]
    return [(float(at), css) for at, css in re.findall(r"([\d.]+)%{([^}]*)}", block)]


def test_a_replay_of_ten_naps_is_small_and_needs_no_other_file():
    picture = replay(TEN)
    assert len(picture.encode()) < 12_000
    assert not re.search(r"<script|@font-face|@import|url\(|href|https?://(?!www.w3.org)", picture)
    assert ElementTree.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"


def test_a_replay_says_what_plot_lag_says_and_how_fast_it_is_played():
    texts = words(replay(TEN))
    assert texts[0] == plot_lag(TEN)[0].get_title("left")
    assert texts[1] == TEN.describe()
    assert "2.00 s: 4 finished, 0 delivered" in texts
    assert " Played 3 times slower." in texts


@pytest.mark.parametrize(
    ("seconds", "speed"),
    [(0.01, "500 times slower"), (7.0, "as fast as it ran"), (3600.0, "500 times faster")],
)
def test_every_run_is_played_in_a_few_seconds(seconds, speed):
    assert f" Played {speed}." in words(replay(predict([seconds / 2] * 4, 2)))


def test_a_replay_has_one_lane_per_worker_one_block_per_task_and_one_line_per_wait():
    picture = replay(TEN)
    texts = words(picture)
    assert [f"worker {worker}" for worker in range(5)] == [
        text for text in texts if text.startswith("worker")
    ]
    assert len(drawn(picture, "one")) + len(drawn(picture, "two")) == 10
    assert [text for text in texts if text.isdecimal()] == list("0918273645")
    assert len(drawn(picture, "wait")) == 4 + 1  # and one in the legend


def test_both_bars_count_up_and_pause_at_the_worst_moment():
    picture = replay(TEN)
    finished, delivered = frames(picture, "finished"), frames(picture, "delivered")
    assert [css for _, css in finished] == [f"--n:{n}" for n in (0, 1, 2, 3, 4, 5, 10, 10)]
    assert [css for _, css in delivered] == [f"--n:{n}" for n in (0, 5, 10, 10)]
    total = 2.2 * 3 + 3 + 2.5  # seconds: the run three times slower, the worst moment, the end
    after_pause = pytest.approx(100 * (2.0 * 3 + 3) / total, abs=0.01)
    assert delivered[1][0] == finished[5][0] == after_pause
    assert finished[4][0] == pytest.approx(100 * 1.8 * 3 / total, abs=0.01)


def test_a_still_replay_shows_the_worst_moment():
    still, moving = replay(TEN).split("@media(prefers-reduced-motion:no-preference)")
    assert "animation" not in still
    assert "animation" in moving
    assert ".finished{--n:4}" in still
    assert ".delivered{--n:0}" in still
    assert ".now{visibility:hidden}" in still
    assert ".worst{" not in still  # it is visible


def test_a_replay_is_played_three_times():
    moving = re.findall(r"animation:\S+ (\S+) \S+ (\w+)}", replay(TEN))
    assert moving == [("12.10s", "3")] * 6


def test_the_styles_of_one_replay_have_no_effect_on_another_in_the_same_page():
    one, other = (replay(predict([1.0, seconds], 2)) for seconds in (1.0, 2.0))
    names = [set(re.findall(r"@keyframes (\S+?){", picture)) for picture in (one, other)]
    assert names[0]
    assert not names[0] & names[1]
    for picture in (one, other):
        own = ElementTree.fromstring(picture).get("class")
        style = "".join(text for text in words(picture) if "{" in text)
        selectors = re.findall(r"^([^@{\n]+){", style, re.MULTILINE)
        assert {selector.split()[0] for selector in selectors} == {f".{own}"}


def test_a_task_without_an_end_has_stripes_and_says_so():
    picture = replay(Timeline([0, 1], [0.0, 0.5], [2.0, NAN]))
    assert len(drawn(picture, "stripes")) == len(drawn(picture, "unended")) == 1
    assert "1: no end" in words(picture)


def places(picture):
    """Yield each text in the picture with its place, in pixels: (text, left, top, right, bottom).

    DejaVu Sans is the widest of the usual fonts. Of texts behind a window, the picture shows one.
    """
    fonts = {
        size: ImageFont.truetype(findfont("DejaVu Sans"), size) for size in np.arange(8, 21, 0.5)
    }
    sizes = {"head": 20.0, "note": 12.5}

    def visit(element, dx, dy, size):
        tag = element.tag.rpartition("}")[2]
        size = float(element.get("font-size", size))
        shift = re.match(r"translate\((\S+) (\S+)\)", element.get("transform", ""))
        if tag == "svg" and element.get("x"):
            shift = [None, element.get("x"), element.get("y", 0)]
        if shift:
            dx, dy = dx + float(shift[1]), dy + float(shift[2])
        kind = element.get("class", "").split()
        if tag == "text":
            font = fonts[round(2 * next((sizes[k] for k in kind if k in sizes), size)) / 2]
            lines = element if "mono" in kind else [element]
            text = max(("".join(line.itertext()) for line in lines), key=len)
            width = 8.5 * len(text) if "mono" in kind else font.getlength(text)
            x = dx + float((lines[0] if "mono" in kind else element).get("x"))
            x -= width * (1.0 if "end" in kind else 0.5 if {"mid", "task"} & set(kind) else 0.0)
            y = dy + float((lines[0] if "mono" in kind else element).get("y"))
            yield text, x, y - 0.73 * font.size, x + width, y + 0.2 * font.size * (size > 13)
            return
        for child in element:
            yield from visit(child, dx, dy, size)

    yield from visit(ElementTree.fromstring(picture), 0, 0, 14)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    st.integers(1, 64),
    st.integers(1, 200),
    st.integers(1, 9),
    st.sampled_from(["imap", "imap_unordered", "map"]),
    st.floats(0.01, 1e4),
    st.integers(0, 99),
)
def test_no_text_overlaps_another_or_leaves_the_picture(tasks, workers, chunk, method, long, seed):
    seconds = np.random.default_rng(seed).gamma(0.5, long, size=tasks)
    picture = replay(predict(seconds, workers, chunk, method))
    height = float(picture.partition('viewBox="0 0 960 ')[2].partition('"')[0])
    texts = list(places(picture))
    for text, left, top, right, bottom in texts:
        assert 0 <= left < right <= 960, text
        assert 0 <= top < bottom <= height, text
    for (one, *a), (other, *b) in combinations(texts, 2):
        apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        assert apart, (one, other)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(1, 200), st.integers(1, 64), st.integers(0, 99))
def test_every_number_is_inside_its_block(tasks, workers, seed):
    seconds = np.random.default_rng(seed).gamma(0.5, size=tasks)
    picture = replay(predict(seconds, workers))
    lanes = next(e for e in ElementTree.fromstring(picture).iter() if e.get("class") == "lanes")
    blocks = [e for e in lanes.iter() if e.get("class") in ("one", "two")]
    moved = [
        (float(e.get("x")), float(e.get("y")) + 98, float(e.get("width")), float(e.get("height")))
        for e in blocks
    ]
    for text, left, top, right, bottom in places(picture):
        if text.isdecimal():
            assert any(
                x <= left < right <= x + width + 2 and y <= top < bottom <= y + height
                for x, y, width, height in moved
            ), text


def test_a_notebook_also_has_a_still_picture_for_programs_that_show_no_moving_one():
    bundle, metadata = DisplayFormatter().format(replay(TEN))
    assert bundle["image/png"] == small_png(plot_lag(TEN)[0].figure)
    assert metadata["image/png"] == {"alt": bundle["text/plain"], "width": 920}


def test_without_matplotlib_a_notebook_displays_the_moving_picture_only(monkeypatch):
    monkeypatch.setitem(sys.modules, "watchedpool.plots.figure", None)
    assert replay(TEN)._repr_png_() is None


def test_an_honest_run_has_no_pause():
    picture = replay(predict(naps("countdown", 10), 5, method="imap_unordered"))
    assert words(picture)[0] == "Every task is delivered as it finishes"
    assert not drawn(picture, "worst")
    assert not drawn(picture, "wait")
    assert ".delivered{--n:10}" in picture


def test_a_replay_has_the_bar_as_tqdm_draws_it():
    texts = words(replay(TEN))
    assert f"  0%|{' ' * 50}| 0/10" in texts
    assert f"100%|{'█' * 50}| 10/10" in texts


@pytest.mark.parametrize(
    "timeline",
    [
        Timeline([], [], []),
        Timeline([0], [NAN], [NAN]),
        Timeline([0], [0.1], [NAN]),
        Timeline([0, 0], [0.0, 1.0], [1.0, NAN], [NAN, 1.5]),
        Timeline([0, 1], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]),
        predict([1.0] * 200, 100, method="map"),
    ],
    ids=["empty", "not started", "running", "half", "no time at all", "hundred workers"],
)
def test_every_timeline_has_a_replay(timeline):
    picture = replay(timeline)
    assert len(words(picture)) > 3
    assert "nan" not in picture


def test_the_error_about_too_many_tasks_names_the_picture_to_use():
    message = r"^timeline has 201 tasks; allowed are up to 200: use plot_lag$"
    with pytest.raises(ValueError, match=message):
        replay(predict([0.1] * 201, 4))


def test_a_notebook_displays_a_replay_as_a_picture_with_an_alt_text():
    picture = replay(TEN)
    bundle, _ = DisplayFormatter().format(picture)
    image = r'<img alt="([^"]*)" width="960" src="data:image/svg\+xml;base64,(.*)">'
    alt, data = re.fullmatch(image, bundle["text/html"]).groups()
    assert base64.b64decode(data).decode() == picture
    assert alt == bundle["text/plain"] == f"{words(picture)[0]}. {TEN.describe()}"


def test_a_replay_needs_neither_matplotlib_nor_ipython():
    code = (
        "import sys; from watchedpool import Timeline, replay;"
        "replay(Timeline([0], [0.0], [1.0], [1.0]));"
        "sys.exit(bool({'matplotlib', 'IPython', 'tqdm', 'PIL'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
