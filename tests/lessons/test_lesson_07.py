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
import shlex
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import suppress
from multiprocessing.pool import ThreadPool
from queue import Empty, SimpleQueue
from threading import Event, Semaphore, Thread
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from cells import run_cells, sources_of
from grading import Answer, name_of, one_of_each, verdict_of, wrong_verdict
from tqdm import tqdm

from helpers import commands
from helpers.commands.programs import (
    FLOOD,
    heartbeat,
    is_beating,
    napper,
    python,
    stop_heartbeat,
)
from helpers.exercises import lesson_07
from helpers.exercises.lesson_07 import Batch, Followed
from helpers.exercises.programs import LimitedRun, Program
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


def by_a_queue(commands, at_once):
    waiting, codes = SimpleQueue(), {}
    for number, command in enumerate(commands):
        waiting.put((number, command))

    def work():
        with suppress(Empty):
            while True:
                number, command = waiting.get_nowait()
                codes[number] = subprocess.call(command, stdout=subprocess.DEVNULL)

    threads = [Thread(target=work) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [codes[number] for number in range(len(commands))]


def with_captured_output(commands, at_once):
    def run(command):
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        child.communicate()
        return child.returncode

    with ThreadPoolExecutor(at_once) as threads:
        futures = {threads.submit(run, command): i for i, command in enumerate(commands)}
        found = {futures[future]: future.result() for future in as_completed(futures)}
    return [found[i] for i in sorted(found)]


def behind_a_semaphore(commands, at_once):
    gate, codes = Semaphore(at_once), [None] * len(commands)

    def run(i):
        with gate:
            codes[i] = subprocess.run(commands[i]).returncode

    threads = [Thread(target=run, args=(i,)) for i in range(len(commands))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return codes


# -- exercise 1, wrong


def one_less(commands, at_once):
    return lesson_07.run_all(commands, at_once - 1)


def one_more(commands, at_once):
    return lesson_07.run_all(commands, at_once + 1)


def at_least_four(commands, at_once):
    return lesson_07.run_all(commands, max(4, at_once))


def at_most_three(commands, at_once):
    return lesson_07.run_all(commands, min(3, at_once))


def without_signs(commands, at_once):
    return [abs(code) for code in lesson_07.run_all(commands, at_once)]


def as_bools(commands, at_once):
    return [code == 0 for code in lesson_07.run_all(commands, at_once)]


def run_twice(commands, at_once):
    lesson_07.run_all(commands, at_once)
    return lesson_07.run_all(commands, at_once)


def unread_pipes(commands, at_once):
    def run(command):
        return subprocess.Popen(command, stdout=subprocess.PIPE).wait()

    with ThreadPoolExecutor(at_once) as threads:
        return list(threads.map(run, commands))


def in_the_order_of_ends(commands, at_once):
    with ThreadPoolExecutor(at_once) as threads:
        futures = [threads.submit(subprocess.call, command) for command in commands]
        return [future.result() for future in as_completed(futures)]


def all_but_the_last(commands, at_once):
    return lesson_07.run_all(commands[:-1], at_once)


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


def by_raw_reads(command, use):
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as child:
        rest = b""
        while part := os.read(child.stdout.fileno(), 65536):
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                use(line)
        if rest:
            use(rest)
    return child.returncode


def by_a_thread(command, use):
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8"
    ) as child:
        reader = Thread(target=lambda: [use(line) for line in child.stdout])
        reader.start()
        reader.join()
        return child.wait()


def by_iter(command, use):
    child = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8")
    for line in iter(child.stdout.readline, ""):
        use(line.removesuffix("\n"))
    child.stdout.close()
    return child.wait()


# -- exercise 2, wrong


def without_empty_lines(command, use):
    return lesson_07.follow(command, lambda line: use(line) if line.strip() else None)


def until_an_empty_line(command, use):
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as child:
        while line := child.stdout.readline().strip():
            use(line)
        child.stdout.read()
    return child.returncode


def only_ended_lines(command, use):
    return lesson_07.follow(command, lambda line: use(line) if line.endswith("\n") else None)


def in_capitals(command, use):
    return lesson_07.follow(command, lambda line: use(line.upper()))


def without_umlauts(command, use):
    ascii_only = {"encoding": "ascii", "errors": "ignore"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, **ascii_only) as child:
        for line in child.stdout:
            use(line)
    return child.returncode


def with_unread_errors(command, use):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as child:
        for line in child.stdout:
            use(line)
    return child.returncode


def one_line_behind(command, use):
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as child:
        before = None
        for line in child.stdout:
            if before is not None:
                use(before)
            before = line
        if before is not None:
            use(before)
    return child.returncode


def twice_a_second(command, use):
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as child:
        for line in child.stdout:
            time.sleep(0.4)
            use(line)
    return child.returncode


def signals_are_positive(command, use):
    return abs(lesson_07.follow(command, use))


def in_blocks(command, use):
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        while block := child.stdout.read(4096):
            for line in block.splitlines():
                use(line)
    return child.returncode


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


def politely(command, seconds):
    child = commands.start(command)
    in_time = commands.has_ended(child, seconds)
    if not in_time:
        child.terminate()
        commands.has_ended(child, 1)
    commands.kill_process_tree(child)
    return child.returncode if in_time else "too long"


def by_session(command, seconds):
    child = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
    end, result = time.monotonic() + seconds, "too long"
    while time.monotonic() < end and result == "too long":
        if os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
            result = None
        time.sleep(0.01)
    os.killpg(child.pid, signal.SIGKILL)
    code = child.wait()
    return code if result is None else result


def by_wait_and_group(command, seconds):
    child = subprocess.Popen(command, start_new_session=True)
    try:
        result = child.wait(seconds)
    except subprocess.TimeoutExpired:
        result = "too long"
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    return result


# -- exercise 3, wrong


def half_the_patience(command, seconds):
    return lesson_07.run_process_tree(command, seconds / 2)


def twice_the_patience(command, seconds):
    return lesson_07.run_process_tree(command, seconds * 2)


def three_seconds(command, seconds):
    return lesson_07.run_process_tree(command, 3)


def asks_the_group(command, seconds):
    child = commands.start(command)
    in_time = commands.has_ended(child, seconds)
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
    if not in_time:
        child.kill()
    return child.wait() if in_time else "too long"


def only_descendants(command, seconds):
    child = subprocess.Popen(command)
    try:
        return child.wait(seconds)
    except subprocess.TimeoutExpired:
        for each in psutil.Process(child.pid).children(recursive=True):
            each.kill()
        child.kill()
        child.wait()
        return "too long"


def killed_first(command, seconds):
    child = commands.start(command)
    in_time = commands.has_ended(child, seconds)
    child.kill()
    return child.wait() if in_time else "too long"


def by_run_command(command, seconds):
    try:
        return commands.run_command(command, timeout=seconds).returncode
    except subprocess.TimeoutExpired:
        return "too long"


def with_an_unread_pipe(command, seconds):
    child = commands.start(command, stdout=subprocess.PIPE)
    in_time = commands.has_ended(child, within=seconds)
    commands.kill_process_tree(child)
    return child.returncode if in_time else "too long"


def signals_are_too_long(command, seconds):
    code = lesson_07.run_process_tree(command, seconds)
    return code if code in range(256) else "too long"


def bool_code(command, seconds):
    code = lesson_07.run_process_tree(command, seconds)
    return code == 0 if code != "too long" else code


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
    Answer(ALL, by_a_queue),
    Answer(ALL, with_captured_output),
    Answer(ALL, behind_a_semaphore),
    Answer(ALL, one_less, "✗ Not yet: measured: "),
    Answer(ALL, one_more, "programs ran at the same time, and "),
    Answer(ALL, at_least_four, "4 programs ran at the same time, and "),
    Answer(ALL, at_most_three, "3 programs ran at the same time; "),
    Answer(ALL, as_bools, "the return codes are ["),
    Answer(ALL, run_twice, "run each once"),
    Answer(ALL, unread_pipes, "programs prints 120,000 characters"),
    Answer(ALL, in_the_order_of_ends, "the return codes are ["),
    Answer(ALL, all_but_the_last, "programs had ended"),
    Answer(ALL, all_at_once, "programs ran at the same time, and "),
    Answer(ALL, one_by_one, "one after another"),
    Answer(ALL, always_two, "2 programs ran at the same time; "),
    Answer(ALL, always_three, "3 programs ran at the same time"),
    Answer(ALL, as_they_come, "the return codes are ["),
    Answer(ALL, all_zero, "the return codes are ["),
    Answer(ALL, completed_processes, "the return codes are ["),
    Answer(ALL, no_waiting, "programs had ended"),
    Answer(ALL, no_running, "when you returned, 0 of "),
    Answer(ALL, divides, "divides raised ZeroDivisionError"),
    Answer(FOLLOW, lesson_07.follow),
    Answer(FOLLOW, as_bytes),
    Answer(FOLLOW, by_readline),
    Answer(FOLLOW, by_stream_lines),
    Answer(FOLLOW, asyncio_lines),
    Answer(FOLLOW, by_raw_reads),
    Answer(FOLLOW, by_a_thread),
    Answer(FOLLOW, by_iter),
    Answer(FOLLOW, without_empty_lines, "its line 3 is '', and use was called with"),
    Answer(FOLLOW, until_an_empty_line, "and use was called 2 times"),
    Answer(FOLLOW, only_ended_lines, "so is a last one without an end"),
    Answer(FOLLOW, in_capitals, "its line 1 is "),
    Answer(FOLLOW, with_unread_errors, "to stderr: with_unread_errors had not returned"),
    Answer(FOLLOW, one_line_behind, "s after it was printed"),
    Answer(FOLLOW, twice_a_second, "s after it was printed"),
    Answer(FOLLOW, in_blocks, "s after it was printed"),
    Answer(FOLLOW, first_in_time, "s after it was printed"),
    Answer(FOLLOW, at_the_end, "s after it was printed"),
    Answer(FOLLOW, first_only, "and use was called 1 times"),
    Answer(FOLLOW, no_code, "you returned None"),
    Answer(FOLLOW, always_zero_code, "and you returned 0"),
    Answer(FOLLOW, at_most_100, "and use was called 100 times"),
    Answer(FOLLOW, waits_first, "✗ Not yet: "),
    Answer(FOLLOW, letter_by_letter, "✗ Not yet: "),
    Answer(FOLLOW, no_text, "use takes a line of text; its argument is nothing (None)."),
    Answer(FOLLOW, empty_text, "its line 1 is "),
    Answer(FOLLOW, divides, "divides raised ZeroDivisionError"),
    Answer(TREE, lesson_07.run_process_tree),
    Answer(TREE, by_polling_the_child),
    Answer(TREE, by_run_command, "starts another one and returns 0"),
    Answer(TREE, half_the_patience, "s only."),
    Answer(TREE, twice_the_patience, "you should return 'too long', and you returned 0"),
    Answer(TREE, three_seconds, "you should return 0, and you returned 'too long'"),
    Answer(TREE, with_an_unread_pipe, "to stderr, with a limit of 4 s, you should return 0"),
    Answer(TREE, bool_code, "and you returned True"),
    Answer(TREE, kill_the_child, "the program that your program started is still running"),
    Answer(TREE, always_zero, "and you returned 0"),
    Answer(TREE, no_word, "you should return 'too long', and you returned None"),
    Answer(TREE, at_most_a_second, "you should return 0, and you returned 'too long'"),
    Answer(TREE, at_most_three_seconds, "should return 0, and you returned 'too long'"),
    Answer(TREE, divides, "divides raised ZeroDivisionError"),
]
if os.name == "posix":  # Windows has no groups, and there an orphan cannot be found
    ANSWERS += [
        Answer(ALL, without_signs, "the return codes are ["),
        Answer(FOLLOW, without_umlauts, "its line 1 is 'Zürich"),
        Answer(FOLLOW, signals_are_positive, "its code is -"),
        Answer(TREE, by_group),
        Answer(TREE, politely),
        Answer(TREE, by_session),
        Answer(TREE, by_wait_and_group),
        Answer(TREE, asks_the_group, "is still running. (It refuses"),
        Answer(TREE, only_descendants, "ended in time, and the program that it had started"),
        Answer(TREE, killed_first, "is still running"),
        Answer(TREE, signals_are_too_long, "is killed by the signal"),
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
        (CODES, 2, "✓ Right: Measured: 2 at a time"),
        (tuple(CODES), 2, "✓ Right: "),
        (np.array(CODES), 2, "✓ Right: "),
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
    ("places", "message"),
    [(4, "✓ Right: "), (3, "; 4 were allowed."), (2, "; 4 were allowed.")],
)
def test_run_all_must_run_as_many_as_allowed(places, message):
    batch = Batch(4, CODES, CODES, predict([0.3] * 4, places))
    assert message in verdict_of(lesson_07.grade_run_all, [batch] * 2)


