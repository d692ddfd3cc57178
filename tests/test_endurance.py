"""endurance.py tells what fails and what is left. The lessons are not run here."""

import os
import subprocess
import sys
from pathlib import Path

import endurance
import psutil
import pytest


def passes(lesson, folder):
    return ""


def fails(lesson, folder):
    return "cell 3: another output\n"


def leaves_a_file(lesson, folder):
    Path(folder, "forgotten").touch()
    return ""


def leaves_an_orphan(lesson, folder):
    """Start a process that starts another, and ends: nobody but the system knows the other."""
    python = getattr(sys, "_base_executable", sys.executable)  # a venv's, on Windows, makes two
    wait = [python, "-c", "import threading; threading.Event().wait()"]
    code = f"import subprocess; subprocess.Popen({wait}, start_new_session=True)"
    subprocess.run([sys.executable, "-c", code], env=os.environ | {endurance.MARK: folder})
    return ""


@pytest.mark.parametrize(
    ("run", "code", "verdict", "sums"),
    [
        (passes, 0, "passed", "0 failures, 0 processes left, 0 files left"),
        (fails, 1, "FAILED", "2 failures, 0 processes left, 0 files left"),
        (leaves_a_file, 1, "LEFT SOMETHING", "0 failures, 0 processes left, 2 files left"),
        (leaves_an_orphan, 1, "LEFT SOMETHING", "0 failures, 2 processes left, 0 files left"),
    ],
)
def test_it_tells_and_counts(run, code, verdict, sums, monkeypatch, capsys):
    monkeypatch.setattr(endurance, "run", run)
    monkeypatch.setattr(endurance, "GRACE", 1)
    assert endurance.main(["2", "04-lesson.ipynb"]) == code
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.startswith(f"1/2 04-lesson: {verdict} in ")
    assert last == f"2 runs: {sums}"


def test_every_core_is_busy_until_the_end(monkeypatch):
    loads = []

    def run(lesson, folder):
        loads.append(psutil.Process().children())
        return ""

    monkeypatch.setattr(endurance, "run", run)
    endurance.main(["1", "lesson.ipynb"])
    assert len(loads[0]) == os.cpu_count()
    assert not any(process.is_running() for process in loads[0])


@pytest.mark.parametrize("arguments", [[], ["many"], ["-1"]])
def test_without_a_number_it_tells_its_usage(arguments, capsys):
    assert endurance.main(arguments) == 2
    assert "endurance.py 20" in capsys.readouterr().err
