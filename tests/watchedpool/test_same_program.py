"""The watch changes nothing in programs of many kinds, which are in `same_program/`.

Each program runs with and without the watch, in a folder and with a temporary folder of its own.
Then everything that a program can leave is compared: what it prints, its exit code, its files, its
processes, its temporary files. Programs print what else can differ: types, tracebacks, threads.

The first lines of a program can say where it runs (`# only fork`, `# only posix`, `# needs tqdm`)
and its exit code, if that is not 0 (`# exits 3`). A program that does not take a start method from
`sys.argv[1]` runs once.
"""

import importlib.util
import io
import marshal
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from watchedpool.watching import PACKAGE

PROGRAMS = Path(__file__).parent / "same_program"
METHODS = multiprocessing.get_all_start_methods()  # the first is the default one
WATCH = "-m", "watchedpool"
REPORT = b"watchedpool: "  # the first words of what we print
TAKES_METHOD = b"sys.argv[1]"
STDIN = b"one\ntwo\nthree\n"
CHANCE = (
    rb"0x[0-9a-fA-F]+",  # an address
    rb"(?<= in )\d+\.\d+s",  # the time that unittest took
    rb"line \d+(?=, in result\n)",  # of Future: it had to wait, or had not
    rb"\bpid=\d+",
    rb"(?<=Process )\d+(?= terminat)",
    rb"(?<=; main\()\d+, \d+",  # the files of a fork server
    rb"(?<=authkey_r': )\d+",  # another of its files, from Python 3.14
    rb"\btracker_fd=\d+, pipe_handle=\d+",  # of a spawned worker
    rb"(?<=\{)'/mp-.*(?=\})",  # the names of semaphores
)
RANDOM_END = re.compile(r"(?<=[-_])(\w{8}|[0-9a-f]{12})$")  # of the name of a temporary file
PATIENCE = 60  # seconds until a program is killed


class Left(NamedTuple):
    """What a program has left when it has ended."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    files: dict[str, bytes]
    temporary_files: list[str]
    processes: list[str]


def marks(name, head=""):
    """Return the marks of a program: where it cannot run."""
    if "# only posix" in head and os.name == "nt":
        yield pytest.mark.skip(reason="only for posix")
    if "# needs tqdm" in head and not importlib.util.find_spec("tqdm"):
        yield pytest.mark.skip(reason="needs tqdm")
    if "-fork" in name and sys.platform == "darwin":
        yield pytest.mark.skip(reason="fork may crash on macOS")


def programs():
    """Yield each program's name, start method and possible exit codes."""
    for path in sorted(PROGRAMS.glob("*/*.py")):
        name = path.relative_to(PROGRAMS).with_suffix("").as_posix()
        source = path.read_text("utf-8")
        head = source.partition("import ")[0]
        methods = re.findall("^# only (fork|spawn|forkserver)$", head, re.M) or METHODS
        if TAKES_METHOD not in source.encode():  # it runs under the default one
            methods = set(METHODS[:1]).intersection(methods)
        exits = re.search(r"^# exits (-?\d+)(?: or (\d+))?$", head, re.M)
        codes = [int(code) for code in exits.groups() if code] if exits else [0]
        for method in filter(METHODS.__contains__, methods):
            case = f"{name}-{method}"
            values = name, method, codes
            yield pytest.param(*values, id=case, marks=list(marks(case, head)))


@pytest.mark.one_start_method
@pytest.mark.parametrize(("name", "method", "exit_codes"), list(programs()))
def test_program(name, method, exit_codes, tmp_path):
    source = (PROGRAMS / f"{name}.py").read_bytes()
    arguments = [method] if TAKES_METHOD in source else []
    alone = check(tmp_path, {"program.py": source}, "program.py", *arguments)
    assert alone.exit_code in exit_codes, alone


SOURCE = (PROGRAMS / "main" / "run_in_any_way.py").read_bytes()
SHORT = b"""import sys
from multiprocessing.pool import ThreadPool
print(__name__, __loader__, sys.argv, sys.path[0], sorted(globals()), __spec__)
with ThreadPool(1) as pool:
    print(pool.map(lambda x: 1 / x, [1, 2, 0]))
"""
PACKAGE_FILES = {
    "package/__init__.py": b"print('importing', __name__)",
    "package/__main__.py": b"from package import module\n" + SOURCE,
    "package/module.py": b"from . import other\n" + SOURCE,
    "package/other.py": b"print('importing', __name__)",
    "package/inner/__init__.py": b"",
}


