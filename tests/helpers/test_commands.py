"""run_command and stream_lines end in time and leave no process, whatever a program does."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from helpers.commands import (
    OutputLimitError,
    has_ended,
    kill_process_tree,
    run_command,
    start,
    stream_lines,
)
from helpers.commands.programs import (
    flood,
    heartbeat,
    is_beating,
    leave_orphan,
    napper,
    process_tree,
    python,
    record_times,
    steps,
    stubborn,
)

ESCAPES = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", *sys.argv[1:]], start_new_session=True)
"""


def took(call, *args, **kwargs):
    """Return how many seconds a call takes, and the exception that it raises or None."""
    begin = time.perf_counter()
    try:
        call(*args, **kwargs)
    except (OSError, subprocess.SubprocessError) as error:
        return time.perf_counter() - begin, error
    return time.perf_counter() - begin, None


def all_lines(command, **options):
    return list(stream_lines(command, **options))


both = pytest.mark.parametrize("call", [run_command, all_lines])


@pytest.fixture
def path(tmp_path):
    yield tmp_path / "beats"
    (tmp_path / "beats.stop").touch()


def test_run_command_returns_code_and_output():
    done = run_command(python("import sys; print('a'); sys.stderr.write('b')"), timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (0, "a\n", "b")


def test_options_are_passed_to_popen(tmp_path):
    code = "import os; print(os.getcwd(), os.environ['A'])"
    env = os.environ | {"A": "b"}
    done = run_command(python(code), timeout=20, cwd=tmp_path, env=env)
    assert done.stdout.split() == [str(tmp_path.resolve()), "b"]


@both
def test_the_program_has_no_input(call):
    options = {"check": True} if call is run_command else {}
    with pytest.raises(subprocess.CalledProcessError):
        call(python("input()"), timeout=20, **options)


@both
def test_a_missing_program_raises_file_not_found(call):
    with pytest.raises(FileNotFoundError):
        call(["no-such-program"], timeout=20)


def test_a_failing_program_raises_only_with_check():
    assert run_command(python("raise SystemExit(3)"), timeout=20).returncode == 3
    with pytest.raises(subprocess.CalledProcessError, match="exit status 3"):
        run_command(python("raise SystemExit(3)"), timeout=20, check=True)
    with pytest.raises(subprocess.CalledProcessError, match="exit status 3"):
        all_lines(python("print('seen'); raise SystemExit(3)"), timeout=20)


@both
@pytest.mark.parametrize("command", [napper(60), stubborn()], ids=["hanging", "stubborn"])
def test_a_program_that_does_not_end_times_out(call, command):
    seconds, error = took(call, command, timeout=0.5)
    assert isinstance(error, subprocess.TimeoutExpired)
    assert "timed out after 0.5 seconds" in str(error)
    assert seconds < 10


@both
def test_a_program_that_closes_its_output_and_hangs_times_out(call):
    code = "import os, time; os.close(1); os.close(2); time.sleep(60)"
    seconds, error = took(call, python(code), timeout=0.5)
    assert isinstance(error, subprocess.TimeoutExpired)
    assert seconds < 10


def test_a_timeout_error_contains_the_output_so_far():
    code = "import time; print('one', flush=True); time.sleep(60)"
    with pytest.raises(subprocess.TimeoutExpired) as caught:
        run_command(python(code), timeout=3)
    assert caught.value.stdout.strip() == "one"


def test_a_program_that_prints_too_much_is_ended_at_the_limit():
    seconds, error = took(run_command, flood(100_000_000), timeout=60)
    assert isinstance(error, OutputLimitError)
    assert "printed more than 10,000,000 bytes and was ended" in str(error)
    assert seconds < 30
    size = 100_000_000
    done = run_command(flood(size), timeout=60, max_bytes=2 * size)
    assert len(done.stdout) == size


def test_the_limit_holds_for_stderr_too():
    code = "import sys\nwhile True: sys.stderr.write('x' * 10_000)"
    assert isinstance(
        took(run_command, python(code), timeout=60, max_bytes=100_000)[1], OutputLimitError
    )


def test_large_output_is_streamed_in_little_memory():
    memory = psutil.Process().memory_info
    before = memory().rss
    assert sum(len(line) for line in stream_lines(flood(100_000_000), timeout=60)) == 100_000_000
    assert memory().rss - before < 50_000_000


def test_a_very_long_line_comes_in_pieces():
    code = "import sys\nfor _ in range(1000): sys.stdout.write('x' * 1000)"
    pieces = all_lines(python(code), timeout=60)
    assert sum(map(len, pieces)) == 1_000_000
    assert max(map(len, pieces)) <= 65536


@both
def test_invalid_utf_8_is_replaced(call):
    found = call(python(r"import sys; sys.stdout.buffer.write(b'caf\xe9')"), timeout=20)
    assert (found.stdout if call is run_command else "".join(found)) == "caf\ufffd"


@both
def test_a_timeout_ends_grandchildren(call, path):
    took(call, process_tree(path), timeout=2)
    assert not is_beating(path)


@both
@pytest.mark.skipif(
    os.name != "posix", reason="taskkill does not find children of a process that has ended"
)
def test_orphans_that_keep_the_pipe_open_are_ended_at_the_timeout(call, path):
    seconds, error = took(call, leave_orphan(path), timeout=2)  # the pipe stays open
    assert isinstance(error, subprocess.TimeoutExpired)
    assert seconds < 10
    assert not is_beating(path)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no sessions")
@both
def test_the_time_limit_holds_when_a_grandchild_in_its_own_session_keeps_the_pipe(call, path):
    seconds, error = took(call, python(ESCAPES, *heartbeat(path)[2:]), timeout=2)
    assert isinstance(error, subprocess.TimeoutExpired)
    assert seconds < 10


def test_lines_are_yielded_when_they_are_printed():
    def first_line():
        lines = stream_lines(steps(2, 0.3, "-u"), timeout=20)
        late = time.perf_counter() - float(next(lines).split()[-1])
        lines.close()
        return late

    assert min(first_line() for _ in range(5)) < 0.2


def test_leaving_the_loop_ends_the_program(path):
    code = "import subprocess, sys; print('begun', flush=True); "
    code += "subprocess.run([sys.executable, '-c', *sys.argv[1:]])"
    lines = stream_lines(python(code, *heartbeat(path)[2:]), timeout=30)
    next(lines)
    assert is_beating(path, within=20)
    lines.close()
    assert not is_beating(path)


def test_leaving_the_loop_ends_the_reader_thread():
    for _ in stream_lines(flood(10**9), timeout=60):
        break
    end = time.monotonic() + 10
    while any("_hand_over" in thread.name for thread in threading.enumerate()):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_time_limit_holds_for_a_slow_loop():
    lines = stream_lines(steps(100, 0.1, "-u"), timeout=1)
    with pytest.raises(subprocess.TimeoutExpired):
        [time.sleep(0.2) for line in lines]


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_an_interrupt_ends_the_process_tree(path):
    source = (
        "import sys; from pathlib import Path; from helpers.commands import run_command; "
        "from helpers.commands.programs import process_tree; "
        "run_command(process_tree(Path(sys.argv[1])), timeout=60)"
    )
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(python(source, path), cwd=root, stderr=subprocess.DEVNULL) as child:
        try:
            assert is_beating(path, within=20)
            child.send_signal(signal.SIGINT)
            child.wait(20)
        finally:
            child.kill()
    assert not is_beating(path)


def test_killing_twice_or_after_the_end_is_harmless():
    process = start(python("pass"))
    process.wait()
    kill_process_tree(process)
    kill_process_tree(process)


@pytest.mark.skipif(
    os.name != "posix", reason="on Windows a pid stays reserved as long as its Popen"
)
def test_an_unrelated_process_with_a_reused_pid_is_not_killed():
    ended, unrelated = start(python("pass")), start(napper(60))
    ended.wait()
    ended.pid = unrelated.pid  # the kernel may reuse a pid after the return code was asked for
    try:
        kill_process_tree(ended)
        assert not has_ended(unrelated, within=0.5)
    finally:
        kill_process_tree(unrelated)
    assert unrelated.returncode == -signal.SIGKILL


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="this system cannot look without asking")
def test_has_ended_does_not_ask_for_the_return_code():
    process = start(python("raise SystemExit(3)"))
    assert has_ended(process, within=20)
    assert process.returncode is None
    assert os.getpgid(process.pid) == process.pid  # the pid is still taken
    kill_process_tree(process)
    assert process.returncode == 3
    assert has_ended(process)


