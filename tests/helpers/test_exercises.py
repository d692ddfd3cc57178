"""Exercises and guesses have a message for every kind of answer."""

import ast
import dataclasses
import importlib
import inspect
import json
import multiprocessing
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from jupyter_client.manager import start_new_kernel

from helpers.bar_recipes import Bar
from helpers.exercises import checking, guess, limits, programs
from helpers.exercises.checking import (
    KINDS,
    Exercise,
    as_results,
    check_bar,
    check_calls,
)
from helpers.exercises.limits import (
    AnswerError,
    Call,
    MachineBusyError,
    TimeLimitError,
    TimingError,
    WrongAnswerError,
    cell_functions,
    cleanup,
    make_pool,
    run_in_child,
    run_limited,
)
from helpers.exercises.measuring import grade_fairly
from helpers.exercises.wording import NOT_TRIED, TOO_BUSY, short_repr
from helpers.workers import (
    call_with_tuple,
    draw_seeded,
    nap_and_power,
    nap_or_fail,
    with_number,
)
from watchedpool import predict

ROOT = Path(__file__).resolve().parents[2]
LESSONS = [  # those with exercises
    path
    for path in sorted(ROOT.glob("notebooks/[0-9]*.ipynb"))
    if "helpers.exercises import" in path.read_text(encoding="utf-8")
]
MODULES = {
    path: importlib.import_module(f"helpers.exercises.lesson_{path.name[:2]}") for path in LESSONS
}
EXERCISES = {
    f"{path.name[:2]} {name}": exercise
    for path, module in MODULES.items()
    for name, exercise in vars(module).items()
    if isinstance(exercise, Exercise)
}
each = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)


def double(x):
    return 2 * x


def grade_double(result):
    if result != 42:
        raise WrongAnswerError(f"double(21) should be 42, not {short_repr(result)}.")
    return "It doubles."


DOUBLE = Exercise(
    measure=lambda answer: (run_limited(answer, 21, seconds=1),),
    grade=grade_double,
    hint_text="Times two.",
    right_answer=double,
)


def stub(x): ...


def documented_stub(x):
    """Return twice x."""
    ...


def endless(x):
    while True:
        pass


def sleeper(x):
    time.sleep(3)


def leaver(x):
    multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,)).start()
    return 2 * x


async def coroutine(x):
    return 2 * x


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (..., NOT_TRIED),
        (stub, NOT_TRIED),
        (documented_stub, NOT_TRIED),
        (lambda x: x, "✗ Not yet: double(21) should be 42, not 21."),
        (lambda x: 1 / 0, "✗ Not yet: <lambda> raised ZeroDivisionError: division by zero"),
        (
            lambda x: 10**5000,
            "✗ Not yet: double(21) should be 42, not a number of more than 20 digits.",
        ),
        (double, "✓ Right: It doubles."),
        (coroutine, "✓ Right: It doubles."),
        (endless, "✗ Not yet: endless had not returned after 1 s, so the check gave up."),
        (sleeper, "✗ Not yet: sleeper had not returned after 1 s, so the check gave up."),
        (leaver, "✓ Right: It doubles."),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_each_answer_gets_its_verdict(answer, verdict, capsys):
    DOUBLE.check(answer)
    assert capsys.readouterr().out == verdict + "\n"


def unchanged(takes):
    """Return an exercise that accepts every answer of this kind, and prints it."""
    return Exercise(lambda answer: (answer,), str, "", "naps = [0.1]", takes)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ([], "✗ Not yet: naps is empty."),
        ([1, ...], NOT_TRIED),
        ((1, 2), "✓ Right: [1, 2]"),
        (np.array([1, 2]), "✓ Right: [1, 2]"),
        (iter([1, 2]), "✓ Right: [1, 2]"),
        ([np.float64(0.5)], "✓ Right: [0.5]"),
        (
            map(int, ["x"]),
            "✗ Not yet: naps raised ValueError: invalid literal for int() with base 10: 'x'",
        ),
        ({1, 2}, "✗ Not yet: naps is of type set, and should be a list."),
        ("12", "✗ Not yet: naps is of type str, and should be a list."),
        (sorted, "✗ Not yet: naps is a function, and should be a list."),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_list_answer_may_be_any_ordered_iterable(answer, verdict):
    assert unchanged(list).verdict(answer) == verdict


