"""naps(): lists of naps of known length, to predict, run and race. Standard library only."""

import random
from collections.abc import Callable
from numbers import Integral

# Each takes the number of tasks and random numbers; returns naps as shares of the longest.
PATTERNS: dict[str, Callable[[int, random.Random], list[float]]] = {
    "countdown": lambda tasks, _: [(tasks - i) / tasks for i in range(tasks)],
    "count-up": lambda tasks, _: [(i + 1) / tasks for i in range(tasks)],
    "equal": lambda tasks, _: [0.5] * tasks,
    "random": lambda tasks, dice: [dice.uniform(0.1, 1) for _ in range(tasks)],
    "one straggler": lambda tasks, _: [1.0 if i == tasks // 2 else 0.1 for i in range(tasks)],
}


def naps(pattern: str, tasks: int, seed: int = 0, longest: float = 2.0) -> list[float]:
    """Return how long each of so many tasks shall nap, in seconds.

    pattern: "countdown" (each shorter than the one before), "count-up", "equal" (each half the
        longest), "random" (the same for the same seed), or "one straggler" in the middle.
    longest: the longest nap of the pattern.

    Raises ValueError for another pattern or no task: it says what is allowed.
    """
    if pattern not in PATTERNS:
        raise ValueError(f"pattern is {pattern!r}; allowed are {', '.join(PATTERNS)}")
    if not isinstance(tasks, Integral) or tasks < 1:
        raise ValueError(f"tasks is {tasks!r}; allowed is a whole number, 1 or more")
    if not 0 <= longest < float("inf"):
        raise ValueError(f"longest is {longest!r}; allowed are seconds, 0 or more")
    return [share * longest for share in PATTERNS[pattern](int(tasks), random.Random(seed))]
