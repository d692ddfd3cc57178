"""The functions that run inside worker processes. Standard library only.

A worker process imports this module by its name, so a function from this module works with every
start method. A function that is defined in a notebook cell does not: lesson 01 shows why.
"""

import os
import random
import signal
import time
from collections.abc import Callable
from multiprocessing import parent_process
from typing import Any


def nap(seconds: float) -> float:
    """Sleep for `seconds` and return them. A nap needs no core."""
    time.sleep(seconds)
    return seconds


def crunch(steps: int) -> float:
    """Add up `steps` squares, and return how many seconds of CPU time that took."""
    begin = time.thread_time()
    sum(i * i for i in range(steps))
    return time.thread_time() - begin


dice = random.Random()  # one per process; forked workers begin with copies of the same one


def draw(seconds: float) -> float:
    """Nap, then draw a number between 0 and 1 from the generator of this process."""
    time.sleep(seconds)
    return dice.random()


def draw_seeded(seed: int) -> float:
    """Draw a number between 0 and 1 from a new generator that begins with `seed`."""
    return random.Random(seed).random()


def nap_and_square(a: int) -> int:
    """Nap, print a squared, and return it. The larger `a` is, the shorter the nap."""
    time.sleep((10 - a) * 0.2)
    print(f"{a} squared is {a * a}", flush=True)
    return a * a


def nap_and_power(base: int, exponent: int, seconds: float = 0.1) -> int:
    """Nap, then return base ** exponent: a task that takes several arguments."""
    time.sleep(seconds)
    return base**exponent


def call_with_tuple(function: Callable, arguments: tuple) -> Any:
    """Call `function` with the arguments packed in a tuple."""
    return function(*arguments)


def call_with_keywords(function: Callable, keywords: dict[str, Any]) -> Any:
    """Call `function` with the keyword arguments packed in a dictionary."""
    return function(**keywords)


def read_shared(name: str, place: int) -> int:
    """Return one byte of the shared memory with this name; nothing else is copied."""
    from multiprocessing.shared_memory import SharedMemory  # at the top, it slows every start

    memory = SharedMemory(name)
    try:
        return memory.buf[place]
    finally:
        memory.close()


def share_lock(lock: Any) -> None:
    """Keep `lock` for this worker: the initializer of a pool that runs `nap_in_turn`."""
    global _lock
    _lock = lock


def nap_in_turn(seconds: float) -> float:
    """Nap while holding the shared lock, so that no two workers nap at once."""
    with _lock:
        return nap(seconds)


def count_letters(word: str) -> int:
    """Nap 0.1 seconds per letter, then return how many letters `word` has."""
    time.sleep(0.1 * len(word))
    return len(word)


def with_number(function: Callable, numbered: tuple[int, Any]) -> tuple[int, Any]:
    """Return the pair (number, result) for a pair (number, argument), as enumerate yields them."""
    number, argument = numbered
    return number, function(argument)


tally = 0  # one per process


def nap_and_tally(seconds: float) -> int:
    """Nap, then add one to the tally of this process and return it."""
    global tally
    time.sleep(seconds)
    tally += 1
    return tally


def share_queue(shared: Any) -> None:
    """Keep a queue to the parent: the initializer of a pool that runs `call_and_notify`."""
    global _queue
    _queue = shared


def call_and_notify(function: Callable, argument: Any) -> Any:
    """Return `function(argument)`; at its end, or its error, send our process id to the parent."""
    try:
        return function(argument)
    finally:
        _queue.put(os.getpid())


def run_steps(steps: list[float], step: Callable = nap) -> list:
    """Run each step, report it to the parent, and return what the steps return."""
    return [call_and_notify(step, seconds) for seconds in steps]


def share_log(queue: Any) -> None:
    """Send the log of this worker to the parent: the initializer of a pool for `nap_and_log`."""
    import logging.handlers  # at the top, it slows every start

    logging.getLogger().setLevel(logging.INFO)
    logging.getLogger().handlers = [logging.handlers.QueueHandler(queue)]


def nap_and_log(seconds: float) -> float:
    """Log that a nap begins, then nap."""
    import logging

    logging.info("a nap of %g s begins", seconds)
    return nap(seconds)


def nap_or_fail(seconds: float) -> float:
    """Nap; below zero, nap as long and then raise ValueError."""
    time.sleep(abs(seconds))
    if seconds < 0:
        raise ValueError(f"the nap of {-seconds} s failed")
    return seconds


def nap_and_draw(seconds: float, seed: int, failing: frozenset[float] = frozenset()) -> float:
    """Nap, then return the `drawn_number`; for a nap in `failing`, raise ValueError instead."""
    time.sleep(seconds)
    if seconds in failing:
        raise ValueError(f"the nap of {seconds} s failed")
    return drawn_number(seconds, seed)


def drawn_number(seconds: float, seed: int) -> float:
    """Return the number that belongs to a nap: nobody can know it without the seed."""
    return round(random.Random(f"{seed} {seconds}").random(), 4)


def keep_result(folder: str, function: Callable, *args: Any, **kwargs: Any) -> Any:
    """Return `function(*args, **kwargs)`; also write it into this worker's file in `folder`."""
    result = function(*args, **kwargs)
    with open(os.path.join(folder, str(os.getpid())), "a", encoding="utf-8") as file:
        file.write(f"{result!r}\n")
    return result


def nap_or_die(seconds: float) -> float:
    """Nap; below zero, nap as long and then be killed, as when the system is out of memory."""
    time.sleep(abs(seconds))
    if seconds < 0:
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    return seconds


def nap_or_die_in_turn(seconds: float) -> float:
    """Do the same while holding the shared lock: a killed worker never releases it."""
    with _lock:
        return nap_or_die(seconds)


def result_or_error(function: Callable, argument: Any) -> Any:
    """Return the result, or the exception as if it were a result: no task of a call fails."""
    try:
        return function(argument)
    except Exception as error:
        return error


def die_once(marker: str, deadly: Any, function: Callable, argument: Any) -> Any:
    """Return `function(argument)`; but the first time it is `deadly`, nap as long and be killed.

    Before it is killed, the process creates the file `marker`. Raises RuntimeError instead of
    killing a main process.
    """
    if argument == deadly and not os.path.exists(marker):
        if parent_process() is None:
            raise RuntimeError("that would have killed this notebook: it is not a worker")
        with open(marker, "w"):
            nap_or_die(-argument)
    return function(argument)


def note_and_die(path: str) -> None:
    """Add a letter to the file at `path`, then end this process at once, as a crash would."""
    with open(path, "a") as file:
        file.write("x")
    os._exit(1)


def load_page(page: int, attempt: int) -> int:
    """Return `page`; raise ConnectionError in each attempt before the one with its number."""
    if attempt < page:
        raise ConnectionError(f"page {page} cannot be reached in attempt {attempt}")
    return page