def test_a_whole_number_may_be_a_numpy_integer():
    assert unchanged(int).verdict(np.int64(3)) == "✓ Right: 3"
    assert "should be a whole number" in unchanged(int).verdict(True)
    assert "should be a whole number" in unchanged(int).verdict(2.0)


def test_grading_works_on_a_copy_of_the_answer():
    naps = [1, 2]
    exercise = Exercise(lambda own: (own.clear(),), str, "", "naps = [2]", list)
    exercise.verdict(naps)
    assert naps == [1, 2]


def raise_error(error):
    raise error


def test_an_error_that_begins_in_the_check_becomes_a_sentence_about_the_answer():
    def mixed(x):
        return [0.5, None]

    of_list = Exercise(lambda naps: naps[0] + 1, str, "", "naps = [2]", list)
    assert of_list.verdict(["x"]).startswith(
        "✗ Not yet: naps is ['x'], which the check cannot grade. The code of the check, not yours, "
        "raised TypeError: "
    )
    of_function = dataclasses.replace(DOUBLE, grade=sorted)
    assert of_function.verdict(mixed).startswith(
        "✗ Not yet: double returned [0.5, None], which the check cannot grade. The code of the "
        "check, not yours, raised TypeError: '<' not supported"
    )


@pytest.mark.parametrize("error", [OSError("no space left"), KeyError("x")])
def test_a_check_that_fails_before_the_answer_runs_says_nothing_about_it(error):
    broken = dataclasses.replace(DOUBLE, measure=lambda _: raise_error(error))
    assert broken.verdict(double) == (
        "? Not known: the check failed, which says nothing about your answer. The code of the "
        f"check, not yours, raised {type(error).__name__}: {error}"
    )


def test_a_busy_machine_is_no_verdict_on_the_answer():
    busy = dataclasses.replace(DOUBLE, measure=lambda _: raise_error(MachineBusyError()))
    assert busy.verdict(double) == TOO_BUSY


def never():
    yield 0.1
    threading.Event().wait()


class EqualToNothing:
    def __eq__(self, other):
        while True:
            pass


def test_an_answer_whose_elements_do_not_come_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(checking, "TAKE_LIMIT", 0.3)
    verdict = unchanged(list).verdict(never())
    assert verdict.startswith("✗ Not yet: naps had not ended after 0.3 s (elements so far: 1).")
    assert unchanged(list).verdict(count()) == "✗ Not yet: naps has more than 1,000 elements."
    assert unchanged(str).verdict("x" * 10**6) == "✗ Not yet: naps has more than 100,000 elements."
    assert unchanged(list).verdict([[1, 2], (3,)]) == "✓ Right: [[1, 2], (3,)]"
    assert unchanged(list).verdict([count()]).startswith("✓ Right: [(0, 1, 2, ")


def test_a_comparison_that_never_ends_is_stopped(monkeypatch):
    monkeypatch.setattr(checking, "TIME_LIMIT", 0.3)
    compare = Exercise(lambda naps: (naps,), [1].__eq__, "", "naps = [1]", list)
    assert compare.verdict([EqualToNothing()]) == (
        "✗ Not yet: the comparison of naps had not ended after 0.3 s."
    )


@pytest.mark.parametrize(
    ("results", "message"),
    [
        (None, "f returned nothing (None). Is there a `return`?"),
        (iter([1]), "f returned an iterator"),
        ("ab", "f should return a list; its result is of type str."),
        ({1: 2, 3: 4}, "f should return a list; its result is of type dict."),
        ([1], "there should be 2 results; you returned 1."),
    ],
    ids=lambda value: type(value).__name__,
)
def test_as_results_says_what_is_wrong_with_the_results(results, message):
    with pytest.raises(WrongAnswerError) as caught:
        as_results(results, "f", 2)
    assert message in str(caught.value)
    assert as_results((np.int64(1), 2), "f", 2) == as_results(np.array([1, 2]), "f", 2) == [1, 2]


QUICK, SLOW, LATE = "quick", TimingError("slow"), TimeLimitError("late")


