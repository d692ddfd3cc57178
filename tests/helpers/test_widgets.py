"""The widgets without a browser: values are set, and what the panels show is read.

That no process and no folder is left is checked after each test, by conftest.py.
"""

import base64
import io
import multiprocessing
import re
import subprocess
import sys
import threading
from html import escape
from inspect import signature

import numpy as np
import psutil
import pytest
from PIL import Image

from helpers import Timeline
from helpers.plots import plot_chunks, plot_predicted
from helpers.schedule import PATTERNS, naps, predict
from helpers.widgets import explore, explore_chunks, explore_schedule, race_bars
from helpers.widgets.live import Run, run_live

PANELS = [explore_schedule, race_bars, explore_chunks]
METHODS = [("map", 3), ("imap", 1), ("imap", 3), ("imap_unordered", 3), ("apply_async", 1)]


# --- naps ---------------------------------------------------------------------------------------


def test_patterns_are_what_their_names_say():
    assert np.allclose(naps("countdown", 10), (10 - np.arange(10)) * 0.2)  # as in lesson 04
    assert naps("count-up", 4, longest=1.0) == [0.25, 0.5, 0.75, 1.0]
    assert naps("equal", 3) == [1.0, 1.0, 1.0]
    assert naps("one straggler", 4, longest=1.0) == [0.1, 0.1, 1.0, 0.1]
    assert naps("random", 50, seed=1) == naps("random", 50, seed=1) != naps("random", 50, seed=2)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("tasks", [1, 2, 7, 500])
