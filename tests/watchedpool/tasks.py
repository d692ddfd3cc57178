"""What the tests give to workers: a worker imports this module by name. Standard library only."""

import os
import sys
import time
from pathlib import Path
from time import perf_counter


class Trouble(Exception):
    """An error with two arguments, as it should travel."""


class Plain(Exception):
    """An error that travels without its attributes: its own `__reduce__` leaves them out."""

    def __reduce__(self):
        return Plain, self.args


def square(number):
    return number * number


def who_and_when(item=None):
    """Return `item`, the process that runs this, and when. Long enough for a record of its own."""
    now = perf_counter()
    while perf_counter() < now + 2e-4:
        pass
    return item, os.getpid(), now


def fail_at_two(number):
    if number == 2:
        raise Trouble("two", number)
    return number


def fail_plainly_at_two(number):
    if number == 2:
        raise Plain("two")
    return number


def no_result_at_two(number):
    return (lambda: 2) if number == 2 else number


def sum_of(a, b=0, *, c=0):
    return a + b + c


def wait_at(gate):
    """Write this process's id beside `gate`, wait until `gate` exists, return the id."""
    Path(f"{gate}.{os.getpid()}").touch()
    deadline = perf_counter() + 30
    while not os.path.exists(gate):
        assert perf_counter() < deadline, f"nobody opened {gate}"
        time.sleep(0.002)
    return os.getpid()


def imported(_):
    return sorted(sys.modules)


def remember(value):
    """Initialise a worker."""
    global remembered
    remembered = value


def recall(_):
    return remembered


def may_write(size):
    """Initialise a worker that may write files up to `size` bytes: a disk with no more room."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def interrupt():
    """Raise what Ctrl-C raises in a worker."""
    raise KeyboardInterrupt


def compute_until(seconds):
    """Keep a core busy until this thread has run on it for so many seconds."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def kill_itself():
    os.kill(os.getpid(), 9)