def results_of(*results):
    """Return a function that returns, or raises, one of these at each call."""
    remaining = iter(results)

    def measure(_):
        result = next(remaining)
        return (result,) if result is QUICK else raise_error(result)

    return measure


@pytest.mark.parametrize(
    ("answers", "controls", "verdict"),
    [
        ([QUICK], [], QUICK),
        ([SLOW, QUICK], [SLOW], QUICK),
        ([SLOW, QUICK], [QUICK], QUICK),
        ([SLOW, SLOW], [QUICK, QUICK], SLOW),
        ([SLOW, SLOW, SLOW], [QUICK, WrongAnswerError(), QUICK], SLOW),
        ([SLOW] * 4, [SLOW] * 4, MachineBusyError),
        ([SLOW] * 4, [QUICK, SLOW, LATE, SLOW], MachineBusyError),
        ([MachineBusyError(), QUICK], [], QUICK),
        ([LATE], [QUICK], LATE),
        ([LATE], [LATE], MachineBusyError),
    ],
)
def test_a_slow_run_counts_only_if_the_control_run_is_quick(answers, controls, verdict):
    sources = {double: results_of(*answers), stub: results_of(*controls)}
    arguments = (lambda who: sources[who](who), str, double, stub)
    if verdict is QUICK:
        assert grade_fairly(*arguments) == QUICK
    else:
        with pytest.raises((MachineBusyError, TimingError)) as caught:
            grade_fairly(*arguments)
        assert verdict in (caught.value, caught.type)
    for source in sources.values():
        with pytest.raises(StopIteration):
            source(None)  # all were used


def test_the_solution_is_the_control_unless_there_is_another_one():
    def slow(x):
        raise SLOW

    fair = dataclasses.replace(DOUBLE, measure=lambda answer: (answer(21),))
    assert fair.verdict(slow) == "✗ Not yet: slow"
    assert dataclasses.replace(fair, control=slow).verdict(slow) == TOO_BUSY


def problem_of(check, *args, **kwargs):
    """Return what a check says; an empty text if it finds nothing."""
    try:
        check(*args, **kwargs)
    except WrongAnswerError as wrong:
        return str(wrong)
    return ""


def bar_of(n, total):
    return Bar(total=total, initial=n)


@pytest.mark.parametrize(
    ("bar", "problem"),
    [
        (bar_of(9, 9), ""),
        (None, "no bar moved. Make one with the tqdm that is passed in."),
        (bar_of(0, 9), "no bar moved. Make one with the tqdm that is passed in."),
        (bar_of(8, 9), "the bar ended at 8 of 9 steps."),
        (bar_of(18, 9), "the bar ended at 18 of 9 steps."),
        (bar_of(9, None), "the bar has no total: it does not say how many steps there are."),
        (bar_of(9, 12), "the total of the bar is 12; there are 9 steps."),
    ],
)
def test_a_bar_must_end_at_its_total_which_is_the_number_of_tasks(bar, problem):
    timeline = predict([0.1] * 9, 3, method="imap_unordered")
    assert problem_of(check_bar, timeline, bar, 3, "steps") == problem
    if bar is not None and bar.total is None:
        assert problem_of(check_bar, timeline, bar, 3, needs_total=False) == ""


def test_a_bar_must_not_count_too_early_or_too_late():
    late = predict([0.5, 0.1, 0.1, 0.1], 2, method="imap")
    assert "3 tasks were finished that the bar had not" in problem_of(
        check_bar, late, bar_of(4, 4), 3
    )
    assert problem_of(check_bar, late, bar_of(4, 4), 4) == ""
    early = dataclasses.replace(late, delivered=np.zeros(4))
    assert "It counts what goes in" in problem_of(check_bar, early, bar_of(4, 4), 3, ahead=3)
    assert problem_of(check_bar, early, bar_of(4, 4), 3, ahead=4) == ""


SEEDS = [3, 1, 2, 0]
DRAWN = [random.Random(seed).random() for seed in SEEDS]


