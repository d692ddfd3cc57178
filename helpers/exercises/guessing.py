"""guess(): a question to answer before the run, and its answer next to what was measured."""

from collections.abc import Mapping
from typing import ClassVar

import ipywidgets as widgets
from IPython.display import display

from helpers.keyboard import html, keep_keys


class Guess:
    """A question to answer before the run. With widgets: click. Without: `choose("…")`.

    ideas: for each wrong option, a sentence on the idea behind it, printed after the measurement.

    If its cell runs again, as after Shift+Enter on the options, the guess stays chosen.
    """

    _chosen: ClassVar[dict[tuple, str]] = {}  # by question and options

    def __init__(
        self, question: str, *options: str, ideas: Mapping[str, str] | None = None
    ) -> None:
        """Display the question and its options. Raises ValueError for fewer than two."""
        if len(options) < 2:
            raise ValueError(f"options is {options}; a guess needs two or more")
        self.question = question
        self.options = options
        self.ideas = ideas or {}
        self.answer = self._chosen.get((question, options))
        look = {"description": "I guess:", "tooltip": question, "layout": {"width": "100%"}}
        buttons = widgets.RadioButtons(options=options, value=self.answer, **look)
        buttons.observe(lambda change: self.choose(change["new"]), names="value")
        box = widgets.VBox([html(f"<b>{question}</b>"), buttons])
        keep_keys(box)
        lines = [question, *(f"  - {option}" for option in options)]
        # ipywidgets 7, which Colab has, would display the box itself without the lines as its text.
        view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
        bundle = {"application/vnd.jupyter.widget-view+json": view, "text/plain": "\n".join(lines)}
        display(bundle, raw=True)

    def choose(self, option: str) -> None:
        """Set the guess, as a click on the option does. Raises ValueError for another option."""
        if option not in self.options:
            raise ValueError(f"option is {option!r}; allowed are {', '.join(self.options)}")
        self.answer = self._chosen[self.question, self.options] = option

    def compare(self, measured: str) -> None:
        """Print what was measured, the guess, and the idea behind a wrong guess."""
        if self.answer is None:
            print(f"Measured: {measured}. (You made no guess.)")
        elif self.answer == measured:
            print(f"Measured: {measured}. Your guess was right.")
        else:
            print(f"Measured: {measured}. Your guess was: {self.answer}.")
            if self.answer in self.ideas:
                print(self.ideas[self.answer])


guess = Guess
