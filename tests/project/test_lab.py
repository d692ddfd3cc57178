"""lab.py and storing.py do what their users see: their output and exit code."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import psutil
import pytest
import storing

import lab

ROOT = Path(__file__).resolve().parents[2]
BASE = getattr(sys, "_base_executable", sys.executable)  # a Python outside of any .venv
OLD = sorted(Path.home().glob(".pyenv/versions/3.[6-9].*/bin/python"))
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has neither locks nor signals for it")


def run(*command, cwd, **env):
    """Run a command to its end, as from a new shell: without pytest's variables."""
    surroundings = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COV"))}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=surroundings | env,
        capture_output=True,
        text=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        timeout=300,
    )


def one_line(done):
    """Check that a failed command printed one line, and return that line."""
    assert done.returncode == 1
    assert done.stdout == ""
    *steps, line = done.stderr.splitlines()
    assert all(step.startswith(("lab.py: making", "lab.py: installing")) for step in steps)
    return line


# ---- the command line: nothing is set up


@pytest.mark.parametrize("word", ["tset", "notebooks/01.ipynb", "help"])
def test_an_unknown_word_prints_usage_and_exits_2(word, tmp_path):
    done = run(BASE, ROOT / "lab.py", word, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"lab.py: there is no command {word!r}\n")
    assert "python3 lab.py test" in done.stderr


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_names_every_command(option, tmp_path):
    done = run(BASE, ROOT / "lab.py", option, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    for command in ("[JupyterLab options]", "test", "run", "bench"):
        assert f"python3 lab.py {command}" in done.stdout


def test_a_python_that_is_too_old_says_so_in_one_line(tmp_path):
    pretend = (
        "import runpy, sys; sys.version_info = (3, 10, 13, 'final', 0); "
        f"runpy.run_path({str(ROOT / 'lab.py')!r}, run_name='__main__')"
    )
    done = run(BASE, "-c", pretend, cwd=tmp_path)
    assert one_line(done) == "lab.py: needs Python 3.11 or newer, this is 3.10"


@pytest.mark.skipif(not OLD, reason="no Python older than 3.10 in ~/.pyenv/versions")
@pytest.mark.parametrize("python", OLD, ids=lambda python: python.parts[-3])
def test_a_very_old_python_prints_that_line_too(python, tmp_path):
    said = one_line(run(python, ROOT / "lab.py", cwd=tmp_path))
    assert said.startswith("lab.py: needs Python 3.11 or newer, this is ")


# ---- setting up, in a copy of the project that needs no packages, and so no network


REPORT = "import sys, helpers; print(sys.prefix, helpers.__file__, *sys.argv[1:], sep='\\n')"
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""}


