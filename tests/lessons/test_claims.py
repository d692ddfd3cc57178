"""Claims of the lessons that no cell shows, in the order of the lessons."""

import asyncio
import mmap
import multiprocessing
import os
import pickle
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, nullcontext, suppress
from importlib.util import find_spec
from itertools import permutations
from math import ceil
from multiprocessing.reduction import ForkingPickler
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from random import Random
from select import select
from time import perf_counter, sleep

import nbformat
import numpy as np
import psutil
import pytest
from cells import run_cells
from leftovers import DEADLINE
from tqdm import tqdm

from helpers.commands import demonstration, kill_process_tree, run_command, start
from helpers.commands.demonstration import demonstrate
from helpers.commands.programs import is_beating, process_tree, python
from helpers.workers import nap
from watchedpool import Timeline, WatchedPool, predict

pytestmark = pytest.mark.facts
METHODS = multiprocessing.get_all_start_methods()
ROOT = Path(__file__).resolve().parents[2]
posix = pytest.mark.skipif(os.name != "posix", reason="the claim is about Linux and macOS")
linux = pytest.mark.skipif(sys.platform != "linux", reason="the claim is about Linux")
every_start_method = pytest.mark.parametrize("method", METHODS)


def printed(source, **options):
    """Return the words that a Python program prints."""
    return run_command(python(source), timeout=DEADLINE, check=True, **options).stdout.split()


# -- 00


@pytest.mark.skipif(
    not getattr(sys, "_is_gil_enabled", lambda: True)(), reason="a Python without the lock"
)
def test_a_long_call_of_c_code_blocks_other_threads():
    pauses, done = [], threading.Event()

    def record_pauses():
        before = perf_counter()
        while not done.is_set():
            now = perf_counter()
            pauses.append(now - before)
            before = now

    recorder = threading.Thread(target=record_pauses)
    recorder.start()
    begin = perf_counter()
    _ = 3**2_000_000
    took = perf_counter() - begin
    done.set()
    recorder.join()
    assert max(pauses) > 0.5 * took
    assert took > 3 * sys.getswitchinterval()


@pytest.mark.skipif(sys.version_info < (3, 13), reason="came with Python 3.13")
def test_python_cpu_count_replaces_the_number_of_cores():
    source = "import os; print(os.cpu_count(), os.process_cpu_count())"
    assert printed(source, env=os.environ | {"PYTHON_CPU_COUNT": "7"}) == ["7", "7"]


def test_interpreter_pool_executor_exists_from_python_3_14():
    import concurrent.futures

    found = hasattr(concurrent.futures, "InterpreterPoolExecutor")
    assert found == (sys.version_info >= (3, 14))


def test_is_gil_enabled_exists_from_python_3_13():
    assert hasattr(sys, "_is_gil_enabled") == (sys.version_info >= (3, 13))


def test_interpreter_pools_exist_from_python_3_14():
    import concurrent.futures

    exists = hasattr(concurrent.futures, "InterpreterPoolExecutor")
    assert exists == (sys.version_info >= (3, 14))


@pytest.mark.measures
@pytest.mark.skipif(sys.version_info < (3, 14), reason="came with Python 3.14")
@pytest.mark.skipif("fork" not in METHODS, reason="no fork here")
def test_interpreters_start_more_slowly_than_forked_processes():
    from concurrent.futures import InterpreterPoolExecutor

    def seconds_to_start(kind, *args):
        begin = perf_counter()
        with kind(4, *args) as executor:
            for future in [executor.submit(sleep, 0.05) for _ in range(4)]:
                future.result()
        return perf_counter() - begin

    fork = multiprocessing.get_context("fork")
    forked = min(seconds_to_start(ProcessPoolExecutor, fork) for _ in range(3))
    assert min(seconds_to_start(InterpreterPoolExecutor) for _ in range(3)) > 1.3 * forked


# -- 01


