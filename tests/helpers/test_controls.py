"""The panels without a browser: the tests set values, and read what the panels show.

After each test, conftest.py checks that no process and no folder is left.
"""

import base64
import io
import multiprocessing
import re
import signal
import subprocess
import sys
import threading
from html import escape
from inspect import signature

import ipywidgets as widgets
import numpy as np
import psutil
import pytest
from matplotlib.collections import PolyCollection
from PIL import Image

from helpers.controls import explore, explore_chunks, explore_schedule, live, race_bars
from helpers.controls.live import Consumer, Progress, Run, run_live
from helpers.nap_patterns import PATTERNS, naps
from watchedpool import Timeline
from watchedpool.plots.predictions import plot_chunks, plot_predicted
from watchedpool.schedule import predict

PANELS = [explore_schedule, race_bars, explore_chunks]
METHODS = [("map", 3), ("imap", 1), ("imap", 3), ("imap_unordered", 3), ("apply_async", 1)]


# --- naps ---------------------------------------------------------------------------------------


def test_patterns_match_their_names():
    assert np.allclose(naps("countdown", 10), (10 - np.arange(10)) * 0.2)  # as in lesson 04
    assert naps("count-up", 4, longest=1.0) == [0.25, 0.5, 0.75, 1.0]
    assert naps("equal", 3) == [1.0, 1.0, 1.0]
    assert naps("one straggler", 4, longest=1.0) == [0.1, 0.1, 1.0, 0.1]
    assert naps("random", 50, seed=1) == naps("random", 50, seed=1) != naps("random", 50, seed=2)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("tasks", [1, 2, 7, 500])
