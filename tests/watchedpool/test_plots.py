"""The pictures show what the Timeline contains, as shapes and in words."""

import base64
import io
import re
import subprocess
import sys
from itertools import combinations

import IPython.display
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.transforms import Bbox
from PIL import Image

import watchedpool
from watchedpool import Timeline
from watchedpool.plots import figure, palette
from watchedpool.plots.labels import Label
from watchedpool.schedule import predict

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
    spans = {tuple(np.round(bar.get_extents().intervalx, 1)) for bar in bars}
    timeline = ten_naps()
    assert spans == set(zip(np.round(timeline.start, 1), np.round(timeline.finish, 1), strict=True))
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
    assert "4 behind" in {text.get_text() for text in below.texts}
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


def test_plot_progress_names_what_the_lower_line_counts():
    ax = watchedpool.plot_progress(ten_naps(), counted="drawn")
    assert ax.get_title("left") == "At worst 4 finished tasks are not drawn"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["finished", "drawn"]


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
    "now is negative": (
        lambda: watchedpool.plot_workers(TIMELINE, now=-1),
        "now is -1.0; allowed are seconds, 0 or more",
    ),
    "no workers": (
        lambda: watchedpool.plot_workers(TIMELINE, workers=0),
        "workers is 0; allowed is a whole number, 1 or more",
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
    assert np.allclose(inside[..., :3], to_rgb(palette.BLOCK), atol=0.01)
    assert np.allclose(inside[..., 3], 0.5, atol=0.04)


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


def drawn_texts(ax):
    """Draw the figure; return every text that appears in it, with its place in pixels."""
    texts = []

    def draw_text(_renderer, *_args, mtext, **_options):
        texts.append(mtext)

    canvas = FigureCanvasAgg(ax.figure)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RendererAgg, "draw_text", draw_text)
        canvas.draw()
    frames = [text.get_bbox_patch() or text for text in texts]
    places = [frame.get_window_extent(canvas.get_renderer()) for frame in frames]
    return list(zip(texts, places, strict=True))


def check_texts(ax):
    """Check that no text overlaps another or leaves the figure; return the texts."""
    texts = drawn_texts(ax)
    (_, _), (right, top) = ax.figure.bbox.get_points()
    for text, place in texts:
        assert -1 <= place.x0 < place.x1 <= right + 1, text
        assert -1 <= place.y0 < place.y1 <= top + 1, text
    for (one, here), (other, there) in combinations(texts, 2):
        both = Bbox.intersection(here, there)
        assert both is None or min(both.width, both.height) <= 1, (one, other)
    return texts


def check_numbers(timeline, ax):
    """Check all texts of the figure, and that each task's number is inside its block."""
    for text, place in check_texts(ax):
        number = text.get_text().partition(":")[0]
        if not isinstance(text, Label) or not number.isdecimal():
            continue
        lane, start = timeline.worker[int(number)], timeline.start[int(number)]
        end = np.nan_to_num(timeline.finish[int(number)], nan=ax.get_xlim()[1])
        (left, bottom), (right, top) = ax.transData.transform(
            [(start, lane + 0.25), (end, lane - 0.25)]
        )
        assert left <= place.x0 < place.x1 <= right, text
        assert bottom - 1 <= place.y0 < place.y1 <= top + 1, text


@st.composite
def timelines(draw):
    """Draw a run of a pool: 1 to 64 workers, 1 to 500 tasks, at most one of them without an end."""
    workers, tasks = draw(st.integers(1, 64)), draw(st.integers(1, 500))
    dice = np.random.default_rng(draw(st.integers(0, 1000)))
    shape = draw(st.sampled_from([0.2, 1.0, 20.0]))  # a few long tasks, ..., about equal ones
    method = draw(st.sampled_from(["imap", "imap_unordered", "map"]))
    chunksize, startup = draw(st.integers(1, 9)), draw(st.sampled_from([0.0, 0.4]))
    seconds = dice.gamma(shape, size=tasks) + 1e-3
    run = predict(seconds, workers, chunksize, method, startup=startup)
    if draw(st.booleans()):
        finish, delivered = run.finish.copy(), run.delivered.copy()
        last = np.lexsort([run.start, run.worker])[-1]
        finish[last] = delivered[last] = np.nan
        run = Timeline(run.worker, run.start, finish, delivered)
    return run


SEARCH = settings(max_examples=8, deadline=None, derandomize=True)


@SEARCH
@given(timelines())
@example(predict([1.0] * 500, 64))
@example(predict(np.arange(50, 0, -1) / 10, 6))
def test_no_text_overlaps_another_or_leaves_its_block_or_the_figure(timeline):
    check_numbers(timeline, watchedpool.plot_workers(timeline, until=1.1 * timeline.end))
    check_numbers(timeline, watchedpool.plot_lag(timeline)[0])


@SEARCH
@given(timelines(), st.integers(1, 64))
@example(predict([1.0] * 10, 8), 8)
def test_no_text_overlaps_another_in_the_small_picture_of_a_panel(timeline, workers):
    pair = tuple(Figure((6, 4.6)).subplots(2, sharex=True, gridspec_kw={"hspace": 0.35}))
    watchedpool.plot_lag(timeline, pair, workers)
    check_numbers(timeline, pair[0])


