#!/usr/bin/env python3
"""Open the lessons, test them, or store their outputs again.

    python3 lab.py [JupyterLab options]     open the lessons in JupyterLab
    python3 lab.py test [pytest arguments]  run every test
    python3 lab.py run [notebooks]          run lessons (all of them if none is named)
                                            and store their outputs
    python3 lab.py bench [arguments]        run the benchmarks

What a command needs is installed in the folder .venv beside lab.py, the first time and
whenever requirements.txt changes. Nothing outside that folder is changed.
"""

# ruff: noqa: ANN001, ANN201, RUF005, UP031, UP036
# No type hints, no f-strings, nothing newer than Python 2.7 in the grammar: whatever Python
# is asked to run this file must be able to read it, to say in one line that it is too old.

import sys

if sys.version_info < (3, 11):
    sys.exit("lab.py: needs Python 3.11 or newer, this is %d.%d" % tuple(sys.version_info[:2]))

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sysconfig
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


def say(text):
    """Tell what happens next. On stderr, so that stdout belongs to the program that is run."""
    sys.stderr.write("lab.py: " + text + "\n")


def stop(text):
    """Raise SystemExit: print `text`, which says what went wrong and what to do, and exit 1."""
    sys.exit("lab.py: " + text)


def wanted(locks):
    """Return what .venv has to be made from: this Python, this folder, this file and `locks`.

    The folder counts because scripts in .venv hold its path: a moved project needs a new one.
    """
    python = (sys.base_prefix, sysconfig.get_config_var("EXT_SUFFIX"), ROOT)
    made_from = {"python": "%s, %s, for %s" % python}
    for name in ["lab.py"] + locks:
        made_from[name] = hashlib.sha256((ROOT / name).read_bytes()).hexdigest()
    return made_from


def found():
    """Return what .venv was made from; {} where it is missing, half made or without a Python."""
    try:
        return json.loads(STAMP.read_text()) if PYTHON.exists() else {}
    except (OSError, ValueError):
        return {}


@contextlib.contextmanager
def alone():
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


def set_up(locks):
    """Bring .venv up to date with this Python and `locks`; where it is, change nothing.

    The stamp says what .venv was made from. It is away while pip works, so that a set-up that
    was cut short shows, and .venv is made anew.
    """
    with alone():
        have, want = found(), wanted(locks)
        if want.items() <= have.items():
            return
        if have.get("python") != want["python"]:
            say("making a Python environment in %s (a few seconds)" % VENV)
            make_venv()
            have = {"python": want["python"]}
        say("installing the packages of %s there (about a minute)" % " and ".join(locks))
        STAMP.unlink(missing_ok=True)
        trouble = install(locks)
        # A pip that failed has undone what it did: what was there still works, even offline.
        STAMP.write_text(json.dumps(have if trouble else dict(have, **want), indent=1))
    if trouble:
        stop(trouble)


def make_venv():
    """Make .venv from scratch, in place of any other; raises SystemExit where that fails."""
    try:
        import ensurepip  # noqa: F401  Debian has venv without it, and venv then fails late
        import venv
    except ImportError as error:
        package = "python%d.%d-venv" % sys.version_info[:2]
        fix = "on Debian and Ubuntu, `apt install %s`, then run this again" % package
        stop("this Python came without its %s module: %s" % (error.name, fix))
    try:
        venv.create(VENV, clear=True, symlinks=os.name != "nt", with_pip=True)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        output = getattr(error, "output", None) or str(error).encode()
        reason = reason_in(output.decode(errors="replace"))
        stop("could not make %s (%s): put that right, then run this again" % (VENV, reason))


def install(locks):
    """Install `locks` in .venv; return "" or, where pip failed, what to tell."""
    # A bare path, where `pip install -e .` leaves a hook that each Python, hence each worker
    # process, pays 10 ms for when it starts; and it would fetch a setuptools that is not locked.
    # Before 3.13, Python reads such a file in the encoding of the system only (site.py).
    encoding = "utf-8" if sys.version_info >= (3, 13) else None
    PTH.write_text(str(ROOT) + "\n", encoding=encoding)
    OVERRIDES.parent.mkdir(parents=True, exist_ok=True)
    OVERRIDES.write_text(json.dumps({"@jupyterlab/apputils-extension:notification": NO_NEWS}))
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    # The locks are complete; with --no-deps pip need not work that out again.
    command = pip + ["--no-deps"] + [part for name in locks for part in ("-r", name)]
    environment = dict(os.environ, TMPDIR=str(VENV))  # a pip that is killed leaves nothing outside
    with open(LOG, "wb") as log:
        streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
        done = subprocess.run(command, cwd=ROOT, env=environment, **streams)
    if done.returncode == 0:
        return ""
    hint = "is there a network, and room on the disk? Then run this again"
    return "pip failed (%s; see %s): %s" % (reason_in(LOG.read_text(errors="replace")), LOG, hint)


def reason_in(output):
    """Return the line of pip's output that says what went wrong: its first error, or its last."""
    lines = output.strip().splitlines() or ["it says nothing"]
    return next((line for line in lines if line.startswith("ERROR: ")), lines[-1])


def become(command, folder=None):
    """Run `command` in .venv's Python in place of lab.py; return its exit code, if at all."""
    if folder:
        os.chdir(folder)
    command = [str(part) for part in [PYTHON] + command]
    if os.name != "nt":
        os.execv(command[0], command)
    # Windows has no exec: there, the prompt would come back while the program still runs.
    with subprocess.Popen(command) as program:
        while True:
            try:
                return program.wait()
            except KeyboardInterrupt:  # the program has had it as well, and ends in its own way
                pass


def open_lab(options):
    """Open JupyterLab on the first lesson, on loopback; what it does not know it refuses itself."""
    set_up(LESSONS)
    lesson = min((path.name for path in ROOT.glob("notebooks/[0-9]*.ipynb")), default="")
    page = "/lab" + ("/tree/notebooks/" + quote(lesson) if lesson else "")
    ours = ["--LabApp.default_url=" + page, "-y"]  # with -y, one Ctrl-C ends it
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        ours.append("--allow-root")  # JupyterLab refuses root, the only user of many a container
    named = {option.split("=")[0] for option in options}  # JupyterLab takes an option once
    if "--version" not in named:
        say("opening JupyterLab%s; Ctrl-C ends it" % (" on " + lesson if lesson else ""))
    command = ["-m", "jupyterlab"] + [o for o in ours if o.split("=")[0] not in named]
    return become(command + options, ROOT)


def main(arguments):
    """Do what `arguments` say; return the exit code."""
    word = arguments[0] if arguments else ""
    if word in ("-h", "--help"):
        sys.stdout.write(__doc__)
        return 0
    if not word or word.startswith("-"):
        return open_lab(arguments)
    if word == "test":
        set_up(TESTS)
        return become(["-m", "pytest"] + arguments[1:], ROOT)
    script = {"run": "storing.py", "bench": "benchmarks/run.py"}.get(word)
    if script:
        set_up(LESSONS)
        return become([ROOT / "tests/authors" / script] + arguments[1:])
    sys.stderr.write("lab.py: there is no command %r\n\n%s" % (word, __doc__))
    return 2


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that pip is ended with lab.py
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        say("stopped; run this again to go on")
        sys.exit(130)
    except (OSError, UnicodeError) as error:
        stop("%s: put that right, then run this again" % error)