def test_run_all_must_wait_for_all_programs():
    batch = Batch(2, CODES, CODES, predict([0.3] * 3, 2))
    assert "3 of 4 programs had ended" in verdict_of(lesson_07.grade_run_all, [batch])


LINES = ["a 1", "", "c 3"]


def followed(late, came=LINES, code=0, wanted=0):
    program = Program("prints", [], "\n".join(LINES).encode(), wanted)
    return Followed(program, came, code, late)


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (followed([0.01, 0.02, 0.5]), "✓ Right: "),
        (followed([0.01, 0.6, 0.3]), "a line came 0.6 s after it was printed."),
        (followed([0.01, 1.4, 0.01]), "a line came 1.4 s after it was printed."),
        (followed([0.01] * 2, LINES[:2]), "it printed 3 lines, and use was called 2 times."),
        (followed([0.01] * 3, ["a 1", "c 3"]), "its line 2 is '', and use was called with 'c 3'."),
        (followed([0.01] * 3, wanted=3), "its code is 3, and you returned 0."),
        (followed([0.01] * 3, code=None), "and you returned None."),
        (followed([0.01] * 3, code=False), "and you returned False."),
    ],
    ids=range(8),
)
def test_follow_is_graded_by_lines_times_and_code(run, message):
    assert message in verdict_of(lesson_07.grade_follow, [run])


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (LimitedRun("ends", 1, "too long", "too long", 1.2), "✓ Right: "),
        (LimitedRun("ends", 15, 0, 0, 1.2), "✓ Right: "),
        (
            LimitedRun("ends", 1, "too long", "too long", 1.2, left=True),
            "that your program started is still running",
        ),
        (
            LimitedRun("ends", 15, 0, 0, 1.2, left=True),
            "ended in time, and the program that it had started",
        ),
        (
            LimitedRun("ends", 1, "too long", 0, 1.2),
            "you should return 'too long', and you returned 0.",
        ),
        (LimitedRun("ends", 1, "too long", "too long", 3), "✓ Right: "),
        (LimitedRun("ends", 1, "too long", "too long", 0.5), "you waited for 0.5 s only."),
        (LimitedRun("ends", 15, 0, False, 1.2), "you should return 0, and you returned False."),
    ],
    ids=range(8),
)
def test_run_process_tree_is_graded(run, message):
    assert message in verdict_of(lesson_07.grade_run_process_tree, [run])


