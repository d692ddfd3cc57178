#!/usr/bin/env python3
"""Open the lessons, test them, or store their outputs again.

    python3 lab.py [JupyterLab options]     open the lessons in JupyterLab
    python3 lab.py test                     run the tests, in two rounds
    python3 lab.py test ARGUMENTS           run pytest with these, in one round
    python3 lab.py run [notebooks]          run lessons (all of them if none is named)
                                            and store their outputs
    python3 lab.py bench [arguments]        run the benchmarks
    python3 lab.py site [--slides]          build the site in _site: pages to read and to print
    python3 lab.py name OWNER/REPO          write this name into the links of README.md

The first time, and whenever requirements.txt changes, lab.py installs what a command needs
in the folder .venv next to it. It changes nothing outside that folder.
"""

# ruff: noqa: UP036
# No grammar newer than Python 3.6: an older Python must be able to read this file, and then says in
# one line that it is too old.

import sys

if sys.version_info < (3, 11):
    sys.exit("lab.py: needs Python 3.11 or newer, this is {}.{}".format(*sys.version_info))

import contextlib
import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "lab.json"
LOG = VENV / "pip.log"
PTH = Path(sysconfig.get_path("purelib", "venv", {"base": str(VENV)})) / "a_watched_pool.pth"
SETTINGS = ROOT / "binder/jupyter"  # of JupyterLab and nbconvert; a reader's own still win
LESSONS = ["requirements.txt"]
TESTS = ["requirements.txt", "tests/requirements.txt"]
MINUTES = "6 minutes"
LEFT_OUT = "walks or setup or facts"  # markers of tests that rarely fail: see CONTRIBUTING.md
SLOWEST = ["--durations", "10", "--durations-min", "5"]
# How much of a core a process gets depends on what else runs: tests that measure time run alone.
ROUNDS = {
    "in parallel": [
        "-n",
        "4",
        "--no-loadscope-reorder",
        *SLOWEST,
        "-m",
        f"not (measures or dask or {LEFT_OUT})",
    ],
    "alone": [*SLOWEST, "-m", f"(measures or dask) and not ({LEFT_OUT})"],
}
AGAIN = ", then run this again"
PASSED, FAILED = 0, 1  # of pytest's exit codes
SCRIPTS = {
    "run": "storing.py",
    "bench": "benchmarks/run.py",
    "site": "publishing.py",
    "name": "naming.py",
}


def say(text: str) -> None:
    """Print what happens next, to stderr: stdout belongs to the program that is run."""
    sys.stderr.write(f"lab.py: {text}\n")


def stop(text: str) -> None:
    """Raise SystemExit with code 1, and print `text`: what went wrong, and what to do."""
    sys.exit(f"lab.py: {text}")


def wanted(locks: list) -> dict:
    """Return what .venv must be made from: this Python, this folder, this file and `locks`.

    The folder counts because scripts in .venv contain its path: a moved project needs a new .venv.
    """
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    made_from = {"python": f"{sys.base_prefix}, {suffix}, for {ROOT}"}
    for name in ["lab.py", *locks]:
        made_from[name] = hashlib.sha256((ROOT / name).read_bytes()).hexdigest()
    return made_from


def found() -> dict:
    """Return what .venv was made from; {} if it is missing, incomplete or without a Python."""
    try:
        return json.loads(STAMP.read_text()) if PYTHON.exists() else {}
    except (OSError, ValueError):
        return {}