def test_naps_have_the_given_number_and_length(pattern, tasks):
    seconds = naps(pattern, tasks, longest=0.5)
    assert len(seconds) == tasks
    assert 0 < min(seconds) <= max(seconds) <= 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("up", 3), "pattern is 'up'; allowed are countdown, count-up, "),
        (("equal", 0), "tasks is 0; allowed is a whole number, 1 or more"),
        (("equal", 1.5), "tasks is 1.5; allowed is a whole number, 1 or more"),
        (("equal", 3, 0, -1.0), "longest is -1.0; allowed are seconds, 0 or more"),
        (("equal", 3, 0, float("nan")), "longest is nan; allowed are seconds, 0 or more"),
    ],
)
def test_naps_names_bad_input(arguments, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        naps(*arguments)


# --- pictures -----------------------------------------------------------------------------------


def outlines(ax):
    """Return (lane, left, right) of each predicted outline, rounded."""
    areas = [each for each in ax.collections if isinstance(each, PolyCollection)]
    empty = next(each for each in areas if not len(each.get_facecolor()))
    boxes = [path.get_extents() for path in empty.get_paths()]
    return [(round((b.y0 + b.y1) / 2), round(b.x0, 6), round(b.x1, 6)) for b in boxes]


def test_predicted_tasks_are_drawn_in_the_lanes_of_the_measured_workers():
    predicted = Timeline([0, 1, 0, 1], [0.0, 0.0, 1.0, 2.0], [1.0, 2.0, 3.0, 3.0])
    # The other worker was faster, so it is worker 0.
    measured = Timeline([7, 5, 7, 5], [0.1, 0.0, 1.1, 2.0], [1.1, 2.0, 4.0, 3.0])
    ax = plot_predicted(predicted, measured)
    assert [lane for lane, _, _ in outlines(ax)] == [1, 0, 1, 0]
    spans = {(left, right) for _, left, right in outlines(ax)}
    assert spans == {(0.0, 1.0), (0.0, 2.0), (1.0, 3.0), (2.0, 3.0)}
    assert ax.get_title("left") == "Predicted (outlines) 3.00 s, measured 4.00 s: 25.0% off"
    assert predicted.describe() in ax.get_label()
    assert measured.describe() in ax.get_label()


@pytest.mark.parametrize(
    "measured",
    [
        Timeline([], [], []),
        Timeline([0], [0.1], [np.nan]),
        Timeline([0, 1, 2], [0.1] * 3, [0.2] * 3),
    ],
    ids=["nothing", "one running", "more workers"],
)
def test_a_prediction_is_compared_with_an_unfinished_run(measured):
    ax = plot_predicted(predict([1.0] * 4, 2), measured)
    assert (
        ax.get_title("left")
        == f"Predicted (outlines) 2.00 s, running: 0 of {len(measured)} delivered"
    )
    ax.figure.savefig(io.BytesIO())


def test_plot_chunks_draws_the_makespan_and_the_overhead_of_the_timelines():
    gap = 0.25
    timelines = {size: predict([1.0] * 8, 2, size, gap=gap) for size in (1, 2, 4, 8)}
    ax = plot_chunks(timelines, 2)
    curves = {line.get_label().split(" ")[0]: line for line in ax.get_lines()}
    assert curves["makespan"].get_ydata().tolist() == [4.75, 4.25, 4.0, 8.0]
    assert curves["overhead"].get_ydata().tolist() == [0.75, 0.25, 0.0, 0.0]
    assert ax.get_title("left") == "Chunksize 2 takes 4.25 s, the best (4) 4.00 s"
    assert plot_chunks(timelines).get_title("left") == "Chunksize 4 takes 4.00 s"
    assert "makespan 4.25 s, overhead 0.25 s" in ax.get_label()


# --- runs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "chunksize"), METHODS)
def test_a_live_run_naps_as_predicted(method, chunksize):
    durations, looks = naps("countdown", 8, longest=0.3), []
    assert run_live([method], durations, 3, chunksize, threading.Event(), looks.extend)
    counts, moments = [each.counted for each in looks], [each.now for each in looks[:-1]]
    assert counts == sorted(counts)
    assert moments == sorted(moments)
    assert all(each.now >= each.timeline.end for each in looks[:-1])
    assert (counts[-1], looks[-1].now) == (8, None)
    measured, predicted = looks[-1].timeline, predict(durations, 3, chunksize, method)
    assert measured.workers == predicted.workers
    assert not measured.missing
    assert (measured.finish - measured.start >= durations).all()
    assert predicted.makespan <= measured.makespan


@pytest.mark.parametrize(("method", "chunksize"), METHODS)
def test_stop_ends_workers_and_threads_at_once(method, chunksize):
    threads = set(threading.enumerate())
    running = threading.Event()

    def work(stopped):
        run_live([method], [60.0] * 8, 2, chunksize, stopped, lambda _: running.set())

    run = Run(work)
    assert running.wait(30)
    run.stop()
    run.wait(10)
    assert not run.running
    left = {t for t in set(threading.enumerate()) - threads if "Monitor" not in type(t).__name__}
    assert not left


def test_a_run_that_was_stopped_before_it_began_does_nothing():
    stopped = threading.Event()
    stopped.set()
    assert not run_live(["imap"], [60.0], 1, 1, stopped, pytest.fail)


def test_an_exception_in_look_ends_the_run():
    with pytest.raises(ZeroDivisionError):
        run_live(["imap"], [60.0] * 4, 2, 2, threading.Event(), lambda _: 1 / 0)


def test_a_new_run_ends_the_one_before():
    first, second = threading.Event(), threading.Event()

    def work(stopped):
        first.set()
        assert stopped.wait(30)

    before = Run(work)
    assert first.wait(30)
    after = Run(lambda stopped: second.set() if not before.running else None)
    after.wait(30)
    assert not before.running
    assert second.is_set()


def test_a_run_ends_with_python():
    code = """if True:
        import multiprocessing, threading
        from helpers.controls.live import Run, run_live
        if __name__ == "__main__":
            running = threading.Event()
            look = lambda progress: running.set()
            Run(lambda stopped: run_live(["imap"], [60.0] * 4, 2, 1, stopped, look))
            running.wait(30)
            print(*(child.pid for child in multiprocessing.active_children()))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) >= 2, done.stderr
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert done.returncode == 0
    assert not done.stderr


@pytest.mark.skipif(
    "forkserver" not in multiprocessing.get_all_start_methods(), reason="no forkserver here"
)
def test_a_run_ends_when_a_shutdown_of_the_kernel_kills_the_forkserver_too():
    code = """if True:
        import multiprocessing, threading
        from contextlib import suppress
        import psutil
        from helpers.controls.live import Run, run_live
        if __name__ == "__main__":
            multiprocessing.set_start_method("forkserver")
            running = threading.Event()
            look = lambda progress: running.set()
            run = Run(lambda stopped: run_live(["map"], [60.0] * 4, 2, 1, stopped, look))
            running.wait(30)
            for pause in (0.01, 0.03, 0.1, 0.3, 1):  # as ipykernel does
                for child in psutil.Process().children(recursive=True):
                    with suppress(psutil.Error):
                        child.terminate()
                run.wait(pause)
            run.wait(10)
            print("running" if run.running else "ended")
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=90)
    assert done.stdout == "ended\n", done.stderr
    assert "ChildProcessError" in done.stderr


