"""Exercises and guesses have a message for every kind of answer."""

import ast
import importlib
import inspect
import json
import multiprocessing
import os
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

from helpers.exercises import guess
from helpers.exercises.checking import KINDS, NOT_TRIED, Exercise, as_results
from helpers.exercises.limits import WrongAnswerError, cell_functions, cleanup, run_limited
from helpers.exercises.measuring import measure_until
from helpers.exercises.wording import short_repr

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted(ROOT.glob("notebooks/[0-9]*.ipynb"))
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
    name="double",
    takes=Callable,
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
        (lambda x: x, "Not yet: double(21) should be 42, not 21."),
        (lambda x: 1 / 0, "Not yet: <lambda> raised ZeroDivisionError: division by zero"),
        (
            lambda x: 10**5000,
            "Not yet: double(21) should be 42, not a number of more than 20 digits.",
        ),
        (double, "Right! It doubles."),
        (coroutine, "Right! It doubles."),
        (endless, "Not yet: endless had not returned after 1 s, so the check gave up."),
        (sleeper, "Not yet: sleeper had not returned after 1 s, so the check gave up."),
        (leaver, "Right! It doubles."),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_each_answer_gets_its_verdict(answer, verdict, capsys):
    DOUBLE.check(answer)
    assert capsys.readouterr().out == verdict + "\n"


def unchanged(takes):
    """Return an exercise that accepts every answer of this kind, and prints it."""
    return Exercise("naps", takes, lambda answer: (answer,), lambda answer: f"{answer}", "", "")


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ([], "Not yet: naps is empty."),
        ([1, ...], NOT_TRIED),
        ((1, 2), "Right! [1, 2]"),
        (np.array([1, 2]), "Right! [1, 2]"),
        (iter([1, 2]), "Right! [1, 2]"),
        ([np.float64(0.5)], "Right! [0.5]"),
        (
            map(int, ["x"]),
            "Not yet: naps raised ValueError: invalid literal for int() with base 10: 'x'",
        ),
        ({1, 2}, "Not yet: naps is of type set, and should be a list."),
        ("12", "Not yet: naps is of type str, and should be a list."),
        (sorted, "Not yet: naps is a function, and should be a list."),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_list_answer_may_be_any_ordered_iterable(answer, verdict):
    assert unchanged(list).verdict(answer) == verdict


def test_a_whole_number_may_be_a_numpy_integer():
    assert unchanged(int).verdict(np.int64(3)) == "Right! 3"
    assert "should be a whole number" in unchanged(int).verdict(True)
    assert "should be a whole number" in unchanged(int).verdict(2.0)


def test_grading_works_on_a_copy_of_the_answer():
    naps = [1, 2]
    exercise = Exercise("naps", list, lambda own: (own.clear(),), lambda _: "", "", "")
    exercise.verdict(naps)
    assert naps == [1, 2]


def test_an_error_in_the_check_is_not_blamed_on_the_answer():
    broken = Exercise("naps", list, lambda naps: naps[0] + 1, lambda _: "", "", "")
    assert broken.verdict(["x"]).startswith(
        "Not yet: the check could not grade your answer. The code of the check, not your code, "
        "raised TypeError: "
    )


@pytest.mark.parametrize(
    ("results", "message"),
    [
        (None, "f returned nothing (None). Is there a `return`?"),
        (iter([1]), "f returned an iterator"),
        ("ab", "f should return a list; what it returned is of type str."),
        ({1: 2, 3: 4}, "f should return a list; what it returned is of type dict."),
        ([1], "there should be 2 results; you returned 1."),
    ],
    ids=lambda value: type(value).__name__,
)
def test_as_results_says_what_is_wrong_with_the_results(results, message):
    with pytest.raises(WrongAnswerError) as caught:
        as_results(results, "f", 2)
    assert message in str(caught.value)
    assert as_results((np.int64(1), 2), "f", 2) == as_results(np.array([1, 2]), "f", 2) == [1, 2]


@pytest.mark.parametrize(("bad", "runs"), [(0, 1), (1, 2), (2, 3), (9, 3)])
def test_measure_until_stops_at_a_good_run_or_after_three(bad, runs):
    numbers = count()
    measured = measure_until(lambda number: number >= bad, lambda: next(numbers))
    assert measured == list(range(runs))


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
        assert exercise.verdict(exercise.takes()) == f"Not yet: {exercise.name} is empty."


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
    if callable(exercise.right_answer) and exercise.takes is Callable:
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


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_no_check_hangs_or_leaves_a_process(method):
    code = (Path(__file__).parent / "hanging.py").read_text(encoding="utf-8")
    command = [sys.executable, "-c", code, method]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=300, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    took, verdicts = ({row[0]: row[column] for row in rows} for column in (1, 3))
    for name, seconds, left, _ in rows:
        # The limit of 1 s and five more, plus the time of a right answer, for a busy machine.
        assert float(seconds) < 6 + float(took["collect"]), name
        assert left == "0", name
    assert len(verdicts) == 12
    why = f"numbered_nap, which is defined in a cell. With the start method {method},"
    assert (why in verdicts["uses_a_cell_function"]) == (method != "fork")
    assert "A worker died while it ran a task" in verdicts["kills_its_workers"]
    assert (
        verdicts["closes_the_pool"]
        == "Not yet: closes_the_pool raised ValueError: Pool not running"
    )
    assert verdicts["collect"].startswith("Right!")  # after all of these


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
            texts = ["".join(output.get("text", "")) for output in cell["outputs"]]
            comparison = next(text for text in texts if text.startswith("Measured: "))
            yield name, *made[name], comparison.removeprefix("Measured: ").split(". (You made")[0]


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
