"""A Timeline can be saved in a file, loaded on another machine, and opened in a trace viewer."""

import json
from dataclasses import replace
from time import process_time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.nap_patterns import naps
from watchedpool import Timeline
from watchedpool.details import CallDetails, Details, PoolDetails, WorkerDetails
from watchedpool.schedule import predict

NAN = np.nan
INCOMPLETE = Timeline([0, 1, 0, 9], [0.0, 0.1, 1.0, NAN], [1.0, NAN, 2.5, NAN], [1.5, NAN, NAN, 2])


def columns(timeline):
    return [timeline.worker, timeline.start, timeline.finish, timeline.delivered]


def same(one, other):
    return all(
        map(lambda *pair: np.array_equal(*pair, equal_nan=True), *map(columns, (one, other)))
    )


@pytest.mark.parametrize(
    "timeline", [Timeline([], [], []), INCOMPLETE], ids=["empty", "incomplete"]
)
def test_a_loaded_timeline_equals_the_saved_one(timeline, tmp_path):
    timeline.save(tmp_path / "run.json")
    assert same(Timeline.load(tmp_path / "run.json"), timeline)


@given(st.lists(st.floats(0, 1e6), max_size=40), st.integers(1, 9))
def test_saving_keeps_every_bit_of_a_number(tmp_path_factory, durations, workers):
    path = tmp_path_factory.mktemp("kept") / "run.json"
    timeline = predict(durations, workers)
    timeline.save(str(path))
    assert same(Timeline.load(str(path)), timeline)


def test_the_file_is_small_and_readable(tmp_path):
    predict(naps("countdown", 10), 5).save(tmp_path / "run.json")
    text = (tmp_path / "run.json").read_text()
    assert len(text) < 1000
    assert '"worker": [0, 1, 2, 3, 4, 4, 3, 2, 1, 0],' in text
    assert set(json.loads(text)) == {"format", "worker", "start", "finish", "delivered"}


FORMAT_1_FILE = """{"format": "a watched pool's timeline 1", "worker": [0, 1, 0, -1],
"start": [0.0, 0.1, 1.0, null], "finish": [1.0, null, 2.5, null], "shown": [1.5, null, null, 2.0]}
"""


def test_files_have_format_3(tmp_path):
    INCOMPLETE.save(tmp_path / "run.json")
    text = (tmp_path / "run.json").read_text()
    assert text.startswith('{"format": "a watched pool\'s timeline 3", "worker": ')
    assert "shown" not in text


def test_a_file_of_format_1_is_loaded(tmp_path):
    (tmp_path / "old.json").write_text(FORMAT_1_FILE)
    assert same(Timeline.load(tmp_path / "old.json"), INCOMPLETE)


def test_a_file_of_format_2_is_loaded(tmp_path):
    (tmp_path / "old.json").write_text(
        FORMAT_1_FILE.replace("line 1", "line 2").replace("shown", "delivered")
    )
    assert same(Timeline.load(tmp_path / "old.json"), INCOMPLETE)


def test_details_are_saved_and_loaded(tmp_path):
    pool = PoolDetails("Pool", "fork", 2, "script.py, line 3", -0.5, NAN, 1.0)
    details = Details.empty(
        4,
        sent=[0, 0, 0.5, NAN],
        call=[0, 0, 0, -1],
        errors={1: "ValueError: NaN is not allowed"},
        calls=(CallDetails("imap", 2, "square"),),
        workers=(WorkerDetails(-0.4, -0.3, NAN, NAN, "killed by signal 9"),),
        pool=pool,
    )
    replace(INCOMPLETE, details=details).save(tmp_path / "run.json")
    loaded = Timeline.load(tmp_path / "run.json")
    assert same(loaded, INCOMPLETE)
    assert loaded.details.errors == details.errors
    assert loaded.details.calls == details.calls
    assert repr(loaded.details.workers) == repr(details.workers)
    assert repr(loaded.details.pool) == repr(pool)
    np.testing.assert_array_equal(loaded.details.sent, details.sent)
    np.testing.assert_array_equal(loaded.details.call, details.call)


def test_details_of_another_number_of_tasks_are_refused():
    with pytest.raises(ValueError, match="details has 3 rows, start has 4; allowed is one row"):
        replace(INCOMPLETE, details=Details.empty(3))


