"""nbgrader and otter grade exercise 1 of lesson 04, as TEACHING.md shows it.

Each gets a right submission, a wrong one, and hostile ones. The tests also pin down what a hostile
submission still achieves, because TEACHING.md says so.
"""

import json
import os
import sqlite3
import subprocess
import sysconfig
import venv
from contextlib import closing, suppress
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from helpers.exercises import lesson_04

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.setup,
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.name != "posix", reason="nbgrader and otter are tried on Linux"),
]
IMPORT = "from helpers.exercises import lesson_04"
TEST = """
verdict = lesson_04.honest_order.verdict(order)
assert verdict.startswith("✓ Right"), verdict
"""
RIGHT = "order = sorted(lesson_04.NAPS)"
FORGED = "type(lesson_04.honest_order).verdict = lambda *_: '✓ Right: forged'"
SUBMISSIONS = {
    "right": RIGHT,
    "wrong": "order = lesson_04.NAPS",
    "prints": "order = lesson_04.NAPS\nprint('✓ Right: No task has to wait for its turn.')",
    "loops": "while True: pass",
    "patches": f"order = []\n{FORGED}",
}
KILLS = "import os, signal\norder = []\nos.kill(os.getppid(), signal.SIGKILL)"


def make_environment(folder, package):
    """Make an environment with the grader, which also finds the course and its packages."""
    venv.create(folder, with_pip=True)
    pip = [folder / "bin/python", "-m", "pip", "install", "--quiet", package]
    subprocess.run(pip, check=True, timeout=600, stderr=subprocess.DEVNULL)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "course.pth").write_text(f"{ROOT}\n{sysconfig.get_path('purelib')}\n")
    return folder / "bin"


def run(command, folder, seconds=180):
    """Run a grader in a session of its own, and end what is left; return what it printed."""
    program = Path(command[0])
    environment = os.environ | {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    environment |= {"HOME": str(folder), "JUPYTER_PLATFORM_DIRS": "1"}
    log = folder / "log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            process.wait(seconds)
        finally:
            end_all_in(folder)
            process.kill()
            process.wait()
    return process.returncode, log.read_text(errors="replace")


def end_all_in(folder):
    """End each process that works in this folder, such as the kernel of a killed grader."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and Path(process.cwd()).is_relative_to(folder):
                process.kill()


# -- nbgrader


def part(source, name, **kind):
    """Return a cell with nbgrader's metadata."""
    metadata = {"grade_id": name, "schema_version": 3, "locked": False, "points": 0} | kind
    metadata = {"grade": False, "solution": False, "task": False} | metadata
    if not metadata["grade"]:
        del metadata["points"]
    return new_code_cell(source, metadata={"nbgrader": metadata})


def assignment(answer):
    """Return the notebook of the assignment with this answer."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [
        part(IMPORT, "imports", locked=True),
        part(answer, "order", solution=True),
        part(TEST, "order-test", grade=True, locked=True, points=10),
    ]
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def write(notebook, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def nbgrader(tmp_path_factory):
    return make_environment(tmp_path_factory.mktemp("nbgrader"), "nbgrader==0.9.6") / "nbgrader"


def points(folder):
    """Return the points of each student in the gradebook."""
    query = (
        "select submitted_assignment.student_id, sum(coalesce(grade.auto_score, 0)) from grade "
        "join submitted_notebook on grade.notebook_id = submitted_notebook.id "
        "join submitted_assignment on submitted_notebook.assignment_id = submitted_assignment.id "
        "group by submitted_assignment.student_id"
    )
    with closing(sqlite3.connect(folder / "gradebook.db")) as gradebook:
        return dict(gradebook.execute(query).fetchall())


def test_nbgrader_grades_submissions_and_only_a_changed_module_is_not_noticed(nbgrader, tmp_path):
    (tmp_path / "nbgrader_config.py").write_text(
        "c = get_config()\nc.CourseDirectory.root = '.'\nc.ExecutePreprocessor.timeout = 20\n"
    )
    write(assignment("order = ...  # YOUR CODE HERE"), tmp_path / "source/bars/04.ipynb")
    code, said = run([nbgrader, "generate_assignment", "bars"], tmp_path)
    assert code == 0, said
    for student, answer in SUBMISSIONS.items():
        write(assignment(answer), tmp_path / f"submitted/{student}/bars/04.ipynb")
    _, said = run([nbgrader, "autograde", "bars"], tmp_path)
    graded = points(tmp_path)
    assert graded.pop("right") == 10, said
    assert graded.pop("patches") == 10, said  # as TEACHING.md warns
    assert set(graded.values()) <= {0}, said


def test_a_submission_that_kills_nbgrader_gets_no_points(nbgrader, tmp_path):
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    write(assignment("order = ..."), tmp_path / "source/bars/04.ipynb")
    run([nbgrader, "generate_assignment", "bars"], tmp_path)
    write(assignment(KILLS), tmp_path / "submitted/kills/bars/04.ipynb")
    code, said = run([nbgrader, "autograde", "bars"], tmp_path)
    assert code == -9, said
    assert points(tmp_path).get("kills", 0) == 0


# -- otter


OTTER_TEST = """
OK_FORMAT = False
from otter.test_files import test_case
name = "order"
points = 10

@test_case(points=10)
def test_order(order, lesson_04):
    verdict = lesson_04.honest_order.verdict(order)
    assert verdict.startswith("✓ Right"), verdict
"""


@pytest.fixture(scope="module")
def otter(tmp_path_factory):
    return make_environment(tmp_path_factory.mktemp("otter"), "otter-grader==7.0.0") / "otter"


def otter_score(otter, folder, answer):
    """Return the score that otter writes for an answer; None if it writes no results."""
    folder.mkdir()
    (folder / "tests").mkdir()
    (folder / "tests/order.py").write_text(OTTER_TEST, encoding="utf-8")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    write(
        new_notebook(
            cells=[new_code_cell(IMPORT), new_code_cell(answer)], metadata={"kernelspec": kernel}
        ),
        folder / "04.ipynb",
    )
    code, said = run([otter, "generate", "-t", "tests", "--no-environment"], folder)
    assert code == 0, said
    try:
        run([otter, "run", "--no-logo", "-a", "autograder.zip", "04.ipynb"], folder, seconds=40)
    except subprocess.TimeoutExpired:
        return None
    results = folder / "results.json"
    if not results.exists():
        return None
    return sum(test.get("score", 0) for test in json.loads(results.read_text())["tests"])


def test_otter_grades_submissions_and_only_a_changed_module_is_not_noticed(otter, tmp_path):
    scores = {
        name: otter_score(otter, tmp_path / name, answer)
        for name, answer in (SUBMISSIONS | {"kills": KILLS}).items()
    }
    assert scores.pop("right") == 10, scores
    assert scores.pop("patches") == 10, scores  # as TEACHING.md warns
    assert set(scores.values()) <= {0, None}, scores


def test_the_answer_in_these_submissions_is_the_one_that_the_lesson_prints():
    assert lesson_04.honest_order.solution_text == RIGHT