# -- claims of the prose that no cell shows


def test_the_recipe_runs_as_a_file(tmp_path):
    """Lesson 07, recipe."""
    path = tmp_path / "recipe.py"
    path.write_text(sources_of("07")["recipe"], encoding="utf-8")
    done = subprocess.run([sys.executable, str(path)], capture_output=True, encoding="utf-8")
    assert (done.returncode, "8/8" in done.stderr) == (0, True)


@pytest.mark.parametrize("cancels", [True, False])
def test_a_failure_cancels_the_commands_that_have_not_started(cancels, monkeypatch):
    """Lesson 07, recipe and recipe-2: without shutdown, all eight commands run."""
    started, shutting_down, shut_down = [], Event(), ThreadPoolExecutor.shutdown

    def run(job, **_):
        started.append(job)
        if len(started) == 1:
            raise ZeroDivisionError
        shutting_down.wait()

    def shutdown(threads, wait=True, *, cancel_futures=False):
        shut_down(threads, wait=False, cancel_futures=cancel_futures)
        shutting_down.set()
        shut_down(threads, wait=wait)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(ThreadPoolExecutor, "shutdown", shutdown)
    recipe, last_step = sources_of("07")["recipe"], "threads.shutdown(cancel_futures=True)"
    assert last_step in recipe
    with pytest.raises(ZeroDivisionError):
        exec(recipe if cancels else recipe.replace(last_step, "pass"), {})
    assert len(started) <= 5 if cancels else len(started) == 8


