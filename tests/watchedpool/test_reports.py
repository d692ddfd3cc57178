"""Reports of a watched program: one per pool, or one for a line that made many."""

import json

import numpy as np
import pytest
from known_truth import PROGRAMS, wanted, watch
from simulated import Simulated

from watchedpool import Timeline, predict
from watchedpool.budget import PARTS
from watchedpool.diagnosis import Finding
from watchedpool.reports import PoolRun, reports, run_as_json, save_run

DOZEN = (
    *("broken_off_severe", "callback_severe", "consumer_severe", "failed_severe"),
    *("healthy_imap", "initializer_severe", "killed_severe", "lock_or_wait_severe"),
    *("many_pools_severe", "producer_severe", "straggler_severe", "too_short_severe"),
)


def pools_of_a_loop(number, **costs):
    """Return the pools that a loop made, one after the other."""
    runs = []
    for nth in range(number):
        run, _ = Simulated([0.1] * 4, 4, "map", **costs).run()
        pool = run.details.pool._replace(closed=run.end, origin=nth * (run.end + 0.01))
        object.__setattr__(run.details, "pool", pool)
        runs.append(PoolRun("loop.py, line 5: with Pool(4) as pool:", run, 0.0, 4))
    return runs


def test_many_pools_of_a_line_get_one_report():
    (report,) = reports(pools_of_a_loop(50, startup=0.2))
    words = report.words
    assert words.startswith("50 pools at loop.py, line 5: 10.00 s start-up, 5.00 s work\n")
    assert "This line made 50 pools" in words
    assert len(report.timeline) == 4
    assert "The program made 50 pools. In 10.29 s of" in words


def test_two_pools_get_a_report_each():
    assert len(list(reports(pools_of_a_loop(2)))) == 2


def test_pools_that_worked_at_the_same_time_are_not_too_many():
    runs = pools_of_a_loop(2)
    for run in runs:
        pool = run.timeline.details.pool._replace(origin=0.0)
        object.__setattr__(run.timeline.details, "pool", pool)
    assert not any("This line made" in report.words for report in reports(runs))


def test_pools_that_cost_nothing_are_not_too_many():
    words = "\n".join(report.words for report in reports(pools_of_a_loop(4)))
    assert "This line made" not in words


def test_a_file_holds_budget_and_findings_and_can_be_loaded(tmp_path):
    run, _ = Simulated([0.1] * 24, 4, startup=0.5).run()
    (report,) = reports([PoolRun("script.py, line 3", run, 0.0, 4)])
    save_run(report, tmp_path / "run.json")
    saved = json.loads((tmp_path / "run.json").read_text())
    assert saved["budget"]["parts"] == list(PARTS)
    assert np.array(saved["budget"]["workers"]).shape == (4, len(PARTS))
    assert saved["findings"][0]["name"] == "start-up"
    loaded = Timeline.load(tmp_path / "run.json")
    assert loaded.budget().workers == pytest.approx(run.budget().workers)


def test_an_infinite_cost_is_null():
    found = run_as_json(predict([1.0], 1).budget(), [Finding("unended", np.inf, "", "")])
    assert found["findings"][0]["seconds"] is None


@pytest.mark.measures
@pytest.mark.parametrize("name", DOZEN)
def test_the_first_finding_is_the_truth(name):
    program = PROGRAMS / f"{name}.py"
    assert watch(program).found[0] == wanted(program)
