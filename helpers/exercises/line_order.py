"""Exercises on the lines of a right program in the wrong order, of which one belongs to none."""

import re
from collections.abc import Sequence
from numbers import Integral

from helpers.commands.demonstration import Demonstration, demonstrate
from helpers.exercises.checking import without_numpy
from helpers.exercises.limits import WrongAnswerError
from helpers.exercises.wording import short_repr, short_text


def numbered(lines: Sequence[str]) -> str:
    """Return the lines with their numbers, as the lesson displays them."""
    return "\n".join(f"{number}  {line}" for number, line in enumerate(lines))


def run_lines(lines: Sequence[str], numbers: Sequence) -> Demonstration:
    """Run the program that these numbers of lines make. Raises WrongAnswerError for others."""
    numbers = [without_numpy(number) for number in numbers]
    for number in numbers:
        is_number = isinstance(number, Integral) and not isinstance(number, bool)
        if not is_number or not 0 <= number < len(lines):
            raise WrongAnswerError(
                f"{short_repr(number)} is not the number of a line. "
                f"Use the numbers from 0 to {len(lines) - 1}."
            )
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    if twice:
        raise WrongAnswerError(f"use each line once at most; line {twice[0]} is there again.")
    if len(numbers) != len(lines) - 1:
        raise WrongAnswerError(
            f"one line of the {len(lines)} belongs to no program, so there should be "
            f"{len(lines) - 1} numbers; you gave {len(numbers)}."
        )
    return demonstrate("\n".join(lines[number] for number in numbers))


def check_run(run: Demonstration) -> str:
    """Return what a run printed. Raises WrongAnswerError if it did not end, or left processes."""
    if run.ending == "hangs":
        raise WrongAnswerError("your program hangs, so the check ended it. Which line waits?")
    if run.ending != "ended":
        # The first error is the program's own; a pool that is torn down may add others.
        errors = re.findall(r"^\w*(?:Error|Exception).*", run.errors, re.MULTILINE)
        reason = short_text(errors[0]) if errors else "no message"
        raise WrongAnswerError(f"your program {run.ending}: {reason}")
    if run.left:
        raise WrongAnswerError(f"your program leaves {run.left} processes behind.")
    return run.output.strip()
