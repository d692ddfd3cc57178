#!/usr/bin/env python3
"""Open the lessons, test them, or store their outputs again.

    python3 lab.py [JupyterLab options]     open the lessons in JupyterLab
    python3 lab.py test                     run every test, in two rounds
    python3 lab.py test ARGUMENTS           run pytest with these, in one round
    python3 lab.py run [notebooks]          run lessons (all of them if none is named)
                                            and store their outputs
    python3 lab.py bench [arguments]        run the benchmarks

What a command needs is installed in the folder .venv beside lab.py, the first time and
whenever requirements.txt changes. Nothing outside that folder is changed.
"""

# ruff: noqa: UP036
# Nothing newer than Python 3.6 in the grammar: a Python that is too old must be able to read this
# file, to say so in one line.

import sys

if sys.version_info < (3, 11):
    sys.exit("lab.py: needs Python 3.11 or newer, this is {}.{}".format(*sys.version_info))

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

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
# Not a question about Jupyter's news before the first sentence; a reader's own choice still wins.
OVERRIDES = VENV / "share/jupyter/lab/settings/overrides.json"
NO_NEWS = {"fetchNews": "false", "checkForUpdates": False}
LESSONS = ["requirements.txt"]
TESTS = ["requirements.txt", "tests/requirements.txt"]
MINUTES = "7 minutes"
# A process's share of a core depends on its neighbours: what measures time has none.
SIDE_BY_SIDE = ["-n", "4", "--no-loadscope-reorder"]
SLOWEST = ["--durations", "10", "--durations-min", "5"]
ROUNDS = {
    "side by side": ("what waits or computes", [*SIDE_BY_SIDE, *SLOWEST, "-m", "not measures"]),
    "alone": ("what measures time", [*SLOWEST, "-m", "measures"]),
}
PASSED, FAILED = 0, 1  # of pytest's exit codes


def say(text: str) -> None:
    """Tell what happens next. On stderr, so that stdout belongs to the program that is run."""
    sys.stderr.write(f"lab.py: {text}\n")


def stop(text: str) -> None:
    """Raise SystemExit: print `text`, which says what went wrong and what to do, and exit 1."""
    sys.exit(f"lab.py: {text}")


def wanted(locks: list) -> dict:
    """Return what .venv has to be made from: this Python, this folder, this file and `locks`.

    The folder counts because scripts in .venv hold its path: a moved project needs a new one.
    """
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    made_from = {"python": f"{sys.base_prefix}, {suffix}, for {ROOT}"}
    for name in ["lab.py", *locks]:
        made_from[name] = hashlib.sha256((ROOT / name).read_bytes()).hexdigest()
    return made_from


def found() -> dict:
    """Return what .venv was made from; {} where it is missing, half made or without a Python."""
    try:
        return json.loads(STAMP.read_text()) if PYTHON.exists() else {}
    except (OSError, ValueError):
        return {}