def copy_project(folder):
    """Make a project that has nothing to install, and whose `lab.py run` prints where it is."""
    (folder / "tests/authors").mkdir(parents=True)
    (folder / "helpers").mkdir()
    (folder / "helpers/__init__.py").touch()
    shutil.copy(ROOT / "lab.py", folder)
    (folder / "requirements.txt").write_text("# nothing\n")
    (folder / "tests/requirements.txt").write_text("# nothing\n")
    (folder / "tests/authors/storing.py").write_text(REPORT)
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Return a project that is set up; tests that break it must set it up again."""
    project = copy_project(tmp_path_factory.mktemp("a project"))
    assert run(BASE, project / "lab.py", "run", cwd=project, **OFFLINE).returncode == 0
    yield project
    shutil.rmtree(project)


def make_anew(project):
    """Run lab.py where .venv is unusable; check that it says so, makes .venv again and works."""
    done = run(BASE, project / "lab.py", "run", cwd=project, **OFFLINE)
    assert done.returncode == 0, done.stderr
    assert [line.split()[1] for line in done.stderr.splitlines()] == ["making", "installing"]
    assert_runs_in(project, done)


def assert_runs_in(project, done):
    """Check that the command ran in the Python, and imported the helpers, of the project."""
    prefix, helpers = map(Path, done.stdout.splitlines()[:2])
    assert prefix.samefile(project / ".venv")
    assert helpers.samefile(project / "helpers/__init__.py")


def test_once_set_up_it_says_and_installs_nothing_from_any_folder(project, tmp_path):
    done = run(BASE, project / "lab.py", "run", "some lesson", "-x", cwd=tmp_path, **OFFLINE)
    assert (done.returncode, done.stderr) == (0, "")
    assert_runs_in(project, done)
    assert done.stdout.splitlines()[2:] == ["some lesson", "-x"]


def test_nothing_is_left_next_to_the_environment(project):
    left = {path.name for path in project.iterdir()} - {"__pycache__"}
    assert left == {".venv", "helpers", "lab.py", "requirements.txt", "tests"}


def test_exit_code_and_options_pass_through(project):
    script = project / "tests/authors/storing.py"
    script.write_text("import sys; sys.exit(len(sys.argv))")
    try:
        assert run(BASE, project / "lab.py", "run", "--a", "-h", cwd=project).returncode == 3
    finally:
        script.write_text(REPORT)


def test_an_environment_without_its_python_is_made_anew(project):
    for python in (project / lab.PYTHON.relative_to(ROOT)).parent.glob("python*"):
        python.unlink()
    make_anew(project)


def test_changed_requirements_are_installed_and_a_failure_keeps_what_worked(project):
    requirements = project / "requirements.txt"
    before = requirements.read_text()
    requirements.write_text("no-such-package-of-ours==1.0\n")
    said = one_line(run(BASE, project / "lab.py", "run", cwd=project, **OFFLINE))
    assert said.startswith("lab.py: pip failed (")
    assert "no-such-package-of-ours==1.0" in said
    assert "is there a network" in said
    assert "run this again" in said
    requirements.write_text(before)
    done = run(BASE, project / "lab.py", "run", cwd=project, **OFFLINE)
    assert (done.returncode, done.stderr) == (0, "")
    requirements.write_text(before + "# more\n")
    done = run(BASE, project / "lab.py", "run", cwd=project, **OFFLINE)
    assert done.returncode == 0
    assert done.stderr.startswith("lab.py: installing the packages of requirements.txt")
    assert len(done.stderr.splitlines()) == 1


# Replaces pytest in the project's Python: prints its arguments, and ends or waits as asked.
PYTEST = """import os, sys, threading
try:
    print(*sys.argv[1:], flush=True)
    "WAITS" in os.environ and threading.Event().wait()
except KeyboardInterrupt:
    sys.exit(2)
