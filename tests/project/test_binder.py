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

import lab

ROOT = Path(__file__).resolve().parents[2]
BINDER = ROOT / "binder"
VERSION = (BINDER / "runtime.txt").read_text().strip().removeprefix("python-")
# The packages of the image that a reader's pages come from, by their names in conda and in pip.
IN_IMAGE = {
    "ipykernel": "ipykernel",
    "ipywidgets": "ipywidgets",
    "jupyter-offlinenotebook": "jupyter-offlinenotebook",
    "jupyter-resource-usage": "jupyter-resource-usage",
    "jupyter_server": "jupyter-server",
    "jupyterhub-base": "jupyterhub",
    "jupyterlab": "jupyterlab",
    "notebook": "notebook",
}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Binder's images are Linux")


def run(*command, folder=ROOT, **env):
    """Run a command to its end; return its result."""
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=os.environ | {name: str(value) for name, value in env.items()},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def repo2docker(folder):
    """Run repo2docker as mybinder.org does; it prints the Dockerfile, and Docker is not needed."""
    pytest.importorskip("repo2docker", reason="run these by `python3 lab.py test`")
    options = ["--no-build", "--Repo2Docker.default_buildpack=None"]
    return run(sys.executable, "-m", "repo2docker", *options, ".", folder=folder)


@pytest.fixture(scope="module")
def dockerfile():
    done = repo2docker(ROOT)
    assert done.returncode == 0, done.stderr
    assert f"python={VERSION}" in done.stderr
    return done.stdout


def test_the_image_has_our_requirements_and_is_prepared_by_postbuild(dockerfile):
    steps = [
        "COPY --chown=0:0 src/ ${REPO_DIR}/",  # first: the requirements name files of the project
        'pip install --no-cache-dir -r "binder/requirements.txt"',
        "RUN ./binder/postBuild",
        'ENV R2D_ENTRYPOINT="${REPO_DIR}/binder/start"',
    ]
    places = [dockerfile.index(step) for step in steps]
    assert places == sorted(places)
    lines = (BINDER / "requirements.txt").read_text().splitlines()
    assert "-r ../requirements.txt" in lines


def test_python_is_one_that_sizes_its_pools_by_the_limit():
    assert re.fullmatch(r"3\.\d+", VERSION)  # Binder refuses 3.13.1
    assert tuple(map(int, VERSION.split("."))) >= (3, 13)  # the first with PYTHON_CPU_COUNT


@pytest.mark.parametrize(
    ("limit", "cores"),
    [
        ("1", 1),
        ("1.0", 1),  # how JupyterHub writes it
        ("0.5", 1),
        ("2", min(2, os.cpu_count())),
        ("1000", os.cpu_count()),
        *[(nonsense, "not set") for nonsense in ("", "many", "nan", "inf", "0", "-1", "1; exit")],
        (None, "not set"),
    ],
)
def test_start_sets_the_number_of_cores_and_becomes_the_command(limit, cores):
    surroundings = {"PATH": f"{Path(sys.executable).parent}:{os.defpath}"}
    if limit is not None:
        surroundings["CPU_LIMIT"] = limit
    report = 'echo "$$ ${PYTHON_CPU_COUNT-not set} $0 $1 $#"'
    command = [str(BINDER / "start"), "/bin/bash", "-c", report, "a b", "c d"]
    with subprocess.Popen(command, env=surroundings, stdout=subprocess.PIPE, text=True) as started:
        reported = started.communicate()[0]
    assert reported == f"{started.pid} {cores} a b c d 1\n"
    assert started.returncode == 0


@pytest.fixture
def image(tmp_path):
    """Return the folder of a new Python environment, in place of the one in Binder's image."""
    folder = tmp_path / "image"
    venv.create(folder, symlinks=True)
    return folder


@pytest.fixture
def prepared(image, tmp_path):
    """Run postBuild; return the folder of the workspaces that it imports."""
    home = {"HOME": tmp_path, "JUPYTER_CONFIG_DIR": tmp_path, "NB_PYTHON_PREFIX": image}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    workspaces = tmp_path / "workspaces"
    done = run(BINDER / "postBuild", PATH=path, **home, JUPYTERLAB_WORKSPACES_DIR=workspaces)
    assert done.returncode == 0, done.stderr
    return workspaces


def test_postbuild_leaves_no_question_and_opens_the_table_of_contents(prepared, image):
    overrides = json.loads((image / "share/jupyter/lab/settings/overrides.json").read_text())
    assert overrides == {"@jupyterlab/apputils-extension:notification": lab.NO_NEWS}
    (workspace,) = prepared.iterdir()
    left = json.loads(workspace.read_text())["data"]["layout-restorer:data"]["left"]
    assert left["current"] in left["widgets"]
    assert "toc" in left["current"]
    assert not left["collapsed"]


@pytest.mark.usefixtures("prepared")
def test_postbuild_makes_both_packages_importable_from_any_folder(image, tmp_path):
    code = "import helpers, watchedpool; print(helpers.__file__, watchedpool.__file__)"
    done = run(image / "bin/python", "-c", code, folder=tmp_path)
    found = [str(ROOT / package / "__init__.py") for package in ("helpers", "watchedpool")]
    assert done.stdout.split() == found


def test_postbuild_stops_the_build_where_it_fails(tmp_path):
    assert run(BINDER / "postBuild", NB_PYTHON_PREFIX=tmp_path, PATH="/bin").returncode != 0
    assert run("/bin/bash", "-c", "unset NB_PYTHON_PREFIX; binder/postBuild").returncode != 0


def frozen():
    """Return the versions that Binder's image brings, from the lock inside repo2docker."""
    package = Path(pytest.importorskip("repo2docker").__file__).parent
    lock = package / f"buildpacks/conda/environment.py-{VERSION}-linux-64.lock"
    found = dict(re.findall(r"/([\w-]+?)-(\d[\w.]*)-\w+\.conda", lock.read_text()))
    return [f"{pip}=={found[conda]}" for conda, pip in IN_IMAGE.items()]


@pytest.mark.skipif("FRESH_CLONE" not in os.environ, reason="takes a minute: set FRESH_CLONE=1")
def test_our_requirements_fit_what_the_image_brings(tmp_path):
    project = tmp_path / "project"
    shutil.copytree(BINDER, project / "binder")
    shutil.copy(ROOT / "requirements.txt", project)
    venv.create(tmp_path / "image", symlinks=True, with_pip=True)
    python = tmp_path / "image/bin/python"
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    assert run(*pip, "install", *frozen()).returncode == 0
    done = run(*pip, "install", "-r", "binder/requirements.txt", folder=project)
    assert done.returncode == 0, done.stderr
    done = run(*pip, "check")
    assert done.returncode == 0, done.stdout
    done = run(python, "-m", "jupyterlab.labextensions", "list")
    listed = re.sub("\033\\[\\d+m", "", done.stdout + done.stderr)
    assert re.search(r"@jupyter-notebook/lab-extension \S+ enabled +OK", listed)
    assert not re.search(r" X\b", listed)  # what does not fit this JupyterLab
