"""What the tests of the grades share. Run as a program, it tries every answer for real.

    .venv/bin/python tests/lessons/grading.py spawn             # fork, spawn or forkserver
    .venv/bin/python tests/lessons/grading.py fork 05           # one lesson
    .venv/bin/python tests/lessons/grading.py fork --solutions 20 --busy

In the test suite, most grades receive Timelines from `predict`, and only one right and one wrong
answer to each exercise run. This program runs all answers, also the slow ones: it takes minutes.
With --solutions, it runs only the solutions that are printed to the reader. With --busy, four
loops keep the machine busy meanwhile.
"""

import argparse
import functools
import importlib
import itertools
import multiprocessing
import os
import subprocess
import sys
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from statistics import median
from typing import NamedTuple

from helpers import workers
from helpers.exercises.checking import Exercise, Mystery
from helpers.exercises.limits import WrongAnswerError
from helpers.exercises.wording import NOT_YET, RIGHT, TOO_BUSY
from watchedpool import predict

LOOPS = 4  # that keep the machine busy


class Answer(NamedTuple):
    """A function for an exercise, and what its verdict contains: RIGHT, or what is wrong."""

    exercise: object
    function: object
    message: str = RIGHT

    @property
    def is_right(self):
        """Return whether the verdict should be RIGHT."""
        return self.message == RIGHT


def verdict_of(grade, *measured):
    """Return the verdict on what was measured."""
    try:
        return RIGHT + grade(*measured)
    except WrongAnswerError as wrong:
        return f"{NOT_YET}{wrong}"


def predict_naps(naps, workers, method="map", chunksize=1):
    """Replace `measure_naps`: return the prediction, without running anything."""
    return predict(naps, workers, chunksize, method)


def verdict_when_not_busy(exercise, answer):
    """Return the verdict on an answer. A busy machine is asked three times, as readers would do."""
    for _ in range(3):
        verdict = exercise.verdict(answer)
        if verdict != TOO_BUSY:
            break
    return verdict


def wrong_verdict(answer):
    """Return the verdict on an answer if it is not the expected one; otherwise an empty string."""
    verdict = verdict_when_not_busy(answer.exercise, answer.function)
    as_expected = verdict.startswith(RIGHT) == answer.is_right and answer.message in verdict
    return "" if as_expected else f"{answer.function.__name__}: {verdict}"


def one_of_each(answers):
    """Return the first right and the first wrong answer to each exercise."""
    kinds = {}
    for answer in answers:
        kinds.setdefault((answer.exercise.name, answer.is_right), answer)
    return list(kinds.values())


def name_of(answer):
    """Return the name of the test of this answer."""
    return f"{answer.exercise.name}-{answer.function.__name__}"


def try_answers(lesson):
    """Run every answer of a test module; print a line per exercise, and return the mistakes."""
    rows, wrong = {}, []
    for answer in getattr(importlib.import_module(f"test_lesson_{lesson}"), "ANSWERS", []):
        begin = time.monotonic()
        if verdict := wrong_verdict(answer):
            wrong.append(verdict)
            print(lesson, verdict, flush=True)
        took = time.monotonic() - begin
        rows.setdefault(answer.exercise.name, []).append((took, answer.function.__name__))
    for name, row in rows.items():
        took, slowest = max(row)
        print(f"{lesson} {name}: {len(row)} answers; the slowest, {slowest}: {took:.1f} s")
    return wrong


def solution_of(exercise, module):
    """Return the answer that the solution of an exercise makes."""
    if callable(exercise.right_answer):
        return exercise.right_answer
    names = vars(functools) | vars(itertools) | vars(workers) | vars(module)
    names |= {module.__name__.rpartition(".")[2]: module, "naps_today": getattr(module, "MIXED", 0)}
    exec(exercise.solution_text, names)
    return names[exercise.name]


@contextmanager
def busy_machine():
    """Keep the machine busy with loops until the block ends."""
    loop = f"import os\nwhile os.getppid() == {os.getpid()}: pass"
    loops = [subprocess.Popen([sys.executable, "-c", loop]) for _ in range(LOOPS)]
    try:
        yield
    finally:
        for each in loops:
            each.kill()
            each.wait()


def try_solutions(lesson, times):
    """Run each solution so many times; print a line per exercise, and return the mistakes."""
    wrong = []
    module = importlib.import_module(f"helpers.exercises.lesson_{lesson}")
    exercises = [each for each in vars(module).values() if isinstance(each, Exercise)]
    for exercise in exercises:
        if isinstance(exercise.right_answer, Mystery):
            continue  # it measures nothing
        took, verdicts, answer = [], [], solution_of(exercise, module)
        for _ in range(times):
            begin = time.monotonic()
            verdicts.append(exercise.verdict(answer))
            took.append(time.monotonic() - begin)
        refused = [verdict for verdict in verdicts if not verdict.startswith(RIGHT)]
        wrong += refused
        print(
            f"{lesson} {exercise.name:<17} accepted {times - len(refused)} of {times}; "
            f"seconds: median {median(took):.1f}, most {max(took):.1f}",
            *sorted(set(refused)),
            sep="\n    ",
            flush=True,
        )
    return wrong


def main():
    """Try what the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("method", choices=multiprocessing.get_all_start_methods())
    parser.add_argument("lessons", nargs="*")
    parser.add_argument("--solutions", type=int, metavar="N", help="try each solution N times")
    parser.add_argument("--busy", action="store_true", help="keep the machine busy meanwhile")
    options = parser.parse_args()
    multiprocessing.set_start_method(options.method)
    paths = sorted(Path(__file__).parent.glob("test_lesson_*.py"))
    wrong = []
    with busy_machine() if options.busy else nullcontext():
        for lesson in options.lessons or [path.stem[-2:] for path in paths]:
            if options.solutions:
                wrong += try_solutions(lesson, options.solutions)
            else:
                wrong += try_answers(lesson)
    print(f"{len(wrong)} verdicts were not the expected ones")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
