"""lab.py does what its users see: its output and exit code."""

import ast
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
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from leftovers import DEADLINE

import lab

ROOT = Path(__file__).resolve().parents[2]
BASE = getattr(sys, "_base_executable", sys.executable)  # a Python outside of any .venv
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""}
CLOSED = "http://127.0.0.1:9"  # nothing listens there
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has neither locks nor signals for it")


def surroundings(**env):
    """Return the variables of a new shell: without pytest's and Jupyter's, but with `env`."""
    ours = ("PYTEST", "COV", "JUPYTER")
    return {k: v for k, v in os.environ.items() if not k.startswith(ours)} | env


def run(*arguments, cwd, **env):
    """Run a Python outside of any .venv to its end."""
    return subprocess.run(
        [BASE, *arguments],
        cwd=cwd,
        env=surroundings(**OFFLINE | env),
        capture_output=True,
        text=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
    )


@contextmanager
def started(python, *arguments, **env):
    """Start lab.py as the head of a terminal's processes; in the end, stop it."""
    program = subprocess.Popen(
        [python, *arguments],
        env=surroundings(**env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield program
    finally:
        if program.poll() is None:
            for process in psutil.Process(program.pid).children(recursive=True):
                process.kill()
            program.communicate(timeout=DEADLINE)


def interrupt(program, signum=signal.SIGINT):
    """Send a signal; a terminal's Ctrl-C goes to all of its processes, other signals to one."""
    os.killpg(program.pid, signum) if signum == signal.SIGINT else program.send_signal(signum)


def one_line(done):
    """Check that a failed command printed one line, and return that line."""
    assert (done.returncode, done.stdout) == (1, "")
    *steps, line = done.stderr.splitlines()
    assert all(step.startswith(("lab.py: making", "lab.py: installing")) for step in steps)
    return line


def pretend(change, script):
    """Return the Python options that run a script after a change of this Python."""
    return "-c", f"import runpy, sys; {change}; runpy.run_path({str(script)!r}, None, '__main__')"


# ---- nothing is set up


def test_help_and_an_unknown_word_print_the_usage(tmp_path):
    done = run(ROOT / "lab.py", "--help", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, lab.__doc__, "")
    done = run(ROOT / "lab.py", "notebooks/01.ipynb", cwd=tmp_path)
    said = f"lab.py: there is no command 'notebooks/01.ipynb'\n\n{lab.__doc__}"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


def test_a_python_that_is_too_old_says_so_in_one_line(tmp_path):
    old = pretend("sys.version_info = (3, 10, 13, 'final', 0)", ROOT / "lab.py")
    said = one_line(run(*old, cwd=tmp_path))
    assert said == "lab.py: needs Python 3.11 or newer, this is 3.10"
    # A much older Python must be able to read the file.
    ast.parse((ROOT / "lab.py").read_text(encoding="utf-8"), feature_version=(3, 6))


def test_an_option_of_the_reader_replaces_the_same_one_of_lab_py(monkeypatch):
    monkeypatch.setattr(lab, "set_up", lambda locks: None)
    monkeypatch.setattr(lab, "become", lambda command, folder: command)
    theirs = "--LabApp.default_url=/lab/tree/lab.py"
    assert [option for option in lab.open_lab([theirs]) if "default_url" in option] == [theirs]
    assert any("default_url" in option for option in lab.open_lab([]))


@pytest.mark.parametrize(
    ("arguments", "codes", "report"),
    [
        ([], [0, 0], "in parallel: passed, alone: passed"),
        ([], [1, 0], "in parallel: FAILED, alone: passed"),
        ([], [0, 1], "in parallel: passed, alone: FAILED"),
        ([], [2], "in parallel"),  # interrupted: the first round is the last
        (["tests/x.py", "-k", "y"], [3], None),
    ],
)
def test_tests_run_in_two_rounds_and_named_ones_in_one(
    arguments, codes, report, monkeypatch, capsys
):
    ran = []
    monkeypatch.setattr(lab, "set_up", lambda locks: None)
    for name in "run", "become":
        code = lambda command, _: ran.append(command) or codes[len(ran) - 1]  # noqa: E731
        monkeypatch.setattr(lab, name, code)
    assert lab.test(arguments) == max(codes)
    assert len(ran) == len(codes)
    assert ran[0][2:] == arguments or "-n" in ran[0]
    assert all("-n" not in command for command in ran[1:])
    said = capsys.readouterr().err.splitlines()
    assert said[-1:] == ([f"lab.py: {report}"] if report else [])


# ---- setting up, in a copy of the project that needs no packages, and so no network


def copy_project(folder):
    """Make a project that has nothing to install, and whose `lab.py run` prints where it is."""
    (folder / "tests/authors").mkdir(parents=True)
    (folder / "helpers").mkdir()
    (folder / "helpers/__init__.py").touch()
    shutil.copy(ROOT / "lab.py", folder)
    shutil.copytree(ROOT / "binder/jupyter", folder / "binder/jupyter")
    (folder / "requirements.txt").write_text("# nothing\n")
    (folder / "tests/requirements.txt").write_text("# nothing\n")
    report = "import sys, helpers; print(sys.prefix, helpers.__file__, *sys.argv[1:], sep='\\n')"
    (folder / "tests/authors/storing.py").write_text(report)
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Return a project that is set up; tests that break it must set it up again."""
    project = copy_project(tmp_path_factory.mktemp("a project") / "é")
    make_anew(project)
    yield project
    shutil.rmtree(project)


def make_anew(project):
    """Run lab.py where .venv is unusable; check that it says so, makes .venv again and works."""
    done = run(project / "lab.py", "run", cwd=project)
    assert done.returncode == 0, done.stderr
    assert [line.split()[1] for line in done.stderr.splitlines()] == ["making", "installing"]
    assert_runs_in(project, done)


def assert_runs_in(project, done):
    """Check that the command ran in the Python, and imported the helpers, of the project."""
    prefix, helpers = map(Path, done.stdout.splitlines()[:2])
    assert prefix.samefile(project / ".venv")
    assert helpers.samefile(project / "helpers/__init__.py")


def test_once_set_up_it_says_and_installs_nothing_from_any_folder(project, tmp_path):
    done = run(project / "lab.py", "run", "some lesson", "-h", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert_runs_in(project, done)
    assert done.stdout.splitlines()[2:] == ["some lesson", "-h"]
    left = {path.name for path in project.iterdir()} - {"__pycache__"}
    assert left == {".venv", "binder", "helpers", "lab.py", "requirements.txt", "tests"}


@pytest.mark.setup
def test_an_environment_without_its_python_is_made_anew(project):
    for python in (project / lab.PYTHON.relative_to(ROOT)).parent.glob("python*"):
        python.unlink()
    make_anew(project)


def test_changed_requirements_are_installed_and_a_failure_keeps_what_worked(project):
    requirements = project / "requirements.txt"
    before = requirements.read_text()
    requirements.write_text("no-such-package-of-ours==1.0\n")
    said = one_line(run(project / "lab.py", "run", cwd=project))
    assert said.startswith("lab.py: pip failed (")
    assert "no-such-package-of-ours==1.0" in said
    assert said.endswith("is there a network, and space on the disk? Then run this again")
    requirements.write_text(before)
    done = run(project / "lab.py", "run", cwd=project)
    assert (done.returncode, done.stderr) == (0, "")
    requirements.write_text(before + "# more\n")
    done = run(project / "lab.py", "run", cwd=project)
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("lab.py: installing the packages of requirements.txt")


@pytest.mark.parametrize(
    ("proxy", "reason", "fix"),
    [
        ("", "no connection to its index", "or set HTTPS_PROXY if there is a proxy"),
        (CLOSED, "no connection through the proxy", "correct HTTPS_PROXY"),
    ],
    ids=["no network", "a proxy that does not answer"],
)
def test_a_missing_connection_is_reported_instead_of_a_missing_package(project, proxy, reason, fix):
    requirements = project / "requirements.txt"
    before = requirements.read_text()
    requirements.write_text("no-such-package-of-ours==1.0\n")
    index = {"PIP_NO_INDEX": "0", "PIP_INDEX_URL": CLOSED, "PIP_RETRIES": "1"}
    if proxy:
        index |= {"PIP_INDEX_URL": "https://index.invalid/simple", "PIP_PROXY": proxy}
    said = one_line(run(project / "lab.py", "run", cwd=project, **index))
    requirements.write_text(before)
    assert said.startswith(f"lab.py: pip got {reason} (see ")
    assert said.endswith(f"{fix}, then run this again")


def test_what_keeps_it_from_setting_up_is_reported_in_one_line(tmp_path):
    project = copy_project(tmp_path / "project")
    without = pretend("sys.modules['ensurepip'] = None", project / "lab.py")
    said = one_line(run(*without, cwd=tmp_path))
    assert f"apt install python3.{sys.version_info.minor}-venv" in said
    assert not (project / ".venv").exists()
    (project / ".venv").touch()  # a file is in the way: this fails even for root
    said = one_line(run(project / "lab.py", "run", cwd=tmp_path))
    assert said.startswith(f"lab.py: could not make {project / '.venv'} (")
    assert said.endswith("run this again")
    (project / "requirements.txt").unlink()
    assert "requirements.txt" in one_line(run(project / "lab.py", cwd=tmp_path))


@posix
def test_a_command_gets_each_signal_itself(project):
    script = project / "tests/authors/naming.py"
    script.write_text("import time; print('ready', flush=True); time.sleep(1000)")
    for signum in signal.SIGINT, signal.SIGTERM:
        with started(BASE, project / "lab.py", "name") as command:
            assert command.stdout.readline() == "ready\n"
            command.send_signal(signum)
            command.communicate(timeout=DEADLINE)
        assert command.returncode == -signum


@posix
def test_a_second_one_waits_for_the_first(project):
    import fcntl

    with open(project / "lab.py") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        with started(BASE, project / "lab.py", "run") as second:
            assert "waiting for another lab.py" in second.stderr.readline()
            fcntl.flock(first, fcntl.LOCK_UN)
            assert second.communicate(timeout=DEADLINE)[0].startswith(str(project))
    assert second.returncode == 0


@pytest.mark.setup
@posix
def test_an_interrupted_set_up_ends_with_its_pip_and_the_next_makes_it_anew(project):
    requirements = project / "requirements.txt"
    before = requirements.read_text()
    for signum, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        requirements.write_text("anything\n")
        with socket.create_server(("127.0.0.1", 0)) as index:  # pip connects; nothing answers
            url = f"http://127.0.0.1:{index.getsockname()[1]}/simple"
            env = {"PIP_INDEX_URL": url, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1"}
            with started(BASE, project / "lab.py", "run", **env) as setting_up:
                index.settimeout(DEADLINE)  # before it, .venv is made
                index.accept()[0].close()  # pip has begun
                (pip,) = psutil.Process(setting_up.pid).children()
                assert not (project / ".venv/lab.json").exists()
                interrupt(setting_up, signum)
                assert "Traceback" not in setting_up.communicate(timeout=DEADLINE)[1]
        assert setting_up.returncode == code
        pip.wait(timeout=DEADLINE)
    requirements.write_text(before)
    make_anew(project)


# ---- the server, from the project's own warm .venv


def ask(url):
    """Return what the server answers, as soon as it listens: it prints its link before that."""
    deadline = time.monotonic() + DEADLINE
    while True:
        try:
            with urllib.request.urlopen(url) as answer:
                return answer.read().decode()
        except OSError as error:
            if isinstance(error, urllib.error.HTTPError) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


@pytest.mark.skipif(
    not lab.wanted(lab.LESSONS).items() <= lab.found().items(),
    reason="lab.py would make .venv again while tests use it: run this by `python3 lab.py test`",
)
def test_the_lab_opens_on_loopback_asks_for_its_token_and_ends_by_one_interrupt(tmp_path):
    names = "RUNTIME", "CONFIG"
    env = {f"JUPYTER_{name}_DIR": str(tmp_path) for name in names}
    env |= {f"JUPYTERLAB_{name}_DIR": str(tmp_path) for name in ("WORKSPACES", "SETTINGS")}
    options = ["--no-browser", "--port", "0"]
    with started(lab.PYTHON, ROOT / "lab.py", *options, **env) as server:
        said = [server.stderr.readline()]
        while not (link := re.search(r"(http://127\.0\.0\.1:\d+)(/\S+)\?token=(\w+)", said[-1])):
            said.append(server.stderr.readline())
            assert said[-1], said
        assert sum(line.startswith("lab.py: ") for line in said) == 1
        site, page, token = link.groups()
        assert page == "/lab/tree/notebooks/00-start-here.ipynb"
        assert "custom/custom.css" in ask(link[0])
        assert "stderr" in ask(f"{site}/custom/custom.css?token={token}")
        with pytest.raises(urllib.error.HTTPError, match="403"):
            ask(f"{site}/api/contents")
        assert '"lab.py"' in ask(f"{site}/api/contents?token={token}")
        settings = f"{site}/lab/api/settings/@jupyterlab"
        news = json.loads(ask(f"{settings}/apputils-extension:notification?token={token}"))
        assert news["schema"]["properties"]["fetchNews"]["default"] == "false"  # "none" asks
        viewers = json.loads(ask(f"{settings}/docmanager-extension:plugin?token={token}"))
        shown = viewers["schema"]["properties"]["defaultViewers"]["default"]
        assert shown == {"markdown": "Markdown Preview"}  # the README, for one
        process = psutil.Process(server.pid)
        processes = process, *process.children(recursive=True)
        sockets = [each for one in processes for each in one.net_connections()]
        addresses = {each.laddr.ip for each in sockets if each.status == "LISTEN"}
        assert addresses
        assert addresses <= {"127.0.0.1", "::1"}
        if os.name != "nt":
            interrupt(server)
            assert "Traceback" not in server.communicate(timeout=DEADLINE)[1]
            assert server.returncode == 0