def test_has_ended_waits_and_returns_false_for_a_running_program():
    process = start(napper(60))
    begin = time.perf_counter()
    assert not has_ended(process, within=0.2)
    assert 0.15 < time.perf_counter() - begin < 10
    kill_process_tree(process)
    assert has_ended(process)


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="orphans cannot be found on this system")
@both
def test_orphans_are_ended_even_if_the_program_ended_in_time(call, path):
    """The orphan has closed the pipes, so only the process group still leads to it."""
    quiet = "import subprocess, sys; null = subprocess.DEVNULL; subprocess.Popen("
    quiet += "[sys.executable, '-c', *sys.argv[1:]], stdout=null, stderr=null)"
    call(python(quiet, *heartbeat(path)[2:]), timeout=20)
    assert not is_beating(path)


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="this system cannot look without asking")
@pytest.mark.parametrize("command", [python("pass"), flood(100_000), napper(60)])
@both
def test_the_group_is_killed_before_its_pid_can_be_reused(call, command, monkeypatch):
    ended = []
    killpg = os.killpg

    def kill_group(group, number):
        os.waitid(
            os.P_PID, group, os.WEXITED | os.WNOWAIT | os.WNOHANG
        )  # raises if the code was asked for
        ended.append(group)
        killpg(group, number)

    monkeypatch.setattr(os, "killpg", kill_group)
    options = {"max_bytes": 10_000} if call is run_command else {}
    with suppress(subprocess.SubprocessError):
        call(command, timeout=1.5, **options)
    assert len(ended) == 1


def test_killing_a_child_without_its_own_session_kills_only_the_child():
    process = subprocess.Popen(napper(60))
    kill_process_tree(process)
    assert process.returncode == (-9 if os.name == "posix" else 1)


def test_the_small_programs_do_what_their_docstrings_say(tmp_path, path):
    assert run_command(napper(0), timeout=20).stdout == ""
    assert run_command(record_times(tmp_path / "note", 0.1, 3), timeout=20).returncode == 3
    begin, end = map(float, (tmp_path / "note").read_text().split())
    assert end - begin >= 0.09
    assert not is_beating(path, within=0.1)
    process = start(heartbeat(path))
    assert is_beating(path, within=20)
    Path(f"{path}.stop").touch()
    assert process.wait(20) == 0
    assert all(command[0] == sys.executable for command in (napper(1), flood(1), stubborn()))


@pytest.fixture(autouse=True)
def _orphans_stop(reaped):
    """Wait for orphans that were asked to stop."""
