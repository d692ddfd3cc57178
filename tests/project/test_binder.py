"""Binder makes its image from binder/, and starts it, as a reader needs it."""

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BINDER = ROOT / "binder"
VERSION = (BINDER / "runtime.txt").read_text().strip().removeprefix("python-")
# The packages of the image that a reader's pages come from, by their names in conda.
IN_IMAGE = "ipykernel ipywidgets jupyter-offlinenotebook jupyter-resource-usage jupyter_server"
IN_IMAGE += " jupyterhub-base jupyterlab notebook"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Binder's images are Linux")


def run(*command, folder=ROOT, **env):
    """Run a command to its end; return its result."""
    env = os.environ | {name: str(value) for name, value in env.items()}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


def test_the_image_has_our_requirements_and_is_prepared_by_postbuild():
    pytest.importorskip("repo2docker", reason="run these by `python3 lab.py test`")
    # As mybinder.org does; it prints the Dockerfile, and needs no Docker for it.
    options = ["--no-build", "--Repo2Docker.default_buildpack=None"]
    done = run(sys.executable, "-m", "repo2docker", *options, ".")
    assert done.returncode == 0, done.stderr
    assert f"python={VERSION}" in done.stderr
    steps = [
        "COPY --chown=0:0 src/ ${REPO_DIR}/",  # first: the requirements name files of the project
        'pip install --no-cache-dir -r "binder/requirements.txt"',
        "RUN ./binder/postBuild",
        'ENV R2D_ENTRYPOINT="${REPO_DIR}/binder/start"',
    ]
    places = [done.stdout.index(step) for step in steps]
    assert places == sorted(places)
    assert "-r ../requirements.txt\n" in (BINDER / "requirements.txt").read_text()
    assert int(VERSION.removeprefix("3.")) >= 13  # the first with PYTHON_CPU_COUNT


@pytest.mark.parametrize(
    ("limit", "cores"),
    [
        ("1.0", 1),  # how JupyterHub writes it
        ("0.5", 1),
        ("2", min(2, os.cpu_count())),
        ("1000", os.cpu_count()),
        *[(nonsense, "not set") for nonsense in ("", "many", "nan", "inf", "0", "-1", "1; exit")],
    ],
)
def test_start_sets_the_number_of_cores_and_becomes_the_command(limit, cores):
    path = f"{Path(sys.executable).parent}:{os.defpath}"
    report = 'echo "$$ ${PYTHON_CPU_COUNT-not set} $0 $1 $#"'
    command = [str(BINDER / "start"), "/bin/bash", "-c", report, "a b", "c d"]
    env = {"PATH": path, "CPU_LIMIT": limit}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as started:
        assert started.communicate()[0] == f"{started.pid} {cores} a b c d 1\n"
    assert started.returncode == 0


def test_postbuild_prepares_jupyterlab_and_makes_both_packages_importable(tmp_path):
    image = tmp_path / "image"
    venv.create(image, symlinks=True)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {"HOME": tmp_path, "JUPYTERLAB_WORKSPACES_DIR": tmp_path / "workspaces", "PATH": path}
    done = run(BINDER / "postBuild", NB_PYTHON_PREFIX=image, **env)
    assert done.returncode == 0, done.stderr
    for file in (BINDER / "jupyter").rglob("*.*"):
        copy = image / "etc/jupyter" / file.relative_to(BINDER / "jupyter")
        assert copy.read_bytes() == file.read_bytes()
    (workspace,) = (tmp_path / "workspaces").iterdir()
    left = json.loads(workspace.read_text())["data"]["layout-restorer:data"]["left"]
    assert "toc" in left["current"]
    code = "import helpers, watchedpool; print(helpers.__file__, watchedpool.__file__)"
    done = run(image / "bin/python", "-c", code, folder=tmp_path)
    found = [str(ROOT / package / "__init__.py") for package in ("helpers", "watchedpool")]
    assert done.stdout.split() == found


def test_postbuild_stops_the_build_where_it_fails(tmp_path):
    assert run(BINDER / "postBuild", NB_PYTHON_PREFIX=tmp_path, PATH="/bin").returncode != 0


@pytest.mark.skipif("FRESH_CLONE" not in os.environ, reason="takes a minute: set FRESH_CLONE=1")
def test_our_requirements_fit_what_the_image_brings(tmp_path):
    package = Path(pytest.importorskip("repo2docker").__file__).parent
    lock = package / f"buildpacks/conda/environment.py-{VERSION}-linux-64.lock"
    brought = dict(re.findall(r"/([\w-]+?)-(\d[\w.]*)-\w+\.conda", lock.read_text()))
    frozen = [f"{name.removesuffix('-base')}=={brought[name]}" for name in IN_IMAGE.split()]
    shutil.copytree(BINDER, tmp_path / "binder")
    shutil.copy(ROOT / "requirements.txt", tmp_path)
    venv.create(tmp_path / "image", symlinks=True, with_pip=True)
    python = tmp_path / "image/bin/python"
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    needed = ["-r", "binder/requirements.txt"]
    for arguments in (["install", *frozen], ["install", *needed], ["check"]):
        done = run(*pip, *arguments, folder=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    done = run(python, "-m", "jupyterlab.labextensions", "list")
    listed = re.sub("\033\\[\\d+m", "", done.stdout + done.stderr)
    assert re.search(r"@jupyter-notebook/lab-extension \S+ enabled +OK", listed)
    assert not re.search(r" X\b", listed)  # what does not fit this JupyterLab
