"""The replay is one small picture that says what its Timeline says, also where nothing moves."""

import base64
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from IPython.core.formatters import DisplayFormatter

from helpers import Timeline
from helpers.plots import plot_lag, replay
from helpers.schedule import naps, predict

NAN = float("nan")
TEN = predict(naps("countdown", 10), 5)


def words(picture):
    return [text for text in ElementTree.fromstring(picture).itertext() if text.strip()]


def drawn(picture, kind):
    return [
        element
        for element in ElementTree.fromstring(picture).iter()
        if element.get("class") == kind
    ]


def frames(picture, name):
    """Return the stops of an animation: the percentage, and what stands from there on."""
    block = re.search(rf"@keyframes {name}{{((?:[^{{}}]+{{[^}}]*}})*)}}", picture)[1]
    return [(float(at), css) for at, css in re.findall(r"([\d.]+)%{([^}]*)}", block)]


def test_the_ten_naps_are_small_and_need_nothing_else():
    picture = replay(TEN)
    assert len(picture.encode()) < 15_000
    assert not re.search(r"<script|@font-face|@import|url\(|href|https?://(?!www.w3.org)", picture)
    assert ElementTree.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"


def test_it_says_what_plot_lag_says_and_how_fast_it_is_played():
    said = words(replay(TEN))
    assert said[0] == plot_lag(TEN)[0].get_title("left")
    assert said[1] == TEN.describe()
    assert "2.00 s: 4 finished, 0 shown" in said
    assert " Played 3 times slower." in said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.01, "500 times slower"), (7.0, "as fast as it ran"), (3600.0, "500 times faster")],
)
def test_every_run_is_played_in_some_seconds(seconds, said):
    assert f" Played {said}." in words(replay(predict([seconds / 2] * 4, 2)))


def test_a_lane_a_worker_a_block_a_task_a_line_a_wait():
    picture = replay(TEN)
    said = words(picture)
    assert [f"worker {worker}" for worker in range(5)] == [
        text for text in said if text.startswith("worker")
    ]
    assert len(drawn(picture, "one")) + len(drawn(picture, "two")) == 10
    assert [text for text in said if text.isdecimal()] == list("0918273645")
    assert len(drawn(picture, "wait")) == 4 + 1  # and one that explains the others


def test_both_bars_count_up_and_are_held_at_the_worst_moment():
    picture = replay(TEN)
    done, seen = frames(picture, "done"), frames(picture, "bar")
    assert [css for _, css in done] == [f"--n:{n}" for n in (0, 1, 2, 3, 4, 5, 10, 10)]
    assert [css for _, css in seen] == [f"--n:{n}" for n in (0, 5, 10, 10)]
    total = 2.2 * 3 + 3 + 2.5  # seconds: the run three times slower, the worst moment, the end
    assert seen[1][0] == done[5][0] == pytest.approx(100 * (2.0 * 3 + 3) / total, abs=0.01)
    assert done[4][0] == pytest.approx(100 * 1.8 * 3 / total, abs=0.01)


def test_where_nothing_moves_the_worst_moment_stands():
    still, moving = replay(TEN).split("@media(prefers-reduced-motion:no-preference)")
    assert "animation" not in still
    assert "animation" in moving
    assert ".done{--n:4}" in still
    assert ".bar{--n:0}" in still
    assert ".cover{visibility:hidden}" in still


def test_an_honest_run_is_not_held():
    picture = replay(predict(naps("countdown", 10), 5, method="imap_unordered"))
    assert words(picture)[0] == "Every task is shown as it finishes"
    assert not drawn(picture, "told")
    assert not drawn(picture, "wait")
    assert ".bar{--n:10}" in picture


def test_the_bar_is_there_as_tqdm_draws_it():
    said = words(replay(TEN))
    assert f"  0%|{' ' * 50}| 0/10" in said
    assert f"100%|{'█' * 50}| 10/10" in said


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


def test_too_many_tasks_are_refused_with_the_picture_to_use():
    with pytest.raises(ValueError, match=r"201 tasks; replay draws up to 200: use plot_lag"):
        replay(predict([0.1] * 201, 4))


def test_a_notebook_shows_it_as_a_picture_with_its_text():
    picture = replay(TEN)
    bundle, _ = DisplayFormatter().format(picture)
    image = r'<img alt="([^"]*)" width="960" src="data:image/svg\+xml;base64,(.*)">'
    alt, data = re.fullmatch(image, bundle["text/html"]).groups()
    assert base64.b64decode(data).decode() == picture
    assert alt == bundle["text/plain"] == f"{words(picture)[0]}. {TEN.describe()}"


def test_it_needs_neither_matplotlib_nor_ipython():
    code = (
        "import sys; from helpers.plots import replay; from helpers import Timeline;"
        "replay(Timeline([0], [0.0], [1.0], [1.0]));"
        "sys.exit(bool({'matplotlib', 'IPython', 'tqdm', 'PIL'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
