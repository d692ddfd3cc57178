"""Lesson 09: nothing that breaks leaves a trace, its exercises judge well, its claims hold."""

import ast
import multiprocessing
import os
import re
import signal
import sys
import threading
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from functools import partial
from pathlib import Path

import nbformat
import numpy as np
import psutil
import pytest

from helpers.commands.demonstration import Demonstration, demonstrate, under_each_method
from helpers.exercises import lesson_09
from helpers.exercises.checking import NOT_TRIED, Wrong
from helpers.schedule import predict
from helpers.timeline import Timeline
from helpers.workers import nap, nap_or_die, nap_or_die_once, result_or_error

LESSON = Path(__file__).resolve().parents[2] / "notebooks/09-when-it-breaks.ipynb"
posix = pytest.mark.skipif(os.name != "posix", reason="signals and sessions")
each_method = pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())

POOL = """
import gc, os, signal, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import Pool, active_children
from helpers.workers import nap, nap_and_square, nap_or_die

if __name__ == "__main__":
    pool = Pool(2)
    pool.map(nap, [0.05] * 4)
"""


def verdict(exercise, source):
    names = {"partial": partial, "result_or_error": result_or_error}
    names |= {"ProcessPoolExecutor": ProcessPoolExecutor}
    exec(source, names)
    return exercise.verdict(names[exercise.name])


# demonstrate: a program that may break, apart from ours.


@each_method
def test_a_program_ends_and_its_pool_was_watched(method):
    done = demonstrate(POOL + "    print(pool.map(nap, [0.1, 0.2]))", method=method)
    assert (done.ending, done.output, done.left) == ("ended", "[0.1, 0.2]\n", 0)
    assert len(done.timeline) == 6
    assert not done.timeline.missing


@each_method
def test_a_program_that_hangs_is_ended_and_tells_which_task_had_no_end(method):
    before = set(psutil.Process().children(recursive=True))
    naps = "[0.1, 0.1, -0.1, 0.1, 0.1, 0.1]"
    done = demonstrate(POOL + f"    pool.map(nap_or_die, {naps}, chunksize=1)", method=method)
    assert done.ending == "hangs"
    assert np.flatnonzero(np.isnan(done.timeline.finish)).tolist() == [6]  # 4 naps came before
    assert set(psutil.Process().children(recursive=True)) <= before


@pytest.mark.parametrize(
    ("source", "ending"),
    [
        ("print(__name__)", "ended"),
        ("1 / 0", "failed"),
        pytest.param("import os, signal; os.kill(os.getpid(), 9)", "killed", marks=posix),
        ("print('once', flush=True); import time; time.sleep(60)", "hangs"),
        ("while True: raise SystemExit(0)", "ended"),
    ],
)
def test_the_ending_of_a_program_without_a_pool(source, ending):
    done = demonstrate(source)
    assert done.ending == ending
    assert len(done.timeline) == 0
    assert "ZeroDivisionError" in done.errors or ending != "failed"


def test_red_text_without_end_is_ended():
    unguarded = "from multiprocessing import Pool\nwith Pool(1) as pool: pool.map(abs, [1])"
    done = demonstrate(unguarded, method="spawn")
    assert done.ending == "hangs"
    assert "__main__" in done.errors


def test_a_cell_has_no_file_and_a_script_has_one():
    source = "print('__file__' in globals())"
    assert demonstrate(source).output == "True\n"
    assert demonstrate(source, cell=True).output == "False\n"


def test_a_start_method_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="method is 'teleport'; allowed are"):
        demonstrate("pass", method="teleport")


@posix
def test_an_interrupt_ends_the_program():
    before = set(psutil.Process().children(recursive=True))
    threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        demonstrate(POOL + "    pool.map(nap, [60] * 4)")
    assert set(psutil.Process().children(recursive=True)) <= before


# What the lesson says, beyond what its cells show.


@posix
@pytest.mark.parametrize(("seconds", "some_left"), [(3, True), (0.2, False)])
def test_the_workers_of_a_killed_pool_finish_their_task_and_end(seconds, some_left):
    run = f"    pool.map_async(nap, [{seconds}] * 2, chunksize=1)\n    time.sleep(0.1)\n"
    done = demonstrate(POOL + run + "    os.kill(os.getpid(), signal.SIGKILL)")
    assert done.ending == "killed"
    assert (done.left > 0) == some_left


