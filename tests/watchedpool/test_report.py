"""The HTML report is one small file that names what ran, and that no text can break out of."""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from watchedpool import Timeline, predict, report
from watchedpool.details import CallDetails, Details, PoolDetails
from watchedpool.page.data import SCRIPTS, player_options, run_as_data, script, style, what_if
from watchedpool.page.still import still
from watchedpool.plots import palette

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "<img src=x onerror=alert(1)>",
    "\"'><b>",
    "a\u2028b\u2029c\u202ed",
    "\ud800 alone",
    "&lt;b&gt; \x00 \x1b[31m",
]
LONG = re.compile(r"(?<!&)#[0-9a-f]{6}(?:[0-9a-f]{2})?\b")


class Page(HTMLParser):
    """Collects the elements, the texts and the JSON of a page."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self.data = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, text):
        json_data = self.elements and self.elements[-1] == ("script", {"type": "application/json"})
        (self.data if json_data else self.texts).append(text)

    @property
    def runs(self):
        """The options of each player."""
        return [json.loads(text) for text in self.data if text.startswith("{")]


@pytest.fixture
def page(tmp_path):
    """Give a function that writes a report and parses it."""

    def read(timelines):
        report(timelines, tmp_path / "run.html")
        return Page((tmp_path / "run.html").read_text(encoding="utf-8"))

    return read


def random_run(tasks, workers=4):
    return predict(np.random.default_rng(1).exponential(0.01, tasks), workers, gap=0.0003)


def failed(texts):
    """Return a run whose tasks raised errors with these texts."""
    run = predict([1.0] * len(texts), 2)
    details = Details.empty(len(texts), errors=dict(enumerate(texts)))
    return Timeline(run.worker, run.start, run.finish, run.delivered, details=details)


@pytest.mark.parametrize(("tasks", "most"), [(1000, 150_000), (100_000, 5_000_000)])
def test_the_file_is_small(tasks, most, tmp_path):
    report(random_run(tasks), tmp_path / "run.html")
    assert (tmp_path / "run.html").stat().st_size < most


def test_the_player_is_small():
    assert len(script("playground.js").encode()) + len(style().encode()) < 60_000


def test_the_players_colours_are_those_of_the_palette():
    known = {value for value in vars(palette).values() if str(value).startswith("#")}
    assert set(LONG.findall(script())) <= known


def decode(data):
    """Return start, finish and delivered as the player reads them."""
    before, rows = 0, []
    for start, finish, delivered in zip(
        data["start"], data["finish"], data["delivered"], strict=True
    ):
        at, row = 0, [np.nan] * 3
        if start is not None:
            row[0] = at = before = before + start
        if finish is not None:
            row[1] = at = at + finish
        if delivered is not None:
            row[2] = at + delivered
        rows.append(row)
    return np.array(rows).T / 1e6


def test_the_columns_survive_to_the_microsecond():
    run = random_run(500)
    start, finish, delivered = (column.copy() for column in (run.start, run.finish, run.delivered))
    start[[3, 9]] = finish[[3, 9, 20]] = delivered[[9, 20, 30]] = np.nan
    run = Timeline(run.worker, start, finish, delivered)
    got = decode(run_as_data(run))
    for column, name in zip(got, ("start", "finish", "delivered"), strict=True):
        np.testing.assert_allclose(column, getattr(run, name), atol=0.6e-6)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_adds_no_element_and_is_shown(page, text):
    plain = page({"a name": failed(["an error", "another"])})
    hostile = page({text: failed([text, "another"])})
    assert hostile.elements == plain.elements
    assert hostile.runs[0]["timeline"]["errors"][0] == [text, [0]]
    assert len(hostile.runs) == 1


def test_the_page_forbids_the_network_and_scripts_of_others(page):
    found = page(random_run(10))
    policy = next(a["content"] for tag, a in found.elements if "http-equiv" in a)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert not [a for _, a in found.elements if {"src", "href", "style", "onclick"} & set(a)]


def test_several_pools_are_listed_at_the_top(page):
    found = page([random_run(10), random_run(20)])
    links = [a["href"].removeprefix("#") for tag, a in found.elements if tag == "a"]
    assert links == [a["id"] for _, a in found.elements if "id" in a]
    assert {"Run 1", " 20 tasks on 4 workers, 0.06 s."} <= set(found.texts)


def test_without_javascript_a_picture_and_the_words_are_there(page):
    run = random_run(10)
    found = page(run)
    assert "svg" in [tag for tag, _ in found.elements]
    assert {run.describe(), run.headline} <= set(found.texts)


def test_the_still_picture_of_many_tasks_is_small():
    assert len(still(random_run(1000))) < 60_000
    assert len(still(random_run(100_000, 64))) < 200_000


@pytest.mark.parametrize(
    "run",
    [
        Timeline([], [], []),
        Timeline([0, 0], [np.nan, np.nan], [np.nan, np.nan]),
        Timeline([0, 1], [0.0, 0.5], [np.nan, np.nan]),
        predict([0.0, 0.0], 1),
    ],
    ids=["no task", "none started", "none ended", "no time"],
)
def test_a_run_with_little_in_it_makes_a_page(page, run):
    assert len(page(run).runs) == 1


def test_anything_but_a_timeline_is_refused(tmp_path):
    with pytest.raises(TypeError, match="timelines has a float; allowed are Timelines"):
        report([1.0], tmp_path / "run.html")


def with_calls(run, call, number=1, kind="Pool"):
    """Return a run that made this call, a number of times, with as many tasks in each."""
    rows = np.arange(len(run)) * number // len(run)
    pool = PoolDetails(kind, "spawn", 4, "", 0.0, 1.0, 0.0)
    details = Details.empty(len(run), call=rows, calls=(call,) * number, pool=pool)
    return Timeline(run.worker, run.start, run.finish, run.delivered, details=details)


def test_what_if_knows_the_settings_and_the_costs_of_each_chunk():
    run = predict([0.1] * 40, 4, 5, "imap", startup=0.2, gap=0.01)
    settings = what_if(with_calls(run, CallDetails("imap", 5, "f")))
    assert (settings["workers"], settings["chunksize"], settings["method"]) == (4, 5, "imap")
    assert settings["gap"] == pytest.approx(0.01)
    assert settings["startup"] == [0.2] * 4


@pytest.mark.parametrize("method", ["map", "imap", "imap_unordered"])
def test_what_if_sees_how_results_were_taken_without_details(method):
    assert what_if(predict([0.3, 0.2, 0.1, 0.1], 2, method=method))["method"] == method


def test_what_if_says_what_it_does_not_model():
    several = what_if(with_calls(predict([0.1] * 8, 2), CallDetails("map", 1, "f"), 4))
    assert "4 calls" in several["note"]
    alone = what_if(with_calls(predict([0.1] * 8, 2), CallDetails("apply", 1, "f"), 8))
    assert "waited for each task" in alone["note"]


def test_many_errors_stay_small(page):
    texts = [f"ValueError: {row} {200 * 'x'}" for row in range(1000)]
    found = page(failed(texts))
    ((*_, (text, rows)),) = [run["timeline"]["errors"] for run in found.runs]
    assert (text, len(rows)) == ("An error", 800)
    assert len("".join(found.data)) < 100_000


def test_options_are_plain_json():
    options = player_options(predict([0.3, 0.2], 2), mininterval=0.1)
    assert json.loads(json.dumps(options, allow_nan=False)) == options


PROGRAM = """
import multiprocessing, sys
if __name__ == "__main__":
    for name in sys.argv[1:]:
        with multiprocessing.Pool(2) as pool:
            pool.map(abs, range(4))
"""


def test_the_command_writes_one_page_that_names_what_ran(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "watchedpool", "-o", "run.html", "program.py", "<one>", "two"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | {"A_SECRET": "hidden words", "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
    )
    assert done.stderr.splitlines()[-1] == f"Written: {tmp_path / 'run.html'}"
    text = (tmp_path / "run.html").read_text(encoding="utf-8")
    found = Page(text)
    assert {"program.py", "<one> two", "Python", "Machine", "Date"} <= set(found.texts)
    assert len(found.runs) == 2
    assert "hidden words" not in text
    assert str(tmp_path) not in text


def test_the_package_has_the_players_files():
    assert all(script().count(text) == 1 for text in ("class Run", "class Player"))
    assert SCRIPTS[0] == "predict.js"