def test_an_interrupt_of_an_idle_kernel_stops_the_run(monkeypatch):
    class Kernel:
        saved_sigint_handler = None  # what ipykernel restores after each message

    class Shell:
        kernel = Kernel()

    monkeypatch.setattr(live, "get_ipython", Shell)
    run = Run(lambda stopped: stopped.wait())
    Shell.kernel.saved_sigint_handler(signal.SIGINT, None)
    run.wait()
    assert not run.running


def test_a_look_never_counts_a_task_before_it_is_finished():
    class Busy:
        """A pool and its bar. One more task is finished, and counted, whenever one is read."""

        finished, total = 0, 10

        @property
        def drawn(self):
            self.finished += 1
            return [(0.0, self.finished)]

        def timeline(self):
            self.finished += 1
            finish = np.where(np.arange(10) < self.finished, 0.1, np.nan)
            return Timeline(np.zeros(10), np.zeros(10), finish)

    consumer = Consumer.__new__(Consumer)
    consumer.pool = consumer.bar = Busy()
    consumer._begin = 0.0
    for _ in range(5):
        progress = consumer.look()
        assert progress.counted <= np.sum(~np.isnan(progress.timeline.finish))


# --- panels -------------------------------------------------------------------------------------


def image(panel):
    """Return the image of a panel: (alt text, width, height, source)."""
    return re.fullmatch(
        r'<img alt="([^"]+)" width="(\d+)" height="(\d+)" .* src="([^"]+)">',
        panel.picture.widget.value,
    ).groups()


def text_of(widget):
    """Return the text of a widget without its HTML tags."""
    return re.sub("<[^>]+>", "", widget.value)


def other(control):
    """Return a value that the control does not have now."""
    if hasattr(control, "options"):
        return next(option for option in control.options if option != control.value)
    return control.value + 1 if control.value < control.max else control.value - 1


@pytest.mark.parametrize("make", PANELS)
def test_every_control_changes_the_picture_but_not_its_size(make):
    panel = make()
    panel.controls["pattern"].value = "random"
    figure = panel.picture.figure
    for name, control in panel.controls.items():
        before, value = image(panel), control.value
        control.value = other(control)
        after = image(panel)
        assert after[3] != before[3], name
        assert after[1:3] == before[1:3], name
        assert not text_of(panel.message), name
        control.value = value
    png = base64.b64decode(after[3].partition(",")[2])
    assert Image.open(io.BytesIO(png)).size == (int(after[1]), int(after[2]))
    assert panel.picture.figure is figure


@pytest.mark.parametrize("make", PANELS)
def test_redrawing_removes_the_previous_picture(make):
    panel = make()
    first = [len(ax.get_children()) for ax in panel.picture.axes], image(panel)
    for workers in (1, 8, 3, 5, 4):
        panel.controls["workers"].value = workers
    panel.controls["workers"].value = make().controls["workers"].value
    assert ([len(ax.get_children()) for ax in panel.picture.axes], image(panel)) == first


