"""Exercises and guesses answer every kind of answer with a message of their own."""

import multiprocessing
import threading
import time
from collections.abc import Callable

import pytest

from helpers.exercises import guess
from helpers.exercises.checking import NOT_TRIED, Exercise, Wrong, run_limited

DOUBLE = Exercise(
    name="double",
    takes=Callable,
    judge=lambda function: "It doubles." if call(function) else "",
    hint_text="Times two.",
    solution_text="def double(x):\n    return 2 * x",
)


def call(function):
    if run_limited(function, 21, seconds=1) != 42:
        raise Wrong("double(21) should be 42.")
    return True


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


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (..., NOT_TRIED),
        (stub, NOT_TRIED),
        (documented_stub, NOT_TRIED),
        (None, "Not yet: double is nothing (None), and should be a function."),
        (42, "Not yet: double is of type int, and should be a function."),
        (lambda x: x, "Not yet: double(21) should be 42."),
        (lambda x: 1 / 0, "Not yet: <lambda> raised ZeroDivisionError: division by zero"),
        (lambda x: 2 * x, "Right! It doubles."),
        (endless, "Not yet: endless had not returned after 1 s, and was given up."),
        (sleeper, "Not yet: sleeper had not returned after 1 s, and was given up."),
        (leaver, "Right! It doubles."),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_each_answer_gets_its_verdict(answer, verdict, capsys):
    DOUBLE.check(answer)
    assert capsys.readouterr().out == verdict + "\n"


def test_an_empty_answer_and_a_half_filled_one():
    naps = Exercise("naps", (list, dict), lambda _: "", "", "")
    assert naps.verdict([]) == "Not yet: naps is empty."
    assert naps.verdict([1, ...]) == NOT_TRIED
    assert naps.verdict({"A": ...}) == NOT_TRIED
    assert naps.verdict((1,)) == "Not yet: naps is of type tuple, and should be a list or a dict."


def test_a_judge_that_trips_over_an_answer_says_so():
    broken = Exercise("naps", list, lambda naps: naps[0] + 1, "", "")
    assert broken.verdict(["x"]).startswith("Not yet: your answer led to TypeError: ")


def test_an_endless_loop_is_stopped():
    threads = []

    def loop(x):
        threads.append(threading.current_thread())
        while True:
            pass

    with pytest.raises(Wrong, match="not returned after"):
        run_limited(loop, 1, seconds=0.2)
    threads[0].join(20)
    assert not threads[0].is_alive()


def test_hint_and_solution_are_printed(capsys):
    DOUBLE.hint()
    DOUBLE.solution()
    assert capsys.readouterr().out == "Times two.\ndef double(x):\n    return 2 * x\n"


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (None, "Measured: 4. (You made no guess.)"),
        ("4", "Measured: 4. Your guess was right."),
        ("0", "Measured: 4. Your guess was: 0."),
    ],
)
def test_a_guess_is_compared(choice, told, capsys):
    behind = guess("How many?", "0", "4")
    if choice:
        behind.choose(choice)
    capsys.readouterr()
    behind.compare("4")
    assert capsys.readouterr().out == told + "\n"


def test_a_guess_refuses_what_is_no_option():
    behind = guess("How many?", "0", "4")
    with pytest.raises(ValueError, match="option is '5'; allowed are 0, 4"):
        behind.choose("5")
    with pytest.raises(ValueError, match="a guess needs two or more"):
        guess("How many?", "0")
