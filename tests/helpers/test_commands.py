"""run_command and stream_lines: whatever a program does, they end in time and leave nothing."""

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

from helpers.commands import TooMuchOutput, end_family, has_ended, run_command, start, stream_lines
from helpers.commands.programs import (
    beater,
    beats,
    deserter,
    family,
    flood,
    napper,
    noter,
    python,
    steps,
    stubborn,
)
from helpers.plots import plot_pipes

ESCAPES = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", *sys.argv[1:]], start_new_session=True)
"""


def took(call, *args, **kwargs):
    """Return how many seconds a call takes, and what it raises."""
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


def test_it_returns_what_run_returns():
    done = run_command(python("import sys; print('a'); sys.stderr.write('b')"), timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (0, "a\n", "b")


def test_options_go_to_the_program(tmp_path):
    code = "import os; print(os.getcwd(), os.environ['A'])"
    env = os.environ | {"A": "b"}
    done = run_command(python(code), timeout=20, cwd=tmp_path, env=env)
    assert done.stdout.split() == [str(tmp_path.resolve()), "b"]


@both
def test_there_is_no_input(call):
    options = {"check": True} if call is run_command else {}
    with pytest.raises(subprocess.CalledProcessError):
        call(python("input()"), timeout=20, **options)


@both
def test_missing(call):
    with pytest.raises(FileNotFoundError):
        call(["no-such-program"], timeout=20)


def test_failing():
    assert run_command(python("raise SystemExit(3)"), timeout=20).returncode == 3
    with pytest.raises(subprocess.CalledProcessError, match="exit status 3"):
        run_command(python("raise SystemExit(3)"), timeout=20, check=True)
    with pytest.raises(subprocess.CalledProcessError, match="exit status 3"):
        all_lines(python("print('seen'); raise SystemExit(3)"), timeout=20)


@both
@pytest.mark.parametrize("command", [napper(60), stubborn()], ids=["hanging", "stubborn"])
def test_one_that_does_not_end(call, command):
    seconds, error = took(call, command, timeout=0.5)
    assert isinstance(error, subprocess.TimeoutExpired)
    assert "timed out after 0.5 seconds" in str(error)
    assert seconds < 10


@both
def test_one_that_closes_its_output_and_hangs(call):
    code = "import os, time; os.close(1); os.close(2); time.sleep(60)"
    seconds, error = took(call, python(code), timeout=0.5)
    assert isinstance(error, subprocess.TimeoutExpired)
    assert seconds < 10


def test_a_timeout_tells_what_was_printed():
    code = "import time; print('one', flush=True); time.sleep(60)"
    with pytest.raises(subprocess.TimeoutExpired) as caught:
        run_command(python(code), timeout=3)
    assert caught.value.stdout.strip() == "one"


def test_a_flood_ends_at_its_limit():
    seconds, error = took(run_command, flood(100_000_000), timeout=60)
    assert isinstance(error, TooMuchOutput)
    assert "printed more than 10,000,000 bytes and was ended" in str(error)
    assert seconds < 30
    size = 100_000_000
    done = run_command(flood(size), timeout=60, most=2 * size)
    assert len(done.stdout) == size


def test_a_flood_of_complaints_ends_too():
    code = "import sys\nwhile True: sys.stderr.write('x' * 10_000)"
    assert isinstance(took(run_command, python(code), timeout=60, most=100_000)[1], TooMuchOutput)


def test_a_flood_is_streamed_to_its_end_in_little_memory():
    memory = psutil.Process().memory_info
    before = memory().rss
    assert sum(len(line) for line in stream_lines(flood(100_000_000), timeout=60)) == 100_000_000
    assert memory().rss - before < 50_000_000


def test_a_line_without_an_end_comes_in_pieces():
    code = "import sys\nfor _ in range(1000): sys.stdout.write('x' * 1000)"
    pieces = all_lines(python(code), timeout=60)
    assert sum(map(len, pieces)) == 1_000_000
    assert max(map(len, pieces)) <= 65536


@both
def test_bytes_that_are_no_utf_8(call):
    found = call(python(r"import sys; sys.stdout.buffer.write(b'caf\xe9')"), timeout=20)
    assert (found.stdout if call is run_command else "".join(found)) == "caf\ufffd"


@both
def test_grandchildren_end_with_a_timeout(call, path):
    took(call, family(path), timeout=2)
    assert not beats(path)


@both
@pytest.mark.skipif(os.name != "posix", reason="taskkill finds no children of the dead")
def test_grandchildren_end_when_the_program_deserts_them(call, path):
    seconds, error = took(call, deserter(path), timeout=2)  # the pipe stays open
    assert isinstance(error, subprocess.TimeoutExpired)
    assert seconds < 10
    assert not beats(path)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no sessions")
@both
def test_the_limit_holds_when_a_grandchild_escapes_with_the_pipe(call, path):
    seconds, error = took(call, python(ESCAPES, *beater(path)[2:]), timeout=2)
    assert isinstance(error, subprocess.TimeoutExpired)
    assert seconds < 10


def test_lines_come_when_they_are_printed():
    def first_line():
        lines = stream_lines(steps(2, 0.3, "-u"), timeout=20)
        late = time.perf_counter() - float(next(lines).split()[-1])
        lines.close()
        return late

    assert min(first_line() for _ in range(5)) < 0.2


def test_leaving_the_loop_ends_the_program(path):
    code = "import subprocess, sys; print('begun', flush=True); "
    code += "subprocess.run([sys.executable, '-c', *sys.argv[1:]])"
    lines = stream_lines(python(code, *beater(path)[2:]), timeout=30)
    next(lines)
    assert beats(path, within=20)
    lines.close()
    assert not beats(path)


def test_leaving_a_flood_ends_its_thread():
    for _ in stream_lines(flood(10**9), timeout=60):
        break
    end = time.monotonic() + 10
    while any("_hand_over" in thread.name for thread in threading.enumerate()):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_slow_loop_has_its_limit_too():
    lines = stream_lines(steps(100, 0.1, "-u"), timeout=1)
    with pytest.raises(subprocess.TimeoutExpired):
        [time.sleep(0.2) for line in lines]


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_an_interrupt_ends_the_family(path):
    source = (
        "import sys; from pathlib import Path; from helpers.commands import run_command; "
        "from helpers.commands.programs import family; "
        "run_command(family(Path(sys.argv[1])), timeout=60)"
    )
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(python(source, path), cwd=root, stderr=subprocess.DEVNULL) as child:
        try:
            assert beats(path, within=20)
            child.send_signal(signal.SIGINT)
            child.wait(20)
        finally:
            child.kill()
    assert not beats(path)


def test_ending_twice_or_after_the_end_is_harmless():
    process = start(python("pass"))
    process.wait()
    end_family(process)
    end_family(process)


@pytest.mark.skipif(os.name != "posix", reason="on Windows a number is kept with its Popen")
def test_a_stranger_that_got_the_number_of_a_program_asked_before_is_left_alone():
    asked, stranger = start(python("pass")), start(napper(60))
    asked.wait()
    asked.pid = stranger.pid  # what the kernel may do once the code has been asked for
    try:
        end_family(asked)
        assert not has_ended(stranger, within=0.5)
    finally:
        end_family(stranger)
    assert stranger.returncode == -signal.SIGKILL


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="no way to look without asking")
def test_looking_whether_a_program_has_ended_does_not_ask_for_its_code():
    process = start(python("raise SystemExit(3)"))
    assert has_ended(process, within=20)
    assert process.returncode is None
    assert os.getpgid(process.pid) == process.pid  # still there, so the number is still taken
    end_family(process)
    assert process.returncode == 3
    assert has_ended(process)


def test_a_program_that_goes_on_has_not_ended():
    process = start(napper(60))
    begin = time.perf_counter()
    assert not has_ended(process, within=0.2)
    assert 0.15 < time.perf_counter() - begin < 10
    end_family(process)
    assert has_ended(process)


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="nobody finds children of the dead")
@both
def test_what_a_program_left_is_ended_also_when_it_ended_in_time(call, path):
    """Its child has let go of the pipes, so only the group still tells of it."""
    quiet = "import subprocess, sys; null = subprocess.DEVNULL; subprocess.Popen("
    quiet += "[sys.executable, '-c', *sys.argv[1:]], stdout=null, stderr=null)"
    call(python(quiet, *beater(path)[2:]), timeout=20)
    assert not beats(path)


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="no way to look without asking")
@pytest.mark.parametrize("command", [python("pass"), flood(100_000), napper(60)])
@both
def test_a_group_is_ended_while_its_number_is_still_taken(call, command, monkeypatch):
    ended = []
    killpg = os.killpg

    def kill_group(group, number):
        os.waitid(os.P_PID, group, os.WEXITED | os.WNOWAIT | os.WNOHANG)  # raises if it was asked
        ended.append(group)
        killpg(group, number)

    monkeypatch.setattr(os, "killpg", kill_group)
    options = {"most": 10_000} if call is run_command else {}
    with suppress(subprocess.SubprocessError):
        call(command, timeout=1.5, **options)
    assert len(ended) == 1


def test_ending_a_child_without_a_session_of_its_own_ends_only_the_child():
    process = subprocess.Popen(napper(60))
    end_family(process)
    assert process.returncode == (-9 if os.name == "posix" else 1)


def test_programs_do_what_they_say(tmp_path, path):
    assert run_command(napper(0), timeout=20).stdout == ""
    assert run_command(noter(tmp_path / "note", 0.1, 3), timeout=20).returncode == 3
    begin, end = map(float, (tmp_path / "note").read_text().split())
    assert end - begin >= 0.09
    assert not beats(path, within=0.1)
    process = start(beater(path))
    assert beats(path, within=20)
    Path(f"{path}.stop").touch()
    assert process.wait(20) == 0
    assert all(command[0] == sys.executable for command in (napper(1), flood(1), stubborn()))


@pytest.mark.parametrize("full", [False, True])
def test_the_picture_of_pipes_has_a_text_alternative(full):
    ax = plot_pipes(full)
    assert ax.get_label().startswith(ax.get_title("left"))
    assert ("64 KiB" in ax.get_label()) == full
    assert all(name in {t.get_text() for t in ax.texts} for name in ("stdin", "stdout", "stderr"))


@pytest.fixture(autouse=True)
def _orphans_stop(reaped):
    """Let orphans that were told to stop do so."""