@pytest.mark.parametrize("make", PANELS)
def test_controls_are_labelled_and_update_while_they_are_moved(make):
    for name, control in make().controls.items():
        assert control.description == name
        assert getattr(control, "continuous_update", True)


def parts(box):
    """Yield all widgets in a box."""
    for each in box.children:
        yield each
        if isinstance(each, widgets.Box):
            yield from parts(each)


@pytest.mark.parametrize("make", PANELS)
def test_no_widget_has_the_tooltip_null(make):
    with_tooltips = [each for each in parts(make().box) if hasattr(each, "description")]
    assert len(with_tooltips) > 6
    for widget in with_tooltips:
        assert widget.tooltip is not None or isinstance(widget, widgets.Button), widget


@pytest.mark.parametrize(
    ("tasks", "slider"), [(10, (1, 50, 1)), (100, (10, 500, 10)), (55, (1, 500, 1))]
)
def test_a_slider_has_steps_that_fit_its_range(tasks, slider):
    control = explore_schedule(tasks=tasks).controls["tasks"]
    assert (control.min, control.max, control.step, control.value) == (*slider, tasks)


def test_idle_workers_have_lanes_too():
    panel = explore_schedule("one straggler", 6, 8, lag=False)
    assert "workers=8" in panel._repr_mimebundle_()[0]["text/plain"].rpartition("controls:")[2]
    assert lanes(panel) == 8
    panel.controls["workers"].value = 3
    assert lanes(panel) == 3


def lanes(panel):
    """Return how many lanes the panel draws."""
    return round(panel.picture.axes[0].get_ylim()[0] + 0.4)


@pytest.mark.parametrize("make", PANELS)
def test_without_widgets_a_panel_is_a_picture_with_its_text_and_the_plain_call(make):
    panel = make()
    panel.controls["pattern"].value = "random"
    panel.controls["seed"].value = 3
    data, metadata = panel._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    alt = re.search('<img alt="([^"]+)"', data["text/html"])[1]
    assert alt.startswith("Predicted: ")
    assert metadata["image/png"]["alt"] in data["text/plain"]
    assert data["image/png"] in data["text/html"]
    cell = data["text/plain"].rpartition("The same without controls:\n")[2]
    assert escape(cell) in data["text/html"]
    compile(cell, "cell", "exec")  # test_panels.py checks that it draws the same picture


def test_a_panel_describes_the_prediction():
    panel = explore_schedule("count-up", 7, 3, 2, "map", longest=1.0)
    words = predict(naps("count-up", 7, longest=1.0), 3, 2, "map").describe()
    assert text_of(panel.words) == "Predicted: " + words
    assert words in image(panel)[0]


def test_a_small_panel_shows_only_the_named_controls():
    panel = explore_schedule(only=["workers", "tasks"])
    visible = [name for name, each in panel.controls.items() if each.layout.display != "none"]
    assert visible == ["workers", "tasks"]


def test_an_unknown_control_is_named_in_the_panel():
    panel = explore_schedule(only=["workers", "colour"])
    assert text_of(panel.message) == escape(
        "only is ['workers', 'colour']; allowed are the names workers, tasks, chunksize, "
        "pattern, seed, method."
    )


def test_a_seed_can_be_set_only_for_random_naps():
    panel = explore_schedule()
    assert disabled(panel) == ["seed"]
    panel.controls["pattern"].value = "random"
    assert disabled(panel) == []


