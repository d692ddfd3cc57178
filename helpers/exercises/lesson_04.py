"""The exercises of lesson 04, on ordered bars, and its guesses."""

import random

from helpers.exercises.checking import Exercise, Wrong, check_naps, check_same, short
from helpers.exercises.limits import watch
from helpers.schedule import predict
from helpers.timeline import Timeline

# -- guesses: the idea behind each wrong option

bar_at_1_9 = {
    "1/10": "Four tasks are done, but the first result must be that of task 0, which ends at 2 s.",
    "4/10": "Four tasks are done, but results come in order, and task 0 is not done.",
    "5/10": "Five workers do not make five results: a task counts when it ends, and in its turn.",
}
unordered_bar = {
    "2 behind": "Half as many would be half a line: without an order there is no line at all.",
    "4 behind": "Four stood in line behind task 0; without an order there is no line.",
}
busy_cores = {
    "as long as predicted": "The rule deals out tasks and not cores: on one core, two take turns.",
    "half as long": "Twice the workers are not twice the cores, and the cores do the work.",
}

# -- exercises 1 and 2

NAPS = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
_NAPS = tuple(NAPS)  # a reader may sort theirs
WORKERS = 5


def measure_honest(naps: list[float]) -> tuple[list[float], Timeline]:
    """Run the ten naps over imap."""
    naps = check_naps(naps, 0.05, 2)
    check_same(naps, _NAPS)
    return naps, watch(naps, WORKERS, "imap")


def judge_honest(naps: list[float], timeline: Timeline) -> str:
    """Judge by the rule, for a busy machine is not the answer's fault; tell what was measured."""
    if behind := predict(naps, WORKERS).most_behind:
        raise Wrong(
            f"{behind} finished tasks have to wait for their turn at worst; measured just now: "
            f"{timeline.most_behind}. Somewhere a later task ends before an earlier one."
        )
    return (
        "No task has to wait for its turn. "
        f"But the run took {timeline.makespan:.1f} s, and the longest nap first takes 1.1 s."
    )


def measure_longest(naps: list[float]) -> tuple[list[float], Timeline]:
    """Run ten naps over imap."""
    if len(naps) != 10:
        raise Wrong(f"there should be ten naps; you gave {len(naps)}.")
    naps = check_naps(naps, 0.05, 2)
    return naps, watch(naps, WORKERS, "imap")


def judge_longest(naps: list[float], timeline: Timeline) -> str:
    """Judge by the rule; tell what was measured."""
    behind = predict(naps, WORKERS).most_behind
    if behind < 9:
        raise Wrong(
            f"{behind} finished tasks have to wait at worst; measured just now: "
            f"{timeline.most_behind}. Nine are possible."
        )
    return f"Measured: {timeline.most_behind} of ten tasks were done, and the bar said 0 of 10."


honest_order = Exercise(
    name="order",
    takes=list,
    measure=measure_honest,
    judge=judge_honest,
    hint_text=(
        "It is not enough that the first task ends first. A bar over imap is honest only if "
        "every task ends before the tasks behind it."
    ),
    solved="order = sorted(lesson_04.NAPS)",
)

longest_lie = Exercise(
    name="lie",
    takes=list,
    measure=measure_longest,
    judge=judge_longest,
    hint_text=(
        "A long nap does not make the bar lie by its length alone. It is the tasks *behind* it "
        "that wait. So where must the longest nap stand?"
    ),
    solved="lie = [1.5] + [0.1] * 9",
)

# -- exercise 3

METHODS = ("map", "imap", "imap_unordered")
_asked: dict[str, str] = {}  # the call of each run that was shown last


def mystery_runs() -> dict[str, Timeline]:
    """Return three measured runs of the same naps; which call made which is the question."""
    methods = random.sample(METHODS, len(METHODS))
    runs = {
        name: watch(list(_NAPS), WORKERS, call) for name, call in zip("ABC", methods, strict=True)
    }
    _asked.update(zip("ABC", methods, strict=True))
    return runs


def measure_which(answer: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the answer, and what was shown."""
    if not _asked:
        raise Wrong(
            "run the cell with the pictures first: the calls are in another order each time."
        )
    return answer, dict(_asked)


def judge_which(answer: dict[str, str], asked: dict[str, str]) -> str:
    """Judge which call was named for each run."""
    if set(answer) != set(asked):
        raise Wrong(f"name the call of each run: {', '.join(asked)}.")
    for call in answer.values():
        if call not in METHODS:
            raise Wrong(f"{short(call)} is none of {', '.join(METHODS)}.")
    wrong = [name for name in asked if answer[name] != asked[name]]
    if wrong:
        raise Wrong(f"look at {' and '.join(wrong)} again.")
    return "The gap between finished and shown gives each call away."


which_call = Exercise(
    name="answer",
    takes=dict,
    measure=measure_which,
    judge=judge_which,
    hint_text=(
        "All three calls run the tasks in the same way: the blue line does not tell. Look at "
        "the orange one. One call shows everything at the end, one in order, one at once."
    ),
    solved=lambda: f"answer = {_asked or '...  # run the pictures first'}",
)
