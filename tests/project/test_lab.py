"""lab.py does what its users see: its output and exit code."""

import ast
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

import psutil
import pytest
from leftovers import DEADLINE

import lab

ROOT = Path(__file__).resolve().parents[2]
BASE = getattr(sys, "_base_executable", sys.executable)  # a Python outside of any .venv
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
    )


def one_line(done):
    """Check that a failed command printed one line, and return that line."""
    assert done.returncode == 1
    assert done.stdout == ""
    *steps, line = done.stderr.splitlines()
    assert all(step.startswith(("lab.py: making", "lab.py: installing")) for step in steps)
    return line


# ---- the command line: nothing is set up


def test_an_unknown_word_prints_usage_and_exits_2(tmp_path):
    done = run(BASE, ROOT / "lab.py", "notebooks/01.ipynb", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("lab.py: there is no command 'notebooks/01.ipynb'\n")
    assert done.stderr.endswith(lab.__doc__)


def test_help_names_every_command(tmp_path):
    done = run(BASE, ROOT / "lab.py", "--help", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    for command in ("[JupyterLab options]", "test", "run", "bench"):
        assert f"python3 lab.py {command}" in done.stdout


def pretend(change, script):
    """Return the Python options that run a script after a change of this Python."""
    run = f"runpy.run_path({str(script)!r}, run_name='__main__')"
    return "-c", f"import runpy, sys; {change}; {run}"


def test_a_python_that_is_too_old_says_so_in_one_line(tmp_path):
    old = pretend("sys.version_info = (3, 10, 13, 'final', 0)", ROOT / "lab.py")
    said = one_line(run(BASE, *old, cwd=tmp_path))
    assert said == "lab.py: needs Python 3.11 or newer, this is 3.10"
    # A much older Python must be able to read the file.
    ast.parse((ROOT / "lab.py").read_text(encoding="utf-8"), feature_version=(3, 6))


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
    done = run(BASE, project / "lab.py", "run", "some lesson", "-h", cwd=tmp_path, **OFFLINE)
    assert (done.returncode, done.stderr) == (0, "")
    assert_runs_in(project, done)
    assert done.stdout.splitlines()[2:] == ["some lesson", "-h"]
    left = {path.name for path in project.iterdir()} - {"__pycache__"}
    assert left == {".venv", "helpers", "lab.py", "requirements.txt", "tests"}


@pytest.mark.setup
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
sys.exit(int(os.environ["PARALLEL" if "-n" in sys.argv else "ALONE"]))
"""


@pytest.fixture
def pretended(tmp_path):
    (tmp_path / "pytest.py").write_text(PYTEST)
    return OFFLINE | {"PYTHONPATH": str(tmp_path), "PARALLEL": "0", "ALONE": "0"}


@pytest.mark.parametrize(
    ("parallel", "alone", "report"),
    [
        ("0", "0", "in parallel: passed, alone: passed"),
        ("1", "0", "in parallel: FAILED, alone: passed"),
        ("0", "1", "in parallel: passed, alone: FAILED"),
    ],
)
def test_tests_run_in_two_rounds(project, pretended, parallel, alone, report):
    pretended |= {"PARALLEL": parallel, "ALONE": alone}
    done = run(BASE, project / "lab.py", "test", cwd=project, **pretended)
    assert done.returncode == int("FAILED" in report)
    first, second = done.stdout.splitlines()
    assert first.startswith("-n ")
    assert "-n " not in second
    assert "without tests marked walks, setup or facts" in done.stderr
    assert report in done.stderr.splitlines()[-1]


def test_named_tests_run_in_one_round(project, pretended):
    command = [BASE, project / "lab.py", "test", "tests/x.py", "-k", "y"]
    done = run(*command, cwd=project, **pretended | {"ALONE": "3"})
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
        said, complained = first.communicate(timeout=DEADLINE)
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
            assert second.communicate(timeout=DEADLINE)[0].startswith(str(project))
    assert second.returncode == 0


def test_a_python_without_ensurepip_names_the_package_to_install(tmp_path):
    project = copy_project(tmp_path / "project")
    without = pretend("sys.modules['ensurepip'] = None", project / "lab.py")
    said = one_line(run(BASE, *without, cwd=tmp_path))
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


@pytest.mark.setup
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
                index.settimeout(DEADLINE)  # before it, .venv is made
                index.accept()[0].close()  # pip has begun
                (pip,) = psutil.Process(setting_up.pid).children()
                assert not (project / ".venv/lab.json").exists()
                setting_up.send_signal(signum)
                said = setting_up.communicate(timeout=DEADLINE)[1]
            finally:
                setting_up.terminate()  # its pip would ask again for minutes
    assert setting_up.returncode == code
    assert "Traceback" not in said
    pip.wait(timeout=DEADLINE)
    requirements.write_text(before)


# ---- the server, from the project's own warm .venv


@pytest.fixture
def server(tmp_path):
    """Open the lab as a reader does; yield the process, its link and its output up to there."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "JUPYTER", "COV"))}
    ours = "JUPYTER_RUNTIME", "JUPYTER_CONFIG", "JUPYTERLAB_WORKSPACES", "JUPYTERLAB_SETTINGS"
    env |= {f"{name}_DIR": str(tmp_path) for name in ours}
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    server = subprocess.Popen(
        [lab.PYTHON, ROOT / "lab.py", "--no-browser", "--port", port],
        cwd=tmp_path,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = []
    try:
        for line in server.stdout:
            said.append(line)
            if link := re.search(r"http://127\.0\.0\.1:\d+/\S+", line):
                yield server, link[0], said
                break
        else:
            pytest.fail("no server: " + "".join(said))
    finally:
        tree = psutil.Process(server.pid).children(recursive=True) if os.name == "nt" else []
        for process in tree:  # on Windows, they do not end with the server
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        server.terminate()
        server.communicate(timeout=DEADLINE)


def ask(url):
    """Return what the server answers, as soon as it listens: it prints its link before that."""
    deadline = time.monotonic() + DEADLINE
    while True:
        try:
            with urllib.request.urlopen(url) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError:
            raise
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


@pytest.mark.skipif(
    not lab.wanted(lab.LESSONS).items() <= lab.found().items(),
    reason="lab.py would make .venv again while tests use it: run this by `python3 lab.py test`",
)
def test_the_lab_opens_on_loopback_asks_for_its_token_and_ends_by_one_interrupt(server):
    process, link, said = server
    assert "JupyterLab" in ask(link)
    assert sum(line.startswith("lab.py: ") for line in said) == 1
    address, token = link.split("?token=")
    lesson = min(path.name for path in ROOT.glob("notebooks/[0-9]*.ipynb"))
    assert address.endswith(f"/lab/tree/notebooks/{lesson}")

    api = re.match(r"http://[^/]+", link)[0]
    with pytest.raises(urllib.error.HTTPError, match="403"):
        ask(f"{api}/api/contents")
    contents = json.loads(ask(f"{api}/api/contents?token={token}"))["content"]
    assert "lab.py" in {item["name"] for item in contents}
    settings = f"{api}/lab/api/settings/@jupyterlab/apputils-extension:notification"
    options = json.loads(ask(f"{settings}?token={token}"))["schema"]["properties"]
    assert options["fetchNews"]["default"] == "false"  # "none" asks in a pop-up
    assert options["checkForUpdates"]["default"] is False

    head = psutil.Process(process.pid)
    sockets = [s for one in (head, *head.children(recursive=True)) for s in one.net_connections()]
    addresses = {each.laddr.ip for each in sockets if each.status == "LISTEN"}
    assert addresses
    assert addresses <= {"127.0.0.1", "::1"}

    if os.name != "nt":
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=DEADLINE)[0]
        assert process.returncode == 0
        assert "Traceback" not in rest


def test_an_option_of_the_reader_replaces_the_same_one_of_lab_py(monkeypatch):
    monkeypatch.setattr(lab, "set_up", lambda locks: None)
    monkeypatch.setattr(lab, "become", lambda command, folder: command)
    theirs = "--LabApp.default_url=/lab/tree/lab.py"
    command = lab.open_lab([theirs])
    assert [option for option in command if "default_url" in option] == [theirs]
    assert any("default_url" in option for option in lab.open_lab([]))