def test_naps_are_as_many_and_as_long_as_allowed(pattern, tasks):
    seconds = naps(pattern, tasks, longest=0.5)
    assert len(seconds) == tasks
    assert 0 < min(seconds) <= max(seconds) <= 0.5


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("up", 3), "pattern is 'up'; allowed are countdown, count-up, "),
        (("equal", 0), "tasks is 0; allowed is a whole number, 1 or more"),
        (("equal", 1.5), "tasks is 1.5; allowed is a whole number, 1 or more"),
        (("equal", 3, 0, -1.0), "longest is -1.0; allowed are seconds, 0 or more"),
        (("equal", 3, 0, float("nan")), "longest is nan; allowed are seconds, 0 or more"),
    ],
)
def test_naps_names_what_is_wrong(arguments, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        naps(*arguments)


# --- pictures -----------------------------------------------------------------------------------


def outlines(ax):
    """Return (lane, left, right) of each predicted outline, rounded."""
    empty = next(c for c in ax.collections if not len(c.get_facecolor()))
    boxes = [path.get_extents() for path in empty.get_paths()]
    return [(round((b.y0 + b.y1) / 2), round(b.x0, 6), round(b.x1, 6)) for b in boxes]


def test_predicted_is_laid_in_the_lanes_of_the_measured():
    predicted = Timeline([0, 1, 0, 1], [0.0, 0.0, 1.0, 2.0], [1.0, 2.0, 3.0, 3.0])
    measured = Timeline(
        [7, 5, 7, 5], [0.1, 0.0, 1.1, 2.0], [1.1, 2.0, 4.0, 3.0]
    )  # the other worker was faster: it is worker 0
    ax = plot_predicted(predicted, measured)
    assert [lane for lane, _, _ in outlines(ax)] == [1, 0, 1, 0]
    assert {(left, right) for _, left, right in outlines(ax)} == {
        (0.0, 1.0),
        (0.0, 2.0),
        (1.0, 3.0),
        (2.0, 3.0),
    }
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
def test_predicted_beside_an_unfinished_run(measured):
    ax = plot_predicted(predict([1.0] * 4, 2), measured)
    assert ax.get_title("left").endswith(f"{np.sum(measured.finish > 0)} of 4 tasks")
    ax.figure.savefig(io.BytesIO())


def test_chunks_shows_what_follows_from_the_timelines():
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
def test_a_live_run_is_the_real_one(method, chunksize):
    durations, seen = naps("countdown", 8, longest=0.3), []

    def look(consumers):
        (consumer,) = consumers
        seen.append((consumer.on_screen, consumer.pool.timeline()))

    assert run_live([method], durations, 3, chunksize, threading.Event(), look)
    counts = [count for count, _ in seen]
    assert counts == sorted(counts)
    assert counts[-1] == 8
    measured, predicted = seen[-1][1], predict(durations, 3, chunksize, method)
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


def test_a_run_stopped_before_it_began_does_nothing():
    stopped = threading.Event()
    stopped.set()
    assert not run_live(["imap"], [60.0], 1, 1, stopped, pytest.fail)


def test_a_look_that_fails_ends_the_run():
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
        import sys, threading
        from helpers.widgets.live import Run, run_live
        if __name__ == "__main__":
            running = threading.Event()
            def look(consumers):
                pids.extend(worker.pid for worker in consumers[0].pool._pool)
                running.set()
            pids = []
            Run(lambda stopped: run_live(["imap"], [60.0] * 4, 2, 1, stopped, look))
            running.wait(30)
            print(*pids)
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
def test_a_run_ends_when_a_kernel_that_shuts_down_ends_the_forkserver_too():
    code = """if True:
        import multiprocessing, threading
        from contextlib import suppress
        import psutil
        from helpers.widgets.live import Run, run_live
        if __name__ == "__main__":
            multiprocessing.set_start_method("forkserver")
            running = threading.Event()
            look = lambda consumers: running.set()
            run = Run(lambda stopped: run_live(["map"], [60.0] * 4, 2, 1, stopped, look))
            running.wait(30)
            for pause in (0.01, 0.03, 0.1, 0.3, 1):  # ipykernel's
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


# --- panels -------------------------------------------------------------------------------------


def image(panel):
    """Return what the panel shows: (alt text, width, height, source)."""
    return re.fullmatch(
        r'<img alt="([^"]+)" width="(\d+)" height="(\d+)" .* src="([^"]+)">',
        panel.picture.widget.value,
    ).groups()


def said(widget):
    return re.sub("<[^>]+>", "", widget.value)


def other(control):
    """Return a value of the control that it does not have."""
    if hasattr(control, "options"):
        return next(option for option in control.options if option != control.value)
    return control.value + 1 if control.value < control.max else control.value - 1


@pytest.mark.parametrize("make", PANELS)
def test_every_control_changes_the_picture_and_not_its_size(make):
    panel = make()
    panel.controls["pattern"].value = "random"
    figure = panel.picture.figure
    for name, control in panel.controls.items():
        before, value = image(panel), control.value
        control.value = other(control)
        after = image(panel)
        assert after[3] != before[3], name
        assert after[1:3] == before[1:3], name
        assert not said(panel.message), name
        control.value = value
    png = base64.b64decode(after[3].partition(",")[2])
    assert Image.open(io.BytesIO(png)).size == (int(after[1]), int(after[2]))
    assert panel.picture.figure is figure


@pytest.mark.parametrize("make", PANELS)
def test_redrawing_leaves_nothing_of_the_picture_before(make):
    panel = make()
    kept = [len(ax.get_children()) for ax in panel.picture.axes], image(panel)
    for workers in (1, 8, 3, 5, 4):
        panel.controls["workers"].value = workers
    panel.controls["workers"].value = make().controls["workers"].value
    assert ([len(ax.get_children()) for ax in panel.picture.axes], image(panel)) == kept


@pytest.mark.parametrize("make", PANELS)
def test_controls_are_labelled_and_update_while_they_move(make):
    for name, control in make().controls.items():
        assert control.description == name
        assert getattr(control, "continuous_update", True)
        assert control.layout.width


@pytest.mark.parametrize("make", PANELS)
def test_without_widgets_there_is_a_picture_its_text_and_the_plain_call(make):
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
    compile(cell, "cell", "exec")  # that it runs, and shows the same: tests/lessons


def test_predicted_is_what_predict_says():
    panel = explore_schedule("count-up", 7, 3, 2, "map", longest=1.0)
    words = predict(naps("count-up", 7, longest=1.0), 3, 2, "map").describe()
    assert said(panel.words) == "Predicted: " + words
    assert words in image(panel)[0]


def test_a_small_panel_shows_the_named_controls_only():
    panel = explore_schedule(only=["workers", "tasks"])
    shown = [name for name, each in panel.controls.items() if each.layout.display != "none"]
    assert shown == ["workers", "tasks"]


def test_a_panel_without_the_lag_says_nothing_of_the_bar():
    panel = explore_schedule("one straggler", 4, longest=0.3, method="map", lag=False)
    assert len(panel.picture.axes) == 1
    assert "shown" not in said(panel.words) + image(panel)[0]
    panel.start_button.click()
    panel.run.wait(60)
    assert "Measured: 4 tasks" in said(panel.words)
    assert "shown" not in said(panel.words) + image(panel)[0]


def test_a_seed_can_be_set_for_random_naps():
    panel = explore_schedule()
    assert disabled(panel) == ["seed"]
    panel.controls["pattern"].value = "random"
    assert disabled(panel) == []


def test_a_chunk_has_at_most_all_tasks():
    panel = explore_chunks(tasks=20, chunksize=15)
    panel.controls["tasks"].value = 10
    assert panel.controls["chunksize"].max == 10
    assert panel.controls["chunksize"].value == 10


@pytest.mark.parametrize(
    ("arguments", "told"),
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
def test_bad_arguments_are_named_in_the_panel(make, arguments, told):
    if not arguments.keys() <= signature(make).parameters.keys():
        return
    panel = make(**arguments)
    assert said(panel.message).startswith(told)
    panel._repr_mimebundle_()


def test_what_no_pool_does_is_said_and_the_picture_stays():
    panel = explore_schedule(chunksize=3)
    before = image(panel)
    panel.controls["method"].value = "apply_async"
    assert said(panel.message) == (
        "chunksize is 3; allowed with apply_async is 1: it has no chunks"
    )
    assert image(panel) == before
    panel.controls["chunksize"].value = 1
    assert not said(panel.message)
    assert image(panel) != before


def disabled(panel):
    return [name for name, control in panel.controls.items() if control.disabled]


def waiting_for(panel, text):
    """Return an Event that is set once the panel's message begins with `text`."""
    event = threading.Event()

    def look(_):
        if said(panel.message).startswith(text):
            event.set()

    panel.message.observe(look, "value")
    return event


def test_run_it_for_real_lays_measured_over_predicted():
    panel = explore_schedule(longest=0.3)
    panel.start_button.click()
    panel.run.wait(60)
    message = said(panel.message)
    assert re.fullmatch(
        r"Predicted \(outlines\) 0\.33 s, measured \d\.\d\d s: [\d.]+% off\.", message
    )
    assert image(panel)[0].startswith(message[:-1])
    assert said(panel.words).startswith("Measured: 10 tasks on 5 workers, ")
    assert disabled(panel) == ["seed"]
    panel.controls["workers"].value = 2
    assert image(panel)[0].startswith("Predicted: ")


@pytest.mark.parametrize("make", [explore_schedule, race_bars])
def test_stop_ends_a_run_and_the_panel_is_as_before(make):
    panel = make(pattern="equal", tasks=12, workers=2, longest=4.0)
    before = image(panel)
    panel.stop_button.click()  # nothing to stop: nothing happens
    running, stopped = waiting_for(panel, "Running"), waiting_for(panel, "Stopped.")
    panel.start_button.click()
    assert running.wait(60)
    assert all(control.disabled for control in panel.controls.values())
    assert not panel.start_button.disabled
    assert image(panel) != before
    panel.stop_button.click()
    panel.run.wait(10)
    assert stopped.is_set()
    assert image(panel) == before
    assert disabled(panel) == ["seed"]


def test_run_pressed_twice_runs_once():
    panel = explore_schedule(pattern="equal", longest=0.2)
    panel.start_button.click()
    first = panel.run
    panel.start_button.click()
    panel.run.wait(60)
    assert not first.running
    assert "% off" in said(panel.message)


def test_a_new_panel_ends_the_run_of_the_one_before():
    panel = explore_schedule(pattern="equal", tasks=12, workers=2, longest=4.0)
    running = waiting_for(panel, "Running")
    panel.start_button.click()
    assert running.wait(60)
    race_bars()
    panel.run.wait(10)
    assert said(panel.message) == "Stopped."


def test_a_run_that_would_take_too_long_is_refused():
    panel = explore_schedule(tasks=200, workers=1)
    panel.start_button.click()
    panel.run.wait(10)
    assert said(panel.message).startswith("These naps would take 201 s; allowed here are 60 s:")


def test_a_run_that_fails_says_so_in_the_panel(monkeypatch):
    def fail(*_, **__):
        raise OSError("no more processes")

    monkeypatch.setattr(explore, "run_live", fail)
    panel = explore_schedule()
    panel.start_button.click()
    panel.run.wait(10)
    assert said(panel.message) == "The run failed. OSError: no more processes"
    assert disabled(panel) == ["seed"]


def test_a_worker_that_dies_ends_the_run():
    panel = explore_schedule(pattern="equal", tasks=12, workers=2, longest=4.0)
    running = waiting_for(panel, "Running")
    panel.start_button.click()
    assert running.wait(60)
    for child in multiprocessing.active_children():
        child.kill()
    panel.run.wait(10)
    assert said(panel.message) == ("The run failed. ChildProcessError: a worker process has died")


@pytest.mark.measures
def test_the_race_shows_what_the_bars_say_and_what_is_done():
    panel = race_bars("one straggler", workers=2, longest=3.0)
    rows = {row.children[0].description: row.children for row in panel.box.children[2:5]}
    assert tuple(rows) == explore.RACERS
    seen = {method: [] for method in rows}
    for method, (_, text) in rows.items():
        text.observe(lambda change, method=method: seen[method].append(change["new"]), "value")
    panel.start_button.click()
    panel.run.wait(60)
    assert said(panel.message) == "All three have done the same work in the same time."
    for method, texts in seen.items():
        counts = [tuple(map(int, re.findall(r"\d+", text))) for text in texts]
        assert counts == sorted(counts)
        assert all(shown <= finished for shown, _, finished in counts), method
        assert counts[-1] == (10, 10, 10)
        assert rows[method][0].value == 10
        # Tasks 6 to 9 end while 5, the straggler, naps: imap may not show them.
        assert method != "imap" or max(finished - shown for shown, _, finished in counts) >= 3


class Quick:
    """A consumer whose tasks end, and whose bar is drawn, whenever something of it was read."""

    def __init__(self):
        self.pool = self
        self.done = 0

    @property
    def on_screen(self):
        self.done += 1
        return self.done - 1

    def timeline(self):
        self.done += 1
        finish = np.where(np.arange(10) < self.done - 1, 0.1, np.nan)
        return Timeline(np.zeros(10), np.zeros(10), finish)


def test_the_race_shows_no_task_before_it_is_done_however_quick_they_are(monkeypatch):
    def run(methods, durations, workers, chunksize, stopped, look):
        consumers = [Quick() for _ in methods]
        for _ in range(3):
            look(consumers)
        return True

    monkeypatch.setattr(explore, "run_live", run)
    panel = race_bars()
    panel.start_button.click()
    panel.run.wait(60)
    for row in panel.box.children[2:5]:
        shown, _, finished = map(int, re.findall(r"\d+", row.children[1].value))
        assert 0 < shown <= finished


# --- what the lessons say of them ---------------------------------------------------------------


def test_lesson_00_a_fifth_worker_gains_nothing():
    makespans = [predict(naps("one straggler", 6), n).makespan for n in (2, 3, 4, 5)]
    assert np.allclose(makespans, [2.2, 2.2, 2.0, 2.0])


def chunked(gap=0.002):
    durations = naps("random", 100, longest=0.02)
    return {c: predict(durations, 4, c, "map", gap=gap) for c in range(1, 101)}


def test_lesson_01_has_a_hump_at_20_and_one_worker_at_100():
    runs = chunked()
    seconds = {size: run.makespan for size, run in runs.items()}
    flat = [seconds[size] for size in (*range(2, 16), 25, 26)]
    assert max(flat) < 1.25 * min(flat)
    assert min(flat) < seconds[1] < seconds[20]
    assert seconds[20] > 1.2 * max(flat)
    assert seconds[100] > 3 * seconds[1]
    assert runs[100].workers == 1


def test_lesson_01_chunks_of_four_pay_where_messages_are_dear():
    dear = chunked(gap=0.01)
    assert dear[4].makespan < 0.75 * dear[1].makespan


def test_lesson_04_count_up_never_lags():
    assert predict(naps("count-up", 10), 5).most_behind == 0
