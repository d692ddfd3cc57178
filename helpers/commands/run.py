"""Run other programs with limits, and leave nothing behind. Standard library only.

`run_command` is `subprocess.run` that also ends what the program has started, and does not let it
flood the memory. `stream_lines` hands out each line as it is printed. `end_family` is how.

What they cannot end: on Linux and macOS, a program that moves to a session of its own; on Windows,
one whose parent has ended before. Both functions return within their limit also then.
"""

import os
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic
from typing import IO, Any

CHUNK = 65536


class TooMuchOutput(subprocess.SubprocessError):
    """A program printed more than it was allowed to."""

    def __init__(self, command: list[str], most: int) -> None:
        """Keep what was run, and the limit in bytes."""
        super().__init__(f"{command[0]} printed more than {most:,} bytes and was ended")
        self.cmd = command
        self.most = most


def start(command: list[str], **options: Any) -> subprocess.Popen:
    """Start a program as Popen does, with no input, and so that `end_family` can end it."""
    options = {"stdin": subprocess.DEVNULL, "start_new_session": True} | options
    return subprocess.Popen(command, **options)


def end_family(process: subprocess.Popen) -> None:
    """End `process` and all that it started, now. It must have a session or group of its own."""
    if os.name == "posix":
        with suppress(ProcessLookupError, PermissionError):  # nobody left; macOS: only a zombie
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
    readers = [_Reader(process, pipe, most) for pipe in (process.stdout, process.stderr)]
    try:
        for reader in readers:
            reader.join(max(0.0, end - monotonic()))
        late = any(reader.is_alive() for reader in readers)
        if not late:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, end - monotonic()))
        late = late or process.returncode is None
    finally:
        end_family(process)
        for reader in readers:
            reader.join(1.0)
    out, err = (str(reader.kept, "utf-8", "replace") for reader in readers)
    if any(len(reader.kept) > most for reader in readers):
        raise TooMuchOutput(command, most)
    if late:
        raise subprocess.TimeoutExpired(command, timeout, out, err)
    done = subprocess.CompletedProcess(command, process.returncode, _lines(out), _lines(err))
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
    reader = threading.Thread(target=_hand_over, args=(process.stdout, lines), daemon=True)
    reader.start()
    try:
        while line := _next(lines, end):
            yield line
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, end - monotonic()))
        if process.returncode is None or line is None:
            raise subprocess.TimeoutExpired(command, timeout)
    finally:
        end_family(process)
        give_up = monotonic() + 1.0
        while reader.is_alive() and monotonic() < give_up:
            _next(lines, monotonic() + 0.01)  # so that the reader finds room, and then the end
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


class _Reader(threading.Thread):
    """Reads a pipe to its end; ends the family if there is more than `most` to read."""

    def __init__(self, process: subprocess.Popen, pipe: IO[bytes], most: int) -> None:
        super().__init__(daemon=True)
        self.process, self.pipe, self.most = process, pipe, most
        self.kept = bytearray()
        self.start()

    def run(self) -> None:
        with self.pipe:
            while chunk := self.pipe.read1(CHUNK):
                self.kept += chunk
                if len(self.kept) > self.most:
                    end_family(self.process)
                    break


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


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")