sys.exit(int(os.environ["ALONE" if "measures" in sys.argv else "PARALLEL"]))
"""


@pytest.fixture
def pretended(tmp_path):
    (tmp_path / "pytest.py").write_text(PYTEST)
    return OFFLINE | {"PYTHONPATH": str(tmp_path), "PARALLEL": "0", "ALONE": "0"}


@pytest.mark.parametrize(
    ("parallel", "alone", "code", "report"),
    [
        ("0", "0", 0, "in parallel: passed, alone: passed"),
        ("1", "0", 1, "in parallel: FAILED, alone: passed"),
        ("0", "1", 1, "in parallel: passed, alone: FAILED"),
    ],
)
def test_every_test_runs_in_one_of_two_rounds(project, pretended, parallel, alone, code, report):
    pretended |= {"PARALLEL": parallel, "ALONE": alone}
    done = run(BASE, project / "lab.py", "test", cwd=project, **pretended)
    assert done.returncode == code
    first, second = done.stdout.splitlines()
    assert first.startswith("-n ")
    assert first.endswith("-m not measures")
    assert "-n " not in second
    assert second.endswith("-m measures")
    assert "about 7 minutes" in done.stderr
    assert report in done.stderr.splitlines()[-1]


def test_named_tests_run_in_one_round(project, pretended):
    command = [BASE, project / "lab.py", "test", "tests/x.py", "-k", "y"]
    done = run(*command, cwd=project, **pretended | {"PARALLEL": "3"})
    assert (done.returncode, done.stdout) == (3, "tests/x.py -k y\n")


@posix
@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 2), (signal.SIGTERM, 143)])
def test_an_interrupted_first_round_is_the_last(project, pretended, signum, code):
    first = subprocess.Popen(
        [BASE, str(project / "lab.py"), "test"],
        env=os.environ | pretended | {"WAITS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert first.stdout.readline().startswith("-n ")
        (tests,) = psutil.Process(first.pid).children()
        # A terminal's Ctrl-C goes to all of its processes, other signals to one.
        os.killpg(first.pid, signum) if signum == signal.SIGINT else first.send_signal(signum)
        said, complained = first.communicate(timeout=60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(first.pid, signal.SIGKILL)
    assert (first.returncode, said) == (code, "")
    assert "Traceback" not in complained
    assert not tests.is_running()


@posix
def test_a_second_one_waits_for_the_first(project):
    import fcntl

    command = [BASE, str(project / "lab.py"), "run"]
    with open(project / "lab.py") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        second = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        with second:
            assert "waiting for another lab.py" in second.stderr.readline()
            fcntl.flock(first, fcntl.LOCK_UN)
            assert second.communicate(timeout=60)[0].startswith(str(project))
    assert second.returncode == 0


def test_a_python_without_ensurepip_names_the_package_to_install(tmp_path):
    project = copy_project(tmp_path / "project")
    pretend = (
        "import runpy, sys; sys.modules['ensurepip'] = None; "
        f"runpy.run_path({str(project / 'lab.py')!r}, run_name='__main__')"
    )
    said = one_line(run(BASE, "-c", pretend, cwd=tmp_path))
    assert "without its ensurepip module" in said
    assert f"apt install python3.{sys.version_info.minor}-venv" in said
    assert not (project / ".venv").exists()


def test_an_environment_that_cannot_be_made_is_reported_in_one_line(tmp_path):
    project = copy_project(tmp_path / "project")
    (project / ".venv").touch()  # a file is in the way: this fails even for root
    said = one_line(run(BASE, project / "lab.py", "run", cwd=tmp_path))
    assert said.startswith(f"lab.py: could not make {project / '.venv'} (")
    assert said.endswith("run this again")


def test_an_incomplete_checkout_is_reported_in_one_line(tmp_path):
    shutil.copy(ROOT / "lab.py", tmp_path)
    said = one_line(run(BASE, tmp_path / "lab.py", cwd=tmp_path))
    assert "requirements.txt" in said


@posix
def test_an_interrupted_set_up_ends_with_its_pip_and_the_next_makes_it_anew(project):
    for signum, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        interrupt_set_up(project, signum, code)
    make_anew(project)


def interrupt_set_up(project, signum, code):
    """Interrupt lab.py while its pip waits for an index that never answers."""
    requirements = project / "requirements.txt"
    before = requirements.read_text()
    with socket.create_server(("127.0.0.1", 0)) as index:  # pip connects; nothing answers
        requirements.write_text("anything\n")
        url = f"http://127.0.0.1:{index.getsockname()[1]}/simple"
        env = os.environ | {"PIP_INDEX_URL": url, "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": ""}
        env |= {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1"}
        command = [BASE, str(project / "lab.py"), "run"]
        with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as setting_up:
            try:
                index.settimeout(300)  # before it, .venv is made
                index.accept()[0].close()  # pip has begun
                (pip,) = psutil.Process(setting_up.pid).children()
                assert not (project / ".venv/lab.json").exists()
                setting_up.send_signal(signum)
                said = setting_up.communicate(timeout=60)[1]
            finally:
                setting_up.terminate()  # its pip would ask again for minutes
    assert setting_up.returncode == code
    assert "Traceback" not in said
    pip.wait(timeout=60)
    requirements.write_text(before)


# ---- the server, from the project's own warm .venv


def wait_for(port, seconds=20):
    """Return once something listens on the port; raise OSError after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


