"""What README.md shows runs as it stands, and agrees with the lessons and the version."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from multiprocessing import get_all_start_methods
from pathlib import Path

import mapping
import naming
import pytest
from leftovers import DEADLINE
from PIL import Image

import watchedpool
from helpers.commands import run_command

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
FIX, WATCHED = re.findall("```python\n(.*?)```", README, re.DOTALL)
COLAB_CELL = re.search("```\n(!.*?git clone.*?)```", README, re.DOTALL)[1]
LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))


@pytest.mark.parametrize("method", get_all_start_methods())
@pytest.mark.parametrize(("script", "printed"), [(FIX, "10 results\n"), (WATCHED, "")])
def test_the_scripts_run_under_every_start_method(script, printed, method, tmp_path):
    (tmp_path / "script.py").write_text(script)
    # Python imports this module, if it is there, before the script.
    (tmp_path / "sitecustomize.py").write_text(
        f"import multiprocessing\nmultiprocessing.set_start_method({method!r}, force=True)\n"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    done = run_command([sys.executable, "script.py"], timeout=DEADLINE, cwd=tmp_path, env=env)
    assert (done.returncode, done.stdout) == (0, printed), done.stderr
    if script is WATCHED:
        with Image.open(tmp_path / "lag.png") as picture:
            assert picture.width > 500
    else:
        assert len([line for line in script.splitlines() if line]) == 8
        assert "10/10" in done.stderr  # the bar


def test_a_lesson_has_its_number_and_title_in_its_file_heading_map_and_readme():
    start = "".join(
        "".join(cell["source"]) for cell in json.loads(LESSONS[0].read_text("utf-8"))["cells"]
    )
    drawn = mapping.draw(mapping.lessons())
    for path, (name, title) in zip(LESSONS, mapping.lessons().values(), strict=True):
        first = json.loads(path.read_text("utf-8"))["cells"][0]["source"]
        heading = first[0].removeprefix("# ").strip().replace("`", "")
        assert heading.casefold() == title.casefold(), path.name
        assert f"[{title}](notebooks/{name})" in README
        assert path == LESSONS[0] or f"[{title}]({name})" in start
        assert f'href="../{name}"' in drawn


def test_the_map_shows_these_lessons_and_has_its_text_alternative():
    course = mapping.lessons()
    fix = "run `.venv/bin/python tests/authors/mapping.py`"
    assert mapping.MAP.read_text(encoding="utf-8") == mapping.draw(course), fix
    assert f"![{mapping.describe(course)}](notebooks/pictures/map.svg)" in README


def test_one_command_names_the_repository_in_every_link(tmp_path, monkeypatch, capsys):
    readme = tmp_path / "README.md"
    readme.write_text(
        "[a]: https://x/OWNER/REPO/main\n[b]: https://OWNER.github.io/REPO/\n", encoding="utf-8"
    )
    monkeypatch.setattr(naming, "README", readme)
    for wrong in ([], ["pools"], ["a/b", "c/d"], ["https://github.com/a/b"]):
        assert naming.main(wrong) == 2
    assert naming.main(["Anna/pools-2"]) == 0
    assert (
        readme.read_text("utf-8")
        == "[a]: https://x/Anna/pools-2/main\n[b]: https://anna.github.io/pools-2/\n"
    )
    assert naming.main(["Anna/pools-2"]) == 2  # there is nothing left to name
    assert "OWNER/REPO" in capsys.readouterr().out


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
    cell = re.sub(r"https://github\.com/\S+", repository.as_uri(), COLAB_CELL)
    cell = cell.replace("/content/", f"{tmp_path}/content/")
    # The lessons also start programs, which import the packages themselves.
    look = "import helpers.workers, watchedpool; print(helpers.__file__, watchedpool.__file__)"
    program = f"import subprocess; subprocess.run([sys.executable, '-S', '-c', {look!r}])"
    before = "import importlib.util\nassert not importlib.util.find_spec('helpers')\n"
    code = f"{before}\n{cell}\n{cell}\n{look}\n!pwd\n{program}\n"
    done = subprocess.run(
        [sys.executable, "-S", "-m", "IPython", "--colors=NoColor", "-c", code],
        cwd=tmp_path / "content",
        env=os.environ | {"PYTHONPATH": sysconfig.get_path("purelib")},  # without .pth files
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
