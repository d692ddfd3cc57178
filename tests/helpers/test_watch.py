"""helpers.watch runs programs that know nothing of us as Python does, and tells what it saw."""

import multiprocessing
import os
import re
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.pool import Pool, ThreadPool
from subprocess import PIPE, Popen, TimeoutExpired, run

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from programs import PROGRAMS, source

from helpers.plots.replays import MOST
from helpers.watch import HOME, load_ipython_extension, watching

METHODS = multiprocessing.get_all_start_methods()
WATCH = "-m", "helpers.watch"


def python(folder, *arguments, **options):
    """Run Python in a folder that is not ours."""
    environment = {**os.environ, "PYTHONPATH": str(HOME.parent)}
    command = [sys.executable, *arguments]
    return run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=40, **options
    )


def measures(said):
    """Whether that is measured. How many tasks a pool ran on how many workers is counted."""
    return any(" tasks on" not in each for each in said)


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(number, marks=[pytest.mark.measures] * measures(said))
        for number, (_, said) in enumerate(PROGRAMS.values())
    ],
    ids=list(PROGRAMS),
)
def test_a_program_does_what_it_does_without_us(number, tmp_path):
    name = list(PROGRAMS)[number]
    (tmp_path / "program.py").write_text(source(name))
    method = METHODS[number % len(METHODS)]
    with ThreadPoolExecutor() as threads:  # what it does without us takes as long
        without_us = threads.submit(python, tmp_path, "program.py", method)
        watched = python(tmp_path, *WATCH, "program.py", method)
    alone = without_us.result()
    assert watched.stdout == alone.stdout
    assert watched.returncode == alone.returncode
    expected = PROGRAMS[name][1]
    for said in expected:
        assert said in " ".join(watched.stderr.split())
    lines = re.findall(
        r"^helpers.watch: program.py, line \d+: .*(?:Pool|Executor|map)", watched.stderr, re.M
    )
    assert len(lines) == len(expected)
    assert expected or "no pool was seen" in watched.stderr


@pytest.mark.parametrize("text", ["def f():\n    raise KeyError('lost')\nf()\n", "f(\n"])
def test_an_error_is_told_as_without_us(text, tmp_path):
    (tmp_path / "program.py").write_text(text)
    alone, watched = (python(tmp_path, *how, "program.py") for how in ((), WATCH))
    assert watched.stderr.endswith(f".\n{alone.stderr}")  # after what we say
    assert watched.returncode == alone.returncode == 1


def test_a_module_is_run_as_a_module(tmp_path):
    (tmp_path / "program.py").write_text(source("callbacks"))
    watched = python(tmp_path, *WATCH, "-m", "program", METHODS[-1])
    assert (watched.returncode, watched.stdout) == (0, "[1, 2, 5, 10, 17, 26]\n")
    assert "helpers.watch: program.py, line 10: pool = mp.Pool(2)" in watched.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [((), "name a script"), (("nowhere.py",), "cannot open 'nowhere.py'"), (("-x",), "usage")],
)
def test_what_cannot_be_run_is_said(arguments, said, tmp_path):
    watched = python(tmp_path, *WATCH, *arguments)
    assert watched.returncode in (1, 2)
    assert said in watched.stderr
    assert "Traceback" not in watched.stderr


TWO_POOLS = """
import sys
from contextlib import suppress
from multiprocessing.pool import ThreadPool
for tasks in 3, int(sys.argv[1]):
    with ThreadPool(2) as pool:
        pool.map(abs, range(tasks))
"""


def test_each_pool_has_its_picture_and_only_numpy_is_needed(tmp_path):
    (tmp_path / "program.py").write_text(TWO_POOLS)
    for missing in ("matplotlib", "tqdm", "IPython", "PIL"):
        (tmp_path / f"{missing}.py").write_text("raise ImportError('not installed here')")
    watched = python(tmp_path, *WATCH, "-o", "out.svg", "program.py", "5")
    assert watched.returncode == 0
    assert "line 6: with ThreadPool(2) as pool:" in watched.stderr
    for name in ("out.svg", "out-2.svg"):
        assert f"Picture: {name}\n" in watched.stderr
        assert "@keyframes" in (tmp_path / name).read_text(encoding="utf-8")
    watched = python(tmp_path, *WATCH, "-o", "out.png", "program.py", "5")
    assert watched.returncode == 0
    assert "No picture: not installed here" in watched.stderr


