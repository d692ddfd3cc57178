"""The exercises of lesson 00, on timelines and on when workers help, and its guesses."""

from helpers.exercises.checking import Exercise, Wrong, check_naps, short
from helpers.exercises.limits import watch
from helpers.schedule import predict
from helpers.timeline import Timeline

# -- guesses: the idea behind each wrong option

alive = {"no": "But you did: a click on *no* is a click, too."}
other = {
    "[1]": "A worker does not stop after one task: as long as there are tasks, it takes the next.",
    "[1, 3]": "Tasks are not dealt in turn, as cards are: nobody keeps task 2 for a busy worker.",
}
threads = {
    "two cores": "Threads wait side by side, but Python code runs in one of them at a time.",
    "one core": "With the lock of the usual Python it would be one; this Python runs without it.",
}

# -- exercise 1


def measure_ends(naps: list[float]) -> tuple[list[float], Timeline]:
    """Let two workers run the five naps."""
    if len(naps) != 5:
        raise Wrong(f"there should be five naps; you gave {len(naps)}.")
    naps = check_naps(naps, 0.3, 2)
    return naps, watch(naps, 2)


def judge_ends(naps: list[float], timeline: Timeline) -> str:
    """Judge by the rule, for a busy machine is not the answer's fault; tell what was measured."""
    first, last = _ends(predict(naps, 2))
    measured = f"measured: one worker ended at {_ends(timeline)[0]:.1f} s, the other at"
    if last - first > 0.1:
        raise Wrong(
            f"{measured} {timeline.makespan:.1f} s. "
            "Draw the two lanes on paper: who is free first takes the next nap."
        )
    return f"Measured: both workers were busy until {timeline.makespan:.1f} s."


def _ends(timeline: Timeline) -> list[float]:
    """Return when each of two workers ended; 0 for one that ran nothing."""
    return sorted(timeline.finish[timeline.worker == w].max(initial=0.0) for w in (0, 1))


same_end = Exercise(
    name="naps",
    takes=list,
    measure=measure_ends,
    judge=judge_ends,
    hint_text=(
        "Five tasks need not be dealt as three and two. While one worker has a long nap, the "
        "other may take all the rest."
    ),
    solved="naps = [1.2, 0.3, 0.3, 0.3, 0.3]",
)

# -- exercise 2

WAYS = ("loop", "threads", "processes")
JOBS = {
    "wait for 100 web pages": "threads",
    "add up squares, on four cores": "processes",
    "add up squares, on one core": "loop",
}
WHY = {
    ("wait for 100 web pages", "loop"): "A loop waits for one page after the other.",
    ("wait for 100 web pages", "processes"): (
        "Processes would do, but who only waits needs no core, and something lighter does the same."
    ),
    ("add up squares, on four cores", "loop"): "A loop keeps one core busy; three have nothing.",
    ("add up squares, on four cores", "threads"): "Threads took turns on one core.",
    ("add up squares, on one core", "threads"): "Threads took turns on one core, as a loop does.",
    ("add up squares, on one core", "processes"): "Two processes cannot use more than one core.",
}


def judge_ways(answer: dict[str, str]) -> str:
    """Judge which way was named for each job."""
    if set(answer) != set(JOBS):
        raise Wrong(f"answer for each of these jobs: {'; '.join(JOBS)}.")
    for way in answer.values():
        if way not in WAYS:
            raise Wrong(f"{short(way)} is none of {', '.join(WAYS)}.")
    for job, way in JOBS.items():
        if answer[job] != way:
            raise Wrong(f"{WHY[job, answer[job]]} Look at '{job}' again.")
    return "Waiting needs no core. Number crunching needs one for each worker."


lightest_way = Exercise(
    name="answer",
    takes=dict,
    measure=lambda answer: (answer,),
    judge=judge_ways,
    hint_text=(
        "More workers are not more cores. First ask: does the job need a core at all, or does it "
        "wait? Then: how many cores are there?"
    ),
    solved="""answer = {
    "wait for 100 web pages": "threads",
    "add up squares, on four cores": "processes",
    "add up squares, on one core": "loop",
}""",
)
