"""What the tests of the grades share. Run as a program, it tries every answer for real.

    .venv/bin/python tests/lessons/grading.py spawn        # fork, spawn or forkserver
    .venv/bin/python tests/lessons/grading.py fork 05      # one lesson

In the test suite, most grades receive Timelines from `predict`, and only one right and one wrong
answer to each exercise run. This program runs all answers, also the slow ones: it takes minutes.
"""

import importlib
import multiprocessing
import sys
import time
from pathlib import Path
from typing import NamedTuple

from helpers.exercises.checking import TOO_BUSY
from helpers.exercises.limits import WrongAnswerError
from watchedpool import predict


class Answer(NamedTuple):
    """A function for an exercise, and what its verdict contains: "Right!", or what is wrong."""

    exercise: object
    function: object
    message: str = "Right!"

    @property
    def is_right(self):
        """Return whether the verdict should be "Right!"."""
        return self.message == "Right!"


def verdict_of(grade, *measured):
    """Return the verdict on what was measured."""
    try:
        return "Right! " + grade(*measured)
    except WrongAnswerError as wrong:
        return f"Not yet: {wrong}"


def predict_naps(naps, workers, method="map", chunksize=1):
    """Replace `measure_naps`: return the prediction, without running anything."""
    return predict(naps, workers, chunksize, method)


def wrong_verdict(answer):
    """Return the verdict on an answer if it is not the expected one; otherwise an empty string.

    A busy machine is asked three times, as its reader would do.
    """
    for _ in range(3):
        verdict = answer.exercise.verdict(answer.function)
        if verdict != TOO_BUSY:
            break
    as_expected = verdict.startswith("Right!") == answer.is_right and answer.message in verdict
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


if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    begin, failed = time.monotonic(), 0
    for path in sorted(Path(__file__).parent.glob("test_lesson_*.py")):
        if sys.argv[2:] and path.stem[-2:] not in sys.argv[2:]:
            continue
        counts = {}
        for answer in getattr(importlib.import_module(path.stem), "ANSWERS", []):
            count = counts.setdefault(answer.exercise.name, [0, 0])
            count[not answer.is_right] += 1
            if verdict := wrong_verdict(answer):
                failed += 1
                print(path.stem, verdict, flush=True)
        for name, (right, wrong) in counts.items():
            print(f"{path.stem} {name}: tried {right} right and {wrong} wrong answers", flush=True)
    print(f"{failed} verdicts were not the expected ones, {time.monotonic() - begin:.0f} s")
    sys.exit(failed > 0)