@contextlib.contextmanager
def alone() -> Iterator:
    """Let only one lab.py set up at a time, if the system has locks: the others wait for it.

    The lock is on lab.py itself, so there is no file to leave behind. It ends with its process.
    """
    with open(__file__, "rb") as this_file:
        try:
            if fcntl:
                fcntl.flock(this_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another lab.py that is setting up")
            fcntl.flock(this_file, fcntl.LOCK_EX)
        except OSError:  # some network drives have no locks; two at once are rare
            pass
        yield


def set_up(locks: list) -> None:
    """Bring .venv up to date with this Python, `locks` and our settings.

    The stamp says what .venv was made from. There is none while pip works: so the next lab.py sees
    that a set-up was interrupted, and makes .venv again.
    """
    with alone():
        have, want, trouble = found(), wanted(locks), ""
        if have.get("python") != want["python"]:
            say(f"making a Python environment in {VENV} (a few seconds)")
            make_venv()
            have = {"python": want["python"]}
        if not want.items() <= have.items():
            say(f"installing the packages of {' and '.join(locks)} there (about a minute)")
            STAMP.unlink(missing_ok=True)
            trouble = install(locks)
            # pip undoes what it did when it fails: what was there still works, even offline.
            STAMP.write_text(json.dumps(have if trouble else dict(have, **want), indent=1))
        shutil.copytree(SETTINGS, VENV / "etc/jupyter", dirs_exist_ok=True)
    if trouble:
        stop(trouble)


def make_venv() -> None:
    """Make a new .venv in place of any other; raise SystemExit if that fails."""
    try:
        import ensurepip  # noqa: F401  without it, as on Debian, venv fails late
        import venv
    except ImportError as error:
        package = "python{}.{}-venv".format(*sys.version_info)
        fix = f"on Debian and Ubuntu, `apt install {package}`{AGAIN}"
        stop(f"this Python came without its {error.name} module: {fix}")
    try:
        venv.create(VENV, clear=True, symlinks=os.name != "nt", with_pip=True)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        output = getattr(error, "output", None) or str(error).encode()
        reason, fix = reason_in(output.decode(errors="replace")), "fix that"
        if getattr(error, "errno", None) in (errno.EACCES, errno.EPERM, errno.EROFS):
            fix = "copy the course to a folder that you can write to"
        stop(f"could not make {VENV} ({reason}): {fix}{AGAIN}")


def install(locks: list) -> str:
    """Install `locks` in .venv; return "" or, if pip failed, an error message."""
    # A file with a path: `pip install -e .` would find watchedpool, but not helpers. Its hook would
    # cost each Python, and so each worker process, 10 ms at its start, and its setuptools would not
    # be locked. Before 3.13, Python reads such a file in the system's encoding: a relative path is
    # the same in each.
    PTH.write_text(os.path.relpath(ROOT, PTH.parent) + "\n")
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    # The locks are complete: with --no-deps, pip does not resolve dependencies again.
    command = [*pip, "--no-deps", *[part for name in locks for part in ("-r", name)]]
    environment = dict(os.environ, TMPDIR=str(VENV))  # a killed pip leaves nothing outside
    with open(LOG, "wb") as log:
        streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
        done = subprocess.run(command, cwd=ROOT, env=environment, **streams)
    if done.returncode == 0:
        return ""
    output = LOG.read_text(errors="replace")
    if "Retry(total=0," in output:  # pip's own error would name a package that it could not find
        what, fix = "to its index", "connect to a network, or set HTTPS_PROXY if there is a proxy"
        if "broken by 'ProxyError" in output:
            what, fix = "through the proxy", "correct HTTPS_PROXY"
        return f"pip got no connection {what} (see {LOG}): {fix}{AGAIN}"
    hint = "is there a network, and space on the disk? Then run this again"
    return f"pip failed ({reason_in(output)}; see {LOG}): {hint}"


def reason_in(output: str) -> str:
    """Return the line of pip's output that says what went wrong: its first error, or its last."""
    lines = output.strip().splitlines() or ["no output"]
    return next((line for line in lines if line.startswith("ERROR: ")), lines[-1])


def become(command: list, folder: "Path | None" = None) -> int:
    """Run `command` in .venv's Python in place of lab.py, so that it gets every signal itself."""
    if os.name == "nt":  # without exec: the prompt would return while the program runs
        return run(command, folder)
    os.chdir(folder or ".")
    return os.execv(PYTHON, [str(part) for part in [PYTHON, *command]])


def run(command: list, folder: "Path | None" = None) -> int:
    """Run `command` in .venv's Python; return its exit code. The command handles Ctrl-C itself."""
    with subprocess.Popen([str(part) for part in [PYTHON, *command]], cwd=folder) as program:
        while True:
            try:
                return program.wait()
            except KeyboardInterrupt:
                continue
            except SystemExit:  # SIGTERM
                program.terminate()
                raise


def open_lab(options: list) -> int:
    """Open JupyterLab on the first lesson, on loopback; it refuses an unknown option itself."""
    set_up(LESSONS)
    lesson = min(path.name for path in ROOT.glob("notebooks/[0-9]*.ipynb"))
    ours = [f"--LabApp.default_url=/lab/tree/notebooks/{lesson}", "-y"]  # -y: one Ctrl-C ends it
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        ours.append("--allow-root")  # JupyterLab refuses root, the only user of many containers
    named = {option.split("=")[0] for option in options}  # JupyterLab accepts an option only once
    if "--version" not in named:
        say(f"opening JupyterLab on {lesson}; Ctrl-C ends it")
    ours = [option for option in ours if option.split("=")[0] not in named]
    return become(["-m", "jupyterlab", *ours, *options], ROOT)


def test(arguments: list) -> int:
    """Run the tests in two rounds, or those of `arguments` in one; return the exit code."""
    set_up(TESTS)
    # Tests start hundreds of Pythons: without bytecode, each compiles again what it imports.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if arguments:
        return become(["-m", "pytest", *arguments], ROOT)
    say(f"two rounds of tests, on two cores about {MINUTES}")
    say(f"without tests marked {LEFT_OUT.replace(' or ', ', ', 1)}: .ci/run runs these too")
    codes = {}
    for kind, options in ROUNDS.items():
        say(kind)
        codes[kind] = run(["-m", "pytest", *options], ROOT)
        if codes[kind] not in (PASSED, FAILED):  # interrupted, for one
            return codes[kind]
    say(", ".join(f"{kind}: {('passed', 'FAILED')[code]}" for kind, code in codes.items()))
    return max(codes.values())


def main(arguments: list) -> int:
    """Run the command that `arguments` name; return the exit code."""
    word = arguments[0] if arguments else ""
    if word in ("-h", "--help"):
        sys.stdout.write(__doc__)
        return 0
    if not word or word.startswith("-"):
        return open_lab(arguments)
    if word == "test":
        return test(arguments[1:])
    script = SCRIPTS.get(word)
    if script:
        set_up(LESSONS)
        return become([ROOT / "tests/authors" / script, *arguments[1:]])
    sys.stderr.write(f"lab.py: there is no command {word!r}\n\n{__doc__}")
    return 2


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that pip is ended with lab.py
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        say("stopped; run this again to continue")
        sys.exit(130)
    except (OSError, UnicodeError) as error:
        stop(f"{error}: fix that{AGAIN}")
