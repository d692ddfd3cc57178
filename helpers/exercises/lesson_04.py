"""The exercises of lesson 04, on ordered bars."""

from helpers.exercises.checking import Exercise, Wrong
from helpers.recording.pool import WatchedPool
from helpers.schedule import predict
from helpers.timeline import Timeline
from helpers.workers import nap

NAPS = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
METHODS = {"A": "imap_unordered", "B": "map", "C": "imap"}


def watch(naps: list[float], method: str = "imap") -> Timeline:
    """Return the measured Timeline of `naps`, run by `method` on five workers that are warm."""
    with WatchedPool(5) as pool:
        pool.warm_up()
        run = getattr(pool, method)
        list(run(nap, naps, chunksize=1))
        return pool.timeline()


def mystery_runs() -> dict[str, Timeline]:
    """Return three measured runs of the same naps; which call made which is the question."""
    return {name: watch(NAPS, method) for name, method in METHODS.items()}


def _numbers(naps: list[float]) -> list[float]:
    for nap_length in naps:
        if not isinstance(nap_length, int | float) or not 0.05 <= nap_length <= 2:
            raise Wrong(f"{nap_length!r} is no nap. Use numbers of seconds from 0.05 to 2.")
    return list(naps)


def _judge_honest(naps: list[float]) -> str:
    if sorted(_numbers(naps)) != sorted(NAPS):
        raise Wrong(f"use the same ten naps, each once: {sorted(NAPS)}.")
    behind, timeline = predict(naps, 5).most_behind, watch(naps)
    if behind:
        raise Wrong(
            f"{behind} finished tasks have to wait for their turn at worst; measured just now: "
            f"{timeline.most_behind}. Somewhere a later task ends before an earlier one."
        )
    return (
        "No task has to wait for its turn. "
        f"But the run took {timeline.makespan:.1f} s, and the longest nap first takes 1.1 s."
    )


def _judge_longest(naps: list[float]) -> str:
    if len(_numbers(naps)) != 10:
        raise Wrong(f"there should be ten naps; you gave {len(naps)}.")
    behind, timeline = predict(naps, 5).most_behind, watch(naps)
    if behind < 9:
        raise Wrong(
            f"{behind} finished tasks have to wait at worst; measured just now: "
            f"{timeline.most_behind}. Nine are possible."
        )
    return f"Measured: {timeline.most_behind} of ten tasks were done, and the bar said 0 of 10."


def _judge_which(answer: dict[str, str]) -> str:
    if set(answer) != set(METHODS):
        raise Wrong(f"name the call of each run: {', '.join(METHODS)}.")
    unknown = set(answer.values()) - set(METHODS.values())
    if unknown:
        raise Wrong(f"{unknown.pop()!r} is none of {', '.join(sorted(METHODS.values()))}.")
    wrong = [name for name in METHODS if answer[name] != METHODS[name]]
    if wrong:
        raise Wrong(f"look at {' and '.join(wrong)} again.")
    return "The gap between finished and shown gives each call away."


honest_order = Exercise(
    name="order",
    takes=(list, tuple),
    judge=_judge_honest,
    hint_text=(
        "It is not enough that the first task ends first. A bar over imap is honest only if "
        "every task ends before the tasks behind it."
    ),
    solution_text="order = sorted(lesson_04.NAPS)",
)

longest_lie = Exercise(
    name="lie",
    takes=(list, tuple),
    judge=_judge_longest,
    hint_text=(
        "A long nap does not make the bar lie by its length alone. It is the tasks *behind* it "
        "that wait. So where must the longest nap stand?"
    ),
    solution_text="lie = [1.5] + [0.1] * 9",
)

which_call = Exercise(
    name="answer",
    takes=dict,
    judge=_judge_which,
    hint_text=(
        "All three calls run the tasks in the same way: the blue line does not tell. Look at "
        "the orange one. One call shows everything at the end, one in order, one at once."
    ),
    solution_text='answer = {"A": "imap_unordered", "B": "map", "C": "imap"}',
)