def pairs(pool):
    return [drawn for _, drawn in pool.map(partial(with_number, draw_seeded), enumerate(SEEDS))]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda pool: pool.map(draw_seeded, SEEDS), ""),
        (lambda pool: list(pool.imap(draw_seeded, SEEDS, chunksize=3)), ""),
        (lambda pool: pool.starmap(draw_seeded, zip(SEEDS, strict=True)), ""),
        (lambda pool: [pool.apply(draw_seeded, kwds={"seed": seed}) for seed in SEEDS], ""),
        (lambda pool: pool.map(partial(call_with_tuple, draw_seeded), [(s,) for s in SEEDS]), ""),
        (pairs, ""),
        (
            lambda pool: pool.map(abs, SEEDS) and DRAWN,
            f"worker of your pool returned {DRAWN[0]}",
        ),
        (lambda pool: DRAWN, "run each of 4 tasks once; 3 is missing."),
        (lambda pool: [*pool.map(draw_seeded, SEEDS[1:]), 0.5], "3 is missing."),
        (lambda pool: pool.map(draw_seeded, SEEDS * 2)[:4], "some ran again."),
        (
            lambda pool: [*pool.map(draw_seeded, SEEDS)[:3], 0.5],
            "worker of your pool returned 0.5",
        ),
    ],
)
def test_a_pool_for_show_is_seen(answer, problem):
    with cleanup():
        pool = make_pool(2)
        results = answer(pool)
        found = problem_of(check_calls, pool.calls, SEEDS, results)
    assert problem in found
    assert bool(found) == bool(problem)


def test_the_calls_of_a_pool_include_failed_tasks_and_the_arguments_of_partials():
    with cleanup():
        pool = make_pool(1)
        with pytest.raises(ValueError, match="failed"):
            pool.map(nap_or_fail, [-0.01, 0], chunksize=2)
        with pytest.raises(TypeError):
            pool.apply(abs, ("x",))
        pool.starmap(partial(nap_and_power, 2, seconds=0), [(3,), (4,)])
        failed, powers = pool.calls[:3], pool.calls[3:]
    assert [call.arguments for call in failed] == [(-0.01,), (0,), ("x",)]
    assert [type(call.returned) for call in failed] == [ValueError, ValueError, TypeError]
    assert powers == [Call(nap_and_power, (2, 3, 0), 8), Call(nap_and_power, (2, 4, 0), 16)]


# -- programs


def test_quick_programs_do_what_they_say():
    drawn = programs.quick_programs()
    for each in drawn:
        done = subprocess.run(each.command, capture_output=True)
        assert (done.stdout, done.returncode) == (each.stdout, each.code), each.what
        assert ("stderr" in each.what) == (len(done.stderr) > 2**16)
        assert each.lines == [line.rstrip() for line in each.text.split("\n")][: len(each.lines)]
    assert {"", "Zürich 東京"} <= {line[:9] for each in drawn for line in each.lines}
    assert any(len(each.stdout) > 2**16 for each in drawn)
    assert [each.code for each in drawn if each.code]


# -- every exercise


@each
def test_each_exercise_refuses_a_stub_and_the_wrong_type(exercise):
    wanted = f"should be {KINDS[exercise.takes]}."
    assert exercise.verdict(...) == NOT_TRIED
    if exercise.takes is Callable:
        assert exercise.verdict(stub) == NOT_TRIED
    for answer in (None, 4.5, b"x", {7}):
        assert exercise.verdict(answer).endswith(wanted)
    if exercise.takes in (list, dict, str):
        assert exercise.verdict(exercise.takes()) == f"✗ Not yet: {exercise.name} is empty."


def names_of(path):
    """Return what the code cells of a lesson import and assign, at the top level."""
    names = set(dir(__builtins__)) | set(__builtins__)
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            source = re.sub(r"^[%!].*", "", "".join(cell["source"]), flags=re.MULTILINE)
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.alias):
                    names.add((node.asname or node.name).split(".")[0])
                elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    names.add(node.id)
    return names


@each
def test_hint_and_solution_are_printed_and_use_only_names_of_the_lesson(exercise, capsys):
    exercise.hint()
    exercise.solution()
    out = capsys.readouterr().out
    assert out == f"{exercise.hint_text}\n{exercise.solution_text}\n"
    if callable(exercise.right_answer):
        assert out.endswith(inspect.getsource(exercise.right_answer))
    tree = ast.parse(exercise.solution_text)
    defined = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)} | {exercise.name}
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    defined |= {node.id for node in names if isinstance(node.ctx, ast.Store)}
    defined |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    path = next(path for path, module in MODULES.items() if exercise in vars(module).values())
    assert {node.id for node in names} - defined <= names_of(path)