def test_a_chunk_has_at_most_as_many_tasks_as_there_are():
    panel = explore_chunks(tasks=20, chunksize=15)
    panel.controls["tasks"].value = 10
    assert panel.controls["chunksize"].max == 10
    assert panel.controls["chunksize"].value == 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"workers": 0}, "workers is 0; allowed in a widget are 1 to 8."),
        ({"workers": float("nan")}, "workers is nan; allowed in a widget are 1 to 8."),
        ({"tasks": 10**6}, "tasks is 1000000; allowed in a widget are 1 to 500."),
        ({"tasks": -1}, "tasks is -1; allowed in a widget are 1 to 500."),
        ({"chunksize": 0}, "chunksize is 0; allowed in a widget are 1 to 500."),
        ({"method": "magic"}, "method is &#x27;magic&#x27;; allowed are imap, imap_unordered, map"),
        ({"pattern": None}, "pattern is None; allowed are countdown, count-up, equal"),
        ({"longest": -1.0}, "longest is -1.0; allowed are seconds, 0 or more"),
        ({"longest": float("nan")}, "longest is nan; allowed are seconds, 0 or more"),
    ],
)
@pytest.mark.parametrize("make", PANELS)
def test_bad_arguments_are_named_in_the_panel(make, arguments, message):
    if not arguments.keys() <= signature(make).parameters.keys():
        return
    panel = make(**arguments)
    assert text_of(panel.message).startswith(message)
    panel._repr_mimebundle_()


def test_an_impossible_pool_is_named_in_the_panel_and_the_picture_stays():
    panel = explore_schedule(chunksize=3)
    before = image(panel)
    panel.controls["method"].value = "apply_async"
    message = "chunksize is 3; allowed with apply_async is 1: it has no chunks"
    assert text_of(panel.message) == message
    assert image(panel) == before
    panel.controls["chunksize"].value = 1
    assert not text_of(panel.message)
    assert image(panel) != before


def disabled(panel):
    """Return the names of the disabled controls."""
    return [name for name, control in panel.controls.items() if control.disabled]


def waiting_for(panel, text):
    """Return an Event that is set once the panel's message begins with `text`."""
    event = threading.Event()

    def look(_):
        if text_of(panel.message).startswith(text):
            event.set()

    panel.message.observe(look, "value")
    return event


def seen(run, now):
    """Return what a look sees at the moment `now` of a run that goes as predicted."""
    start, finish, delivered = (
        np.where(column <= now, column, np.nan) for column in (run.start, run.finish, run.delivered)
    )
    counted = int(np.sum(~np.isnan(delivered)))
    timeline = Timeline(run.worker, start, finish, delivered)
    return Progress(timeline, counted, now if counted < len(run) else None)


@pytest.fixture
def play(monkeypatch):
    """Give a function that runs a panel with looks at these moments of what was predicted.

    It returns what `show` returned after each look.
    """

    def play(panel, moments, show):
        shown = []

        def run(methods, durations, workers, chunksize, stopped, look):
            runs = [predict(durations, workers, chunksize, method) for method in methods]
            for now in moments:
                look([seen(run, now) for run in runs])
                shown.append(show(panel))
            return True

        monkeypatch.setattr(explore, "run_live", run)
        panel.start_button.click()
        panel.run.wait()
        return shown

    return play


def right_ends(ax):
    """Return where the filled blocks on the axes end, rounded."""
    areas = [each for each in ax.collections if isinstance(each, PolyCollection)]
    return [
        round(path.get_extents().x1, 1)
        for each in areas
        if len(each.get_facecolor())
        for path in each.get_paths()
    ]


def test_a_run_in_progress_is_drawn_until_now(play):
    def show(panel):
        lanes, lines = panel.picture.axes
        texts = [text.get_text() for text in lanes.texts]
        return lanes.get_title("left"), right_ends(lanes), texts, lines.get_title("left")

    first, second, last = play(explore_schedule(), [1.0, 2.1, 9.0], show)
    title = "Predicted (outlines) 2.20 s, "
    assert first[0] == title + "running: 0 of 10 delivered"
    assert first[1] == [1.0] * 5  # the five that run
    assert first[3] == "Running: 0 of 10 delivered"
    assert second[0] == title + "running: 5 of 10 delivered"
    assert sorted(second[1]) == [1.2, 1.4, 1.6, 1.8, 2.0] + [2.1] * 5
    assert not any("no end" in text for look in (first, second, last) for text in look[2])
    assert last[0] == title + "measured 2.20 s: 0.0% off"
    assert last[3] == "At worst 4 finished tasks are not delivered"