@contextlib.contextmanager
def serving(*options, folder=ROOT, python=lab.PYTHON, home, program=None):
    """Open the lab as a reader does; yield the process, its link and its output up to there."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "JUPYTER", "COV"))}
    env |= {"JUPYTER_RUNTIME_DIR": str(home), "JUPYTER_CONFIG_DIR": str(home)}
    env |= {"JUPYTERLAB_WORKSPACES_DIR": str(home), "JUPYTERLAB_SETTINGS_DIR": str(home)}
    command = [python, *(program or [folder / "lab.py"]), "--no-browser", "--port", port, *options]
    server = subprocess.Popen(
        [str(part) for part in command],
        cwd=home,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with server:
        said = []
        try:
            for line in server.stdout:
                said.append(line)
                if link := re.search(r"http://127\.0\.0\.1:(\d+)/\S+", line):
                    wait_for(int(link[1]))  # the server prints its link before it listens
                    yield server, link[0], said
                    break
            else:
                pytest.fail("no server: " + "".join(said))
        finally:
            if os.name == "nt":  # on Windows, its children do not end with it
                for process in psutil.Process(server.pid).children(recursive=True):
                    # It may have ended with the one before.
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.kill()
            server.terminate()
            server.communicate(timeout=30)


def warm():
    """Return whether .venv is set up: if not, lab.py would make it again while tests use it."""
    return lab.wanted(lab.LESSONS).items() <= lab.found().items()


needs_warm = pytest.mark.skipif(not warm(), reason="run these by `python3 lab.py test`")


def seconds_to_serve(**how):
    begin = time.perf_counter()
    with serving(**how) as (_, link, _):
        urllib.request.urlopen(link).close()
        return time.perf_counter() - begin


@pytest.mark.measures
@needs_warm
def test_a_warm_lab_opens_about_as_soon_as_jupyterlab_by_itself(tmp_path):
    bare = ["-m", "jupyterlab", "--allow-root"]
    ours, theirs = [], []
    while len(ours) < 3 and not (ours and min(ours) < 1.5 * min(theirs)):
        ours.append(seconds_to_serve(home=tmp_path))
        theirs.append(seconds_to_serve(home=tmp_path, program=bare))
    assert min(ours) < 1.5 * min(theirs)


@needs_warm
def test_the_lab_opens_on_loopback_asks_for_its_token_and_ends_by_one_interrupt(tmp_path):
    with serving(home=tmp_path) as (server, link, said):
        with urllib.request.urlopen(link) as page:
            assert "JupyterLab" in page.read().decode()
        assert sum(line.startswith("lab.py: ") for line in said) == 1
        address, token = link.split("?token=")
        assert len(token) >= 40
        lessons = sorted(path.name for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"))
        assert not lessons or address.endswith("/lab/tree/notebooks/" + lessons[0])

        api = re.match(r"http://[^/]+", link)[0]
        for guess in ("", "?token=", "?token=" + token[:-1]):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"{api}/api/contents{guess}")
            assert refused.value.code == 403
        with urllib.request.urlopen(f"{api}/api/contents?token={token}") as answer:
            assert "lab.py" in {item["name"] for item in json.load(answer)["content"]}
        settings = f"{api}/lab/api/settings/@jupyterlab/apputils-extension:notification"
        with urllib.request.urlopen(f"{settings}?token={token}") as answer:
            options = json.load(answer)["schema"]["properties"]
        assert options["fetchNews"]["default"] == "false"  # "none" asks in a pop-up
        assert options["checkForUpdates"]["default"] is False

        process = psutil.Process(server.pid)
        tree = [process, *process.children(recursive=True)]
        sockets = [each for one in tree for each in one.net_connections()]
        addresses = {each.laddr.ip for each in sockets if each.status == "LISTEN"}
        assert addresses
        assert addresses <= {"127.0.0.1", "::1"}

        if os.name != "nt":
            server.send_signal(signal.SIGINT)
            rest = server.communicate(timeout=30)[0]
            assert server.returncode == 0
            assert "Traceback" not in rest


def test_an_option_of_the_reader_replaces_the_same_one_of_lab_py(monkeypatch):
    monkeypatch.setattr(lab, "set_up", lambda locks: None)
    monkeypatch.setattr(lab, "become", lambda command, folder: command)
    theirs = "--LabApp.default_url=/lab/tree/lab.py"
    command = lab.open_lab([theirs])
    assert [option for option in command if "default_url" in option] == [theirs]
    assert any("default_url" in option for option in lab.open_lab([]))


@pytest.mark.skipif("FRESH_CLONE" not in os.environ, reason="takes a minute: set FRESH_CLONE=1")
def test_a_fresh_clone_installs_and_serves_at_once(tmp_path):
    listed = run("git", "ls-files", "-co", "--exclude-standard", "-z", cwd=ROOT).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (tmp_path / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / "clone" / name)
    took = []
    for steps in (3, 1):  # cold: make .venv, install, open; warm: open
        begin = time.perf_counter()
        with serving(folder=tmp_path / "clone", python=BASE, home=tmp_path) as (_, link, said):
            urllib.request.urlopen(link).close()
            assert sum(line.startswith("lab.py: ") for line in said) == steps
        took.append(time.perf_counter() - begin)
    cold, warm = took
    assert warm < cold / 2
    shutil.rmtree(tmp_path / "clone")


# ---- storing outputs


def notebook_of(*cells):
    """Return a notebook without ids, as an old editor writes it; a cell is (source, *tags)."""
    cells = [
        {
            "cell_type": "code",
            "metadata": {"tags": tags, "execution": {"iopub.status.busy": "2026-01-01"}},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for source, *tags in cells
    ]
    metadata = {"language_info": {"name": "python", "version": "3.0"}, "widgets": {"state": {}}}
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4})


LESSON = [
    ("print('naïve')\nprint('in', __import__('pathlib').Path.cwd().name)",),
    ("1 / 0", "raises-exception"),
    ("import ipywidgets\nslider = ipywidgets.IntSlider(description='workers')\nslider",),
    ("display({'application/vnd.jupyter.widget-view+json': {'model_id': 'x'}}, raw=True)",),
    (
        "import sys\nprint('\\r 0/2\\r 1/2\\r 2/2', file=sys.stderr)\nprint(1)\nprint(2)",
        "nbval-skip",
    ),
    ("",),
    ("6 * 7",),
]


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A notebook after its outputs were stored once, and once more: the bytes of both."""
    folder = tmp_path_factory.mktemp("lessons")
    path = folder / "lesson.ipynb"
    path.write_text(notebook_of(*LESSON), encoding="utf-8")
    done = run(sys.executable, ROOT / "tests/authors/storing.py", path.name, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"lesson.ipynb: stored in \d+ s\n", done.stdout)
    first = path.read_bytes()
    storing.store(path)
    assert [each.name for each in folder.iterdir()] == ["lesson.ipynb"]
    return folder.name, first, path.read_bytes()