@each
def test_the_lesson_checks_each_exercise_once(exercise):
    path, module = next(item for item in MODULES.items() if exercise in vars(item[1]).values())
    name = next(name for name, value in vars(module).items() if value is exercise)
    call = f"lesson_{path.name[:2]}.{name}.check({exercise.name})"
    assert path.read_text(encoding="utf-8").count(call) == 1


# -- limits


def test_an_endless_loop_is_stopped():
    threads = []

    def loop(x):
        threads.append(threading.current_thread())
        while True:
            pass

    with pytest.raises(WrongAnswerError, match="not returned after"):
        run_limited(loop, 1, seconds=0.2)
    threads[0].join(20)
    assert not threads[0].is_alive()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_answer_that_waits_for_a_thread_gets_the_error_that_ended_it():
    def waits(x):
        threading.Thread(target=int, args=("x",)).start()
        time.sleep(2)

    with pytest.raises(TimeLimitError, match=r"had ended a thread .*: ValueError: invalid"):
        run_limited(waits, 1, seconds=0.3)


def endless_in_c(x):
    return sum(range(10**12))


def too_large(x):
    return list(range(10**9))


def test_a_child_process_runs_pure_functions():
    uses_a_lock = lambda lock: lambda x: lock and 2 * x  # noqa: E731
    for answer in (double, coroutine, lambda x: 2 * x, uses_a_lock(threading.Lock())):
        assert run_in_child(answer, [(1,), (2,)]) == [2, 4]
    with pytest.raises(AnswerError, match="<lambda> raised ZeroDivisionError: division by zero"):
        run_in_child(lambda x: 1 / x, [(1,), (0,)])
    with pytest.raises(WrongAnswerError, match="_exit ended the process that it ran in"):
        run_in_child(os._exit, [(1,)])


def test_a_child_process_ends_a_loop_that_keeps_the_gil():
    with pytest.raises(TimeLimitError, match="endless_in_c had not returned after 1 s"):
        run_in_child(endless_in_c, [(1,)], seconds=1)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit memory")
def test_a_child_process_has_limited_memory():
    with pytest.raises(AnswerError, match=r"too_large raised MemoryError\."):
        run_in_child(too_large, [(1,)], seconds=60)


def displayed_by(code):
    """Yield what a kernel displays for this code, as bundles; then kill the kernel."""
    manager, client = start_new_kernel(cwd=ROOT)
    try:
        client.execute(f"{CELL}{code}")
        while (content := client.get_iopub_msg(timeout=60)["content"]) != IDLE:
            if "transient" in content:
                yield content["data"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


IDLE = {"execution_state": "idle"}
CELL = """
from collections.abc import Callable
from helpers.exercises.checking import Exercise
from helpers.exercises.limits import run_limited
double = Exercise(lambda answer: (run_limited(answer, 21),), str, "", abs)
"""


def test_a_notebook_says_how_to_stop_a_loop_that_keeps_the_gil():
    """The line must be there while nothing else in the kernel runs."""
    displayed = displayed_by("double.check(lambda x: sum(range(10**12)))")
    assert next(displayed)["text/plain"] == limits.NOTICE
    displayed.close()


def test_a_notebook_shows_a_verdict_in_a_box():
    code = "double.check(abs); double.check(lambda x: '<' / x); double.check()"
    displayed = list(displayed_by(code))
    verdicts = [data for data in displayed if data["text/plain"] not in (limits.NOTICE, "")]
    texts = ["✓ Right: 21", "✗ Not yet: <lambda> raised TypeError: unsupported", NOT_TRIED]
    borders = ["4px solid", "4px double", "2px dashed"]
    for data, text, border in zip(verdicts, texts, borders, strict=True):
        assert data["text/plain"].startswith(text)
        assert f"border: {border}" in data["text/html"]
    assert "&lt;lambda&gt; raised" in verdicts[1]["text/html"]


def test_an_interrupted_check_leaves_no_process():
    def interrupted():
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), cleanup():  # conftest.py checks what is left
        interrupted()


