"""Lesson 12: thirty answers are short and true, and Python still prints the messages of the index.

A row of the index may name a second message with the Python that prints it, as in "from 3.14". The
tests produce the message that the table names for the Python that runs them.
"""

import multiprocessing
import os
import pickle
import re
import sqlite3
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from multiprocessing import Lock, Manager, Pool, Queue, get_context, pool, spawn
from unittest import mock

import nbformat
import psutil
import pytest
from cells import NOTEBOOKS, run_as_file, run_cells, sources_of
from leftovers import DEADLINE

from helpers.commands.demonstration import demonstrate
from helpers.commands.programs import python
from helpers.workers import die_once, nap_or_die

METHODS = multiprocessing.get_all_start_methods()
posix = pytest.mark.skipif(os.name != "posix", reason="signals and sessions")
SOURCES = sources_of("12")


# -- the form


def headings_of(lesson):
    """Return the texts of all headings of a lesson, without the marks."""
    prose = "\n".join(sources_of(lesson).values())
    return re.findall(r"^#+ (.+)$", prose, re.MULTILINE)


def questions():
    """Return {question: (its prose, its code cells)}, in the order of the lesson."""
    (path,) = NOTEBOOKS.glob("12-*.ipynb")
    found, question = {}, None
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            if question:
                found[question][1].append(cell.source)
            continue
        for line in cell.source.splitlines():
            if line.startswith("#"):
                question = line.removeprefix("### ") if line.startswith("### ") else None
                found.update({question: ([], [])} if question else {})
            elif question:
                found[question][0].append(line)
    return {name: (" ".join(prose), code) for name, (prose, code) in found.items()}


def test_there_are_thirty_questions():
    assert len(questions()) == 30


@pytest.mark.parametrize(("prose", "code"), questions().values(), ids=questions())
def test_an_answer_is_short_runs_and_links_to_a_lesson(prose, code):
    assert len(prose.split()) <= 120
    assert re.search(r"\]\(\d\d-[\w-]+\.ipynb\)", prose)
    assert [source.startswith("%%program") for source in code] in ([False], [True, False])


def complete(source):
    """Return whether a cell is a whole program that needs nothing of the course."""
    return "if __name__" in source and not re.search(r"helpers|watchedpool|%%program", source)


def test_programs_run_as_files_with_spawn(tmp_path):
    """They also run on Windows and macOS, where workers start with spawn."""
    cells = [name for name, source in SOURCES.items() if complete(source)]
    if os.name != "posix":
        cells.remove("nice-run")
    folders = [tmp_path / name for name in cells]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(partial(run_as_file, "12"), cells, folders))


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        *[(name, "ended") for name in ("counted", "mapped", "query", "awaited")],
        *[(name, "ended") for name in ("failing-set-up", "nested-pools", "tested", "frozen")],
        ("terminated", "failed"),
    ],
)
def test_demonstrated_programs_end_alike_with_spawn(name, ending):
    (program,) = (value for key, value in run_cells("12", name).items() if key != "__builtins__")
    run = demonstrate(program, method="spawn")
    assert (run.ending, run.left) == (ending, 0)


def test_a_slow_call_is_ended_with_spawn_too():
    """Lesson 12, limited-run."""
    program = run_cells("12", "limited")["limited"]
    spawning = f"import multiprocessing; multiprocessing.set_start_method('spawn')\n{program}"
    printed = subprocess.check_output(python(spawning), encoding="utf-8", timeout=DEADLINE)
    assert printed == "['NoneType', 'TimeoutError', 'NoneType']\n"


# -- the index of error messages


def rows():
    """Return (errors, messages, answer) of each row of the index, as the tables have them."""
    return re.findall(r"^\| (`.+) \| (`.+) \| (.+) \|$", SOURCES["index"], re.MULTILINE)


def first_of(cell):
    return re.match("`([^`]+)`", cell)[1]


def today_of(cell):
    """Return what the cell of the table says for this Python."""
    minor = sys.version_info.minor
    for since, version, text in re.findall(r", (in|from) 3\.(\d+) `([^`]+)`", cell):
        if minor == int(version) or (since == "from" and minor > int(version)):
            return text
    return first_of(cell)


