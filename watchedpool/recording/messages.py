"""What the parent notes of calls, and of their messages to workers. Standard library only.

Moments are `clock.now` seconds; 0 = has not happened, or is not measured. All is kept in arrays,
because a program may have a million tasks: a call is a row of `calls`, and a message is an entry of
`sent` and of `arrived`. `reading` brings them together with what the workers wrote down.
"""

import sys
import threading
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from multiprocessing.pool import starmapstar
from operator import length_hint
from types import (
    BuiltinFunctionType,
    FunctionType,
    MethodType,
    WrapperDescriptorType,
)

from watchedpool import clock
from watchedpool.recording.lanes import next_count
from watchedpool.recording.queues import is_chunk

# A row of `blocks`: which result, its first value, how many, when the first and all were taken.
BLOCK = range(5)
# A row of `calls`. `kind` is a place in KINDS.
CALL = NUMBER, TASKS, CHUNKSIZE, KIND, SUBMITTED, ASKED, SENT, ARRIVED, FUNCTION, FLAGS = range(10)
KINDS = (
    *("map", "starmap", "imap", "imap_unordered", "apply", "apply_async"),
    *("submit", "executor.map", "track"),
)
# Flags: who has a callback has the result, or the exception, when it arrives.
HAS_CALLBACK, HAS_ERROR_CALLBACK = 1, 2
LONGEST_TEXT = 200
ONE_BY_ONE = 16  # values of a call that are noted one by one, before blocks are
MOST_TEXTS = 10_000  # of errors, of which later only the type is kept, and names of functions


class Iteration:
    """A call of imap: its tasks are submitted one by one, and its results are taken so."""

    def __init__(self, number: int, kind: int) -> None:
        """number: of the call."""
        self.number, self.kind, self.made = number, kind, clock.now()
        self.chunksize, self.in_chunks = 1, False
        self.tasks = 0  # that came in chunks
        self._chunks = 0  # that were taken
        self._count = 1  # values of a block
        self.taken = array("d")  # when results were taken; below 0, when somebody began to wait
        # Of results that come in chunks, blocks: which result, place in it, how many, first, last.
        self.blocks = array("d")
        self.running: Iterator | None = None  # the last of them

    def take_chunk(self, result: tuple) -> tuple:
        """Return a result that is a chunk; note when each value is taken, in blocks if quickly."""
        succeeded, values = result
        self._chunks += 1
        return (True, self._each(values, self._chunks - 1)) if succeeded else result

    def _each(self, values: list, chunk: int) -> Iterator:
        return chain.from_iterable(self._blocks(values, chunk))

    def _blocks(self, values: list, chunk: int) -> Iterator[Iterator]:
        done, now, blocks = 0, clock.now, self.blocks
        while done < len(values):
            block = values[done : done + self._count]
            at, begin, rest = len(blocks), now(), iter(block)
            self.running = rest
            blocks.extend((chunk, done, len(block), begin, 0.0))
            try:
                yield rest
            finally:  # also where nobody takes the others
                self.running = None  # which holds the values
                blocks[at + 2] -= length_hint(rest)
                blocks[at + 4] = end = now()
            done += len(block)
            if len(blocks) > ONE_BY_ONE * len(BLOCK):
                self._count = next_count(len(block), end - begin)


class Items(deque):
    """The results that an iterator of imap holds: notes when one is taken, or is not there."""

    iteration: Iteration

    def popleft(self) -> tuple:
        """Return the next result, for the consumer."""
        iteration = self.iteration
        if not self:
            iteration.taken.append(-clock.now())
            raise IndexError
        iteration.taken.append(clock.now())
        item = deque.popleft(self)
        return iteration.take_chunk(item) if iteration.in_chunks else item