def test_many_tasks_are_drawn_in_a_picture_that_does_not_move(tmp_path):
    (tmp_path / "program.py").write_text(TWO_POOLS)
    python(tmp_path, *WATCH, "-o", "out.svg", "program.py", str(MOST + 1), check=True)
    assert "@keyframes" not in (tmp_path / "out-2.svg").read_text(encoding="utf-8")


ENDLESS = """
import os, time
from multiprocessing import Pool
def nap(seconds):
    os.write(1, b"napping\\n")  # in one piece, which print is not
    time.sleep(seconds)
if __name__ == "__main__":
    with Pool(2) as pool:
        pool.map(nap, [0, 0, 600, 600], chunksize=1)
"""


def press_stop(program):
    """Press Ctrl-C, and once more if it is lost: a thread that forks may take it from the first."""
    for patience in 8, 20:
        os.killpg(program.pid, signal.SIGINT)
        try:
            return program.communicate(timeout=patience)
        except TimeoutExpired:
            pass
    pytest.fail("the program does not end")


@pytest.mark.skipif(os.name == "nt", reason="a signal to one process group")
def test_an_interrupt_ends_the_program_and_tells(tmp_path):
    (tmp_path / "program.py").write_text(ENDLESS)
    environment = {**os.environ, "PYTHONPATH": str(HOME.parent)}
    command = [sys.executable, *WATCH, "program.py"]
    program = Popen(
        command,
        cwd=tmp_path,
        env=environment,
        stdout=PIPE,
        stderr=PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert [program.stdout.readline() for _ in range(4)] == ["napping\n"] * 4
        _, told = press_stop(program)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
    assert program.returncode == -signal.SIGINT
    assert "4 tasks on 2 workers" in told
    assert "(and 1 more) has not ended" in told
    assert told.endswith("KeyboardInterrupt\n")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_a_copy_that_the_program_forks_tells_nothing(tmp_path):
    (tmp_path / "program.py").write_text("import os, sys\nif os.fork(): os.wait()\nsys.exit(4)\n")
    watched = python(tmp_path, *WATCH, "program.py")
    assert watched.returncode == 4
    assert watched.stderr.count("no pool was seen") == 1


def test_afterwards_every_name_is_as_it_was():
    names = {"Mine": ThreadPool, "other": [1]}
    with suppress(KeyError), watching(names) as watch:
        assert names["Mine"] is multiprocessing.pool.ThreadPool is not ThreadPool
        with names["Mine"](1) as pool:
            pool.map(abs, [1])
        raise KeyError
    assert names == {"Mine": ThreadPool, "other": [1]}
    assert multiprocessing.pool.ThreadPool is ThreadPool
    assert multiprocessing.pool.Pool is Pool
    ((_, _, line),) = watch.pools
    assert re.fullmatch(r"test_watch.py, line \d+: with names.*:", line)


@pytest.fixture
def shell():
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    load_ipython_extension(shell)
    yield shell
    InteractiveShell.clear_instance()


def test_a_cell_runs_as_it_is_and_then_its_pools_are_shown(shell):
    shell.run_cell("from multiprocessing.pool import ThreadPool")
    with capture_output() as captured:
        shell.run_cell("%%watch\nwith ThreadPool(2) as pool:\n    x = pool.map(abs, [-1, 2])\nx")
    assert shell.user_ns["x"] == [1, 2]
    assert captured.stdout.startswith("Out")
    assert "line 1: with ThreadPool(2) as pool:\n2 tasks on" in captured.stdout
    (picture,) = captured.outputs
    assert "<img alt=" in picture.data["text/html"]
    assert shell.user_ns["ThreadPool"] is ThreadPool


def test_a_cell_that_fails_still_shows_its_pools_and_stays_failed(shell):
    with capture_output() as captured:
        result = shell.run_cell(
            "%%watch\nfrom multiprocessing.pool import ThreadPool\n"
            "with ThreadPool(1) as pool:\n    pool.map(divmod, [1])"
        )
    assert isinstance(result.error_in_exec, TypeError)
    assert len(captured.outputs) == 1
    assert "1 task on 1 worker" in captured.stdout


def test_a_cell_without_a_pool_is_told_so(shell):
    with capture_output() as captured:
        result = shell.run_cell("%%watch\ny = 3\n")
    assert result.success
    assert shell.user_ns["y"] == 3
    assert captured.stdout.startswith("No pool was seen")
