"""The replay is one small file that shows what its Timeline contains, moving or standing still."""

import base64
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from IPython.core.formatters import DisplayFormatter

from helpers.nap_patterns import naps
from watchedpool import Timeline
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
    block = re.search(rf"@keyframes {name}{{((?:[^{{}}]+{{[^}}]*}})*)}}", picture)[1]
    return [(float(at), css) for at, css in re.findall(r"([\d.]+)%{([^}]*)}", block)]


def test_a_replay_of_ten_naps_is_small_and_needs_no_other_file():
    picture = replay(TEN)
    assert len(picture.encode()) < 15_000
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
    assert ".cover{visibility:hidden}" in still


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
