"""Verdicts, values and messages in a reader's words, never longer than a line or two."""

import inspect
from html import escape
from reprlib import Repr
from typing import Any

from IPython import get_ipython
from IPython.display import display

RIGHT, NOT_YET, UNKNOWN = "✓ Right: ", "✗ Not yet: ", "? Not known: "
NOT_TRIED = "? Not tried yet: replace the ... with your answer and run this cell again."
TOO_BUSY = f"{UNKNOWN}your machine is too busy to tell. Run the check again."
# The borders differ in their colours and in their styles. The colours follow JupyterLab's theme.
BORDERS = {
    "✓": "4px solid var(--jp-success-color1, #388e3c)",
    "✗": "4px double var(--jp-warn-color1, #c75300)",
    "?": "2px dashed var(--jp-border-color0, #808080)",
}


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    return hasattr(get_ipython(), "kernel")


def show_verdict(verdict: str) -> None:
    """Print a verdict; in a notebook, display it in a box with a border.

    verdict: begins with a sign of BORDERS and a word before a colon.
    """
    if not in_notebook():
        print(verdict)
        return
    style = f"border: {BORDERS[verdict[0]]}; padding: 0.5em 1em;"
    style += " max-width: 45em; white-space: pre-wrap;"
    word, _, text = escape(verdict).partition(":")
    html = f'<div role="status" style="{style}"><b>{word}:</b>{text}</div>'
    display({"text/plain": verdict, "text/html": html}, raw=True)


def short_repr(value: Any) -> str:
    """Return `value` as a reader would write it, shortened where it is long."""
    shortened = _ShortRepr()
    shortened.maxlist = shortened.maxtuple = shortened.maxdict = 12
    shortened.maxstring = shortened.maxother = 80
    return shortened.repr(value)


def short_text(message: str) -> str:
    """Return `message`, or its first 300 characters."""
    return message if len(message) <= 300 else f"{message[:300]} …"


def in_words(error: BaseException) -> str:
    """Return the name of an error and its message, or a full stop: "KeyError: 3"."""
    message = str(error)
    return type(error).__name__ + (f": {short_text(message)}" if message else ".")


def kind_of(value: Any) -> str:
    """Return what kind of value this is: "a function", "of type list"."""
    if value is None:
        return "nothing (None)"
    if inspect.iscoroutinefunction(value) or inspect.isroutine(value):
        return "a function"
    if is_async_result(value):
        return "an AsyncResult"
    if hasattr(value, "__next__"):
        return "an iterator"
    return f"of type {type(value).__name__}"


def is_async_result(value: Any) -> bool:
    """Return whether `value` is what map_async and apply_async return."""
    return hasattr(value, "get") and hasattr(value, "wait")


class _ShortRepr(Repr):
    def repr_int(self, number: int, level: int) -> str:
        return repr(number) if abs(number) < 10**20 else "a number of more than 20 digits"
