"""A program that has helpers of its own runs under watchedpool as it runs alone, from anywhere."""

import json
import multiprocessing
import os
import shutil
import subprocess
import sysconfig
import venv
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
METHODS = sorted({multiprocessing.get_start_method(), "spawn"})


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """Return a Python that has watchedpool as pip installs it, and nothing of the course.

    Its other packages are those of this Python: of a .pth file, Python reads no other .pth files.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=os.name != "nt")
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
    shutil.copytree(ROOT / "watchedpool", packages / "watchedpool")
    (packages / "others.pth").write_text(sysconfig.get_path("purelib"))
    yield Path(sysconfig.get_path("scripts", "venv", {"base": str(folder)}), "python")
    shutil.rmtree(folder)


def run_both(python, *program, folder, flags=()):
    """Run a program alone and watched, at once; return both results."""
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}

    def run(*command):
        return subprocess.run(
            [str(part) for part in (python, *flags, *command, *program)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    with ThreadPoolExecutor() as threads:
        return list(threads.map(lambda command: run(*command), [(), ("-m", "watchedpool")]))


# ---- the helpers of a program

PROGRAM = """
import multiprocessing
import sys
{line}

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    with multiprocessing.Pool(2) as pool:
        print(pool.map({function}, [-1, 2]))
"""
FUNCTION = "def clean(number):\n    return number * 2\n"
# The program's import, what it maps, and the other files in its folder.
PROJECTS = {
    "a module": ("import helpers", "helpers.clean", {"helpers.py": FUNCTION}),
    "a package": ("import helpers", "helpers.clean", {"helpers/__init__.py": FUNCTION}),
    "a folder without __init__.py": (
        "from helpers.clean import clean",
        "clean",
        {"helpers/clean.py": FUNCTION},
    ),
    "a module that nobody imports": ("", "abs", {"helpers.py": "raise SystemExit('imported')"}),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("place", ["its own folder", "another folder"])
@pytest.mark.parametrize("project", PROJECTS)
def test_a_program_with_helpers_runs_as_without_the_watch(project, place, method, python, tmp_path):
    line, function, files = PROJECTS[project]
    files = files | {"program.py": PROGRAM.format(line=line, function=function)}
    for name, text in files.items():
        (tmp_path / "theirs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "theirs" / name).write_text(text)
    (tmp_path / "elsewhere").mkdir()
    folder, program = {
        "its own folder": (tmp_path / "theirs", "program.py"),
        "another folder": (tmp_path / "elsewhere", tmp_path / "theirs" / "program.py"),
    }[place]
    alone, watched = run_both(python, program, method, folder=folder)
    assert (alone.returncode, alone.stderr) == (0, "")
    assert (watched.returncode, watched.stdout) == (0, alone.stdout), watched.stderr
    assert "2 tasks on" in watched.stderr
    assert "Traceback" not in watched.stderr


# ---- what a program finds out about itself

PROBE = """
import json, sys
names = "__file__", "__name__", "__package__"
print(json.dumps([sys.path, sys.argv, [str(globals().get(name)) for name in names]]))
"""
STARTS = {
    "a script": [[], "probe.py", "-o", "x"],
    "a script, -P": [["-P"], "probe.py"],
    "a script, -I": [["-I"], "probe.py"],
    "a script after --": [[], "--", "probe.py", "--", "-m"],
    "a script through its folder": [[], "./probe.py"],
    "a script through a link": [[], "link.py"],
    "a script in a linked folder": [[], "linked/probe.py"],
    "code": [[], "-c", PROBE, "-c", "x"],
    "code, -P": [["-P"], "-c", PROBE],
    "a module": [[], "-m", "probe", "-m", "x"],
    "a module in a package": [[], "-m", "package.probe"],
    "a package": [[], "-m", "package", "--"],
    "a folder": [[], "package", "x"],
    "a folder, -P": [["-P"], "package"],
    "a zip file": [[], "probe.zip", "x"],
}
LINKED = [name for name in STARTS if "link" in name]


@pytest.fixture(scope="module")
def probes(tmp_path_factory):
    """Return a folder with the probe in each of the forms that Python can start."""
    folder = tmp_path_factory.mktemp("probes").resolve()
    (folder / "package").mkdir()
    for name in ("probe.py", "package/__init__.py", "package/__main__.py", "package/probe.py"):
        (folder / name).write_text("" if "init" in name else PROBE)
    with zipfile.ZipFile(folder / "probe.zip", "w") as archive:
        archive.writestr("__main__.py", PROBE)
    if os.name != "nt":
        (folder / "link.py").symlink_to("package/probe.py")
        (folder / "linked").symlink_to("package")
    return folder


@pytest.mark.parametrize("start", STARTS)
def test_a_program_has_the_path_the_arguments_and_the_names_it_has_alone(start, python, probes):
    if os.name == "nt" and start in LINKED:
        pytest.skip("on Windows only an administrator may make links")
    flags, *program = STARTS[start]
    alone, watched = run_both(python, *program, folder=probes, flags=flags)
    assert (alone.returncode, alone.stderr) == (0, "")
    assert watched.returncode == 0, watched.stderr
    assert json.loads(watched.stdout) == json.loads(alone.stdout)
