"""Run other programs with limits, and leave nothing behind. Standard library only.

`run_command` is `subprocess.run` that also ends what the program has started, and does not let it
flood the memory. `stream_lines` hands out each line as it is printed. `end_family` is how.

What they cannot end: on Linux and macOS, a program that moves to a session of its own; on Windows,
and on macOS before Python 3.13, one whose parent has ended before. Both functions return within
their limit also then.
"""

import os
import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic, sleep
from typing import IO, Any

CHUNK = 65536


class TooMuchOutput(subprocess.SubprocessError):
    """A program printed more than it was allowed to."""

    def __init__(self, command: list[str], most: int) -> None:
        """Keep what was run, and the limit in bytes."""
        super().__init__(f"{command[0]} printed more than {most:,} bytes and was ended")
        self.cmd, self.most = command, most


def start(command: list[str], **options: Any) -> subprocess.Popen:
    """Start a program as Popen does, with no input, and so that `end_family` can end it."""
    options = {"stdin": subprocess.DEVNULL, "start_new_session": True} | options
    return subprocess.Popen(command, **options)


def has_ended(process: subprocess.Popen, within: float = 0.0) -> bool:
    """Tell whether `process` ends within so many seconds, and do not ask for its return code.

    Until somebody asks, no other process can get its number. (Python on macOS can only ask, before
    3.13. On Windows the number is kept as long as the Popen is.)
    """
    end = monotonic() + within
    if process.returncode is None and hasattr(os, "waitid"):
        with suppress(ChildProcessError):  # somebody else has asked
            while not os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
                if monotonic() >= end:
                    return False
                sleep(0.002)
            return True
    with suppress(subprocess.TimeoutExpired):
        process.wait(within)
    return process.returncode is not None


def end_family(process: subprocess.Popen) -> None:
    """End `process` and all that it started, now. It must have a session or group of its own.

    Call it before anybody asks for the return code. Afterwards, the number of the process may be
    another's; so on Linux and macOS nothing is done then.
    """
    if process.returncode is None:
        if os.name == "posix":
            with suppress(ProcessLookupError, PermissionError):  # no group; macOS: only a zombie
                os.killpg(process.pid, signal.SIGKILL)
        elif process.poll() is None:
            kill_tree = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
            subprocess.run(kill_tree, capture_output=True)
    process.kill()
    process.wait()


def run_command(
    command: list[str],
    *,
    timeout: float,
    check: bool = False,
    most: int = 10_000_000,
    **options: Any,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and return what it printed, as text; bytes that are no UTF-8 as �.

    timeout: seconds it may take. most: bytes it may print, to stdout and stderr each. options: for
    Popen, such as cwd and env. When it returns or raises, what the program started is ended too.

    Raises TimeoutExpired, TooMuchOutput, and, with `check`, CalledProcessError.
    """
    end = monotonic() + timeout
    process = start(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    kept = {process.stdout: bytearray(), process.stderr: bytearray()}
    too_much: queue.SimpleQueue[bool] = queue.SimpleQueue()
    readers = [_thread(_read, pipe, most, kept[pipe], too_much) for pipe in kept]
    in_time = False
    try:
        for reader in readers:
            reader.start()
        for _ in readers:
            if too_much.get(timeout=_left(end)):
                raise TooMuchOutput(command, most)
        in_time = has_ended(process, _left(end))
    except queue.Empty:
        pass
    finally:
        end_family(process)
        for reader in filter(threading.Thread.is_alive, readers):
            reader.join(1.0)
    out, err = (str(part, "utf-8", "replace").replace("\r\n", "\n") for part in kept.values())
    if not in_time:
        raise subprocess.TimeoutExpired(command, timeout, out, err)
    done = subprocess.CompletedProcess(command, process.returncode, out, err)
    if check:
        done.check_returncode()
    return done


def stream_lines(command: list[str], *, timeout: float, **options: Any) -> Iterator[str]:
    """Yield each line that a program prints, to stdout or stderr, as soon as it is printed.

    A line longer than 64 Ki characters comes in pieces. Memory stays small: a program that is
    faster than the loop has to wait. When the loop ends, for whatever reason, the program ends,
    with what it has started.

    Raises TimeoutExpired when `timeout` seconds are over, CalledProcessError if the program fails.
    """
    end = monotonic() + timeout
    text = {"encoding": "utf-8", "errors": "replace"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = start(command, **pipes, **text, **options)
    lines: queue.Queue[str] = queue.Queue(maxsize=1000)
    reader = _thread(_hand_over, process.stdout, lines)
    try:
        reader.start()
        while line := _next(lines, end):
            yield line
        if line is None or not has_ended(process, _left(end)):
            raise subprocess.TimeoutExpired(command, timeout)
    finally:
        end_family(process)
        give_up = monotonic() + 1.0
        while reader.is_alive() and monotonic() < give_up:
            _next(lines, monotonic() + 0.01)  # so that the reader finds room, and then the end
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def _thread(work: Callable, *arguments: Any) -> threading.Thread:
    return threading.Thread(target=work, args=arguments, daemon=True)


def _read(pipe: IO[bytes], most: int, kept: bytearray, too_much: queue.SimpleQueue[bool]) -> None:
    """Keep what comes, to the end or until it is more than `most` bytes; then tell which."""
    with pipe:
        while len(kept) <= most and (chunk := pipe.read1(CHUNK)):
            kept += chunk
    too_much.put(len(kept) > most)


def _hand_over(pipe: IO[str], lines: queue.Queue[str]) -> None:
    with pipe:
        for line in iter(lambda: pipe.readline(CHUNK), ""):
            lines.put(line)
    lines.put("")


def _next(lines: queue.Queue[str], end: float) -> str | None:
    """Return the next line; "" at the end of the output, None when the time is over."""
    left = end - monotonic()
    try:
        return lines.get(timeout=left) if left > 0 else None
    except queue.Empty:
        return None


def _left(end: float) -> float:
    return max(0.0, end - monotonic())