COPIES = """
import pathlib, random, sys, time
from multiprocessing import get_context

sys.dont_write_bytecode = True
sys.path.insert(0, {folder!r})
import edited

generator = random.Random()


def draw(_):
    time.sleep(0.3)
    return generator.random()


if __name__ == "__main__":
    context = get_context({method!r})
    with context.Pool(4) as pool:
        print(len(set(pool.map(draw, range(4), chunksize=1))) > 1)
    pathlib.Path(edited.__file__).write_text("def version(_): return 'the_new_one'")
    with context.Pool(1) as pool:
        print(*pool.map(edited.version, [0]))
"""


@every_start_method
def test_workers_of_a_fork_server_are_copies_of_a_script_that_it_imported(method, tmp_path):
    """Random numbers repeat, and an edit has no effect, if the worker is a copy (issue 141859)."""
    (tmp_path / "edited.py").write_text("def version(_): return 'old'")
    script = tmp_path / "script.py"
    script.write_text(COPIES.format(folder=str(tmp_path), method=method))
    imports_script = sys.version_info >= (3, 14, 1) or (3, 13, 8) <= sys.version_info < (3, 14)
    is_copy = method == "fork" or (method == "forkserver" and imports_script)
    done = run_command([sys.executable, str(script)], timeout=DEADLINE)
    assert done.stdout.split() == (["False", "old"] if is_copy else ["True", "the_new_one"])


def test_environment_variables_limit_blas_to_one_thread():
    source = "import numpy, psutil; numpy.ones((500, 500)) @ numpy.ones((500, 500)); "
    source += "print(psutil.Process().num_threads())"
    one = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    (alone,), (usual,) = printed(source, env=os.environ | one), printed(source)
    assert int(alone) <= int(usual)
    if sys.platform == "linux":
        assert int(alone) == 1


def test_the_with_block_of_a_pool_terminates_running_tasks():
    begin = perf_counter()
    with WatchedPool(1) as pool:
        pool.apply_async(nap, [60])
    assert perf_counter() - begin < 30


def test_imap_continues_after_an_exception():
    with multiprocessing.Pool(2) as pool:
        results = pool.imap(nap, [0.01, -1, 0.02])
        assert next(results) == 0.01
        with pytest.raises(ValueError, match="negative"):
            next(results)
        assert list(results) == [0.02]


def test_imap_with_chunks_ends_after_an_exception():
    with multiprocessing.Pool(2) as pool:
        results = pool.imap(nap, [0.01, -1, 0.02, 0.02], chunksize=2)
        with pytest.raises(ValueError, match="negative"):
            list(results)
        assert list(results) == []


def test_map_can_make_chunks_half_as_large_by_rounding():
    with WatchedPool(10) as pool:
        pool.map(abs, range(41))
        workers = pool.timeline().worker.tolist()
    assert all(workers[task] == workers[task + 1] for task in range(0, 40, 2))  # chunks of 2
    assert ceil(41 / 2) == 21


@pytest.mark.skipif(sys.platform not in ("win32", "darwin"), reason="Linux has another default")
def test_the_default_start_method_on_windows_and_macos_is_spawn():
    assert multiprocessing.get_context().get_start_method() == "spawn"


def test_a_pool_has_one_worker_per_usable_core_by_default():
    source = "import multiprocessing, os\nif __name__ == '__main__':\n"
    source += "    with multiprocessing.Pool() as pool: print(pool._processes, os.cpu_count(), "
    source += "getattr(os, 'process_cpu_count', os.cpu_count)())"
    workers, _, allowed = printed(source)
    assert workers == allowed


SCRIPT = """
from multiprocessing import get_context


def double(x):
    return 2 * x

"""
USE = "with get_context({method!r}).Pool(1) as pool: print(pool.map(double, [21]))"


@every_start_method
def test_workers_find_a_function_of_a_script(method, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT + "if __name__ == '__main__':\n    " + USE.format(method=method))
    done = run_command([sys.executable, str(script)], timeout=DEADLINE)
    assert (done.stdout.strip(), done.stderr) == ("[42]", "")


def test_a_script_without_a_guard_fails_under_spawn(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT + USE.format(method="spawn"))
    with pytest.raises(subprocess.TimeoutExpired) as caught:
        run_command([sys.executable, str(script)], timeout=5)
    assert "bootstrapping phase" in caught.value.stderr


# -- 02


