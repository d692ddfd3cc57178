"""Lesson 07: its exercises, and the claims of its prose that no cell shows.

A wrong run_all has no limit or a limit of its own, never runs two programs at once, returns the
codes in the wrong order, or does not wait; a right one uses threads, polling, asyncio, pools or
batches. A wrong follow passes on lines late, or only the first one in time, or loses lines or
codes; a right one passes on text or bytes, by Popen, readline or asyncio. A wrong run_process_tree
leaves a grandchild running after a timeout or after an end in time, returns wrong codes, or has a
limit of its own; a right one uses a group, a session or polling.
"""

import asyncio
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

import numpy as np
import pytest
from grading import Answer, name_of, one_of_each, verdict_of, wrong_verdict

from helpers import commands
from helpers.commands.programs import FLOOD, napper, python
from helpers.exercises import lesson_07
from helpers.exercises.lesson_07 import Batch, Followed, TreeRun
from watchedpool import predict

pytestmark = pytest.mark.usefixtures("reaped")


def codes(all_done):
    return [done.returncode for done in all_done]


# -- exercise 1, right


def by_futures(commands, at_once):
    with ThreadPoolExecutor(max_workers=at_once) as threads:
        futures = [threads.submit(subprocess.run, command) for command in commands]
    return tuple(future.result().returncode for future in futures)


def by_thread_pool(commands, at_once):
    with ThreadPool(at_once) as threads:
        return np.array(threads.map(subprocess.call, commands, chunksize=1))


def by_processes(commands, at_once):
    with ProcessPoolExecutor(at_once) as executor:
        return codes(executor.map(subprocess.run, commands))


def by_polling(commands, at_once):
    children, ended = [], []
    while len(ended) < len(commands):
        ended = [child for child in children if child.poll() is not None]
        if len(children) < len(commands) and len(children) - len(ended) < at_once:
            children.append(subprocess.Popen(commands[len(children)]))
        time.sleep(0.01)
    return codes(children)


def in_batches(commands, at_once):
    found = []
    while commands:
        children = [subprocess.Popen(command) for command in commands[:at_once]]
        found += [child.wait() for child in children]
        del commands[:at_once]
    return found


async def gated(command, gate):
    async with gate:
        child = await asyncio.create_subprocess_exec(*command)
        return await child.wait()


async def by_asyncio(commands, at_once):
    gate = asyncio.Semaphore(at_once)
    return await asyncio.gather(*(gated(command, gate) for command in commands))


# -- exercise 1, wrong


def one_by_one(commands, at_once):
    return codes(map(subprocess.run, commands))


def all_at_once(commands, at_once):
    children = [subprocess.Popen(command) for command in commands]
    return [child.wait() for child in children]


def always_two(commands, at_once):
    return lesson_07.run_all(commands, 2)


def always_three(commands, at_once):
    return lesson_07.run_all(commands, 3)


def as_they_come(commands, at_once):
    return sorted(lesson_07.run_all(commands, at_once))


def all_zero(commands, at_once):
    lesson_07.run_all(commands, at_once)
    return [0] * len(commands)


def completed_processes(commands, at_once):
    with ThreadPoolExecutor(at_once) as threads:
        return list(threads.map(subprocess.run, commands))


def no_waiting(commands, at_once):
    threads = ThreadPoolExecutor(at_once)
    for command in commands:
        threads.submit(subprocess.run, command)
    threads.shutdown(wait=False, cancel_futures=True)


def no_running(commands, at_once):
    return [0] * len(commands)


# -- exercise 2, right


def as_bytes(command, use):
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        for line in child.stdout:
            use(line)
    return child.wait()


def by_readline(command, use):
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, bufsize=1) as child:
        while line := child.stdout.readline():
            use(line.rstrip())
    return child.returncode


def by_stream_lines(command, use):
    try:
        for line in commands.stream_lines(command, timeout=30):
            use(line)
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


async def asyncio_lines(command, use):
    child = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    async for line in child.stdout:
        use(line)
    return await child.wait()


# -- exercise 2, wrong


def at_the_end(command, use):
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    for line in done.stdout.splitlines():
        use(line)
    return done.returncode


def first_in_time(command, use):
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as child:
        use(child.stdout.readline())
        for line in child.stdout.readlines():
            use(line)
    return child.returncode


def first_only(command, use):
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as child:
        use(child.stdout.readline())
    return child.returncode


def no_code(command, use):
    lesson_07.follow(command, use)


def always_zero_code(command, use):
    lesson_07.follow(command, use)
    return 0


def at_most_100(command, use):
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as child:
        for _, line in zip(range(100), child.stdout, strict=False):
            use(line)
    return child.returncode


def waits_first(command, use):
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    code = child.wait()
    for line in child.stdout:
        use(line)
    return code


