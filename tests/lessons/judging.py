"""What the tests of the judges share. Run as a program, it tries every answer for real.

    .venv/bin/python tests/lessons/judging.py spawn        # fork, spawn or forkserver
    .venv/bin/python tests/lessons/judging.py fork 05      # one lesson

In the suite, the judges judge Timelines that `predict` made, and one right and one wrong answer of
each exercise runs. Here all run, also those that take long: some minutes.
"""

import importlib
import multiprocessing
import sys
import time
from pathlib import Path
from typing import NamedTuple

from helpers.exercises.limits import Wrong
from helpers.schedule import predict


class Answer(NamedTuple):
    """A function for an exercise, and what its verdict says: "Right!", or what is wrong."""

    exercise: object
    function: object
    said: str = "Right!"


def said(judge, *measured):
    """Return the verdict on what was measured."""
    try:
        return "Right! " + judge(*measured)
    except Wrong as wrong:
        return f"Not yet: {wrong}"


def watched_by_the_rule(naps, workers, method="map", chunksize=1):
    """Stand in for `watch`: what it would measure, without running anything."""
    return predict(naps, workers, chunksize, method)


def judged(answer):
    """Return the verdict on an answer, if it is another one than should be; else nothing."""
    verdict = answer.exercise.verdict(answer.function)
    right = verdict.startswith("Right!") == (answer.said == "Right!") and answer.said in verdict
    return "" if right else f"{answer.function.__name__}: {verdict}"


def one_of_each(answers):
    """Return the first right and the first wrong answer of each exercise."""
    kinds = {}
    for answer in answers:
        kinds.setdefault((answer.exercise.name, answer.said == "Right!"), answer)
    return list(kinds.values())


def name_of(answer):
    return f"{answer.exercise.name}-{answer.function.__name__}"


if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    begin, failed = time.monotonic(), 0
    for path in sorted(Path(__file__).parent.glob("test_lesson_*.py")):
        if sys.argv[2:] and path.stem[-2:] not in sys.argv[2:]:
            continue
        counts = {}
        for answer in getattr(importlib.import_module(path.stem), "ANSWERS", []):
            right = counts.setdefault(answer.exercise.name, [0, 0])
            right[answer.said != "Right!"] += 1
            if told := judged(answer):
                failed += 1
                print(path.stem, told, flush=True)
        for name, (right, wrong) in counts.items():
            print(f"{path.stem} {name}: {right} right and {wrong} wrong answers tried", flush=True)
    print(f"{failed} judged wrongly, {time.monotonic() - begin:.0f} s")
    sys.exit(failed > 0)
