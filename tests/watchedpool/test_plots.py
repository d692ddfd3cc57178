"""The pictures show what the Timeline contains, as shapes and in words."""

import base64
import io
import re
import subprocess
import sys

import IPython.display
import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

import watchedpool
from watchedpool import Timeline
from watchedpool.plots import figure

NAPS = (10 - np.arange(10)) * 0.2


def ten_naps():
    """Return the Timeline of ten naps on five workers with imap, worked out by hand."""
    start = np.concatenate([np.zeros(5), NAPS[4::-1]])
    finish = start + NAPS
    worker = [0, 1, 2, 3, 4, 4, 3, 2, 1, 0]
    return Timeline(worker, start, finish, np.maximum.accumulate(finish))


def test_plot_workers_draws_one_lane_per_worker_and_one_bar_per_task():
    ax = watchedpool.plot_workers(ten_naps())
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        f"worker {worker}" for worker in range(5)
    ]
    bars = next(c for c in ax.collections if isinstance(c, PolyCollection)).get_paths()
    spans = {tuple(np.round(bar.get_extents().intervalx, 6)) for bar in bars}
    timeline = ten_naps()
    assert spans == set(zip(np.round(timeline.start, 6), np.round(timeline.finish, 6), strict=True))
    assert {text.get_text() for text in ax.texts} >= {str(task) for task in range(10)}


def test_plot_workers_draws_the_wait_from_finish_to_delivery():
    ax = watchedpool.plot_workers(ten_naps())
    waits = next(c for c in ax.collections if isinstance(c, LineCollection)).get_segments()
    assert sorted(round(float(np.ptp(wait[:, 0])), 6) for wait in waits) == [0.2, 0.4, 0.6, 0.8]
    assert "task 4 is done and waits to be delivered" in {text.get_text() for text in ax.texts}


def test_start_up_is_drawn_only_for_workers_that_start_before_a_task_finishes():
    late = Timeline([0, 1, 2], [0.3, 0.3, 1.5], [1.0, 1.2, 2.0])
    ax = watchedpool.plot_workers(late)
    assert sorted(bar.get_y() for bar in ax.patches) == [-0.25, 0.75]


def test_plot_lag_says_in_its_title_how_far_the_bar_is_behind():
    above, below = watchedpool.plot_lag(ten_naps())
    assert above.get_title("left") == "4 tasks are done and the bar still says 0 of 10"
    assert "4 behind " in {text.get_text() for text in below.texts}
    assert above.get_xlim() == below.get_xlim()


def test_plot_lag_draws_the_progress_without_a_title_or_text_of_its_own():
    above, below = watchedpool.plot_lag(ten_naps())
    assert below.get_title("left") == below.get_label() == ""
    assert [bool(ax.get_xlabel()) for ax in (above, below)] == [False, True]


def test_plot_progress_says_in_its_title_how_many_tasks_are_not_delivered():
    ax = watchedpool.plot_progress(ten_naps())
    assert ax.get_title("left") == "At worst 4 finished tasks are not delivered"
    assert ax.get_label() == ten_naps().describe()
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["finished", "delivered"]


def test_plot_progress_says_that_a_run_is_honest():
    timeline = ten_naps()
    honest = Timeline(timeline.worker, timeline.start, timeline.finish, timeline.finish)
    ax = watchedpool.plot_progress(honest)
    assert ax.get_title("left") == "Every task is delivered as it finishes"


def test_plot_runs_draws_named_runs_over_one_time_axis():
    timeline = ten_naps()
    short = Timeline([0], [0.0], [0.5])
    axes = watchedpool.plot_runs({"ten naps": timeline, "one": short})
    assert [ax.get_title("left") for ax in axes] == ["ten naps: 2.20 s", "one: 0.50 s"]
    assert axes[0].get_xlim() == axes[1].get_xlim()
    assert [ax.get_label().split(":")[0] for ax in axes] == ["ten naps", "one"]
    assert [bool(ax.get_xlabel()) for ax in axes] == [False, True]


def test_plot_behind_says_how_far_each_bar_is_off():
    late, one = ten_naps(), Timeline([0], [0.0], [0.5], [0.5])
    ax = watchedpool.plot_behind({"imap": late, "one": one})
    title = "1 of 2 bars is never more than one task off, not counting brief delays"
    assert ax.get_title("left") == title
    assert ax.get_label() == f"{title}. imap: 4 behind; one: honest."


def test_given_axes_are_drawn_on_and_returned():
    ax = Figure().subplots()
    assert watchedpool.plot_workers(ten_naps(), ax) is ax
    assert watchedpool.plot_progress(ten_naps(), ax) is ax
    pair = tuple(Figure().subplots(2))
    assert watchedpool.plot_lag(ten_naps(), pair) is pair