def letter_by_letter(command, use):
    return lesson_07.follow(command, lambda line: [use(line[:9]), use(line[9:])])


def no_text(command, use):
    use(None)


def empty_text(command, use):
    use("")


# -- exercise 3, right


def by_group(command, seconds):
    child = subprocess.Popen(command, process_group=0)
    in_time = commands.has_ended(child, seconds)
    commands.kill_process_tree(child)
    return child.returncode if in_time else "too long"


def by_polling_the_child(command, seconds):
    child, end = commands.start(command), time.monotonic() + seconds
    while not commands.has_ended(child) and time.monotonic() < end:
        time.sleep(0.01)
    in_time = commands.has_ended(child)
    commands.kill_process_tree(child)
    return child.wait() if in_time else "too long"


# -- exercise 3, wrong


def kill_the_child(command, seconds):
    try:
        return subprocess.run(command, timeout=seconds).returncode
    except subprocess.TimeoutExpired:
        return "too long"


def kill_only_after_a_timeout(command, seconds):
    child = commands.start(command)
    try:
        return child.wait(seconds)
    except subprocess.TimeoutExpired:
        commands.kill_process_tree(child)
        return "too long"


def kill_its_group(command, seconds):
    with subprocess.Popen(command) as child:
        try:
            return child.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(os.getpgid(child.pid), 9)
            return "too long"


def always_zero(command, seconds):
    lesson_07.run_process_tree(command, seconds)
    return 0


def no_word(command, seconds):
    code = lesson_07.run_process_tree(command, seconds)
    return None if code == "too long" else code


def at_most_a_second(command, seconds):
    return lesson_07.run_process_tree(command, 1)


def at_most_three_seconds(command, seconds):
    return lesson_07.run_process_tree(command, 3)


def divides(*_):
    return 1 / 0


ALL, FOLLOW, TREE = (
    lesson_07.some_at_a_time,
    lesson_07.follow_a_program,
    lesson_07.whole_process_tree,
)
ANSWERS = [
    Answer(ALL, lesson_07.run_all),
    Answer(ALL, by_futures),
    Answer(ALL, by_thread_pool),
    Answer(ALL, by_processes),
    Answer(ALL, by_polling),
    Answer(ALL, in_batches),
    Answer(ALL, by_asyncio),
    Answer(ALL, all_at_once, "programs ran at the same time, and 2 were allowed"),
    Answer(ALL, one_by_one, "one after another"),
    Answer(ALL, always_two, "2 programs ran at the same time, where 4 were allowed"),
    Answer(ALL, always_three, "3 programs ran at the same time, and 2 were allowed"),
    Answer(ALL, as_they_come, "the return codes are ["),
    Answer(ALL, all_zero, "the return codes are ["),
    Answer(ALL, completed_processes, "the return codes are ["),
    Answer(ALL, no_waiting, "programs had ended"),
    Answer(ALL, no_running, "0 of 5 programs had ended"),
    Answer(ALL, divides, "divides raised ZeroDivisionError"),
    Answer(FOLLOW, lesson_07.follow),
    Answer(FOLLOW, as_bytes),
    Answer(FOLLOW, by_readline),
    Answer(FOLLOW, by_stream_lines),
    Answer(FOLLOW, asyncio_lines),
    Answer(FOLLOW, first_in_time, "s after it was printed"),
    Answer(FOLLOW, at_the_end, "s after it was printed"),
    Answer(FOLLOW, first_only, "use was called 1 times"),
    Answer(FOLLOW, no_code, "you returned None"),
    Answer(FOLLOW, always_zero_code, "and you returned 0"),
    Answer(FOLLOW, at_most_100, "use was called 100 times"),
    Answer(FOLLOW, waits_first, "Not yet: "),
    Answer(FOLLOW, letter_by_letter, "Not yet: "),
    Answer(FOLLOW, no_text, "use takes a line of text; what it was given is nothing (None)."),
    Answer(FOLLOW, empty_text, "use was called with '', which is not a whole line."),
    Answer(FOLLOW, divides, "divides raised ZeroDivisionError"),
    Answer(TREE, lesson_07.run_process_tree),
    Answer(TREE, by_polling_the_child),
    Answer(TREE, kill_the_child, "the program that your program started is still running"),
    Answer(TREE, always_zero, "in time, and you returned 0"),
    Answer(TREE, no_word, "took too long, and you returned None"),
    Answer(TREE, at_most_a_second, "in time, and you returned 'too long'"),
    Answer(TREE, at_most_three_seconds, "and you waited for "),
    Answer(TREE, divides, "divides raised ZeroDivisionError"),
]
if os.name == "posix":  # Windows has no groups, and there an orphan cannot be found
    ANSWERS += [
        Answer(TREE, by_group),
        Answer(TREE, kill_its_group, "that would have ended this notebook"),
        Answer(
            TREE, kill_only_after_a_timeout, "ended in time, and the program that it had started"
        ),
    ]


