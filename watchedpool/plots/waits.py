"""Where the lines of waiting tasks go, in every kind of picture."""

import numpy as np

from watchedpool.timeline import Timeline

_MOST_LEVELS = 4


def waiting(timeline: Timeline) -> np.ndarray:
    """Return the tasks that waited for their delivery longer than a reader notices."""
    return np.flatnonzero(timeline.lag > timeline.wait_threshold)


def wait_levels(timeline: Timeline, late: np.ndarray) -> np.ndarray:
    """Return the level of each waiting task's line: 0 is next to its block.

    Lines of one worker that overlap in time have different levels, up to four of them.
    """
    level = np.zeros(len(late), dtype=int)
    ends: dict[int, list[float]] = {}  # for each worker, when the last line of each level ends
    for at in np.argsort(timeline.finish[late], kind="stable"):
        row = late[at]
        mine = ends.setdefault(int(timeline.worker[row]), [-np.inf] * _MOST_LEVELS)
        level[at] = next((n for n, end in enumerate(mine) if end < timeline.finish[row]), 0)
        mine[level[at]] = max(mine[level[at]], timeline.delivered[row])
    return level