@contextlib.contextmanager
def alone() -> Iterator:
    """Let one lab.py at a time set up, where the system can: the others wait for it.

    The lock is on lab.py itself: there is no file to leave behind, and it ends with its process.
    """
    with open(__file__, "rb") as this_file:
        try:
            if fcntl:
                fcntl.flock(this_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another lab.py that is setting up")
            fcntl.flock(this_file, fcntl.LOCK_EX)
        except OSError:  # some network drives have no locks: two at once is rare, no lab is worse
            pass
        yield


def set_up(locks: list) -> None:
    """Bring .venv up to date with this Python and `locks`; where it is, change nothing.

    The stamp says what .venv was made from. It is away while pip works, so that a set-up that
    was cut short shows, and .venv is made anew.
    """
    with alone():
        have, want = found(), wanted(locks)
        if want.items() <= have.items():
            return
        if have.get("python") != want["python"]:
            say(f"making a Python environment in {VENV} (a few seconds)")
            make_venv()
            have = {"python": want["python"]}
        say(f"installing the packages of {' and '.join(locks)} there (about a minute)")
        STAMP.unlink(missing_ok=True)
        trouble = install(locks)
        # A pip that failed has undone what it did: what was there still works, even offline.
        STAMP.write_text(json.dumps(have if trouble else dict(have, **want), indent=1))
    if trouble:
        stop(trouble)


def make_venv() -> None:
    """Make .venv from scratch, in place of any other; raises SystemExit where that fails."""
    try:
        import ensurepip  # noqa: F401  Debian has venv without it, and venv then fails late
        import venv
    except ImportError as error:
        package = "python{}.{}-venv".format(*sys.version_info)
        fix = f"on Debian and Ubuntu, `apt install {package}`, then run this again"
        stop(f"this Python came without its {error.name} module: {fix}")
    try:
        venv.create(VENV, clear=True, symlinks=os.name != "nt", with_pip=True)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        output = getattr(error, "output", None) or str(error).encode()
        reason = reason_in(output.decode(errors="replace"))
        stop(f"could not make {VENV} ({reason}): put that right, then run this again")


def install(locks: list) -> str:
    """Install `locks` in .venv; return "" or, where pip failed, what to tell."""
    # A bare path, where `pip install -e .` leaves a hook that each Python, hence each worker
    # process, pays 10 ms for when it starts; and it would fetch a setuptools that is not locked.
    # Before 3.13, Python reads such a file in the encoding of the system only (site.py).
    encoding = "utf-8" if sys.version_info >= (3, 13) else None
    PTH.write_text(f"{ROOT}\n", encoding=encoding)
    OVERRIDES.parent.mkdir(parents=True, exist_ok=True)
    OVERRIDES.write_text(json.dumps({"@jupyterlab/apputils-extension:notification": NO_NEWS}))
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    # The locks are complete; with --no-deps pip need not work that out again.
    command = [*pip, "--no-deps", *[part for name in locks for part in ("-r", name)]]
    environment = dict(os.environ, TMPDIR=str(VENV))  # a pip that is killed leaves nothing outside
    with open(LOG, "wb") as log:
        streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
        done = subprocess.run(command, cwd=ROOT, env=environment, **streams)
    if done.returncode == 0:
        return ""
    reason = reason_in(LOG.read_text(errors="replace"))
    hint = "is there a network, and room on the disk? Then run this again"
    return f"pip failed ({reason}; see {LOG}): {hint}"


def reason_in(output: str) -> str:
    """Return the line of pip's output that says what went wrong: its first error, or its last."""
    lines = output.strip().splitlines() or ["it says nothing"]
    return next((line for line in lines if line.startswith("ERROR: ")), lines[-1])


def become(command: list, folder: "Path | None" = None) -> int:
    """Run `command` in .venv's Python in place of lab.py; return its exit code, if at all."""
    if folder:
        os.chdir(folder)
    if os.name == "nt":  # has no exec: the prompt would come back while the program still runs
        return wait_for(command)
    command = [str(part) for part in [PYTHON, *command]]
    return os.execv(command[0], command)


def wait_for(command: list) -> int:
    """Run `command` in .venv's Python; return its exit code. It answers to Ctrl-C itself."""
    # Not by catching KeyboardInterrupt: raised just when the program has ended, it loses the code.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        with subprocess.Popen([str(part) for part in [PYTHON, *command]]) as program:
            try:
                return program.wait()
            except SystemExit:  # lab.py is told to end
                program.terminate()
                raise
    finally:
        signal.signal(signal.SIGINT, before)


def open_lab(options: list) -> int:
    """Open JupyterLab on the first lesson, on loopback; what it does not know it refuses itself."""
    set_up(LESSONS)
    lesson = min((path.name for path in ROOT.glob("notebooks/[0-9]*.ipynb")), default="")
    page = f"/lab/tree/notebooks/{quote(lesson)}" if lesson else "/lab"
    ours = [f"--LabApp.default_url={page}", "-y"]  # with -y, one Ctrl-C ends it
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        ours.append("--allow-root")  # JupyterLab refuses root, the only user of many a container
    named = {option.split("=")[0] for option in options}  # JupyterLab takes an option once
    if "--version" not in named:
        say(f"opening JupyterLab{' on ' + lesson if lesson else ''}; Ctrl-C ends it")
    ours = [option for option in ours if option.split("=")[0] not in named]
    return become(["-m", "jupyterlab", *ours, *options], ROOT)


def test(arguments: list) -> int:
    """Run every test in two rounds, or in one those that `arguments` name; return the exit code."""
    set_up(TESTS)
    # They start Pythons by the hundred: without bytecode, each compiles what it imports anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if arguments:
        return become(["-m", "pytest", *arguments], ROOT)
    os.chdir(ROOT)
    say(f"two rounds of tests, on two cores about {MINUTES}")
    begin, codes = time.monotonic(), {}
    for kind, (what, options) in ROUNDS.items():
        say(f"{kind}: {what}")
        codes[kind] = wait_for(["-m", "pytest", *options])
        if codes[kind] not in (PASSED, FAILED):  # interrupted, for one
            return codes[kind]
    minutes = (time.monotonic() - begin) / 60
    verdicts = [f"{kind}: {('passed', 'FAILED')[code]}" for kind, code in codes.items()]
    say(f"{', '.join(verdicts)}, in {minutes:.1f} minutes")
    return max(codes.values())


def main(arguments: list) -> int:
    """Do what `arguments` say; return the exit code."""
    word = arguments[0] if arguments else ""
    if word in ("-h", "--help"):
        sys.stdout.write(__doc__)
        return 0
    if not word or word.startswith("-"):
        return open_lab(arguments)
    if word == "test":
        return test(arguments[1:])
    script = {"run": "storing.py", "bench": "benchmarks/run.py"}.get(word)
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
        say("stopped; run this again to go on")
        sys.exit(130)
    except (OSError, UnicodeError) as error:
        stop(f"{error}: put that right, then run this again")
