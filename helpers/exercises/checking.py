"""Exercise: a question that checks its answer, within limits."""

import ctypes
import dis
import multiprocessing
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

NOT_TRIED = "Not tried yet. Replace the ... by your answer and run this cell again."


class Wrong(Exception):
    """What a judge raises: one or two sentences to the reader."""


@dataclass(frozen=True)
class Exercise:
    """A question that can check its answer.

    judge: takes the answer and returns a sentence of praise, or raises Wrong.
    takes: the type an answer must have; a function is `Callable`.
    hint: names the misconception. solution: an answer's source code, for the name `name`.
    """

    name: str
    takes: type | tuple[type, ...] | Any
    judge: Callable[[Any], str]
    hint_text: str
    solution_text: str

    def check(self, answer: Any = ...) -> None:
        """Print what is right or wrong about `answer`. Never raises, never hangs."""
        print(self.verdict(answer))

    def hint(self) -> None:
        """Print a hint."""
        print(self.hint_text)

    def solution(self) -> None:
        """Print a solution; copy it over your answer to try it."""
        print(self.solution_text)

    def verdict(self, answer: Any) -> str:
        """Return what `check` prints."""
        if is_untouched(answer):
            return NOT_TRIED
        if not isinstance(answer, self.takes) or isinstance(answer, type):
            return f"Not yet: {self.name} is {_what(answer)}, and should be {_kind(self.takes)}."
        if hasattr(answer, "__len__") and not len(answer):
            return f"Not yet: {self.name} is empty."
        try:
            return "Right! " + self.judge(answer)
        except Wrong as wrong:
            return f"Not yet: {wrong}"
        except Exception as error:
            return f"Not yet: your answer led to {type(error).__name__}: {error}"


def is_untouched(answer: Any) -> bool:
    """Return whether `answer` is a stub: `...`, a function with no body, or holds a `...`."""
    if isinstance(answer, dict):
        return any(value is ... for value in answer.values())
    if isinstance(answer, list | tuple):
        return any(value is ... for value in answer)
    if callable(answer) and hasattr(answer, "__code__"):
        return _steps(answer) == _steps(_stub)
    return answer is ...


def run_limited(function: Callable, *args: Any, seconds: float = 20.0) -> Any:
    """Return `function(*args)`; raise Wrong if it raises, or has not returned after `seconds`.

    Child processes that it leaves behind are ended.
    """
    before = set(multiprocessing.active_children())
    outcome: dict[str, Any] = {}

    def run() -> None:
        try:
            outcome["result"] = function(*args)
        except BaseException as error:
            outcome["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    late = thread.is_alive()
    if late:
        _interrupt(thread)
    for child in set(multiprocessing.active_children()) - before:
        child.terminate()
        child.join()
    name = getattr(function, "__name__", "your function")
    if late:
        raise Wrong(f"{name} had not returned after {seconds:g} s, and was given up.")
    if "error" in outcome:
        error = outcome["error"]
        raise Wrong(f"{name} raised {type(error).__name__}: {error}")
    return outcome["result"]


def _stub() -> None: ...


def _steps(function: Callable) -> list[tuple[str, Any]]:
    steps = dis.get_instructions(function)
    return [(step.opname, step.argval) for step in steps if step.opname != "RESUME"]


def _what(answer: Any) -> str:
    return "nothing (None)" if answer is None else f"of type {type(answer).__name__}"


def _kind(takes: Any) -> str:
    if takes is Callable:
        return "a function"
    types = takes if isinstance(takes, tuple) else (takes,)
    names = (each.__name__ for each in types)
    return " or ".join(f"an {name}" if name[0] in "aeiou" else f"a {name}" for name in names)


def _interrupt(thread: threading.Thread) -> None:
    """Raise SystemExit in a thread that does not end: a loop ends, a wait ends when it is over."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit)
    )
