"""The exercises of lesson 04, on ordered bars, and its guesses."""

import random

from helpers.commands.demonstration import Demonstration
from helpers.exercises.checking import Exercise, Mystery, check_choices, check_naps, check_same_naps
from helpers.exercises.limits import MachineBusyError, WrongAnswerError
from helpers.exercises.line_order import check_run, numbered, run_lines
from helpers.exercises.measuring import measure_naps
from watchedpool.schedule import predict
from watchedpool.timeline import Timeline

# -- guesses: the idea behind each wrong option

bar_at_1_9 = {
    "1/10": "Four tasks have finished, but the first result must be that of task 0, at 2 s.",
    "4/10": "Four tasks have finished, but imap hands out results in order, and task 0 still runs.",
    "5/10": "Five workers run five tasks. No task is counted before task 0 has finished.",
}
first_move = {
    "0.2 s": "The shortest nap takes 0.2 s, but it belongs to task 9, which starts last.",
    "2.0 s": "Task 0 ends after 2 s, but without an order, no other task has to wait for task 0.",
}
busy_cores = {
    "as long as predicted": "The rule assigns tasks, not cores. Two tasks on one core take turns.",
    "half as long": "There are twice as many workers, but not twice as many cores.",
}

# -- exercise 1
# Asked: the ten NAPS, each once, in an order for which no task waits for its turn in a bar over
# imap on five workers.

NAPS = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
_NAPS = tuple(NAPS)  # a reader may sort the list
WORKERS = 5


def measure_honest(naps: list[float]) -> tuple[list[float], Timeline]:
    """Run the ten naps over imap."""
    naps = check_naps(naps, 0.05, 2)
    check_same_naps(naps, _NAPS)
    return naps, measure_naps(naps, WORKERS, "imap")


def grade_honest(naps: list[float], timeline: Timeline) -> str:
    """Grade the prediction, because a busy machine is not the answer's fault; report the run."""
    if behind := predict(naps, WORKERS).most_behind:
        raise WrongAnswerError(
            f"at worst, {behind} finished tasks have to wait for their turn; measured just now: "
            f"{timeline.most_behind}. Somewhere a later task ends before an earlier one."
        )
    return (
        "No task has to wait for its turn. But the run took "
        f"{timeline.makespan:.1f} s, and with the longest nap first it takes 1.1 s."
    )


# -- exercise 2
# Asked: ten naps, each from 0.05 to 2 seconds, for which nine tasks are done while the bar over
# imap on five workers still says 0 of 10.


def measure_longest(naps: list[float]) -> tuple[list[float], Timeline]:
    """Run ten naps over imap."""
    if len(naps) != 10:
        raise WrongAnswerError(f"there should be ten naps; you gave {len(naps)}.")
    naps = check_naps(naps, 0.05, 2)
    return naps, measure_naps(naps, WORKERS, "imap")


def grade_longest(naps: list[float], timeline: Timeline) -> str:
    """Grade the prediction; report what was measured."""
    behind = predict(naps, WORKERS).most_behind
    if behind < 9:
        raise WrongAnswerError(
            f"at worst, {behind} finished tasks have to wait; measured just now: "
            f"{timeline.most_behind}. Nine are possible."
        )
    _, finished, delivered = timeline.worst
    measured = f"{finished} of ten tasks were done, and the bar said {delivered} of 10."
    if (finished, delivered) == (9, 0):
        return f"Measured: {measured}"
    return f"Nine tasks end before task 0. (Measured, on a busy machine: {measured})"


honest_order = Exercise(
    measure=measure_honest,
    grade=grade_honest,
    hint_text=(
        "It is not enough that the first task ends first. A bar over imap is honest only if "
        "every task ends before the tasks after it."
    ),
    right_answer="order = sorted(lesson_04.NAPS)",
    takes=list,
)

longest_lie = Exercise(
    measure=measure_longest,
    grade=grade_longest,
    hint_text=(
        "A long nap alone does not make the bar lag: tasks *after* it in the list have to wait. So "
        "where must the longest nap be in the list?"
    ),
    right_answer="lie = [1.5] + [0.1] * 9",
    takes=list,
)

# -- exercise 3
# Asked: which call made which of three measured runs of NAPS, in a different order each time.

METHODS = ("map", "imap", "imap_unordered")
last_methods = Mystery(
    name="answer",
    before="run the cell with the pictures first: the calls are in a different order each time.",
)


def mystery_runs() -> dict[str, Timeline]:
    """Return three measured runs of the same naps; which call made which run is the question."""
    methods = dict(zip("ABC", random.sample(METHODS, len(METHODS)), strict=True))
    runs = {name: measure_naps(list(_NAPS), WORKERS, call) for name, call in methods.items()}
    last_methods.truth = methods
    return runs


def grade_which(answer: dict[str, str], truth: dict[str, str]) -> str:
    """Grade which call was named for each run."""
    check_choices(answer, truth, METHODS)
    wrong = [name for name in truth if answer[name] != truth[name]]
    if wrong:
        raise WrongAnswerError(f"look at {' and '.join(wrong)} again.")
    return "The gap between finished and delivered identifies each call."


which_call = Exercise(
    measure=last_methods.measure,
    grade=grade_which,
    hint_text=(
        "All three calls run the tasks in the same way, so the lines of the finished tasks do not "
        "differ. Look at the delivered tasks. One call delivers each task as soon as it finishes, "
        "one in order, and one everything at the end."
    ),
    right_answer=last_methods,
    takes=dict,
)

# -- exercise 4: eight of nine lines make a program that prints a short nap first, which shows that
# results are delivered as they are ready. Two workers: the nap of 1 s outlasts the three others.

LINES = (
    "        results = list(tqdm(pool.imap(nap, tasks), total=len(tasks)))",
    "    tasks = [1.0, 0.2, 0.2, 0.2]",
    "from tqdm import tqdm",
    "    print(results[0])",
    "    with Pool(2) as pool:",
    "from helpers.workers import nap",
    'if __name__ == "__main__":',
    "        results = list(tqdm(pool.imap_unordered(nap, tasks), total=len(tasks)))",
    "from multiprocessing import Pool",
)
NUMBERED = numbered(LINES)


def measure_program(numbers: list) -> tuple[Demonstration]:
    """Run the program that these numbers make."""
    return (run_lines(LINES, numbers),)


def grade_program(run: Demonstration) -> str:
    """Grade what the program printed, unless the second worker started too late to say."""
    printed = check_run(run)
    if printed == "0.2":
        return "The bar counts a short task first, although task 0 is still running."
    if len(run.timeline) == 4 and run.timeline.start[1] - run.timeline.start[0] > 0.6:
        raise MachineBusyError
    if printed == "1.0":
        raise WrongAnswerError(
            "the first result is that of task 0, the slowest, so the bar stands still until task 0 "
            "has finished. Which call delivers a result as soon as it is ready?"
        )
    raise WrongAnswerError(f"it should print a result; it prints {printed or 'nothing'}.")


honest_program = Exercise(
    measure=measure_program,
    grade=grade_program,
    hint_text=(
        "Imports come first. A line that is indented further belongs to the line with a colon "
        "above it. Two lines differ in one word: only one of them makes an honest bar."
    ),
    right_answer="program = [8, 2, 5, 6, 1, 4, 7, 3]",
    takes=list,
)