@SEARCH
@given(timelines(), timelines())
def test_no_text_overlaps_another_where_runs_are_compared(one, other):
    check_texts(watchedpool.plot_runs({"one": one, "other": other})[0])
    check_texts(watchedpool.plot_behind({"one": one, "other": other}))
    check_texts(watchedpool.plot_predicted(one, other))


@SEARCH
@given(timelines())
def test_no_line_crosses_the_text_on_the_tasks_behind(timeline):
    ax = watchedpool.plot_progress(timeline)
    for text, place in check_texts(ax):
        if isinstance(text, Label):
            for line in ax.get_lines():
                x, y = ax.transData.transform(line.get_xydata()).T
                steps = Path(np.column_stack([np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1]]))
                assert not steps.intersects_bbox(place.padded(1), filled=False), text


@pytest.mark.parametrize("workers", [5, 8, 12])
def test_in_a_usual_picture_every_task_has_its_number(workers):
    ax = watchedpool.plot_workers(predict([1.0] * 24, workers))
    texts = {text.get_text() for text, _ in drawn_texts(ax)}
    assert texts >= {str(task) for task in range(24)}


def test_idle_workers_have_empty_lanes():
    six = predict([0.2] * 6, 8).work
    ax = watchedpool.plot_workers(six, workers=8)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == [f"worker {worker}" for worker in range(8)]
    assert ax.get_title("left") == "6 tasks on 8 workers in 0.20 s"
    assert ax.get_label().endswith("2 workers have no task.")
    (idle,) = [each for each in ax.collections if isinstance(each, LineCollection)]
    assert [line[0, 1] for line in idle.get_segments()] == [6, 7]
    assert watchedpool.plot_workers(six, workers=2).get_title("left").startswith("6 tasks on 6")


def part_of(timeline, now):
    """Return what a recorder knew of this run at that moment."""
    start, finish, delivered = (
        np.where(at <= now, at, np.nan)
        for at in (timeline.start, timeline.finish, timeline.delivered)
    )
    return Timeline(np.where(np.isnan(start), -1, timeline.worker), start, finish, delivered)


def right_ends(ax):
    """Return where the blocks end, in seconds, without the gap to the next block."""
    blocks = next(each for each in ax.collections if isinstance(each, PolyCollection))
    return {round(float(path.get_extents().x1), 1) for path in blocks.get_paths()}


def test_a_run_in_progress_is_drawn_until_now():
    at_first, later = (part_of(ten_naps(), now) for now in (0.5, 1.7))
    ax = watchedpool.plot_workers(at_first, until=2.2, now=0.5)
    assert right_ends(ax) == {0.5}
    assert ax.get_title("left") == "Running: 0 of 10 delivered"
    assert ax.get_xlim() == (0, 2.2)
    assert right_ends(watchedpool.plot_workers(later, now=1.7)) == {1.2, 1.4, 1.6, 1.7}


@pytest.mark.parametrize("now", [0.0, 0.5, 1.7, 2.1])
def test_nothing_in_a_run_in_progress_has_no_end(now):
    known = part_of(ten_naps(), now)
    above, below = watchedpool.plot_lag(known, now=now)
    ax = watchedpool.plot_predicted(ten_naps(), known, now=now)
    texts = [text.get_text() for each in (above, below, ax) for text in each.texts]
    assert not [text for text in texts if "no end" in text]
    delivered = np.count_nonzero(ten_naps().delivered <= now)
    assert above.get_title("left") == f"Running: {delivered} of 10 delivered"
    title = f"Predicted (outlines) 2.20 s, running: {delivered} of 10 delivered"
    assert ax.get_title("left") == title
    assert [line.get_xdata()[-1] for line in below.get_lines()][:2] == [max(now, known.end)] * 2


def test_a_task_without_an_end_has_stripes_and_says_so():
    ax = watchedpool.plot_workers(Timeline([0, 1], [0.0, 0.0], [1.0, np.nan]), until=1.5)
    assert [each.get_hatch() for each in ax.collections if isinstance(each, PolyCollection)] == [
        None,
        "//",
    ]
    assert "1: no end" in [text.get_text() for text in ax.texts]


def test_tasks_of_one_worker_that_wait_at_the_same_time_have_lines_above_each_other():
    chunk = Timeline([0, 0, 0], [0.0, 1.0, 2.0], [1.0, 2.0, 3.0], [3.0, 3.0, 3.0])
    ax = watchedpool.plot_workers(chunk)
    waits = [c.get_segments() for c in ax.collections if isinstance(c, LineCollection)]
    (heights,) = [{segment[0, 1] for segment in each} for each in waits if each]
    assert len(heights) == 2


def test_pictures_are_transparent():
    png = Image.open(io.BytesIO(figure.small_png(watchedpool.plot_lag(ten_naps())[0].figure)))
    alpha = np.asarray(png.convert("RGBA"))[..., 3]
    assert np.mean(alpha == 0) > 0.5
    assert alpha[0, 0] == alpha[-1, -1] == 0


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