def call_in_pool(method, *args):
    with Pool(1) as workers:
        return getattr(workers, method)(*args)


def make_local_function():
    def local(argument):
        return argument

    return local


def open_file():
    with open(os.devnull) as file:
        return pickle.dumps(file)


def pickle_connection():
    with closing(sqlite3.connect(":memory:")) as connection:
        pickle.dumps(connection)


def two_arguments(first, second):
    return first, second


def send_pool():
    with Pool(1) as workers:
        workers.apply(str, [workers])


def send_queue():
    queue = Queue()
    try:
        call_in_pool("map", queue.put, ["message"])
    finally:
        queue.close()


def send_queue_of_fork():
    queue = get_context("fork").SimpleQueue()
    with closing(queue):
        get_context("spawn").Process(target=queue.put, args=["message"]).start()


def map_after_the_block():
    with Pool(1) as workers:
        pass
    workers.map(abs, [1])


def join_without_close():
    with Pool(1) as workers:
        workers.join()


def submit_after_the_block():
    with ProcessPoolExecutor(1) as executor:
        pass
    executor.submit(abs, 1)


def lose_worker():
    with ProcessPoolExecutor(1) as executor:
        executor.submit(nap_or_die, -0.01).result()


def submit_after_a_lost_worker():
    with ProcessPoolExecutor(1) as executor:
        executor.submit(nap_or_die, -0.01).exception()
        executor.submit(abs, 1)


ON_WINDOWS = mock.patch("concurrent.futures.process.sys", platform="win32")


def ask_for_62_workers_on_windows():
    with ON_WINDOWS:
        ProcessPoolExecutor(62)


def warn_about_threads():
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            os.waitpid(os.fork() or os._exit(0), 0)
        raise caught[0].message
    finally:
        ended.set()
        thread.join()


def lose_task_in_dask():
    from distributed.scheduler import KilledWorker

    raise KilledWorker("task", last_worker=mock.Mock(), allowed_failures=3)


def errors_of(source):
    """Raise an error with what a Python program writes to stderr."""
    run = subprocess.run(python(source), capture_output=True, encoding="utf-8", timeout=DEADLINE)
    raise RuntimeError(run.stderr)


def spawn_from(source, cell=False):
    """Raise an error with what the workers of a program write to stderr."""
    raise RuntimeError(demonstrate(source, method="spawn", cell=cell).errors)


START = "from multiprocessing import Pool\ndef double(x): return 2 * x\n"
GUARDED = "if __name__ == '__main__':\n    with Pool(1) as pool: pool.map(double, [1])"
UNGUARDED = "from multiprocessing import Process; Process(target=print).start()"
LEAK = "from multiprocessing.shared_memory import SharedMemory as S; S(create=True, size=9)"
FORKS = "A SemLock created in a fork context", "max_tasks_per_child is incompatible", "is multi-"

