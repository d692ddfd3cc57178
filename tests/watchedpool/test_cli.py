"""The command `watchedpool` and the magic run programs as Python does, and report what they saw."""

import multiprocessing
import os
import re
import signal
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.pool import Pool, ThreadPool
from subprocess import PIPE, Popen, TimeoutExpired, run

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from programs import PROGRAMS, source

from watchedpool import Timeline, load_ipython_extension
from watchedpool.plots.replays import MOST_TASKS
from watchedpool.recording.pool import WatchedCache
from watchedpool.watching import PACKAGE, watching

METHODS = multiprocessing.get_all_start_methods()
WATCH = "-m", "watchedpool"


def python(folder, *arguments, **options):
    """Run Python in a folder that is not ours."""
    environment = {"env": {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}}
    limits = {"capture_output": True, "text": True, "timeout": 40}
    return run([sys.executable, *arguments], cwd=folder, **limits, **environment | options)


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
        r"^watchedpool: program.py, line \d+: .*(?:Pool|Executor|map)", watched.stderr, re.M
    )
    assert len(lines) == len(expected)
    assert expected or "No pool was seen" in watched.stderr


@pytest.mark.parametrize("text", ["def f():\n    raise KeyError('lost')\nf()\n", "f(\n"])
def test_an_error_is_told_as_without_us(text, tmp_path):
    (tmp_path / "program.py").write_text(text)
    alone, watched = (python(tmp_path, *how, "program.py") for how in ((), WATCH))
    assert watched.stderr.startswith(f"{alone.stderr}watchedpool: ")
    assert watched.returncode == alone.returncode == 1


def test_a_module_is_run_as_a_module(tmp_path):
    (tmp_path / "program.py").write_text(source("callbacks"))
    watched = python(tmp_path, *WATCH, "-m", "program", METHODS[-1])
    assert (watched.returncode, watched.stdout) == (0, "[1, 2, 5, 10, 17, 26]\n")
    assert "watchedpool: program.py, line 10: pool = mp.Pool(2)" in watched.stderr


SUFFIXES = "allowed are names that end in .html, .svg, .png, .json, .trace.json"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name a script"),
        (("nowhere.py",), "cannot open 'nowhere.py': there is no such file"),
        (("-x",), "no such option: -x"),
        (("-o",), "-o option requires"),
        (("-m", "nowhere.x"), "there is no module 'nowhere.x'"),
        (("-o", "x.gif", "p.py"), f"-o is 'x.gif'; {SUFFIXES}"),
        (("-o", "nowhere/x.svg", "p.py"), "-o is 'nowhere/x.svg'; there is no folder"),
        ((".",), "cannot run '.': it has no __main__.py"),
    ],
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


def test_each_pool_has_its_picture_and_only_numpy_is_needed(tmp_path, monkeypatch):
    (tmp_path / "program.py").write_text(TWO_POOLS)
    for missing in ("matplotlib", "tqdm", "IPython", "PIL"):
        path = tmp_path / "missing" / f"{missing}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text("raise ImportError('not installed here')")
    monkeypatch.setenv("PYTHONPATH", f"{path.parent}{os.pathsep}{PACKAGE.parent}")
    environment = {"env": dict(os.environ)}
    watched = python(tmp_path, *WATCH, "-o", "out.svg", "program.py", "5", **environment)
    assert watched.returncode == 0
    assert "line 6: with ThreadPool(2) as pool:" in watched.stderr
    for name in ("out.svg", "out-2.svg"):
        assert f"Written: {tmp_path / name}\n" in watched.stderr
        assert "@keyframes" in (tmp_path / name).read_text(encoding="utf-8")
    watched = python(tmp_path, *WATCH, "-o", "out.png", "program.py", "5", **environment)
    assert watched.returncode == 0
    assert f"Not written: {tmp_path / 'out.png'}: not installed here" in watched.stderr


def test_many_tasks_are_drawn_in_a_picture_that_does_not_move(tmp_path):
    (tmp_path / "program.py").write_text(TWO_POOLS)
    python(tmp_path, *WATCH, "-o", "out.svg", "program.py", str(MOST_TASKS + 1), check=True)
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
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
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
        _, report = press_stop(program)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
    assert program.returncode == -signal.SIGINT
    assert "4 tasks on 2 workers" in report
    assert "(and 1 more) has not ended" in report
    assert "KeyboardInterrupt\nwatchedpool: program.py, line" in report


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_a_copy_that_the_program_forks_tells_nothing(tmp_path):
    (tmp_path / "program.py").write_text("import os, sys\nif os.fork(): os.wait()\nsys.exit(4)\n")
    watched = python(tmp_path, *WATCH, "program.py")
    assert watched.returncode == 4
    assert watched.stderr.count("No pool was seen") == 1


def test_afterwards_every_class_is_as_it_was():
    classes = Pool, ThreadPool, ProcessPoolExecutor, ThreadPoolExecutor
    before = [dict(vars(each)) for each in classes]
    with suppress(KeyError), watching() as watch:
        with ThreadPool(1) as pool:
            assert type(pool) is multiprocessing.pool.ThreadPool is ThreadPool
            pool.map(abs, [1])
        raise KeyError
    assert [dict(vars(each)) for each in classes] == before
    assert multiprocessing.pool._PoolCache is not WatchedCache
    (run,) = watch.runs
    assert re.fullmatch(r"test_cli.py, line \d+: with ThreadPool.*:", run.where)


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
    assert "line 2: with ThreadPool(2) as pool:\n2 tasks on" in captured.stdout
    (picture,) = captured.outputs
    assert "<img alt=" in picture.data["text/html"]
    assert shell.user_ns["ThreadPool"] is ThreadPool