def zipped(source):
    """Return a zip file that Python can run."""
    with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
        archive.writestr("__main__.py", source)
        archive.writestr("beside.py", b"")
    return file.getvalue()


def compiled(source):
    """Return what Python writes into a .pyc file."""
    head = importlib.util.MAGIC_NUMBER + bytes(12)
    return head + marshal.dumps(compile(source, "program.py", "exec"))


WAYS = {
    "script": ({"program.py": SOURCE}, ["program.py", "-o", "x", "--", "-m"]),
    "path with dots": ({"folder/program.py": SOURCE}, ["./folder/../folder/program.py"]),
    "no suffix": ({"program": SOURCE}, ["program", "threads"]),
    "pyc": ({"program.pyc": compiled(SOURCE)}, ["program.pyc", "threads"]),
    "-m module": ({"program.py": SOURCE}, ["-m", "program", "-m", "x"]),
    "-m package": (PACKAGE_FILES, ["-m", "package", "--help", "threads"]),
    "-m package.module": (PACKAGE_FILES, ["-m", "package.module"]),
    "-m package that cannot be run": (PACKAGE_FILES, ["-m", "package.inner"]),
    "-m without such a module": (PACKAGE_FILES, ["-m", "package.nothing"]),
    "folder": ({"folder/__main__.py": SOURCE, "folder/beside.py": b""}, ["folder", "threads"]),
    "zip": ({"program.zip": zipped(SOURCE)}, ["program.zip", "threads"]),
    "zip with a first line": (
        {"program.pyz": b"#!python\n" + zipped(SOURCE)},
        ["program.pyz", "threads"],
    ),
    "-c": ({}, ["-c", SHORT.decode(), "-c", "-m"]),
    "-c with an error": ({}, ["-c", "1 +"]),
    "in latin-1": ({"a.py": b"# coding: latin-1\nprint(ascii('\xe9'))\r\n1 +"}, ["a.py"]),
    "with a byte order mark": ({"a.py": b"\xef\xbb\xbfprint(1)\n\tprint(2)"}, ["a.py"]),
    "not in UTF-8": ({"a.py": b"print('\xe9')"}, ["a.py"]),
    "with future annotations": (
        {"a.py": b"from __future__ import annotations\nx: 1 / 0\n" + SHORT},
        ["a.py"],
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_ways_to_run(way, tmp_path):
    files, arguments = WAYS[way]
    check(tmp_path, files, *arguments)


ENDS = [
    "sys.exit()",
    "sys.exit(3)",
    "sys.exit(True)",
    "sys.exit(-1)",
    "sys.exit(1.5)",
    "sys.exit('leaving')",
    "sys.exit(['a list'])",
    "exit()",
    "raise SystemExit",
    "raise SystemExit(1, 2)",
    "raise type('Leave', (SystemExit,), {})(4)",
    "raise KeyboardInterrupt",
    "raise type('Stop', (KeyboardInterrupt,), {})",
    "raise GeneratorExit",
    "raise type('Silent', (Exception,), {'__str__': lambda self: 1 / 0})",
    "raise ValueError('one') from TypeError('two')",
    "raise ExceptionGroup('many', [ValueError('one'), OSError(2, 'two')])",
    "sys.tracebacklimit = 0; raise ValueError",
    "os._exit(7)",
    "os.abort()",
    "os.kill(os.getpid(), 9)",
    "sys.excepthook = None; raise ValueError",
    "del sys.excepthook; raise ValueError",
    "sys.excepthook = lambda *_: 1 / 0; raise ValueError",
    "sys.excepthook = lambda *_: sys.exit(9); raise ValueError",
]


@pytest.mark.parametrize("statement", ENDS)
def test_ways_to_end(statement, tmp_path):
    source = f"import os, sys\nprint('begin', flush=True)\ndef main():\n    {statement}\nmain()\n"
    check(tmp_path, {"program.py": source.encode()}, "program.py")


@pytest.mark.parametrize(
    "setting",
    [
        "PYTHONWARNINGS=error",
        "PYTHONDEVMODE=1",
        "PYTHONOPTIMIZE=2",
        "PYTHONUNBUFFERED=1",
        "PYTHONSAFEPATH=1",
        "PYTHONDONTWRITEBYTECODE=1",
        "PYTHONNODEBUGRANGES=1",
        "PYTHONIOENCODING=latin-1:backslashreplace",
        "PYTHONFAULTHANDLER=1",
        "PYTHONTRACEMALLOC=1",
    ],
)
def test_settings(setting, tmp_path):
    environment = [setting.split("=")]
    check(tmp_path, {"program.py": SOURCE}, "program.py", "threads", environment=environment)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has /dev/full")
@pytest.mark.parametrize("statement", ["", "sys.exit(3)", "print(1, flush=True)"])
def test_stdout_that_is_full(statement, tmp_path):
    source = b"import sys\nprint(1)\n" + statement.encode()
    check(tmp_path, {"program.py": source}, "program.py", stdout="/dev/full")


def check(folder, files, *arguments, **options):
    """Compare what a program leaves with and without the watch; return what it leaves alone."""
    for kind in "alone", "watch":  # of one length: programs print their paths
        (folder / kind / "here").mkdir(parents=True)
        for name, content in files.items():
            path = folder / kind / "here" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    with ThreadPoolExecutor(2) as threads:
        alone = threads.submit(run, folder / "alone", arguments, **options)
        watched = threads.submit(run, folder / "watch", [*WATCH, *arguments], **options)
    compare(alone.result(), watched.result())
    return alone.result()


def run(folder, arguments, environment=(), stdout=None):
    """Run Python in a folder, and return what that leaves."""
    output, errors = folder / "stdout", folder / "stderr"
    temporary = Path(tempfile.mkdtemp(prefix="t"))  # a short path: sockets are made there
    (folder / "stdin").write_bytes(STDIN)
    names = dict.fromkeys(["TMPDIR", "TEMP", "TMP"], str(temporary))
    output.touch()
    with (  # not pipes, which processes that are left over would keep open
        open(folder / "stdin", "rb") as standard_input,
        open(stdout or output, "wb") as standard_output,
        open(errors, "wb") as standard_error,
    ):
        program = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder / "here",
            env={**os.environ, **names, "PYTHONPATH": str(PACKAGE.parent), **dict(environment)},
            stdin=standard_input,
            stdout=standard_output,
            stderr=standard_error,
        )
    killer = threading.Timer(PATIENCE, program.kill)
    killer.start()
    begin = time.monotonic()
    program.wait()  # with a timeout, it would sleep between two looks
    killer.cancel()
    left = end_processes(temporary)
    names = (path.name for path in temporary.rglob("*"))
    temporary_files = sorted(RANDOM_END.sub("CHANCE", name) for name in names)
    shutil.rmtree(temporary, ignore_errors=True)
    assert time.monotonic() - begin < PATIENCE, f"{arguments} has not ended"
    return Left(
        program.returncode,
        without_chance(output.read_bytes(), folder, temporary.name),
        without_chance(errors.read_bytes(), folder, temporary.name),
        {
            path.relative_to(folder).as_posix(): content(path, folder)
            for path in sorted((folder / "here").rglob("*"))
        },
        temporary_files,
        left,
    )


def content(path, folder):
    """Return what is in a file, as far as it is not a matter of time."""
    if path.is_dir() or path.suffix == ".pyc":
        return b""
    return without_chance(path.read_bytes(), folder)


def without_chance(output, folder, temporary=""):
    """Return output without what is different each time."""
    if temporary:
        output = output.replace(temporary.encode(), b"TEMPORARY")
    for path in bytes(folder), bytes(folder).replace(b"\\", rb"\\"):
        output = output.replace(path, b"FOLDER")
    return re.sub(rb"|".join(CHANCE), b"CHANCE", output)


def end_processes(temporary):
    """End the processes that have this temporary folder, if they do not end soon; return them."""
    end = time.monotonic() + 5
    while (left := list(processes(temporary))) and time.monotonic() < end:
        time.sleep(0.005)
    for process in left:
        process.kill()
    return sorted(process.name() for process in left)


def processes(temporary):
    """Yield the processes that have this temporary folder. Zombies have ended."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("TMPDIR") == str(temporary):
                yield process


def compare(alone, watched):
    """Fail where a program left something else with the watch than alone, except for our report."""
    before = watched.stderr.partition(REPORT)[0]
    after = alone.stderr[len(before) :]
    report = watched.stderr[len(before) : len(watched.stderr) - len(after)]
    assert b"Traceback (most recent call last)" not in report, watched.stderr.decode(
        errors="replace"
    )
    for theirs, ours in (
        (alone.stderr, before + after),
        (watched.stderr, before + report + after),
        (alone.stdout, watched.stdout),
    ):
        assert ours.decode(errors="replace") == theirs.decode(errors="replace")
    assert watched == alone._replace(stderr=watched.stderr)