def test_storing_twice_gives_the_same_bytes(stored):
    _, first, second = stored
    assert first == second


def test_what_is_stored_is_what_a_reader_sees(stored):
    folder, text, _ = stored
    cells = json.loads(text)["cells"]
    outputs = [cell["outputs"] for cell in cells]
    assert outputs[0] == [
        {"name": "stdout", "output_type": "stream", "text": ["naïve\n", f"in {folder}\n"]}
    ]
    assert outputs[1][0]["ename"] == "ZeroDivisionError"
    assert outputs[2][0]["data"] == {"text/plain": ["IntSlider(value=0, description='workers')"]}
    assert outputs[3] == []
    assert {"".join(each["text"]) for each in outputs[4]} == {" 2/2\n", "1\n2\n"}
    assert outputs[5] == []
    assert outputs[6][0]["data"] == {"text/plain": ["42"]}
    assert outputs[6][0]["execution_count"] == 6


def test_what_is_stored_is_the_same_on_every_machine(stored):
    _, text, _ = stored
    notebook = json.loads(text)
    assert text.decode().endswith("}\n")
    assert "naïve" in text.decode()
    assert [cell["execution_count"] for cell in notebook["cells"]] == [1, 2, 3, 4, 5, None, 6]
    assert [cell["id"] for cell in notebook["cells"]] == [f"cell-{n:02}" for n in range(1, 8)]
    assert {key for cell in notebook["cells"] for key in cell["metadata"]} == {"tags"}
    assert notebook["metadata"]["language_info"] == {"name": "python"}
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    nbformat.validate(notebook)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("1 / 0", "cell 2: ZeroDivisionError: division by zero"),
        ("import os; os._exit(1)", "cell 2: the kernel died"),
    ],
)
def test_a_cell_that_fails_stores_nothing(tmp_path, capsys, source, reason):
    path, text = tmp_path / "lesson.ipynb", notebook_of(("print(1)",), (source,), ("print(2)",))
    path.write_text(text, encoding="utf-8")
    assert storing.main([path]) == 1
    assert capsys.readouterr().err == f"{path}: {reason}; nothing was stored\n"
    assert path.read_text(encoding="utf-8") == text
    assert list(tmp_path.iterdir()) == [path]