SOCKET = """
import socket
from multiprocessing import get_context


def peer(connection):
    return connection.getpeername()


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", 0)) as server, get_context({method!r}).Pool(1) as pool:
        address = server.getsockname()
        with socket.create_connection(address) as client:
            print(pool.map(peer, [client]) == [address])
"""


@every_start_method
def test_a_socket_can_be_sent_to_a_worker(method, tmp_path):
    """In a process of its own, because the thread that sends the socket never ends."""
    script = tmp_path / "script.py"
    script.write_text(SOCKET.format(method=method))
    assert run_command([sys.executable, str(script)], timeout=DEADLINE).stdout == "True\n"


def test_the_lock_of_a_manager_can_be_sent():
    with multiprocessing.Manager() as manager:
        lock = manager.Lock()
        arrived = pickle.loads(ForkingPickler.dumps(lock))
        assert arrived.acquire()
        assert not lock.acquire(blocking=False)  # both are the same lock


def test_forking_pickler_refuses_a_database_and_accepts_a_socket():
    with closing(sqlite3.connect(":memory:")) as database, pytest.raises(TypeError):
        ForkingPickler.dumps(database)
    with closing(socket.socket()) as plain:
        assert ForkingPickler.dumps(plain)


def test_an_array_can_use_shared_memory():
    memory = SharedMemory(create=True, size=800)
    try:
        np.ndarray((100,), float, buffer=memory.buf)[:] = 0.0
        there = SharedMemory(memory.name)
        np.ndarray((100,), float, buffer=there.buf)[3] = 7.0
        assert np.ndarray((100,), float, buffer=memory.buf)[3] == 7.0
        there.close()
    finally:
        memory.close()
        memory.unlink()


AFTER_CLOSE = """
import numpy
from multiprocessing.shared_memory import SharedMemory

memory = SharedMemory(create=True, size=800)
array = numpy.ndarray((100,), float, buffer=memory.buf)
memory.unlink()
memory.close()
array.sum()
"""


@posix
def test_reading_an_array_after_close_crashes_python():
    assert subprocess.run([sys.executable, "-c", AFTER_CLOSE]).returncode == -signal.SIGSEGV


@posix
def test_leaked_shared_memory_ends_with_python_and_a_warning():
    source = "from multiprocessing.shared_memory import SharedMemory\n"
    source += "print(SharedMemory(create=True, size=8).name)"
    done = run_command(python(source), timeout=DEADLINE)
    assert "leaked shared_memory" in done.stderr
    with pytest.raises(FileNotFoundError):
        SharedMemory(done.stdout.strip())


def memory_survives(when):
    """Return whether shared memory that a forked pool has read outlives the pool.

    when: whether the memory was made "before" or "after" the pool.
    """
    make = "memory = SharedMemory(create=True, size=10)"
    pool = "pool = get_context('fork').Pool(1)"
    first, second = (make, pool) if when == "before" else (pool, make)
    source = f"""
from multiprocessing import get_context
from multiprocessing.shared_memory import SharedMemory
from time import perf_counter, sleep

def read(name):
    SharedMemory(name).close()

{first}
{second}
pool.apply(read, [memory.name])
pool.close()
pool.join()
end = perf_counter() + {2 if when == "before" else 60}
try:
    while perf_counter() < end:
        SharedMemory(memory.name).close()
        sleep(0.01)
    print("there")
    memory.unlink()
except FileNotFoundError:
    print("gone")
"""
    return printed(source) == ["there"]


@linux
def test_shared_memory_made_after_a_forked_pool_ends_with_its_first_worker():
    assert memory_survives("before")
    assert not memory_survives("after")


# -- 03


def test_imap_takes_few_large_items_in_advance():
    drawn = []

    def large():
        for number in range(30):
            drawn.append(number)
            yield bytes(1_000_000)

    with multiprocessing.Pool(3) as pool:
        next(pool.imap(nap_after_reading, large()))
        assert 1 <= len(drawn) < 15  # four, if all workers start at once


def nap_after_reading(item):
    sleep(0.5)
    return len(item)