def test_a_panel_says_at_the_end_how_wrong_the_prediction_was(play):
    panel = explore_schedule()
    (during,) = play(panel, [1.0], lambda panel: text_of(panel.message))
    assert during == "Running for real …"
    play(panel, [1.0, 9.0], image)
    message = text_of(panel.message)
    assert message == "Predicted (outlines) 2.20 s, measured 2.20 s: 0.0% off."
    assert image(panel)[0].startswith(message[:-1])
    assert text_of(panel.words).startswith("Measured: 10 tasks on 5 workers, 2.20 s.")
    assert disabled(panel) == ["seed"]
    panel.controls["workers"].value = 2
    assert image(panel)[0].startswith("Predicted: ")
    assert panel.picture.axes[1].get_title("left") == ""


def test_a_panel_without_the_lag_does_not_describe_the_deliveries(play):
    panel = explore_schedule("one straggler", 4, longest=0.3, method="map", lag=False)
    assert len(panel.picture.axes) == 1
    assert "delivered" not in text_of(panel.words) + image(panel)[0]
    (words,) = play(panel, [0.2], lambda panel: text_of(panel.words))
    assert "delivered" not in words
    play(panel, [9.0], image)
    assert "Measured: 4 tasks" in text_of(panel.words)
    assert "delivered" not in text_of(panel.words) + image(panel)[0]


def bars(panel):
    """Return (count, finished, at worst) of each bar of the race, by its name."""
    rows = [each.children for each in parts(panel.box) if isinstance(each, widgets.HBox)]
    rows = [row for row in rows if isinstance(row[0], widgets.IntProgress)]
    numbers = {bar.description: re.findall(r"\d+", text_of(text)) for bar, text in rows}
    return {name: tuple(map(int, found)) for name, found in numbers.items()}


def test_what_a_bar_of_the_race_was_at_its_worst_stays(play):
    panel = race_bars(longest=2.0)
    assert bars(panel) == dict.fromkeys(explore.RACE_METHODS, ())
    looks = play(panel, [1.0, 1.9, 2.1, 9.0], bars)
    assert [look["imap"] for look in looks] == [(0, 0, 0), (0, 4, 4), (5, 5, 4), (10, 10, 4)]
    assert [look["imap_unordered"] for look in looks] == [
        (0, 0, 0),
        (4, 4, 0),
        (5, 5, 0),
        (10, 10, 0),
    ]
    assert text_of(panel.message) == "All three have done the same work in the same time."
    panel.controls["workers"].value = 2
    assert bars(panel) == dict.fromkeys(explore.RACE_METHODS, ())


def test_the_picture_of_the_race_ends_at_now_too(play):
    def show(panel):
        return panel.picture.axes[0].get_title("left"), right_ends(panel.picture.axes[0])

    first, last = play(race_bars(longest=2.0), [1.0, 9.0], show)
    assert first == ("Running: 0 of 10 delivered", [1.0] * 5)
    assert last[0] == "10 tasks on 5 workers in 2.20 s"


def until_stopped(methods, durations, workers, chunksize, stopped, look):
    """Stand in for `run_live`: go on until the run is stopped."""
    look([seen(predict(durations, workers, chunksize, method), 0.1) for method in methods])
    stopped.wait()
    return False


def test_pressing_run_twice_ends_the_first_run(monkeypatch):
    monkeypatch.setattr(explore, "run_live", until_stopped)
    panel = explore_schedule()
    panel.start_button.click()
    first = panel.run
    panel.start_button.click()
    first.wait()
    assert panel.run.running
    panel.stop_button.click()
    panel.run.wait()


