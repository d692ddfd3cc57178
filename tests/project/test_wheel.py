"""What pip installs is watchedpool and nothing of the course, and it works with numpy only."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
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
    if path.suffix in (".py", ".typed")
}
NAME = f"watchedpool-{watchedpool.__version__}"
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]


def run(*command, folder=ROOT, **env):
    """Run a command to its end, without the packages of this run; return what came of it."""
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=environment | {name: str(text) for name, text in env.items()},
        capture_output=True,
        text=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
    )


def must_run(*command, **how):
    """Run a command as `run` does; fail the test if the command fails."""
    done = run(*command, **how)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def offline(tmp_path_factory):
    """Return the options that let pip install what is needed here, fetched once, without a network.

    That is what builds the package and what the package needs, numpy in the locked version.
    """
    folder = tmp_path_factory.mktemp("fetched")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    locked = ["--constraint", ROOT / "requirements.txt"]
    done = run(*PIP, "download", "--dest", folder, "--only-binary", ":all:", *locked, *needed)
    if done.returncode != 0:
        pytest.skip(f"pip could not fetch {', '.join(needed)}: {done.stderr.strip()[-200:]}")
    return ["--no-index", "--find-links", folder]


@pytest.fixture(scope="module")
def built(offline, tmp_path_factory):
    """Return the sdist, built from the whole project, and the wheel, built from the sdist."""
    folder = tmp_path_factory.mktemp("built")
    ignored = shutil.ignore_patterns(".*", "__pycache__", "node_modules", "*.egg-info", "build")
    shutil.copytree(ROOT, folder / "project", ignore=ignored)
    tools = folder / "tools"
    must_run(*PIP, "install", *offline, "--target", tools, "setuptools")
    build = "from setuptools.build_meta import build_sdist; build_sdist('..')"
    must_run(sys.executable, "-c", build, folder=folder / "project", PYTHONPATH=tools)
    (sdist,) = folder.glob("*.tar.gz")
    must_run(*PIP, "wheel", *offline, "--no-deps", "--wheel-dir", folder, sdist)
    (wheel,) = folder.glob("*.whl")
    return sdist, wheel


@pytest.fixture(scope="module")
def scripts(built, offline, tmp_path_factory):
    """Install the wheel in a new environment; return the folder of its Python and its command."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=os.name != "nt")
    scripts = Path(sysconfig.get_path("scripts", "venv", {"base": str(folder)}))
    pip = [*PIP, "--python", scripts / "python"]
    must_run(*pip, "install", *offline, built[1])
    installed = json.loads(must_run(*pip, "list", "--format", "json"))
    assert {each["name"] for each in installed} == {"numpy", "watchedpool"}
    yield scripts
    shutil.rmtree(folder)


def test_the_sdist_has_what_builds_the_package_and_nothing_of_the_course(built):
    with tarfile.open(built[0]) as archive:
        files = {each.name.removeprefix(f"{NAME}/") for each in archive if each.isfile()}
    files = {name for name in files if not name.startswith("watchedpool.egg-info/")}
    documents = {"CHANGELOG.md", "LICENSE", "README.md"}
    made_by_setuptools = {"PKG-INFO", "setup.cfg"}
    assert files == {"MANIFEST.in", "pyproject.toml", *PACKAGE, *documents, *made_by_setuptools}


def test_the_wheel_has_the_package_and_nothing_else(built):
    with ZipFile(built[1]) as archive:
        names = {name for name in archive.namelist() if not name.startswith(f"{NAME}.dist-info/")}
        about = archive.read(f"{NAME}.dist-info/METADATA").decode()
    assert names == PACKAGE
    needed = [line for line in about.splitlines() if line.startswith("Requires-Dist: ")]
    assert [line for line in needed if "extra ==" not in line] == ["Requires-Dist: numpy>=2.1"]


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


def test_a_png_says_what_to_install_before_the_program_runs(scripts, program):
    done = run(scripts / "watchedpool", "-o", "run.png", "program.py", folder=program)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "pip install 'watchedpool[plots]'" in line
    assert not (program / "run.png").exists()


def test_a_picture_asked_for_in_code_says_what_to_install(scripts, tmp_path):
    done = run(scripts / "python", "-c", "from watchedpool import plot_lag", folder=tmp_path)
    fix = "plot_lag needs matplotlib: pip install 'watchedpool[plots]'"
    assert done.stderr.splitlines()[-1] == f"ModuleNotFoundError: {fix}"


def test_it_says_its_version(scripts, tmp_path):
    said = must_run(scripts / "python", "-m", "watchedpool", "--version", folder=tmp_path)
    assert said == f"watchedpool {watchedpool.__version__}\n"
