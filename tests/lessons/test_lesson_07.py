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
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import suppress
from multiprocessing.pool import ThreadPool
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Semaphore, Thread
from types import SimpleNamespace

import nbformat
import numpy as np
import psutil
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
    Answer(ALL, one_less, "Not yet: measured: "),
    Answer(ALL, one_more, "programs ran at the same time, and "),
    Answer(ALL, at_least_four, "4 programs ran at the same time, and "),
    Answer(ALL, at_most_three, "3 programs ran at the same time, where "),
    Answer(ALL, as_bools, "the return codes are ["),
    Answer(ALL, run_twice, "run each once"),
    Answer(ALL, unread_pipes, "programs prints 120,000 characters"),
    Answer(ALL, in_the_order_of_ends, "the return codes are ["),
    Answer(ALL, all_but_the_last, "programs had ended"),
    Answer(ALL, all_at_once, "programs ran at the same time, and "),
    Answer(ALL, one_by_one, "one after another"),
    Answer(ALL, always_two, "2 programs ran at the same time, where "),
    Answer(ALL, always_three, "3 programs ran at the same time, "),
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
    Answer(FOLLOW, without_empty_lines, "Its line 3 is '', and use was called with"),
    Answer(FOLLOW, until_an_empty_line, "and use was called 2 times"),
    Answer(FOLLOW, only_ended_lines, "so is a last one without an end"),
    Answer(FOLLOW, in_capitals, "Its line 1 is "),
    Answer(FOLLOW, with_unread_errors, "on stderr: with_unread_errors had not returned"),
    Answer(FOLLOW, one_line_behind, "s after it was printed"),
    Answer(FOLLOW, twice_a_second, "s after it was printed"),
    Answer(FOLLOW, in_blocks, "s after it was printed"),
    Answer(FOLLOW, first_in_time, "s after it was printed"),
    Answer(FOLLOW, at_the_end, "s after it was printed"),
    Answer(FOLLOW, first_only, "and use was called 1 times"),
    Answer(FOLLOW, no_code, "you returned None"),
    Answer(FOLLOW, always_zero_code, "and you returned 0"),
    Answer(FOLLOW, at_most_100, "and use was called 100 times"),
    Answer(FOLLOW, waits_first, "Not yet: "),
    Answer(FOLLOW, letter_by_letter, "Not yet: "),
    Answer(FOLLOW, no_text, "use takes a line of text; what it was given is nothing (None)."),
    Answer(FOLLOW, empty_text, "Its line 1 is "),
    Answer(FOLLOW, divides, "divides raised ZeroDivisionError"),
    Answer(TREE, lesson_07.run_process_tree),
    Answer(TREE, by_polling_the_child),
    Answer(TREE, by_run_command, "starts another one and returns "),
    Answer(TREE, half_the_patience, "s only."),
    Answer(TREE, twice_the_patience, "you should return 'too long', and you returned 0"),
    Answer(TREE, three_seconds, "you should return 0, and you returned 'too long'"),
    Answer(TREE, with_an_unread_pipe, "a program prints much and returns "),
    Answer(TREE, bool_code, "and you returned False"),
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
        Answer(FOLLOW, without_umlauts, "Zürich', and use was called with"),
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
    ("places", "message"),
    [(4, "Right!"), (3, "where 4 were allowed."), (2, "where 4 were allowed.")],
)
def test_run_all_must_run_as_many_as_allowed(places, message):
    batch = Batch(4, CODES, CODES, predict([0.3] * 4, places))
    assert message in verdict_of(lesson_07.grade_run_all, [batch] * 2)


def test_run_all_must_wait_for_all_programs():
    batch = Batch(2, CODES, CODES, predict([0.3] * 3, 2))
    assert "3 of 4 programs had ended" in verdict_of(lesson_07.grade_run_all, [batch])


LINES = ["a 1", "", "c 3"]