def test_cleanup_ends_a_program_that_is_just_being_started(monkeypatch):
    start, begun, programs = subprocess.Popen.__init__, threading.Event(), []

    def slowly(*args, **kwargs):
        begun.set()
        time.sleep(0.3)
        start(*args, **kwargs)

    def run():
        programs.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))

    monkeypatch.setattr(subprocess.Popen, "__init__", slowly)
    thread = threading.Thread(target=run)
    with cleanup():
        thread.start()
        assert begun.wait(20)
    thread.join()
    (program,) = programs
    ended = program.poll() is not None
    program.kill()
    program.wait()
    assert ended


def test_cell_functions_looks_into_partials():
    def inner(x): ...

    inner.__module__ = "__main__"
    assert cell_functions(partial(max, partial(inner, 1), key=abs)) == ["inner"]
    assert cell_functions(max) == cell_functions(3) == []


@pytest.mark.one_start_method
@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_no_check_hangs_or_leaves_a_process(method):
    code = (Path(__file__).parent / "hanging.py").read_text(encoding="utf-8")
    command = [sys.executable, "-X", "utf8", "-c", code, method]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=300, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    took, verdicts = ({row[0]: row[column] for row in rows} for column in (1, 3))
    for name, seconds, left, _ in rows:
        # The limit of 1 s and five more, plus twice the time of a right answer, for a busy machine.
        assert float(seconds) < 6 + 2 * float(took["collect"]), name
        assert left == "0", name
    assert len(verdicts) == 12
    why = f"numbered_nap, which is defined in a cell. With the start method {method},"
    assert (why in verdicts["uses_a_cell_function"]) == (method != "fork")
    assert "A worker died while it ran a task" in verdicts["kills_its_workers"]
    assert (
        verdicts["closes_the_pool"]
        == "✗ Not yet: closes_the_pool raised ValueError: Pool not running"
    )
    assert verdicts["collect"].startswith("✓ Right: ")  # after all of these


# -- guesses


@pytest.mark.parametrize(
    ("choice", "printed"),
    [
        (None, "Measured: 4. (You made no guess.)"),
        ("4", "Measured: 4. Your guess was right."),
        ("0", "Measured: 4. Your guess was: 0.\nYou saw some."),
        ("1", "Measured: 4. Your guess was: 1."),
    ],
)
def test_compare_prints_the_measurement_and_the_idea_behind_a_wrong_guess(choice, printed, capsys):
    behind = guess("How many?", "0", "1", "4", ideas={"0": "You saw some."})
    if choice:
        behind.choose(choice)
    capsys.readouterr()
    behind.compare("4")
    assert capsys.readouterr().out == printed + "\n"


def test_a_guess_refuses_an_unknown_option():
    behind = guess("How many?", "0", "4")
    with pytest.raises(ValueError, match="option is '5'; allowed are 0, 4"):
        behind.choose("5")
    with pytest.raises(ValueError, match="a guess needs two or more"):
        guess("How many?", "0")


def guesses_of(path):
    """Yield (name, options, ideas, measured) of each guess of a lesson; measured as stored."""
    made, module = {}, MODULES[path]
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and "= guess(" in source:
            name = source.split(" = guess(")[0].splitlines()[-1]
            space = {f"lesson_{path.name[:2]}": module}
            space["guess"] = lambda _, *options, ideas: (options, ideas)
            exec(source, space)
            made[name] = space[name]
        for name in [name for name in made if f"{name}.compare(" in source]:
            text = "".join("".join(output.get("text", "")) for output in cell["outputs"])
            yield name, *made[name], re.search(r"^Measured: (.*)\. \(You made", text, re.M)[1]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_each_wrong_option_of_a_guess_has_an_idea(path):
    guesses = list(guesses_of(path))
    source = path.read_text(encoding="utf-8")
    assert len(guesses) == source.count(" = guess(") >= 2
    for name, options, ideas, measured in guesses:
        assert measured in options, name
        assert set(options) - {measured} <= set(ideas) <= set(options), name
        for idea in ideas.values():
            assert idea.endswith(".")
            assert len(idea.split()) <= 20
            assert idea not in source  # it would give the answer away
