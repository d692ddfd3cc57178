"""The exercises of lesson 00, on timelines and on when workers help."""

from helpers.exercises.checking import Exercise, Wrong
from helpers.recording.pool import WatchedPool
from helpers.timeline import Timeline
from helpers.workers import nap

WAYS = ("loop", "threads", "processes")
JOBS = {
    "wait for 100 web pages": "threads",
    "add up squares, on four cores": "processes",
    "add up squares, on one core": "loop",
}


def watch(naps: list[float], workers: int = 2, chunksize: int | None = 1) -> Timeline:
    """Return the measured Timeline of `naps`, run by Pool.map on workers that are warm."""
    with WatchedPool(workers) as pool:
        pool.warm_up()
        pool.map(nap, naps, chunksize)
        return pool.timeline()


def _judge_ends(naps: list[float]) -> str:
    if len(naps) != 5:
        raise Wrong(f"there should be five naps; you gave {len(naps)}.")
    for seconds in naps:
        if not isinstance(seconds, int | float) or not 0.3 <= seconds <= 2:
            raise Wrong(f"{seconds!r} is no nap. Use numbers of seconds from 0.3 to 2.")
    timeline = watch(naps)
    if timeline.workers < 2:
        raise Wrong("measured: one worker ran all five. Your machine is very busy; try again.")
    first, last = sorted(timeline.finish[timeline.worker == worker].max() for worker in (0, 1))
    if last - first > 0.15:
        raise Wrong(
            f"measured: one worker ended at {first:.1f} s, the other at {last:.1f} s. "
            "Draw the two lanes on paper: who is free first takes the next nap."
        )
    return f"Measured: both workers were busy until {last:.1f} s."


def _judge_ways(answer: dict[str, str]) -> str:
    if set(answer) != set(JOBS):
        raise Wrong(f"answer for each of these jobs: {'; '.join(JOBS)}.")
    for way in answer.values():
        if way not in WAYS:
            raise Wrong(f"{way!r} is none of {', '.join(WAYS)}.")
    for job, way in JOBS.items():
        if answer[job] != way:
            raise Wrong(f"{_WHY[job, answer[job]]} Look at '{job}' again.")
    return "Waiting needs no core. Number crunching needs one for each worker."


_WHY = {
    ("wait for 100 web pages", "loop"): "A loop waits for one page after the other.",
    ("wait for 100 web pages", "processes"): (
        "Processes would do, but who only waits needs no core, and something lighter does the same."
    ),
    ("add up squares, on four cores", "loop"): "A loop keeps one core busy; three have nothing.",
    ("add up squares, on four cores", "threads"): "Threads took turns on one core.",
    ("add up squares, on one core", "threads"): "Threads took turns on one core, as a loop does.",
    ("add up squares, on one core", "processes"): "Two processes cannot use more than one core.",
}

same_end = Exercise(
    name="naps",
    takes=(list, tuple),
    judge=_judge_ends,
    hint_text=(
        "Five tasks need not be dealt as three and two. While one worker has a long nap, the "
        "other may take all the rest."
    ),
    solution_text="naps = [1.2, 0.3, 0.3, 0.3, 0.3]",
)

lightest_way = Exercise(
    name="answer",
    takes=dict,
    judge=_judge_ways,
    hint_text=(
        "More workers are not more cores. First ask: does the job need a core at all, or does it "
        "wait? Then: how many cores are there?"
    ),
    solution_text=f"answer = {JOBS!r}",
)
