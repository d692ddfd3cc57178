"""The exercises of lesson 00, on timelines and on when workers help, and its guesses."""

from helpers.exercises.checking import Exercise, check_choices, check_naps
from helpers.exercises.limits import WrongAnswerError
from helpers.exercises.measuring import measure_naps
from watchedpool.schedule import predict
from watchedpool.timeline import Timeline

# -- guesses: the idea behind each wrong option

letters = {"3 letters": "The word has two letters *o*: p, o, o, l."}
other = {
    "[1]": "A worker does not stop after one task: while there are tasks, it takes the next one.",
    "[1, 3]": "Tasks are not assigned in turn: a worker that is free takes the next task.",
}
threads = {
    "two cores": "Threads can wait together, but only one thread runs Python code at a time.",
    "one core": "In standard Python that is right, but this Python has no GIL.",
}

# -- exercise 2: five naps from 0.3 to 2 seconds; two workers end within 0.1 seconds. The text
# fixes these numbers, and any naps that obey them are right. The verdict comes from the prediction.

ROUNDING = 1e-9  # seconds; 1.3 - 4 * 0.3 is a little more than 0.1


def measure_ends(naps: list[float]) -> tuple[list[float], Timeline]:
    """Let two workers run the five naps."""
    if len(naps) != 5:
        raise WrongAnswerError(f"there should be five naps; you gave {len(naps)}.")
    naps = check_naps(naps, 0.3, 2)
    return naps, measure_naps(naps, 2)


def grade_ends(naps: list[float], timeline: Timeline) -> str:
    """Grade the prediction, because a busy machine is not the answer's fault; report the run."""
    first, last = _ends(predict(naps, 2))
    measured = f"measured: one worker ended at {_ends(timeline)[0]:.1f} s, the other at"
    if last - first > 0.1 + ROUNDING:
        raise WrongAnswerError(
            f"{measured} {timeline.makespan:.1f} s. "
            "Draw the two lanes on paper: the worker that is free first takes the next nap."
        )
    return f"Measured: both workers were busy until {timeline.makespan:.1f} s."


def _ends(timeline: Timeline) -> list[float]:
    """Return when each of the two workers ended, the first end first; 0 if it ran nothing."""
    return sorted(timeline.finish[timeline.worker == w].max(initial=0.0) for w in (0, 1))


same_end = Exercise(
    measure=measure_ends,
    grade=grade_ends,
    hint_text=(
        "Five tasks need not be split into three and two. While one worker runs a long nap, the "
        "other worker may run the remaining four."
    ),
    right_answer="naps = [1.2, 0.3, 0.3, 0.3, 0.3]",
    takes=list,
)

# -- exercise 1: one of three words for each of three jobs. Each wrong word has its own reason.

WAYS = ("loop", "threads", "processes")
JOBS = {
    "wait for 100 web pages": "threads",
    "add up squares, on four cores": "processes",
    "add up squares, on one core": "loop",
}
WHY = {
    ("wait for 100 web pages", "loop"): "A loop waits for one page after another.",
    ("wait for 100 web pages", "processes"): (
        "Processes would work, but a task that only waits needs no core, and a lighter way is "
        "as fast."
    ),
    ("add up squares, on four cores", "loop"): "A loop keeps one core busy; three cores are idle.",
    ("add up squares, on four cores", "threads"): "Threads would take turns on one core.",
    ("add up squares, on one core", "threads"): (
        "Threads would take turns on the one core, which is no faster than a loop."
    ),
    ("add up squares, on one core", "processes"): "Two processes cannot use more than one core.",
}


def grade_ways(answer: dict[str, str]) -> str:
    """Grade which way was named for each job."""
    check_choices(answer, JOBS, WAYS)
    for job, way in JOBS.items():
        if answer[job] != way:
            raise WrongAnswerError(f"{WHY[job, answer[job]]} Look at '{job}' again.")
    return "Waiting needs no core. Number crunching needs one core per worker."


lightest_way = Exercise(
    measure=lambda answer: (answer,),
    grade=grade_ways,
    hint_text=(
        "More workers do not give you more cores. First ask: does the job need a core, or does it "
        "only wait? Then ask: how many cores are there?"
    ),
    right_answer="""answer = {
    "wait for 100 web pages": "threads",
    "add up squares, on four cores": "processes",
    "add up squares, on one core": "loop",
}""",
    takes=dict,
)