PRODUCERS = {
    "Can't pickle <function <lambda>": partial(pickle.dumps, lambda: None),
    "Can't pickle local object": lambda: pickle.dumps(make_local_function()),
    "cannot pickle '_thread.lock' object": partial(call_in_pool, "map", str, [threading.Lock()]),
    "cannot pickle 'TextIOWrapper' instances": open_file,
    "cannot pickle 'sqlite3.Connection' object": pickle_connection,
    "Error sending result": partial(call_in_pool, "apply", threading.Lock),
    "Can't get attribute 'double' on <module '__main__'": partial(
        spawn_from, START + GUARDED, cell=True
    ),
    "missing 1 required positional argument": partial(call_in_pool, "map", two_arguments, [(1, 2)]),
    "'int' object is not iterable": partial(call_in_pool, "starmap", abs, [1]),
    "An attempt has been made to start a new process before": partial(spawn_from, UNGUARDED),
    "Lock objects should only be shared between processes": partial(
        call_in_pool, "map", str, [Lock()]
    ),
    "Queue objects should only be shared between processes": send_queue,
    "A SemLock created in a fork context": send_queue_of_fork,
    "pool objects cannot be passed between processes": send_pool,
    "daemonic processes are not allowed to have children": partial(
        call_in_pool, "apply", pool.Pool, [1]
    ),
    "Pool not running": map_after_the_block,
    "Pool is still running": join_without_close,
    "cannot schedule new futures after shutdown": submit_after_the_block,
    "A process in the process pool was terminated abruptly": lose_worker,
    "A child process terminated abruptly": submit_after_a_lost_worker,
    "max_workers must be <= 61": ask_for_62_workers_on_windows,
    "max_tasks_per_child is incompatible with the 'fork'": lambda: ProcessPoolExecutor(
        1, max_tasks_per_child=1, mp_context=get_context("fork")
    ),
    "is multi-threaded, use of fork() may lead to deadlocks": warn_about_threads,
    "leaked shared_memory objects to clean up at shutdown": partial(errors_of, LEAK),
    "all those workers died while running it": lose_task_in_dask,
    "No such file or directory: 'ls -l'": partial(subprocess.run, "ls -l"),
    "returned non-zero exit status 1": partial(
        subprocess.run, python("raise SystemExit(1)"), check=True
    ),
    "timed out after": partial(subprocess.run, python("input()"), input="", timeout=0),
    "'utf-8' codec can't decode byte 0xff": partial(
        subprocess.check_output,
        python("import sys; sys.stdout.buffer.write(b'\\xff')"),
        encoding="utf-8",
    ),
    "a bytes-like object is required, not 'str'": partial(
        subprocess.run, python("pass"), input="text"
    ),
    "'NoneType' object has no attribute": lambda: subprocess.run(python("pass")).stdout.strip(),
    "No module named": partial(errors_of, "import no_such_module"),
}


def test_each_message_of_the_index_is_produced():
    assert [first_of(messages) for _, messages, _ in rows()] == list(PRODUCERS)


@pytest.mark.facts
@pytest.mark.parametrize(("errors", "messages", "_"), rows(), ids=PRODUCERS)
def test_python_still_prints_the_message(errors, messages, _):
    first = first_of(messages)
    if "fork" not in METHODS and first.startswith(FORKS):
        pytest.skip("no fork here")
    if first.startswith("is multi-") and sys.version_info < (3, 12):
        pytest.skip("the warning came with Python 3.12")
    if os.name != "posix" and first.startswith(("leaked", "No such file")):
        pytest.skip("the message is of Linux and macOS")
    with pytest.raises(BaseException) as raised:  # noqa: PT011
        PRODUCERS[first]()
    printed = f"{type(raised.value).__name__}: {raised.value}"
    assert re.search(rf"{today_of(errors)}:\s*.*{re.escape(today_of(messages))}", printed)


@pytest.mark.parametrize(("_errors", "_messages", "answer"), rows(), ids=PRODUCERS)
def test_the_answer_to_a_message_is_where_the_index_says(_errors, _messages, answer):
    link = re.match(r"\[(\d\d)\]\(\1-[\w-]+\.ipynb\), ", answer)
    section = answer[link.end() if link else 0 :]
    assert section.strip("*") in headings_of(link[1] if link else "12")


# -- claims of the answers


def test_a_retry_with_new_executors_survives_a_killed_worker(tmp_path):
    """Lesson 12, retry: the executor of the first attempt breaks, and the second one does all."""
    left, done = [-0.01, -0.02, -0.03], {}
    task = partial(die_once, str(tmp_path / "marker"), -0.02, abs)
    for _ in range(2):
        with ProcessPoolExecutor(2) as executor:
            futures = {each: executor.submit(task, each) for each in left}
        done |= {each: futures[each].result() for each in left if not futures[each].exception()}
        left = [each for each in left if each not in done]
    assert sorted(done.values()) == [0.01, 0.02, 0.03]


def test_a_list_in_a_shared_dictionary_is_copied():
    """Lesson 12, memory."""
    with Manager() as manager:
        shared = manager.dict(a=[])
        shared["a"].append(1)
        assert shared["a"] == []
        shared["a"] = [1]
        assert shared["a"] == [1]