def saved_columns():
    """Return the content of a saved timeline."""
    timeline = predict(naps("countdown", 10), 5)
    return {"format": "a watched pool's timeline 3"} | {
        name: getattr(timeline, name).tolist()
        for name in ("worker", "start", "finish", "delivered")
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda saved: json.dumps(saved)[:-200], "line 1 column"),
        (lambda saved: "", "line 1 column 1"),
        (lambda saved: "task,worker\n0,1\n", "line 1 column 1"),
        (lambda saved: b"\x89PNG\r\n\x1a\n\xff", "can't decode"),
        (lambda saved: "[1, 2]", "its format is None; allowed are"),
        (lambda saved: '{"traceEvents": []}', "its format is None; allowed are"),
        (
            lambda saved: saved | {"format": "a watched pool's timeline 4"},
            """its format is "a watched pool's timeline 4"; allowed are "a watched pool's """,
        ),
        (lambda saved: saved | {"shown": saved["delivered"]}, "shown"),
        (lambda saved: saved | {"start": saved["start"][1:]}, "one row per task"),
        (lambda saved: saved | {"start": ["soon"] * 10}, "start is ['soon', 'soon', "),
        (lambda saved: saved | {"start": None}, "dimensions"),
        (lambda saved: saved | {"worker": [[0]] * 10}, "worker has shape"),
        (lambda saved: saved | {"finish": [-1.0] * 10}, "finish[0] is -1.0, but start[0] is 0.0"),
        (lambda saved: saved | {"colour": "blue"}, "colour"),
        (lambda saved: saved | {"details": {"sent": [0.0]}}, "pool"),
        (lambda saved: saved | {"details": [0.0]}, "list indices"),
        (lambda saved: {name: saved[name] for name in ("format", "worker", "start")}, "finish"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_error_names_the_file_and_what_is_wrong_with_it(change, message, tmp_path):
    path, content = tmp_path / "other.json", change(saved_columns())
    content = json.dumps(content) if isinstance(content, dict) else content
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match="is not a saved timeline: ") as caught:
        Timeline.load(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_a_missing_file_raises_file_not_found_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        Timeline.load(tmp_path / "nowhere.json")


def traced(timeline, path):
    """Write a trace; return its events."""
    timeline.to_trace(path)
    return json.loads(path.read_text())["traceEvents"]


def test_a_trace_has_one_slice_per_task_in_the_lane_of_its_worker(tmp_path):
    timeline = predict(naps("countdown", 10), 5)
    slices = [event for event in traced(timeline, tmp_path / "t.json") if event["ph"] == "X"]
    assert [event["name"] for event in slices] == [f"task {task}" for task in range(10)]
    assert [event["tid"] for event in slices] == timeline.worker.tolist()
    assert [event["ts"] / 1e6 for event in slices] == pytest.approx(timeline.start)
    ends = [(event["ts"] + event["dur"]) / 1e6 for event in slices]
    assert ends == pytest.approx(timeline.finish)


def test_a_trace_counts_finished_and_delivered_tasks(tmp_path):
    counts = [event for event in traced(INCOMPLETE, tmp_path / "t.json") if event["ph"] == "C"]
    graph = [(event["name"], event["ts"] / 1e6, event["args"]["tasks"]) for event in counts]
    assert graph == [
        *[("finished", 0, 0), ("finished", 1, 1), ("finished", 2.5, 2)],
        *[("delivered", 0, 0), ("delivered", 1.5, 1), ("delivered", 2, 2)],
    ]


def test_a_trace_draws_a_running_task_until_the_end(tmp_path):
    slices = {event["name"]: event for event in traced(INCOMPLETE, tmp_path / "t.json")}
    assert slices["task 1"]["ts"] + slices["task 1"]["dur"] == pytest.approx(2.5e6)
    assert "task 3" not in slices


def test_saving_loading_and_tracing_100_000_tasks_take_two_seconds_each(tmp_path):
    timeline = predict([1e-3] * 100_000, 8)
    for write in (timeline.to_trace, timeline.save, Timeline.load):
        begin = process_time()
        write(tmp_path / ("trace.json" if write == timeline.to_trace else "run.json"))
        assert process_time() - begin < 2