@posix
def test_a_pool_that_was_stopped_takes_new_tasks_after_the_old_ones():
    done = demonstrate(
        POOL
        + "    try:\n        pool.map(nap_and_square, [9, 9, 5, 5, 9, 9], chunksize=1)\n"
        + "    except KeyboardInterrupt:\n        print(pool.apply_async(nap, [0.1]).get(20))",
        stop=True,
    )
    assert done.output.endswith("0.1\n")


@posix
def test_stop_ends_the_tasks_an_executor_is_in_and_no_others():
    source = POOL.replace("pool = Pool(2)\n    pool.map(nap, [0.05] * 4)", "pass") + (
        "    executor = ProcessPoolExecutor(2)\n"
        "    futures = [executor.submit(nap_and_square, a) for a in [9, 9, 5, 5, 9, 9]]\n"
        "    try:\n        futures[-1].result()\n"
        "    except KeyboardInterrupt:\n        pass\n"
        "    executor.shutdown()\n"
        "    print('hit', sum(future.exception() is not None for future in futures))"
    )
    assert demonstrate(source, stop=True).output.splitlines()[-1] in ("hit 1", "hit 2")


@posix
def test_of_two_idle_workers_one_listens_and_the_other_stands_in_line():
    source = (
        "import faulthandler, os, signal, time\n"
        "from multiprocessing import Pool, active_children\n"
        "with Pool(2, faulthandler.register, [signal.SIGUSR1]) as pool:\n"
        "    pool.starmap(time.sleep, [(0.3,)] * 2, chunksize=1)\n"
        "    for child in active_children():\n"
        "        time.sleep(0.3)\n"
        "        os.kill(child.pid, signal.SIGUSR1)\n"
        "    time.sleep(0.3)\n"
    )
    stacks = demonstrate(source, cell=True).errors.split("most recent call first")[1:]
    tops = [re.findall(r" in (\w+)", stack) for stack in stacks]
    assert len(tops) == 2
    assert all("get" in top for top in tops)
    assert sorted("recv_bytes" in top for top in tops) == [False, True]
    assert sorted("__enter__" in top for top in tops) == [False, True]


def test_a_pool_without_a_name_is_ended_by_the_garbage_collector():
    source = (
        "import gc, multiprocessing as m, time\nfrom multiprocessing.pool import Pool\n"
        "if __name__ == '__main__':\n"
        "    Plain = Pool.__mro__[2]\n"  # the class below the watched one
        "    pool = Plain(2, context=m.get_context())\n"
        "    print(len(m.active_children()))\n"
        "    del pool\n    gc.collect()\n    end = time.monotonic() + 20\n"
        "    while m.active_children() and time.monotonic() < end: time.sleep(0.02)\n"
        "    print(len(m.active_children()))"
    )
    assert demonstrate(source).output == "2\n0\n"


@pytest.mark.skipif(sys.version_info < (3, 14), reason="terminate_workers came with 3.14")
@pytest.mark.parametrize("name", ["terminate_workers", "kill_workers"])
def test_the_workers_of_an_executor_can_be_ended(name):
    executor = ProcessPoolExecutor(2)
    future = executor.submit(nap, 60)
    getattr(executor, name)()
    assert isinstance(future.exception(timeout=20), BrokenExecutor)


def test_every_guess_of_the_lesson_has_its_misconceptions():
    cells = nbformat.read(LESSON, as_version=4).cells
    trees = [ast.parse(c.source) for c in cells if c.source.find("guess(") > 0]
    named = {tree.body[0].targets[0].id: tree.body[0].value for tree in trees}
    assert set(named) == set(lesson_09.MISCONCEPTIONS)
    for name, call in named.items():
        options = {arg.value for arg in call.args[1:] if isinstance(arg, ast.Constant)}
        assert set(lesson_09.MISCONCEPTIONS[name]) < options or not options


# The exercises.