def test_large_results_pile_up_before_they_are_taken():
    with WatchedPool(2) as pool:
        results = pool.imap(bytes, [1_000_000] * 30)
        next(results)
        pool.close()
        pool.join()
        assert len(list(results)) == 29  # all of them had arrived


# -- 04


@pytest.mark.parametrize(("end", "threshold"), [(1.0, 0.02), (2.5, 0.05), (10.0, 0.05)])
def test_wait_threshold_is_a_fiftieth_of_the_run_and_at_most_50_ms(end, threshold):
    def behind(lag):
        first = [end / 2, end], [end / 2 + lag, end]
        return Timeline([0, 1], [0.0, 0.0], *first).most_behind

    assert behind(0.9 * threshold) == 0
    assert behind(1.1 * threshold) == 1


# -- 05


def shortest(naps, workers):
    """Return the least makespan of all orders."""
    return min(predict(order, workers).makespan for order in set(permutations(naps)))


def test_longest_first_is_not_always_best():
    assert predict([3, 3, 2, 2, 2], 2).makespan == 7
    assert predict([3, 2, 2, 3, 2], 2).makespan == shortest([3, 3, 2, 2, 2], 2) == 6


def test_longest_first_is_usually_best_and_within_grahams_bound():
    dice, best = Random(0), 0
    for _ in range(60):
        naps, workers = [dice.randint(1, 9) for _ in range(5)], dice.choice([2, 3])
        least = shortest(naps, workers)
        first = predict(sorted(naps, reverse=True), workers).makespan
        best += first == least
        assert first <= (4 / 3 - 1 / (3 * workers)) * least + 1e-9
    assert best > 30


# -- 06


@posix
def test_unicode_decode_error_contains_the_bytes():
    code = r"import sys; sys.stdout.buffer.write(b'good caf\xe9')"
    with pytest.raises(UnicodeDecodeError) as caught:
        subprocess.run(python(code), capture_output=True, encoding="utf-8")
    assert caught.value.object == b"good caf\xe9"


def test_without_flush_stdout_arrives_after_stderr():
    code = "import sys; print('one'); print('two', file=sys.stderr)"
    usual = {name: os.environ[name] for name in os.environ if name != "PYTHONUNBUFFERED"}
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "encoding": "utf-8"}
    assert subprocess.run(python(code), env=usual, **both).stdout.split() == ["two", "one"]


@posix
def test_a_shell_that_waits_reports_a_signal_as_128_plus_its_number():
    ended = shlex.join(python("import os, signal; os.kill(os.getpid(), signal.SIGTERM)"))
    assert subprocess.run(["sh", "-c", f"{ended}; exit $?"]).returncode == 143
    assert subprocess.run(["sh", "-c", f"exec {ended}"]).returncode == -15


@linux
def test_text_true_means_utf_8_from_python_3_15():
    usual = {k: v for k, v in os.environ.items() if k not in ("PYTHONUTF8", "LC_ALL")}
    command = python("import sys; print(sys.flags.utf8_mode)")
    mode = subprocess.run(command, env=usual | {"LC_ALL": "C.UTF-8"}, capture_output=True).stdout
    assert int(mode) == (sys.version_info >= (3, 15))


def test_no_lesson_uses_text_true():
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        assert not [c.source for c in cells if c.cell_type == "code" and "text=True" in c.source]


# -- 07


@posix
def test_an_orphan_gets_a_new_parent(tmp_path):
    child = start(process_tree(tmp_path / "dots"))
    try:
        assert is_beating(tmp_path / "dots", within=20)
        (grandchild,) = psutil.Process(child.pid).children()
        child.kill()
        child.wait()
        assert psutil.pid_exists(grandchild.ppid())
        assert grandchild.ppid() not in (0, child.pid)
        assert is_beating(tmp_path / "dots", within=10)
    finally:
        (tmp_path / "dots.stop").touch()
        with suppress(psutil.Error):
            grandchild.wait(DEADLINE)
        kill_process_tree(child)


@linux
def test_a_pipe_holds_16_pages():
    read, write = os.pipe()
    os.set_blocking(write, False)
    assert os.write(write, bytes(32 * mmap.PAGESIZE)) == 16 * mmap.PAGESIZE
    os.close(read)
    os.close(write)


