"""The pictures say what the Timeline says, to the eye and in words."""

import base64
import io
import re

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from helpers import Timeline, plots
from helpers.plots import figure
from helpers.plots.timelines import BUSY

NAPS = (10 - np.arange(10)) * 0.2


def ten_naps(shown="imap"):
    """Return the Timeline of the ten naps on five workers, worked out by hand."""
    start = np.concatenate([np.zeros(5), NAPS[4::-1]])
    finish = start + NAPS
    worker = [0, 1, 2, 3, 4, 4, 3, 2, 1, 0]
    return Timeline(worker, start, finish, np.maximum.accumulate(finish) if shown else None)


def test_workers_has_a_lane_a_worker_and_a_bar_a_task():
    ax = plots.plot_workers(ten_naps())
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        f"worker {worker}" for worker in range(5)
    ]
    bars = next(c for c in ax.collections if isinstance(c, PolyCollection)).get_paths()
    spans = {tuple(np.round(bar.get_extents().intervalx, 6)) for bar in bars}
    timeline = ten_naps()
    assert spans == set(zip(np.round(timeline.start, 6), np.round(timeline.finish, 6), strict=True))
    assert {text.get_text() for text in ax.texts} >= {str(task) for task in range(10)}


def test_workers_draws_the_wait_from_finish_to_shown():
    ax = plots.plot_workers(ten_naps())
    waits = next(c for c in ax.collections if isinstance(c, LineCollection)).get_segments()
    assert sorted(round(float(np.ptp(wait[:, 0])), 6) for wait in waits) == [0.2, 0.4, 0.6, 0.8]
    assert "task 4 is done and waits to be shown" in {text.get_text() for text in ax.texts}


def test_start_up_is_drawn_for_first_workers_only():
    late = Timeline([0, 1, 2], [0.3, 0.3, 1.5], [1.0, 1.2, 2.0])
    ax = plots.plot_workers(late)
    assert sorted(bar.get_y() for bar in ax.patches) == [-0.25, 0.75]


def test_lag_states_what_it_shows():
    above, below = plots.plot_lag(ten_naps())
    assert above.get_title("left") == "4 tasks are done and the bar still says 0 of 10"
    assert "4 behind " in {text.get_text() for text in below.texts}
    assert above.get_xlim() == below.get_xlim()


def test_progress_of_an_honest_run_says_so():
    timeline = ten_naps()
    honest = Timeline(timeline.worker, timeline.start, timeline.finish, timeline.finish)
    assert plots.plot_progress(honest).get_title("left") == "Every task is shown as it finishes"


def test_runs_share_one_time_axis_and_keep_their_names():
    timeline = ten_naps()
    short = Timeline([0], [0.0], [0.5])
    axes = plots.plot_runs({"ten naps": timeline, "one": short})
    assert [ax.get_title("left") for ax in axes] == ["ten naps: 2.20 s", "one: 0.50 s"]
    assert axes[0].get_xlim() == axes[1].get_xlim()
    assert [ax.get_label().split(":")[0] for ax in axes] == ["ten naps", "one"]
    assert [bool(ax.get_xlabel()) for ax in axes] == [False, True]


def test_given_axes_are_drawn_on_and_returned():
    ax = Figure().subplots()
    assert plots.plot_workers(ten_naps(), ax) is ax
    assert plots.plot_progress(ten_naps(), ax) is ax


@pytest.mark.parametrize("draw", [plots.plot_workers, plots.plot_progress, plots.plot_lag])
@pytest.mark.parametrize(
    "timeline",
    [
        Timeline([], [], [], []),
        Timeline([0], [np.nan], [np.nan], [np.nan]),
        Timeline([0], [0.1], [np.nan], [np.nan]),
        Timeline([0, 0], [0.0, 1.0], [1.0, np.nan], [np.nan, 1.5]),
    ],
    ids=["empty", "never started", "running", "shown and unfinished"],
)
def test_incomplete_timelines_are_drawn(draw, timeline):
    axes = draw(timeline)
    for ax in axes if isinstance(axes, tuple) else (axes,):
        assert ax.get_title("left") or ax.get_xlabel()
        ax.figure.savefig(io.BytesIO())


def busy_lanes(tasks, workers=4):
    worker = np.arange(tasks) % workers
    start = np.arange(tasks) // workers * 1.0
    return Timeline(worker, start, start + 0.5)


def test_bars_thinner_than_a_pixel_become_shares_of_busy_time():
    ax = plots.plot_workers(busy_lanes(40_000))
    assert not any(isinstance(c, PolyCollection) for c in ax.collections)
    (image,) = ax.images
    assert image.get_extent() == [0, ax.get_xlim()[1], 3.25, -0.25]
    lanes = image.get_array()[::2] / 255  # between the lanes are gaps
    assert lanes.shape[0] == 4
    inside = lanes[:, : int(lanes.shape[1] * 0.97)]
    assert np.allclose(inside, BUSY(0.5), atol=0.04)


def test_show_gives_a_picture_with_its_text(monkeypatch):
    shown = []
    monkeypatch.setattr(figure, "display", lambda bundle, **_: shown.append(bundle))
    timeline = ten_naps()
    plots.show(plots.plot_lag(timeline))
    (bundle,) = shown
    alt = re.search(r'alt="([^"]*)"', bundle["text/html"])[1]
    assert alt.startswith("4 tasks are done and the bar still says 0 of 10.")
    assert timeline.describe() in alt
    png = base64.b64decode(bundle["image/png"])
    assert f"base64,{bundle['image/png']}" in bundle["text/html"]
    assert Image.open(io.BytesIO(png)).width > 1000


def contrast(one, other):
    """The contrast ratio of WCAG 2.1, from 1 to 21."""

    def luminance(color):
        rgb = np.array(to_rgb(color))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    light, dark = sorted([luminance(one), luminance(other)], reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("white", figure.FINISHED),
        ("white", figure.FINISHED_2),
        ("white", figure.RUNNING),
        (figure.FINISHED, "white"),
        (figure.SHOWN, "white"),
        (figure.SHOWN, figure.SHADE),
        (figure.NOTE, "white"),
        (figure.NOTE, figure.STARTING),
    ],
)
def test_text_has_the_contrast_of_wcag_aa(text, ground):
    assert contrast(text, ground) >= 4.5


def test_a_picture_of_programs_has_its_title_and_no_start_up():
    late = Timeline([0, 1], [0.0, 0.5], [1.0, 1.5])
    workers, programs = (
        plots.plot_workers(late),
        plots.plot_workers(late, title="The point", lane="program"),
    )
    assert "starts up" in [text.get_text() for text in workers.texts]
    assert "starts up" not in [text.get_text() for text in programs.texts]
    assert [label.get_text() for label in programs.get_yticklabels()] == ["program 0", "program 1"]
    assert programs.get_title("left") == "The point"
    assert programs.get_label().startswith("The point. 2 tasks on 2 programs, 1.50 s.")
    assert programs.get_label().endswith("Program 1: task 1 from 0.50 to 1.50.")
