"""naps(): lists of naps to predict and to run. Each pattern shows one property of schedules."""

import random
from collections.abc import Callable

from watchedpool.schedule import check_seconds, check_whole

# Each function takes the number of tasks and a source of random numbers. It returns the naps as
# shares of the longest nap.
PATTERNS: dict[str, Callable[[int, random.Random], list[float]]] = {
    "countdown": lambda tasks, _: [(tasks - i) / tasks for i in range(tasks)],
    "count-up": lambda tasks, _: [(i + 1) / tasks for i in range(tasks)],
    "equal": lambda tasks, _: [0.5] * tasks,
    "random": lambda tasks, rng: [rng.uniform(0.1, 1) for _ in range(tasks)],
    "one straggler": lambda tasks, _: [1.0 if i == tasks // 2 else 0.1 for i in range(tasks)],
}


def naps(pattern: str, tasks: int, seed: int = 0, longest: float = 2.0) -> list[float]:
    """Return how long each task naps, in seconds.

    pattern: "countdown" (each nap is shorter than the one before), "count-up", "equal" (each is
        half of the longest), "random", or "one straggler" (in the middle).
    seed: the same seed gives the same random naps.
    longest: the longest nap of the pattern, in seconds.

    Raises ValueError for other values. The message names the argument and what is allowed.
    """
    if pattern not in PATTERNS:
        raise ValueError(f"pattern is {pattern!r}; allowed are {', '.join(PATTERNS)}")
    tasks = check_whole("tasks", tasks)
    longest = float(check_seconds("longest", longest, 1)[0])
    return [share * longest for share in PATTERNS[pattern](tasks, random.Random(seed))]