@pytest.mark.parametrize("name", ["survive", "rescue", "four_patients", "safe_script"])
def test_the_solution_is_right_and_a_stub_is_not_tried(name):
    exercise = getattr(lesson_09, name)
    assert verdict(exercise, exercise.solution_text).startswith("Right!")
    assert exercise.verdict(...) == NOT_TRIED


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return pool.map(function, items)", "survive raised ValueError"),
        ("return pool.map(partial(result_or_error, function), items), []", "failed; you say []"),
        ("return items", "should return a pair"),
        (
            "found = [result_or_error(partial(pool.apply, function), [i]) for i in items]\n"
            "    return [f for f in found if isinstance(f, float)], "
            "[n for n, f in enumerate(found) if not isinstance(f, float)]",
            "one task at a time",
        ),
    ],
)
def test_survive_answers_what_is_wrong(body, message):
    source = f"def survive(pool, function, items):\n    {body}"
    assert message in verdict(lesson_09.survive, source)


def test_asking_on_is_as_good_as_catching_inside():
    source = """def survive(pool, function, items):
    results, good, bad = pool.imap(function, items), [], []
    for number in range(len(items)):
        try:
            good.append(next(results))
        except Exception:
            bad.append(number)
    return good, bad"""
    assert verdict(lesson_09.survive, source).startswith("Right!")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "with ProcessPoolExecutor(2) as executor: return list(executor.map(function, items))",
            "rescue raised BrokenProcessPool",
        ),
        ("return [abs(item) for item in items]", "your own process ran the tasks"),
        ("return []", "the results should be"),
    ],
)
def test_rescue_answers_what_is_wrong(body, message):
    source = f"def rescue(function, items):\n    {body}"
    assert message in verdict(lesson_09.rescue, source)


def test_rescue_sees_that_what_was_done_was_done_again():
    naps = [0.1] * 8
    twice = predict([0.1] * 16, 2)
    three = Timeline(np.array([*twice.worker[:-1], 2]), twice.start, twice.finish)
    with pytest.raises(Wrong, match="8 tasks were run 16 times"):
        lesson_09._verdict_rescue(naps, naps, three)


def test_a_marker_makes_the_second_run_of_a_deadly_task_harmless(tmp_path):
    marker = tmp_path / "died"
    marker.touch()
    assert nap_or_die_once(str(marker), -0.1) == 0.1
    assert nap_or_die(0.1) == 0.1


def test_the_four_patients_differ_as_the_lesson_says():
    runs = lesson_09.patients()
    found = {}
    for name, run in runs.items():
        without_end = int((~np.isnan(run.start) & np.isnan(run.finish)).sum())
        found[lesson_09.PATIENTS[name]] = (without_end, run.workers)
    assert found == {"healthy": (0, 2), "killed": (1, 3), "lock": (3, 3), "terminated": (2, 2)}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (dict.fromkeys("ABCD", "killed"), "look again at A, B, C:"),
        (dict.fromkeys("ABC", "killed"), "the runs are A, B, C, D"),
        (dict.fromkeys("ABCD", "ill"), "A is 'ill'; allowed are healthy, killed"),
        (dict.fromkeys("ABCD", ...), NOT_TRIED),
        ("killed", "should be a dict"),
    ],
)
def test_four_patients_answers_what_is_wrong(answer, message):
    assert message in lesson_09.four_patients.verdict(answer)


def test_the_unsafe_script_works_under_fork_only():
    endings = {}
    for method, run in under_each_method(lesson_09.UNSAFE).items():
        endings[method] = run.ending
    if "fork" in endings:
        done = demonstrate(lesson_09.UNSAFE, method="fork")
        assert done.output.strip() == lesson_09.PRINTED
    assert all(endings[m] != "ended" for m in endings if m != "fork")


def test_a_value_below_the_guard_is_caught():
    lines = lesson_09.UNSAFE.replace("factor = 3\n", 'if __name__ == "__main__":\n    factor = 3\n')
    script = lines.replace("with Pool", "    with Pool").replace("    print", "        print")
    assert "it prints [0, 2, 4" in lesson_09.safe_script.verdict(script)


@pytest.mark.parametrize(
    ("ending", "output", "left", "message"),
    [
        ("hangs", "", 0, "under spawn the script hangs: no message"),
        ("ended", "[1]", 0, "it should print"),
        ("ended", lesson_09.PRINTED, 2, "it leaves 2 processes"),
        ("ended", lesson_09.PRINTED, 0, "a pool ran 0 tasks"),
    ],
)
def test_safe_script_answers_what_is_wrong(ending, output, left, message):
    run = Demonstration(ending, output, "", Timeline([], [], []), left)
    with pytest.raises(Wrong, match=message):
        lesson_09._verdict_script({"spawn": run})