def test_a_cell_that_does_not_end_stores_nothing(tmp_path):
    path = tmp_path / "lesson.ipynb"
    path.write_text(notebook_of(("import threading; threading.Event().wait()",)), encoding="utf-8")
    with pytest.raises(storing.NotStored, match="cell 1: not done after 1 s"):
        storing.store(path, timeout=1)
    assert list(tmp_path.iterdir()) == [path]


@posix
def test_an_interrupt_stores_nothing_and_leaves_no_kernel(tmp_path):
    path = tmp_path / "lesson.ipynb"
    source = "import pathlib, threading; pathlib.Path('runs').touch(); threading.Event().wait()"
    path.write_text(notebook_of((source,)), encoding="utf-8")
    command = [sys.executable, str(ROOT / "tests/authors/storing.py"), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as storing:
        deadline = time.monotonic() + 60
        while not (tmp_path / "runs").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        kernels = psutil.Process(storing.pid).children()
        storing.send_signal(signal.SIGINT)
        assert storing.communicate(timeout=60)[0] == f"{path}: stopped, nothing was stored\n"
    assert storing.returncode == 130
    assert psutil.wait_procs(kernels, timeout=30)[1] == []
    assert path.read_text(encoding="utf-8") == notebook_of((source,))


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"nbformat": 3, "worksheets": []}'])
def test_a_file_that_is_not_a_notebook_is_reported_in_one_line(tmp_path, capsys, text):
    path = tmp_path / "odd.ipynb"
    if text is not None:
        path.write_text(text)
    assert storing.main([path]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("nothing was stored")


def test_ids_are_kept_and_no_two_are_the_same(tmp_path):
    notebook = json.loads(notebook_of(*[("",)] * 4))
    for cell, name in zip(notebook["cells"], ["cell-02", None, "mine", "mine"], strict=True):
        cell |= {"id": name} if name else {}
    (tmp_path / "a.ipynb").write_text(json.dumps(notebook))
    ids = [cell.id for cell in storing.read(tmp_path / "a.ipynb").cells]
    assert ids == ["cell-02", "cell-03", "mine", "cell-04"]


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("plain\n", "plain\n"),
        ("\r 10%\r100%\n", "100%\n"),
        ("a longer line\rA\n", "A longer line\n"),
        ("gone\r    \r", ""),
        ("dos\r\nends\r\n", "dos\nends\n"),
        ("one\ntwo\rTWO\nthree", "one\nTWO\nthree"),
    ],
)
def test_a_bar_is_stored_as_a_terminal_leaves_it(raw, seen):
    assert storing.last_look(raw) == seen