@linux
@pytest.mark.parametrize(("line", "name"), [("sleep 60", "sleep"), ("sleep 60; true", "bash")])
def test_a_shell_replaces_itself_with_its_last_command_only(line, name):
    with start(["bash", "-c", line]) as shell:
        process, deadline = psutil.Process(shell.pid), perf_counter() + 30
        while process.name() != "sleep" and not process.children() and perf_counter() < deadline:
            sleep(0.01)
        found = process.name()
        kill_process_tree(shell)
    assert found == name


@linux
@pytest.mark.parametrize(("size", "comes"), [(5_000, False), (100_000, None), (300_000, True)])
def test_the_buffer_of_stdout_is_larger_from_python_3_14(size, comes):
    code = f"import time\nfor _ in range({size} // 1000): print('x' * 999)\ntime.sleep(60)"
    usual = {name: os.environ[name] for name in os.environ if name != "PYTHONUNBUFFERED"}
    comes = sys.version_info < (3, 14) if comes is None else comes
    with subprocess.Popen(python(code), stdout=subprocess.PIPE, env=usual) as child:
        ready, _, _ = select([child.stdout], [], [], DEADLINE if comes else 1.0)
        child.kill()
    assert bool(ready) == comes


@pytest.mark.parametrize(("in_group", "running"), [(False, 1), (True, 0)])
def test_gather_leaves_a_program_running_after_an_error(in_group, running):
    """Lesson 07, cell-93 and cell-94: a TaskGroup cancels the others, which kill their programs."""
    run_gated = run_cells("07", "cell-93", perf_counter=perf_counter)["run_gated"]

    def children():
        return psutil.Process().children()

    async def fail_later(before):
        while len(children()) == before:
            await asyncio.sleep(0.01)
        raise ZeroDivisionError

    async def run_in_group(*both):
        async with asyncio.TaskGroup() as group:
            for each in both:
                group.create_task(each)

    async def run_both():
        before = len(children())
        gate = asyncio.Semaphore(2)
        both = run_gated(python("import time; time.sleep(60)"), gate), fail_later(before)
        with pytest.raises(ExceptionGroup if in_group else ZeroDivisionError):
            await (run_in_group if in_group else asyncio.gather)(*both)
        return len(children()) - before

    assert asyncio.run(run_both()) == running


def test_asyncio_uses_one_thread_per_program_on_macos_and_python_3_11():
    source = """
import asyncio, sys, threading

async def main():
    nap = [sys.executable, "-c", "import time; time.sleep(1)"]
    children = [await asyncio.create_subprocess_exec(*nap) for _ in range(4)]
    print(sum("waitpid" in thread.name for thread in threading.enumerate()))
    for child in children:
        await child.wait()

asyncio.run(main())
"""
    hidden = sys.platform == "darwin" or (os.name == "posix" and sys.version_info < (3, 12))
    assert printed(source) == ["4" if hidden else "0"]


RAISING = """
import os
from multiprocessing import Pool, TimeoutError, active_children

def fail(_):
    raise RuntimeError

if __name__ == "__main__":
    pool = Pool(1)
    pool.apply_async(abs, (-1,), callback=fail)
    try:
        pool.apply_async(abs, (-2,)).get(timeout=0.5)
    except TimeoutError:
        print("waits", flush=True)
    active_children()[0].kill()
    os._exit(0)
"""
LOST = """
from multiprocessing import Pool, TimeoutError
from helpers.workers import nap_or_die

if __name__ == "__main__":
    pool = Pool(1)
    try:
        pool.apply_async(nap_or_die, (-0.1,)).get(0.5)
    except TimeoutError:
        print(pool.apply(abs, (-1,)), flush=True)
    pool.close()
    pool.join()
"""


@posix
def test_an_exception_in_a_callback_blocks_all_results():
    assert demonstrate(RAISING).output == "waits\n"


@posix
def test_close_and_join_wait_forever_for_a_lost_task():
    done = demonstrate(LOST)
    assert (done.ending, done.output) == ("hangs", "1\n")


