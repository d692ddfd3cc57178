"""Run other programs within limits, and leave nothing behind. Standard library only.

`run_command` works like `subprocess.run`. It also ends everything that the program has started, and
limits how much the program may print. `stream_lines` yields each line as it is printed. Both use
`kill_process_tree`.

What they cannot end: on Linux and macOS, a program that moves to a session of its own; on Windows,
and on macOS before Python 3.13, a program whose parent has already ended. Even then, both functions
return within their time limit.
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


class OutputLimitError(subprocess.SubprocessError):
    """A program printed more than it was allowed to."""

    def __init__(self, command: list[str], max_bytes: int) -> None:
        """Keep the command, and the limit in bytes."""
        super().__init__(f"{command[0]} printed more than {max_bytes:,} bytes and was ended")
        self.cmd, self.max_bytes = command, max_bytes


def start(command: list[str], **options: Any) -> subprocess.Popen:
    """Start a program with Popen, without input and in a session that can be ended as a whole."""
    options = {"stdin": subprocess.DEVNULL, "start_new_session": True} | options
    return subprocess.Popen(command, **options)


def has_ended(process: subprocess.Popen, within: float = 0.0) -> bool:
    """Return whether `process` ends within so many seconds, without asking for its return code.

    Until the return code is asked for, no other process can get the number of this process. Before
    Python 3.13, macOS has no way to look without asking. On Windows, the number stays reserved as
    long as the Popen object exists.
    """
    end = monotonic() + within
    if process.returncode is None and hasattr(os, "waitid"):
        with suppress(ChildProcessError):  # the return code was asked for already
            while not os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
                if monotonic() >= end:
                    return False
                sleep(0.002)
            return True
    with suppress(subprocess.TimeoutExpired):
        process.wait(within)
    return process.returncode is not None


def kill_process_tree(process: subprocess.Popen) -> None:
    """Kill `process`, which needs a session or group of its own, and everything it has started.

    Call it before the return code is asked for. Afterwards, another process may have the same
    number, so on Linux and macOS this function then kills nothing.
    """
    if process.returncode is None:
        if os.name == "posix":
            with suppress(
                ProcessLookupError, PermissionError
            ):  # there is no group; on macOS: only zombies are in it
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
    max_bytes: int = 10_000_000,
    **options: Any,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and return what it printed, as text.

    timeout: seconds that it may take. max_bytes: bytes that it may print into each of stdout and
    stderr. options: for Popen, such as cwd and env. Bytes that are not valid UTF-8 become �. When
    this function returns or raises, everything that the program has started is ended too.

    Raises TimeoutExpired, OutputLimitError, and, with `check`, CalledProcessError.
    """
    end = monotonic() + timeout
    process = start(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    kept = {process.stdout: bytearray(), process.stderr: bytearray()}
    over_limit: queue.SimpleQueue[bool] = queue.SimpleQueue()  # one item per pipe
    readers = [_thread(_read, pipe, max_bytes, kept[pipe], over_limit) for pipe in kept]
    in_time = False
    try:
        for reader in readers:
            reader.start()
        for _ in readers:
            if over_limit.get(timeout=_left(end)):
                raise OutputLimitError(command, max_bytes)
        in_time = has_ended(process, _left(end))
    except queue.Empty:
        pass
    finally:
        kill_process_tree(process)
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

    A line longer than 65,536 characters comes in pieces. Memory use stays small: a program that is
    faster than the loop has to wait. When the loop ends, for whatever reason, the program and
    everything that it has started are ended.

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
        kill_process_tree(process)
        give_up = monotonic() + 1.0
        while reader.is_alive() and monotonic() < give_up:
            _next(lines, monotonic() + 0.01)  # make room for the reader, so that it reaches the end
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def _thread(work: Callable, *arguments: Any) -> threading.Thread:
    return threading.Thread(target=work, args=arguments, daemon=True)


def _read(
    pipe: IO[bytes], max_bytes: int, kept: bytearray, over_limit: queue.SimpleQueue[bool]
) -> None:
    """Read to the end, or until there are more than `max_bytes`; then report which it was."""
    with pipe:
        while len(kept) <= max_bytes and (chunk := pipe.read1(CHUNK)):
            kept += chunk
    over_limit.put(len(kept) > max_bytes)


def _hand_over(pipe: IO[str], lines: queue.Queue[str]) -> None:
    with pipe:
        for line in iter(lambda: pipe.readline(CHUNK), ""):
            lines.put(line)
    lines.put("")


def _next(lines: queue.Queue[str], end: float) -> str | None:
    """Return the next line; "" at the end of the output; None when the time is up."""
    left = end - monotonic()
    try:
        return lines.get(timeout=left) if left > 0 else None
    except queue.Empty:
        return None


def _left(end: float) -> float:
    return max(0.0, end - monotonic())