def followed(late, came=LINES, code=0, wanted=0):
    return Followed("prints", LINES, wanted, late, came, code)


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (followed([0.01, 0.02, 0.5]), "Right!"),
        (followed([0.01, 0.6, 0.3]), "a line came 0.6 s after it was printed."),
        (followed([0.01, 1.4, 0.01]), "a line came 1.4 s after it was printed."),
        (followed([0.01] * 2, LINES[:2]), "It printed 3 lines, and use was called 2 times."),
        (followed([0.01] * 3, ["a 1", "c 3"]), "Its line 2 is '', and use was called with 'c 3'."),
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
        (TreeRun("too long", "too long", 1, 1.2), "Right!"),
        (TreeRun(0, 0, 15, 1.2), "Right!"),
        (
            TreeRun("too long", "too long", 1, 1.2, left=True),
            "that your program started is still running",
        ),
        (TreeRun(0, 0, 15, 1.2, left=True), "ended in time, and the program that it had started"),
        (TreeRun("too long", 0, 1, 1.2), "you should return 'too long', and you returned 0."),
        (TreeRun("too long", "too long", 1, 3), "Right!"),
        (TreeRun("too long", "too long", 1, 0.5), "you waited for 0.5 s only."),
        (TreeRun(0, False, 15, 1.2), "you should return 0, and you returned False."),
    ],
    ids=range(8),
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


# -- claims of the prose that a cell measures: its output is not compared


def run_cells(*ids, **names):
    """Run cells of the lesson with these names defined; return all names afterwards."""
    (path,) = Path(__file__).parents[2].glob("notebooks/07-*.ipynb")
    sources = {cell.id: cell.source for cell in nbformat.read(path, as_version=4).cells}
    # The imports of the lesson; nothing is drawn.
    scope: dict = {}
    exec(sources["cell-03"], scope)
    scope |= {"show": print, "plot_workers": lambda *_, **__: None} | names
    for each in ids:
        exec(compile(sources[each], each, "exec"), scope)
    return SimpleNamespace(**scope)


@pytest.mark.measures
def test_polled_programs_run_at_the_same_time():
    """Lesson 07, cell-15: little more than the longest nap, and three at once."""
    polled = run_cells("cell-11", "cell-13").polled
    assert polled.max_concurrency == 3
    assert polled.makespan < 1.8


@pytest.mark.measures
def test_a_loop_in_order_hides_programs_that_have_ended():
    """Lesson 07, cell-25 and cell-29: threads need little CPU time; asking in order is worse."""
    naps = [0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
    ran = run_cells("cell-19", "cell-27", naps=naps)
    assert ran.used < ran.honest.makespan / 4
    assert ran.honest.max_concurrency == 4
    assert ran.ordered.most_behind > 1
    assert ran.ordered.most_behind > ran.honest.most_behind


@pytest.mark.measures
def test_lines_come_together_unless_the_program_is_unbuffered():
    """Lesson 07, cell-47 and cell-49."""
    verdicts = []
    ran = run_cells("cell-43", "cell-47", "cell-49", apart=SimpleNamespace(compare=verdicts.append))
    assert verdicts == ["together"]
    assert ran.plain[-1] < ran.unbuffered[-1] / 2
    assert ran.unbuffered[-1] > 0.5


@pytest.mark.measures
def test_stream_lines_yields_a_line_when_it_is_printed():
    """Lesson 07, cell-53: the quickest of five lines comes a small part of a second later."""
    late = run_cells("cell-51").late
    assert len(late) == 5
    assert 0 <= min(late) < 0.2


@pytest.mark.measures
def test_seven_programs_wait_at_the_same_time(tmp_path):
    """Lesson 07, cell-88a: three limits of three seconds take less than nine seconds."""
    folder = SimpleNamespace(name=str(tmp_path))
    assert 3 <= run_cells("cell-83", "cell-85", "cell-87", folder=folder).seven < 9


@pytest.mark.measures
def test_the_plain_loop_takes_longer_than_threads():
    """Lesson 07, cell-111."""
    took = run_cells("cell-101", "cell-103").took
    assert took["plain loop"] > took["ThreadPoolExecutor"]