UNSENDABLE = """
from multiprocessing import Pool
from helpers.workers import result_or_error
class BadRow(Exception):
    def __init__(self, row, reason): super().__init__(f"row {row}: {reason}")

def read(row): raise BadRow(row, "empty")

if __name__ == "__main__":
    with Pool(1) as pool:
        pool.starmap(result_or_error, [(read, 7)])
"""


def test_returning_an_exception_that_cannot_be_unpickled_hangs():
    done = demonstrate(UNSENDABLE)
    assert (done.ending, "BadRow.__init__() missing" in done.errors) == ("hangs", True)


@posix
def test_a_command_in_one_string_is_taken_for_one_file_name():
    with pytest.raises(FileNotFoundError):
        subprocess.run("python3 --version", check=False)


@posix
def test_an_interrupt_kills_an_idle_worker_of_an_executor():
    with ProcessPoolExecutor(1) as executor:
        worker = psutil.Process(executor.submit(os.getpid).result())
        for _ in range(20):  # the first may arrive while the worker is still sending its result
            worker.send_signal(signal.SIGINT)
            with suppress(psutil.TimeoutExpired):
                worker.wait(1)
                break
        with pytest.raises(BrokenProcessPool):
            executor.submit(abs, -1).result(timeout=DEADLINE)


def test_executor_map_cancels_waiting_tasks_after_an_exception():
    begun, go_on = [], threading.Event()

    def task(number):
        begun.append(number)
        if number == 0:
            raise KeyboardInterrupt
        go_on.wait(60)

    with ThreadPoolExecutor(1) as threads:
        with pytest.raises(KeyboardInterrupt):
            list(threads.map(task, range(5)))
        go_on.set()
    assert begun in ([0], [0, 1])


@every_start_method
@pytest.mark.parametrize("made_by", METHODS)
def test_only_a_queue_made_under_fork_is_refused_by_other_start_methods(made_by, method):
    """Lesson 08: of nine pairs, seven work."""
    queue = multiprocessing.get_context(made_by).SimpleQueue()
    process = multiprocessing.get_context(method).Process(target=queue.put, args=("sent",))
    if made_by == "fork" != method:
        with pytest.raises(RuntimeError, match="fork context"):
            process.start()
    else:
        process.start()
        assert queue.get() == "sent"
        process.join()


@pytest.mark.parametrize("method", [each for each in METHODS if each != "fork"])
def test_tqdm_s_own_lock_cannot_be_sent_to_a_worker_that_is_not_forked(method):
    context = multiprocessing.get_context(method)
    with pytest.raises((RuntimeError, TypeError)):
        context.Process(target=tqdm.set_lock, args=(tqdm.get_lock(),)).start()


def test_a_simple_queue_has_a_lock_for_writing_except_on_windows():
    assert (multiprocessing.SimpleQueue()._wlock is None) == (sys.platform == "win32")


def get_from(queue):
    return queue.get()


def test_a_manager_s_queue_may_be_an_argument_of_a_task():
    with multiprocessing.Manager() as manager, multiprocessing.Pool(1) as pool:
        queue = manager.Queue()
        queue.put("sent")
        assert pool.map(get_from, [queue]) == ["sent"]


@pytest.mark.parametrize(("drop", "number"), [(False, 5), (True, 1)])
def test_cancelling_futures_is_needed_to_stop_at_the_first_error(drop, number):
    ran = []

    def fail(number):
        ran.append(number)
        raise ValueError(number)

    def run_all(futures, threads, gate):
        try:
            futures[0].result()
        except ValueError:
            if drop:
                threads.shutdown(wait=False, cancel_futures=True)
            raise
        finally:
            gate.set()

    gate = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        futures = [threads.submit(fail, 0), threads.submit(gate.wait)]
        futures += [threads.submit(fail, number) for number in range(1, 5)]
        with pytest.raises(ValueError, match="0"):
            run_all(futures, threads, gate)
    assert len(ran) == number


# -- 09


def take(lock):
    """Take the lock and end, as a worker that is killed."""
    lock.acquire()
    os._exit(1)


