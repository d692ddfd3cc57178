"""What README.md shows runs as it stands, and the documents name the version."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from multiprocessing import get_all_start_methods
from pathlib import Path

import pytest
from leftovers import DEADLINE
from PIL import Image

import watchedpool
from helpers.commands import run_command

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
SCRIPT = re.search("```python\n(.*?)```", README, re.DOTALL)[1]
COLAB_CELL = re.search("```\n(!.*?git clone.*?)```", README, re.DOTALL)[1]


@pytest.mark.parametrize("method", get_all_start_methods())
def test_the_script_runs_under_every_start_method(method, tmp_path):
    (tmp_path / "watched.py").write_text(SCRIPT)
    # Python imports this module, if it is there, before the script.
    (tmp_path / "sitecustomize.py").write_text(
        f"import multiprocessing\nmultiprocessing.set_start_method({method!r}, force=True)\n"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    script = [sys.executable, "watched.py"]
    done = run_command(script, timeout=DEADLINE, cwd=tmp_path, env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with Image.open(tmp_path / "lag.png") as picture:
        assert picture.width > 500


@pytest.fixture
def repository(tmp_path):
    """Return a git repository that holds the course as it is here, committed or not."""
    folder = tmp_path / "repository"
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    for name in ("helpers", "notebooks", "watchedpool"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    author = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "."], [*author, "commit", "-q", "-m", "Add all"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


@pytest.mark.skipif(os.name == "nt", reason="Colab's machines are Linux")
@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_the_colab_cell_makes_both_packages_importable_also_when_run_twice(repository, tmp_path):
    (tmp_path / "content").mkdir()
    cell = COLAB_CELL.replace("https://github.com/OWNER/REPO", repository.as_uri())
    cell = cell.replace("/content/", f"{tmp_path}/content/")
    # The lessons also start programs, which import the packages themselves.
    modules = "helpers.workers, watchedpool"
    look = f"import {modules}; print(helpers.__file__, watchedpool.__file__)"
    program = f"import subprocess; subprocess.run([sys.executable, '-S', '-c', {look!r}])"
    before = "import importlib.util\nassert not importlib.util.find_spec('helpers')\n"
    code = f"{before}\n{cell}\n{cell}\n{look}\n!pwd\n{program}\n"
    packages = sysconfig.get_path("purelib")
    done = subprocess.run(
        [sys.executable, "-S", "-m", "IPython", "--colors=NoColor", "-c", code],
        cwd=tmp_path / "content",
        env=os.environ | {"PYTHONPATH": packages},  # without the .pth files there
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    course = tmp_path / "content/course"
    found = f"{course / 'helpers/__init__.py'} {course / 'watchedpool/__init__.py'}"
    lines = done.stdout.splitlines()
    assert lines.count(found) == 2
    assert str(course / "notebooks") in lines


def test_the_documents_name_the_version():
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    version, date = re.search(r"^## \[(.+)\] - (.+)$", changes, re.MULTILINE).groups()
    assert version == watchedpool.__version__
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()
    assert {f"version: {version}", f"date-released: {date}"} <= set(citation)