@pytest.mark.parametrize("answer", one_of_each(ANSWERS), ids=name_of)
def test_a_real_answer_gets_the_expected_verdict(answer):
    assert not wrong_verdict(answer)


CODES = [0, 3, 0, 1]


@pytest.mark.parametrize(
    ("returned", "places", "message"),
    [
        (CODES, 2, "Right! Measured: 2 at a time"),
        (tuple(CODES), 2, "Right!"),
        (np.array(CODES), 2, "Right!"),
        (CODES, 1, "the programs ran one after another"),
        (CODES, 4, "4 programs ran at the same time, and 2 were allowed."),
        (sorted(CODES), 2, "the return codes are [0, 3, 0, 1], and you returned [0, 0, 1, 3]."),
        (None, 2, "run_all returned nothing (None)."),
        (CODES[:3], 2, "there should be 4 results; you returned 3."),
    ],
    ids=range(8),
)
def test_run_all_is_graded_by_its_timeline(returned, places, message):
    batch = Batch(2, CODES, returned, predict([0.3] * 4, places))
    assert message in verdict_of(lesson_07.grade_run_all, [batch] * 2)


@pytest.mark.parametrize(
    ("places", "message"), [(4, "Right!"), (3, "Right!"), (2, "where 4 were allowed.")]
)
def test_run_all_must_run_as_many_as_allowed(places, message):
    batch = Batch(4, CODES, CODES, predict([0.3] * 4, places))
    assert message in verdict_of(lesson_07.grade_run_all, [batch] * 2)


def test_run_all_must_wait_for_all_programs():
    batch = Batch(2, CODES, CODES, predict([0.3] * 3, 2))
    assert "3 of 4 programs had ended" in verdict_of(lesson_07.grade_run_all, [batch])


LINES = ["a 1\n", "b 2\n", "c 3\n"]


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (Followed(3, 9, 0, [0.01, 0.02, 0.5], LINES, 0), "Right!"),
        (Followed(3, 9, 0, [0.01, 0.01, 0.01], ["a 1", "b 2\r\n", "c 3"], 0), "Right!"),
        (Followed(3, 9, 0, [0.01, 0.6, 0.3], LINES, 0), "a line came 0.6 s after it was printed."),
        (Followed(3, 9, 0, [0.01] * 2, LINES[:2], 0), "3 lines were printed, and use was called 2"),
        (Followed(3, 9, 0, [0.01] * 3, ["a 1", "", "c 3"], 0), "you passed 6 on."),
        (Followed(3, 9, 3, [0.01] * 3, LINES, 0), "a program returned 3, and you returned 0."),
        (Followed(3, 9, 0, [0.01] * 3, LINES, None), "and you returned None."),
        (Followed(3, 9, 0, [0.01] * 3, LINES, False), "and you returned False."),
    ],
    ids=range(8),
)
def test_follow_is_graded_by_lines_times_and_code(run, message):
    assert message in verdict_of(lesson_07.grade_follow, [run])


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (TreeRun("too long", "too long", 1, 1.2), "Right!"),
        (TreeRun(0, 0, 15, 1.2), "Right!"),
        (
            TreeRun("too long", "too long", 1, 1.2, left=True),
            "that your program started is still running",
        ),
        (TreeRun(0, 0, 15, 1.2, left=True), "ended in time, and the program that it had started"),
        (TreeRun("too long", 0, 1, 1.2), "a program took too long, and you returned 0."),
        (TreeRun("too long", "too long", 1, 3), "you waited for 3.0 s."),
        (TreeRun(0, False, 15, 1.2), "a program returned 0 in time, and you returned False."),
    ],
    ids=range(7),
)
def test_run_process_tree_is_graded(run, message):
    assert message in verdict_of(lesson_07.grade_run_process_tree, [run])


# -- claims of the prose that no cell shows


@pytest.mark.skipif(sys.platform != "linux", reason="the size differs")
def test_a_pipe_holds_64_kib_on_linux():
    read, write = os.pipe()
    os.set_blocking(write, False)
    assert os.write(write, bytes(100_000)) == 65_536
    os.close(read)
    os.close(write)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no process groups")
def test_a_process_group_works_as_well_as_a_session():
    with subprocess.Popen(napper(60), process_group=0) as child:
        assert os.getpgid(child.pid) == child.pid
        assert os.getsid(child.pid) == os.getsid(0)
        commands.kill_process_tree(child)
    assert child.returncode == -9


def test_flood_ends_by_itself_if_its_output_is_not_read():
    soon = FLOOD.replace("Timer(60", "Timer(0.5")
    assert soon != FLOOD
    with subprocess.Popen(python(soon, 1_000_000), stdout=subprocess.PIPE) as child:
        assert child.wait(20) == 1