class Messages:
    """What the parent has noted since the recorder was made, or was told to forget."""

    def __init__(self) -> None:
        """Note nothing yet."""
        self._lock = threading.RLock()  # a signal may interrupt a thread that holds it
        self._texts: dict[str, int] = {}
        self._functions: dict[str, int] = {}
        self.sent = array("d")  # a moment per message of a pool
        self.begins = array("q")  # per call of a pool: number, first message, function, starmap
        self.arrived = array("d")  # per message of a pool: number of the call, of the message, when
        self.errors = array("q")  # number of the call, of the message, of the text
        self._next = 0
        self._clear()

    def _clear(self) -> None:
        self.calls = array("d")
        self.iterations: dict[int, Iteration] = {}
        del self.sent[:], self.begins[:], self.arrived[:], self.errors[:]

    def forget(self) -> None:
        """Drop all; whoever still has a Call of before writes where nobody reads."""
        with self._lock:
            self._clear()

    def submit(self, kind: str, tasks: int = 1, **known: int) -> tuple[array, int]:
        """Note that a call is submitted now; return its table, and where in it the row begins.

        known: see `row_of_call`; and its number. Without that, it is given one.
        """
        number = known.pop("number", None)
        return self.add(row_of_call(kind, tasks, **known), number)

    def add(self, row: array, number: int | None = None) -> tuple[array, int]:
        """Note that a call is submitted now, whose row is otherwise as `row`."""
        with self._lock:
            if number is None:
                number = self._next
                self._next = number + 1
            calls = self.calls
            at = len(calls)
            calls.extend(row)
            calls[at + SUBMITTED] = clock.now()
            calls[at] = number
        return calls, at

    def begin(self, number: int, func: Callable, args: tuple) -> Iteration | None:
        """Note that the messages of a pool's call are sent from now on.

        Return it if it is imap in chunks.
        """
        in_chunks = is_chunk(func)
        name = self.number_of_function(args[0][0] if in_chunks else func)
        star = func is starmapstar
        self.begins.fromlist([number, len(self.sent), name, star])
        iteration = self.iterations.get(number)
        if not (iteration and in_chunks):
            return None
        iteration.in_chunks, iteration.chunksize = True, len(args[0][1])
        return iteration

    def iterate(self, kind: str, number: int) -> Iteration:
        """Note that imap is called now."""
        with self._lock:
            iteration = Iteration(number, _KIND_NUMBERS[kind])
            self.iterations[number] = iteration
        return iteration

    def number_of_function(self, func: Callable) -> int:
        """Return a number for the name of a function; -1 if there are too many."""
        name, known = _name(func), self._functions
        if name in known or len(known) < MOST_TEXTS:
            return known.setdefault(name, len(known))
        return -1

    @property
    def origin(self) -> float:
        """When the first call was submitted; 0.0 if none was."""
        made = [each.made for each in list(self.iterations.values())[:1]]
        return min([*made, *self.calls[SUBMITTED : SUBMITTED + 1]], default=0.0)

    @property
    def last_submitted(self) -> float:
        """When the last call was submitted; 0.0 if none was."""
        calls = self.calls
        return calls[len(calls) - len(CALL) + SUBMITTED] if calls else 0.0

    @property
    def functions(self) -> list[str]:
        """The names of functions, by number."""
        return list(self._functions)

    def fail(self, number: int, message: int, error: BaseException) -> None:
        """Note the text of an error, and keep nothing of it."""
        text = _text(error)
        if text not in self._texts and len(self._texts) >= MOST_TEXTS:
            text = type(error).__name__
        place = self._texts.setdefault(text, len(self._texts))
        self.errors.fromlist([number, message, place])

    @property
    def texts(self) -> list[str]:
        """The texts of errors, by number."""
        return list(self._texts)


_SIMPLE = frozenset((FunctionType, BuiltinFunctionType))
_KIND_NUMBERS = {kind: number for number, kind in enumerate(KINDS)}


def row_of_call(
    kind: str, tasks: int, *, chunksize: int = 0, function: int = -1, flags: int = 0
) -> array:
    """Return a row of `calls` that has no number and no moments yet."""
    size = chunksize or tasks
    return array("d", [-1, tasks, size, _KIND_NUMBERS[kind], 0, 0, 0, 0, function, flags])


def _name(func: Callable) -> str:
    """Return the name of what a task runs; nothing of the program's own runs for it."""
    kind = type(func)
    if kind in _SIMPLE:
        return func.__name__
    if kind is partial:
        return _name(func.func)
    if kind is MethodType:
        return _name(func.__func__)
    return type.__dict__["__name__"].__get__(func if issubclass(kind, type) else kind)


def _text(error: BaseException) -> str:
    """Return the type and the text of an error; nothing of the program's own runs for it."""
    kind = type(error)
    as_text = kind.__str__
    if isinstance(as_text, WrapperDescriptorType):
        args = BaseException.args.__get__(error)
        known = all(type(each) in (str, int, float, bool, bytes, type(None)) for each in args)
    else:
        module = str(getattr(as_text, "__module__", ""))
        known = module.partition(".")[0] in sys.stdlib_module_names
    return (f"{kind.__name__}: {as_text(error)}" if known else kind.__name__)[:LONGEST_TEXT]