IN_A_CELL = "with ThreadPool(1) as pool:\n    pool.map(abs, [1])\n"


@pytest.mark.parametrize(
    ("cell", "printed"),
    [
        (IN_A_CELL + "import asyncio\nawait asyncio.sleep(0, 'waited')", "'waited'"),
        (IN_A_CELL + "%time 3", "Wall time"),
        (IN_A_CELL + "!echo from a shell", "from a shell"),
    ],
    ids=["await", "a magic", "a shell"],
)
def test_ipython_runs_the_cell_itself(shell, cell, printed):
    with capture_output() as captured:
        result = shell.run_cell(f"%%watch\nfrom multiprocessing.pool import ThreadPool\n{cell}")
    assert result.success
    assert printed in captured.stdout
    assert "1 task on 1 worker" in captured.stdout


def test_a_cell_whose_last_line_ends_with_a_semicolon_shows_no_value(shell):
    with capture_output() as captured:
        shell.run_cell("%%watch\n42;", store_history=True)
    assert "42" not in captured.stdout


def test_a_cell_writes_files(shell, tmp_path):
    path = tmp_path / "run.json"
    cell = f"from multiprocessing.pool import ThreadPool\n{2 * IN_A_CELL}"
    with capture_output() as captured:
        shell.run_cell(f"%%watch -o {path}\n{cell}")
    assert f"Written: {path}\n" in captured.stdout
    assert len(Timeline.load(path)) == len(Timeline.load(tmp_path / "run-2.json")) == 1


def test_a_cell_writes_one_page_for_all_its_pools(shell, tmp_path):
    path = tmp_path / "run.html"
    cell = f"from multiprocessing.pool import ThreadPool\n{2 * IN_A_CELL}"
    with capture_output() as captured:
        shell.run_cell(f"%%watch -o {path}\n{cell}")
    assert captured.stdout.count(f"Written: {path}\n") == 1
    assert path.read_text(encoding="utf-8").count("<section ") == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("%%watch -x", "no such option: -x"),
        ("%%watch lag.svg", "after %%watch stands 'lag.svg'; allowed is -o and a file"),
        ("%%watch -o lag.gif", "-o is 'lag.gif'; allowed are names that end in .html"),
    ],
)
def test_a_wrong_option_is_refused_and_the_cell_does_not_run(shell, line, said):
    with capture_output() as captured:
        result = shell.run_cell(f"{line}\nran = True")
    assert isinstance(result.error_in_exec, UsageError)
    assert said in str(result.error_in_exec)
    assert "ran" not in shell.user_ns
    assert "No pool" not in captured.stdout


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


def test_the_next_cell_is_not_watched(shell):
    load_ipython_extension(shell)  # again, as people do: harmless
    with capture_output() as captured:
        shell.run_cell("%%watch\n1;")
        shell.run_cell("2;")
    assert captured.stdout.count("No pool was seen") == 1
    assert type(multiprocessing.pool.Pool._setup_queues).__name__ == "function"


# -- files


def test_a_file_that_is_not_ours_is_not_replaced(tmp_path):
    (tmp_path / "program.py").write_text(TWO_POOLS)
    (tmp_path / "out.svg").write_text("named by the user, who wants it replaced")
    (tmp_path / "out-2.svg").write_text("precious")
    watched = python(tmp_path, *WATCH, "-o", "out.svg", "program.py", "5")
    assert f"Not written: {tmp_path / 'out-2.svg'} exists, and watchedpool did" in watched.stderr
    assert (tmp_path / "out-2.svg").read_text() == "precious"
    assert "@keyframes" in (tmp_path / "out.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("suffix", [".svg", ".png", ".json", ".trace.json"])
def test_a_file_of_ours_is_replaced(suffix, tmp_path):
    (tmp_path / "program.py").write_text(TWO_POOLS)
    for tasks in "5", "205":  # a replay, and a picture that does not move
        watched = python(tmp_path, *WATCH, "-o", f"out{suffix}", "program.py", tasks)
        assert watched.stderr.count("Written: ") == 2, watched.stderr


def test_a_program_may_change_its_folder(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "program.py").write_text("import os\nos.chdir('elsewhere')\n" + TWO_POOLS)
    python(tmp_path, *WATCH, "-o", "out.json", "program.py", "5", check=True)
    assert len(Timeline.load(tmp_path / "out.json")) == 3


@pytest.mark.parametrize(
    "line", ["sys.stderr.close()", "sys.stderr = None", "sys.stdout.close()", "sys.stdout = None"]
)
def test_a_report_comes_whatever_the_program_makes_of_its_streams(line, tmp_path):
    (tmp_path / "program.py").write_text(f"{TWO_POOLS}\n{line}\nsys.exit(3)")
    alone = python(tmp_path, "program.py", "5")
    watched = python(tmp_path, *WATCH, "program.py", "5")
    assert (watched.returncode, watched.stdout) == (alone.returncode, alone.stdout)
    assert "5 tasks on" in watched.stderr