def test_a_new_panel_ends_the_run_of_the_one_before(monkeypatch):
    monkeypatch.setattr(explore, "run_live", until_stopped)
    panel = explore_schedule()
    running = waiting_for(panel, "Running")
    panel.start_button.click()
    running.wait()
    race_bars()
    panel.run.wait()
    assert text_of(panel.message) == "Stopped."


def test_a_run_that_would_take_too_long_is_refused():
    panel = explore_schedule(tasks=200, workers=1)
    panel.start_button.click()
    panel.run.wait()
    assert text_of(panel.message).startswith("These naps would take 201 s; allowed here are 60 s:")


def test_a_run_that_fails_says_so_in_the_panel(monkeypatch):
    def fail(*_, **__):
        raise OSError("no more processes")

    monkeypatch.setattr(explore, "run_live", fail)
    panel = explore_schedule()
    panel.start_button.click()
    panel.run.wait()
    assert text_of(panel.message) == "The run failed. OSError: no more processes"
    assert disabled(panel) == ["seed"]


# --- real runs of panels --------------------------------------------------------------------------


@pytest.mark.parametrize("make", [explore_schedule, race_bars])
def test_a_panel_runs_what_it_predicts(make):
    panel = make(longest=0.3)
    panel.start_button.click()
    panel.run.wait()
    end = "% off." if make is explore_schedule else "All three have done the same work"
    assert end in text_of(panel.message)
    assert ": 10 tasks on 5 workers, " in text_of(panel.words)
    assert make is explore_schedule or all(bar[:2] == (10, 10) for bar in bars(panel).values())


@pytest.mark.parametrize("make", [explore_schedule, race_bars])
def test_stop_ends_a_run_and_restores_the_panel(make):
    panel = make(pattern="equal", tasks=12, workers=2, longest=4.0)
    before = image(panel)
    panel.stop_button.click()  # there is nothing to stop yet
    running, stopped = waiting_for(panel, "Running"), waiting_for(panel, "Stopped.")
    panel.start_button.click()
    running.wait()
    assert all(control.disabled for control in panel.controls.values())
    assert not panel.start_button.disabled
    assert image(panel) != before
    panel.stop_button.click()
    panel.run.wait()
    assert stopped.is_set()
    assert image(panel) == before
    assert disabled(panel) == ["seed"]


def test_a_killed_worker_ends_the_run():
    panel = explore_schedule(pattern="equal", tasks=12, workers=2, longest=4.0)
    running = waiting_for(panel, "Running")
    panel.start_button.click()
    running.wait()
    for child in multiprocessing.active_children():
        child.kill()
    panel.run.wait()
    assert text_of(panel.message) == "The run failed. ChildProcessError: a worker process has died"


# --- claims of the lessons -----------------------------------------------------------------------


def test_lesson_00_a_fifth_worker_saves_no_time():
    makespans = [predict(naps("one straggler", 6), n).makespan for n in (2, 3, 4, 5)]
    assert np.allclose(makespans, [2.2, 2.2, 2.0, 2.0])


def chunked(gap=0.002):
    durations = naps("random", 100, longest=0.02)
    return {c: predict(durations, 4, c, "map", gap=gap) for c in range(1, 101)}


def test_lesson_01_chunks_of_20_are_slow_and_of_100_use_one_worker():
    runs = chunked()
    seconds = {size: run.makespan for size, run in runs.items()}
    flat = [seconds[size] for size in (*range(2, 16), 25, 26)]
    assert max(flat) < 1.25 * min(flat)
    assert min(flat) < seconds[1] < seconds[20]
    assert seconds[20] > 1.2 * max(flat)
    assert seconds[100] > 3 * seconds[1]
    assert runs[100].workers == 1


def test_lesson_01_chunks_of_four_save_time_if_messages_are_slow():
    runs = chunked(gap=0.01)
    assert runs[4].makespan < 0.75 * runs[1].makespan


def test_lesson_04_count_up_never_lags():
    assert predict(naps("count-up", 10), 5).most_behind == 0
