"""A Timeline can be kept in a file, given to another person, and opened in a trace viewer."""

import json
from time import process_time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import Timeline
from helpers.schedule import naps, predict

NAN = np.nan
INCOMPLETE = Timeline([0, 1, 0, 9], [0.0, 0.1, 1.0, NAN], [1.0, NAN, 2.5, NAN], [1.5, NAN, NAN, 2])


def columns(timeline):
    return [timeline.worker, timeline.start, timeline.finish, timeline.shown]


def same(one, other):
    return all(
        map(lambda *pair: np.array_equal(*pair, equal_nan=True), *map(columns, (one, other)))
    )


@pytest.mark.parametrize(
    "timeline", [Timeline([], [], []), INCOMPLETE], ids=["empty", "incomplete"]
)
def test_what_is_saved_is_what_is_loaded(timeline, tmp_path):
    timeline.save(tmp_path / "run.json")
    assert same(Timeline.load(tmp_path / "run.json"), timeline)


@given(st.lists(st.floats(0, 1e6), max_size=40), st.integers(1, 9))
def test_every_number_comes_back_to_the_last_bit(tmp_path_factory, durations, workers):
    path = tmp_path_factory.mktemp("kept") / "run.json"
    timeline = predict(durations, workers)
    timeline.save(str(path))
    assert same(Timeline.load(str(path)), timeline)


def test_the_file_is_small_and_other_people_can_read_it(tmp_path):
    predict(naps("countdown", 10), 5).save(tmp_path / "run.json")
    text = (tmp_path / "run.json").read_text()
    assert len(text) < 1000
    assert '"worker": [0, 1, 2, 3, 4, 4, 3, 2, 1, 0],' in text
    assert set(json.loads(text)) == {"format", "worker", "start", "finish", "shown"}


def whole():
    timeline = predict(naps("countdown", 10), 5)
    return {"format": "a watched pool's timeline 1"} | {
        name: getattr(timeline, name).tolist() for name in ("worker", "start", "finish", "shown")
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda saved: json.dumps(saved)[:-200], "line 1 column"),
        (lambda saved: "", "line 1 column 1"),
        (lambda saved: "task,worker\n0,1\n", "line 1 column 1"),
        (lambda saved: b"\x89PNG\r\n\x1a\n\xff", "can't decode"),
        (lambda saved: "[1, 2]", "does not begin with"),
        (lambda saved: '{"traceEvents": []}', "does not begin with"),
        (lambda saved: saved | {"format": "a watched pool's timeline 2"}, "does not begin with"),
        (lambda saved: saved | {"start": saved["start"][1:]}, "one row a task"),
        (lambda saved: saved | {"start": ["soon"] * 10}, "could not convert"),
        (lambda saved: saved | {"start": None}, "dimensions"),
        (lambda saved: saved | {"worker": [[0]] * 10}, "worker has shape"),
        (lambda saved: saved | {"finish": [-1.0] * 10}, "starts before it finishes"),
        (lambda saved: saved | {"colour": "blue"}, "colour"),
        (lambda saved: {name: saved[name] for name in ("format", "worker", "start")}, "finish"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_damaged_or_foreign_file_is_named_and_what_is_wrong_with_it(change, said, tmp_path):
    path, content = tmp_path / "other.json", change(whole())
    content = json.dumps(content) if isinstance(content, dict) else content
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match="no timeline that was saved here") as caught:
        Timeline.load(path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)


def test_a_file_that_is_not_there_is_the_usual_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        Timeline.load(tmp_path / "nowhere.json")


def traced(timeline, path):
    timeline.to_trace(path)
    return json.loads(path.read_text())["traceEvents"]


def test_a_trace_has_a_slice_a_task_in_the_lane_of_its_worker(tmp_path):
    timeline = predict(naps("countdown", 10), 5)
    slices = [event for event in traced(timeline, tmp_path / "t.json") if event["ph"] == "X"]
    assert [event["name"] for event in slices] == [f"task {task}" for task in range(10)]
    assert [event["tid"] for event in slices] == timeline.worker.tolist()
    assert [event["ts"] / 1e6 for event in slices] == pytest.approx(timeline.start)
    ends = [(event["ts"] + event["dur"]) / 1e6 for event in slices]
    assert ends == pytest.approx(timeline.finish)


def test_a_trace_counts_what_was_finished_and_shown(tmp_path):
    counts = [event for event in traced(INCOMPLETE, tmp_path / "t.json") if event["ph"] == "C"]
    graph = [(event["name"], event["ts"] / 1e6, event["args"]["tasks"]) for event in counts]
    assert graph == [
        *[("finished", 0, 0), ("finished", 1, 1), ("finished", 2.5, 2)],
        *[("shown", 0, 0), ("shown", 1.5, 1), ("shown", 2, 2)],
    ]


def test_a_task_that_has_not_ended_lasts_until_the_end(tmp_path):
    slices = {event["name"]: event for event in traced(INCOMPLETE, tmp_path / "t.json")}
    assert slices["task 1"]["ts"] + slices["task 1"]["dur"] == pytest.approx(2.5e6)
    assert "task 3" not in slices


def test_a_hundred_thousand_tasks_are_kept_and_traced_in_two_seconds_each(tmp_path):
    timeline = predict([1e-3] * 100_000, 8)
    for write in (timeline.to_trace, timeline.save, Timeline.load):
        begin = process_time()
        write(tmp_path / ("trace.json" if write == timeline.to_trace else "run.json"))
        assert process_time() - begin < 2