HUNG = [(3, 11, 7), (3, 12, 1), (3, 13, 0)]
RAN = [(3, 14, 10), (3, 15, 2)]
TWO_TASKS = """
from concurrent.futures import ProcessPoolExecutor

if __name__ == "__main__":
    executor = ProcessPoolExecutor(1, max_tasks_per_child=2)
    for future in [executor.submit(abs, -each) for each in range(4)]:
        print(future.result(), flush=True)
"""


@pytest.mark.facts
@pytest.mark.skipif(sys.version_info[:3] not in HUNG + RAN, reason="the lesson does not name it")
def test_an_executor_hangs_after_two_tasks_per_child_where_the_lesson_says():
    run = demonstrate(TWO_TASKS)
    hangs = sys.version_info[:3] in HUNG
    assert (run.ending, len(run.output.split())) == (("hangs", 2) if hangs else ("ended", 4))


@pytest.mark.facts
def test_tasks_per_child_change_the_start_method_to_spawn():
    executor = ProcessPoolExecutor(1, max_tasks_per_child=1)
    assert executor._mp_context.get_start_method() == "spawn"


@pytest.mark.facts
def test_a_frozen_program_starts_itself_for_each_worker():
    with mock.patch("sys.frozen", True, create=True):
        assert spawn.get_command_line(pipe_handle=3)[:2] == [
            sys.executable,
            "--multiprocessing-fork",
        ]


COUNTS = "cpu_count", "process_cpu_count"  # the second one is newer


@pytest.mark.facts
def test_an_executor_on_windows_has_at_most_61_workers_by_default():
    cores = mock.patch.multiple("os", create=True, **dict.fromkeys(COUNTS, lambda: 96))
    with cores, ON_WINDOWS:
        assert ProcessPoolExecutor()._max_workers == 61


@posix
def test_only_the_handler_ends_the_workers_of_a_terminated_program():
    """Lesson 12, terminated-run: without it, workers are left."""
    program = run_cells("12", "terminated")["terminated"]
    assert demonstrate(program).left == 0
    assert demonstrate(re.sub(r".*signal\.signal.*\n", "", program)).left > 0


OWN = """
import multiprocessing

def own():
    with open("/proc/self/smaps_rollup") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Private"))

def read_all(_):
    before = own()
    for text in texts:
        pass
    return own() - before

if __name__ == "__main__":
    texts = [str(number) for number in range(500_000)]
    with multiprocessing.Pool(1) as pool:
        print(*pool.map(read_all, [0]))
"""


@pytest.mark.facts
@pytest.mark.skipif(sys.platform != "linux", reason="Linux counts private memory")
def test_reading_a_list_in_a_forked_worker_copies_it():
    """Lesson 12, connection: half a million texts of some 55 bytes."""
    assert int(demonstrate(OWN, method="fork").output) > 15_000  # kilobytes


# -- claims of the prose beside cells whose output is a measurement


def test_a_worker_owns_less_memory_than_it_uses():
    """Lesson 12, alone-run."""
    with Pool(2):
        for worker in multiprocessing.active_children():
            used = psutil.Process(worker.pid).memory_full_info()
            assert used.uss < used.rss


@pytest.mark.measures
@pytest.mark.skipif("forkserver" not in METHODS, reason="no fork server")
def test_a_preloaded_module_is_imported_in_no_time():
    """Lesson 12, preload-run."""
    program = run_cells("12", "preloaded")["preloaded"]
    programs = program.replace('["numpy"]', "[]"), program
    usual, preloaded = (float(demonstrate(each).output.split()[0]) for each in programs)
    assert usual > 20 * preloaded


@pytest.mark.measures
def test_a_pool_for_each_request_takes_longer():
    """Lesson 12, server-run."""
    names = run_cells("12", "server-run", __name__="__main__")
    assert names["seconds"] > 2 * names["kept"]


@pytest.mark.measures
def test_run_waits_for_a_background_program_only_if_it_reads_its_output(capsys):
    """Lesson 12, pipe-run."""
    run_cells("12", "pipe-run")
    without, captured = map(float, re.findall(r"([\d.]+) s", capsys.readouterr().out))
    assert captured >= 1.0 > without