TIMELINE = Timeline([0], [0.0], [0.5])
BAD_INPUT = {
    "until is a nan": (
        lambda: watchedpool.plot_workers(TIMELINE, until=float("nan")),
        "until is nan; allowed are seconds, 0 or more",
    ),
    "until is negative": (
        lambda: watchedpool.plot_workers(TIMELINE, until=-1),
        "until is -1.0; allowed are seconds, 0 or more",
    ),
    "one of two axes": (
        lambda: watchedpool.plot_lag(TIMELINE, (Figure().subplots(),)),
        "axes has length 1; allowed is 2: one for the workers, and one for the progress",
    ),
    "two axes for one run": (
        lambda: watchedpool.plot_runs({"a": TIMELINE}, tuple(Figure().subplots(2))),
        "axes has length 2; allowed is 1: one per run",
    ),
    "no run to draw": (
        lambda: watchedpool.plot_runs({}),
        "runs is {}; allowed is one Timeline or more, by name",
    ),
    "no run to compare": (
        lambda: watchedpool.plot_behind({}),
        "runs is {}; allowed is one Timeline or more, by name",
    ),
    "no chunksize": (
        lambda: watchedpool.plot_chunks({}),
        "timelines is {}; allowed is one or more, by chunksize",
    ),
    "a chunksize without a timeline": (
        lambda: watchedpool.plot_chunks({1: TIMELINE, 2: TIMELINE}, 3),
        "chosen is 3; allowed are [1, 2]",
    ),
    "nothing measured": (
        lambda: watchedpool.plot_growth([1.0], {}),
        "measured is {}; allowed are seconds by number of workers",
    ),
    "measured with no worker": (
        lambda: watchedpool.plot_growth([1.0], {0: 1.0}),
        "a number of workers in measured is 0; allowed is a whole number, 1 or more",
    ),
    "measured negative seconds": (
        lambda: watchedpool.plot_growth([1.0], {2: -1.0}),
        "measured[2] is -1.0; allowed are seconds, 0 or more",
    ),
    "negative durations": (
        lambda: watchedpool.plot_growth([-1.0], {2: 1.0}),
        "durations[0] is -1.0; allowed are seconds, 0 or more",
    ),
}


@pytest.mark.parametrize(("draw", "message"), BAD_INPUT.values(), ids=BAD_INPUT)
def test_bad_input_is_named_with_what_is_allowed(draw, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        draw()


def test_figures_are_saved_with_numpy_and_matplotlib_alone(tmp_path):
    code = (
        "import sys\n"
        "for name in ('IPython', 'dask', 'distributed', 'ipywidgets', 'tqdm'):\n"
        "    sys.modules[name] = None\n"
        "from watchedpool import Timeline, plot_lag\n"
        "above, _ = plot_lag(Timeline([0], [0.0], [1.0], [1.0]))\n"
        "above.figure.savefig('lag.png')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "lag.png").stat().st_size > 0


@pytest.mark.parametrize(
    "draw", [watchedpool.plot_workers, watchedpool.plot_progress, watchedpool.plot_lag]
)
@pytest.mark.parametrize(
    "timeline",
    [
        Timeline([], [], [], []),
        Timeline([0], [np.nan], [np.nan], [np.nan]),
        Timeline([0], [0.1], [np.nan], [np.nan]),
        Timeline([0, 0], [0.0, 1.0], [1.0, np.nan], [np.nan, 1.5]),
    ],
    ids=["empty", "never started", "running", "delivered and unfinished"],
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


def test_bars_thinner_than_a_pixel_become_a_share_of_busy_time():
    ax = watchedpool.plot_workers(busy_lanes(40_000))
    assert not any(isinstance(c, PolyCollection) for c in ax.collections)
    (image,) = ax.images
    assert image.get_extent() == [0, ax.get_xlim()[1], 3.25, -0.25]
    lanes = image.get_array()[::2] / 255  # between the lanes are gaps
    assert lanes.shape[0] == 4
    inside = lanes[:, : int(lanes.shape[1] * 0.97)]
    half_busy = (1 + np.array(to_rgb(figure.ALTERNATE_COLOR))) / 2  # from white to that colour
    assert np.allclose(inside[..., :3], half_busy, atol=0.04)


def test_show_displays_a_picture_with_its_text_alternative(monkeypatch):
    displayed = []
    monkeypatch.setattr(IPython.display, "display", lambda bundle, **_: displayed.append(bundle))
    timeline = ten_naps()
    watchedpool.show(watchedpool.plot_lag(timeline))
    (bundle,) = displayed
    alt = re.search(r'alt="([^"]*)"', bundle["text/html"])[1]
    assert alt.startswith("4 tasks are done and the bar still says 0 of 10.")
    assert timeline.describe() in alt
    png = base64.b64decode(bundle["image/png"])
    assert f"base64,{bundle['image/png']}" in bundle["text/html"]
    assert Image.open(io.BytesIO(png)).width > 1000


def contrast(one, other):
    """Return the contrast ratio of WCAG 2.1, from 1 to 21."""

    def luminance(color):
        rgb = np.array(to_rgb(color))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    light, dark = sorted([luminance(one), luminance(other)], reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("white", figure.FINISHED_COLOR),
        ("white", figure.ALTERNATE_COLOR),
        ("white", figure.RUNNING_COLOR),
        (figure.FINISHED_COLOR, "white"),
        (figure.DELIVERED_COLOR, "white"),
        (figure.DELIVERED_COLOR, figure.LAG_COLOR),
        (figure.NOTE_COLOR, "white"),
        (figure.NOTE_COLOR, figure.STARTUP_COLOR),
    ],
)
def test_text_has_the_contrast_that_wcag_aa_requires(text, ground):
    assert contrast(text, ground) >= 4.5


def test_lanes_of_programs_have_no_start_up():
    late = Timeline([0, 1], [0.0, 0.5], [1.0, 1.5])
    workers, programs = (
        watchedpool.plot_workers(late),
        watchedpool.plot_workers(late, title="The point", lane="program"),
    )
    assert "starts up" in [text.get_text() for text in workers.texts]
    assert "starts up" not in [text.get_text() for text in programs.texts]
    assert [label.get_text() for label in programs.get_yticklabels()] == ["program 0", "program 1"]
    assert programs.get_title("left") == "The point"
    assert programs.get_label().startswith("The point. 2 tasks on 2 programs, 1.50 s.")
    assert programs.get_label().endswith("Program 1: task 1 from 0.50 to 1.50.")
