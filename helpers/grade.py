"""Grade answers from outside a notebook: python -m helpers.grade 04 answers.json

answers.json holds a JSON object: the name of each answer in the lesson, and the answer. The result
is a JSON list on stdout, one object for each answer: its name, whether it is right, the verdict.
No code of a submission runs, so only answers that are lists, numbers, dictionaries or texts can be
graded. A text that is a program is run, with the rights of whoever grades.
"""

import importlib
import json
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from helpers.exercises.checking import Exercise, Mystery
from helpers.exercises.wording import RIGHT


def exercises_of(lesson: str) -> dict[str, Exercise]:
    """Return the exercises of a lesson that can be graded from outside, by the answers' names.

    Raises ValueError if the lesson has none.
    """
    try:
        module = importlib.import_module(f"helpers.exercises.lesson_{lesson}")
    except ImportError as error:
        raise ValueError(f"lesson is {lesson!r}; allowed are 00 to 11") from error
    found = [each for each in vars(module).values() if isinstance(each, Exercise)]
    return {
        each.name: each
        for each in found
        if each.takes is not Callable and not isinstance(each.right_answer, Mystery)
    }


def grade(lesson: str, answers: Any) -> list[dict[str, Any]]:
    """Return the result for each answer. Raises ValueError for an answer that nobody asked for."""
    exercises = exercises_of(lesson)
    allowed = ", ".join(exercises) or "none"
    if not isinstance(answers, dict):
        raise ValueError(f"the answers are not a JSON object; its names may be: {allowed}")
    if unknown := [name for name in answers if name not in exercises]:
        raise ValueError(f"answer is {unknown[0]!r}; allowed in lesson {lesson}: {allowed}")
    results = []
    for name, answer in answers.items():
        with redirect_stdout(sys.stderr):  # stdout is for the JSON only
            verdict = exercises[name].verdict(answer)
        results.append({"name": name, "right": verdict.startswith(RIGHT), "verdict": verdict})
    return results


def main(arguments: list[str]) -> int:
    """Print the results as JSON; return the exit code: 1 if an answer is wrong, 2 for bad input."""
    if len(arguments) != 2:
        print("usage: python -m helpers.grade LESSON ANSWERS.json", file=sys.stderr)
        return 2
    lesson, path = arguments
    try:
        results = grade(lesson, json.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        print(f"python -m helpers.grade: {error}", file=sys.stderr)
        return 2
    print(json.dumps(results, ensure_ascii=True, indent=1))
    return 0 if all(result["right"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