@pytest.mark.skipif(os.name != "posix", reason="the line is for sh")
def test_a_timeout_ends_the_shell_and_not_its_command(tmp_path):
    """Lesson 07, cell-70."""
    dots = tmp_path / "dots"
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            subprocess.run(shlex.join(heartbeat(dots)) + "; true", shell=True, timeout=1)
        assert is_beating(dots, within=10)
    finally:
        stop_heartbeat(dots)


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


# -- claims of the prose that a cell measures: its output is not compared


def run_lesson(*ids, **names):
    """Run cells of the lesson after its imports, without a bar; return all names."""
    of_the_recipe = {
        "subprocess": subprocess,
        "sys": sys,
        "ThreadPoolExecutor": ThreadPoolExecutor,
        "as_completed": as_completed,
        "tqdm": lambda items, **_: items,
    }
    return SimpleNamespace(**run_cells("07", "cell-03", *ids, **of_the_recipe | names))


@pytest.mark.measures
def test_threads_run_four_programs_at_once_and_need_little_cpu_time():
    """Lesson 07, cell-22 to cell-26."""
    naps = [0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
    ran = run_lesson("cell-19", naps=naps)
    assert ran.used < ran.honest.makespan / 4
    assert ran.honest.max_concurrency == 4
    assert ran.honest.most_behind <= 1


@pytest.mark.measures
def test_a_run_on_all_cores_keeps_as_many_programs_running():
    """Lesson 07, cell-36."""
    ran = run_lesson("cell-31", "cell-33", "cell-35")
    ran.folder.cleanup()
    assert ran.packed.max_concurrency == ran.cores
    assert ran.packed.mean_concurrency > 0.7 * ran.cores


@pytest.mark.measures
def test_lines_come_together_unless_the_program_is_unbuffered():
    """Lesson 07, cell-47 to cell-50."""
    verdicts = []
    apart = SimpleNamespace(compare=verdicts.append)
    ran = run_lesson("cell-43", "cell-47", "cell-49", apart=apart)
    assert verdicts == ["together"]
    assert ran.plain.most_behind == 4
    assert np.ptp(ran.unbuffered.delivered) > 0.5
    assert ran.between < np.ptp(ran.unbuffered.delivered) / 2
    assert 0 <= ran.unbuffered.lag.min() < 0.2


@pytest.mark.measures
def test_a_bar_follows_a_program_that_prints_percentages():
    """Lesson 07, percent-2."""
    ran = run_lesson("cell-51", "percent-2", tqdm=tqdm)
    assert (ran.bar.n, ran.number, ran.child.returncode) == (100, 4, 0)


@pytest.mark.measures
def test_the_plain_loop_takes_longer_than_threads():
    """Lesson 07, cell-103."""
    took = run_lesson("cell-101", "cell-103").took
    assert took["plain loop"] > took["threads"]
