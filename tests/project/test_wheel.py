"""What pip installs is watchedpool and nothing of the course, and it works with numpy only."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

import watchedpool

pytestmark = pytest.mark.setup
ROOT = Path(__file__).resolve().parents[2]
PACKAGE = {
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "watchedpool").rglob("*")
    if path.suffix in (".py", ".typed", ".js", ".css", ".html")
}
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
NO_NETWORK = ("NewConnectionError", "Temporary failure in name resolution", "NameResolutionError")


def run(*command, folder=ROOT):
    """Run a command to its end, without the packages of this run; return what came of it."""
    return subprocess.run(
        command,
        cwd=folder,
        env={name: text for name, text in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
    )


def pip(*arguments):
    """Run pip; return its output. Skip the test if there is no network."""
    done = run(*PIP, *arguments)
    if any(sign in done.stderr + done.stdout for sign in NO_NETWORK):
        pytest.skip("pip needs a network for what builds the package, and for numpy")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel from a copy of the project."""
    folder = tmp_path_factory.mktemp("built")
    ignored = shutil.ignore_patterns(".*", "__pycache__", "node_modules", "*.egg-info", "build")
    shutil.copytree(ROOT, folder / "project", ignore=ignored)
    pip("wheel", "--no-deps", "--wheel-dir", folder, folder / "project")
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def scripts(wheel, tmp_path_factory):
    """Install the wheel in a new environment; return the folder of its Python and its command."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=os.name != "nt")
    scripts = Path(sysconfig.get_path("scripts", "venv", {"base": str(folder)}))
    there = ["--python", scripts / "python"]
    pip(*there, "install", "--constraint", ROOT / "requirements.txt", wheel)
    installed = json.loads(pip(*there, "list", "--format", "json"))
    assert {each["name"] for each in installed} == {"numpy", "watchedpool"}
    yield scripts
    shutil.rmtree(folder)


def test_the_wheel_has_the_package_and_nothing_else(wheel):
    information = f"watchedpool-{watchedpool.__version__}.dist-info/"
    names = ZipFile(wheel).namelist()
    assert {name for name in names if not name.startswith(information)} == PACKAGE


PROGRAM = """import multiprocessing

if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    with multiprocessing.Pool(2) as pool:
        print(pool.map(abs, [-1, 2]))
"""


@pytest.fixture
def program(tmp_path):
    """Write a program next to a file that it does not import: its name is that of our helpers."""
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "helpers.py").write_text("raise SystemExit('imported')\n")
    return tmp_path


def test_the_command_reports_and_draws_with_numpy_only(scripts, program):
    done = run(scripts / "watchedpool", "-o", "run.svg", "program.py", folder=program)
    assert (done.returncode, done.stdout) == (0, "[1, 2]\n")
    line, tasks, *rest = done.stderr.splitlines()
    assert line == "watchedpool: program.py, line 5: with multiprocessing.Pool(2) as pool:"
    assert tasks.startswith("2 tasks on ")
    assert f"Written: {program / 'run.svg'}" in rest


def test_the_command_writes_a_page_with_numpy_only(scripts, program):
    done = run(scripts / "watchedpool", "-o", "run.html", "program.py", folder=program)
    assert done.stderr.splitlines()[-1] == f"Written: {program / 'run.html'}"
    assert "mountPlayer" in (program / "run.html").read_text(encoding="utf-8")


def test_a_picture_says_what_to_install(scripts, program):
    done = run(scripts / "watchedpool", "-o", "run.png", "program.py", folder=program)
    assert (done.returncode, done.stdout) == (2, "")  # before the program runs
    (line,) = done.stderr.splitlines()
    assert "pip install 'watchedpool[plots]'" in line
    assert not (program / "run.png").exists()
    done = run(scripts / "python", "-c", "from watchedpool import plot_lag", folder=program)
    fix = "plot_lag needs matplotlib: pip install 'watchedpool[plots]'"
    assert done.stderr.splitlines()[-1] == f"ModuleNotFoundError: {fix}"


def test_it_says_its_version(scripts, tmp_path):
    done = run(scripts / "python", "-m", "watchedpool", "--version", folder=tmp_path)
    assert done.stdout == f"watchedpool {watchedpool.__version__}\n"