@posix
def test_the_parent_can_release_a_lock_of_a_killed_worker_but_not_an_rlock():
    fork = multiprocessing.get_context("fork")
    for lock in fork.Lock(), fork.RLock():
        holder = fork.Process(target=take, args=[lock])
        holder.start()
        holder.join()
        assert not lock.acquire(block=False)
        with nullcontext() if lock.__class__.__name__ == "Lock" else pytest.raises(AssertionError):
            lock.release()


def ignore_sigterm(ignored):
    """Be an initializer that ignores SIGTERM, reports that, and naps."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ignored.set()
    nap(60)


@posix
def test_terminate_waits_for_a_worker_that_ignores_its_signal():
    fork = multiprocessing.get_context("fork")
    ignored = fork.Event()
    before = set(multiprocessing.active_children())
    pool = fork.Pool(1, ignore_sigterm, [ignored])
    (worker,) = set(multiprocessing.active_children()) - before
    ignored.wait()
    ending = threading.Thread(target=pool.terminate)
    ending.start()
    ending.join(1)
    assert ending.is_alive()
    worker.kill()
    ending.join(DEADLINE)
    assert not ending.is_alive()


@posix
def test_sigterm_ends_a_main_process_but_not_the_workers_of_its_executor():
    source = (
        "import os, signal\nfrom concurrent.futures import ProcessPoolExecutor\n"
        "if __name__ == '__main__':\n    executor = ProcessPoolExecutor(2)\n"
        "    print([executor.submit(os.getpid).result() for _ in range(2)], flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGTERM)"
    )
    done = demonstrate(source)
    assert done.ending == "killed"
    assert done.left > 0


@pytest.fixture
def few_errors(monkeypatch):
    """End a program sooner that writes tracebacks forever: each is about a thousand bytes."""
    monkeypatch.setattr(demonstration, "MAX_ERROR_BYTES", 20_000)


@every_start_method
def test_a_pool_whose_initializer_raises_starts_new_workers_forever(method, few_errors):
    source = "from multiprocessing import Pool\n\ndef fail():\n    raise ValueError\n\n"
    source += (
        "if __name__ == '__main__':\n    with Pool(1, fail) as pool:\n        pool.map(abs, [1])"
    )
    done = demonstrate(source, method=method)
    assert done.ending == "hangs"
    assert done.errors.count("\nValueError") > 5


@every_start_method
def test_without_a_guard_a_pool_starts_workers_without_end_except_by_the_server_of_3_14(
    method, few_errors
):
    done = demonstrate(
        "from multiprocessing import Pool\nwith Pool(1) as pool:\n    pool.map(abs, [1])",
        method=method,
    )
    ends = method == "forkserver" and sys.version_info[:2] == (3, 14)
    assert done.ending == ("ended" if method == "fork" else "failed" if ends else "hangs")


@pytest.mark.skipif("forkserver" not in METHODS, reason="no fork server")
def test_a_lock_that_is_held_while_the_server_runs_the_script_hangs_workers():
    source = (
        "import threading\nfrom multiprocessing import Pool\nlock = threading.Lock()\n"
        "lock.acquire()\nthreading.Timer(1, lock.release).start()\n\n"
        "def task(number):\n    with lock:\n        return number\n\n"
        "if __name__ == '__main__':\n    with Pool(1) as pool:\n        print(pool.map(task, [21]))"
    )
    version = sys.version_info
    by_server = version >= (3, 14, 1) or (3, 13, 8) <= version < (3, 14)
    done = demonstrate(source, method="forkserver")
    assert done.ending == ("hangs" if by_server else "ended")


@linux
def test_forkserver_is_the_default_on_linux_from_python_3_14():
    source = "import multiprocessing; print(multiprocessing.get_start_method())"
    assert printed(source) == ["forkserver" if sys.version_info >= (3, 14) else "fork"]


def test_which_python_can_end_the_workers_of_an_executor_and_dump_stacks():
    assert hasattr(ProcessPoolExecutor, "terminate_workers") == (sys.version_info >= (3, 14))
    assert hasattr(ProcessPoolExecutor, "kill_workers") == (sys.version_info >= (3, 14))
    assert (find_spec("profiling") is not None) == (sys.version_info >= (3, 15))
