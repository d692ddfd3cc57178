"""Read the stored lessons for the site (publishing.py): guesses, panels, tables, cores."""

import ast
import importlib
import re
from pathlib import Path

from bs4 import BeautifulSoup
from nbformat.v4 import new_notebook
from storing import NotStored, read

from helpers.nap_patterns import naps
from watchedpool import predict
from watchedpool.page.data import player_options, what_if

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
BEYOND = re.compile(r"^## (?:Going further|Fine print)$", re.MULTILINE)  # what is not the core
GUESS = re.compile(r"^(\w+) = guess\(.*ideas=(lesson_\d\d)\.(\w+)\)", re.MULTILINE | re.DOTALL)
MEASURED = re.compile(r"Measured: (.+)\. \(You made no guess\.\)")
PANEL = re.compile(r"^(?:explore_schedule|explore_chunks|race_bars)\(", re.MULTILINE)
TABLE = re.compile(r"(?:^\|.*\n?)+", re.MULTILINE)


class NotBuilt(Exception):
    """Raised with the reason, in one line, why there is no site."""


def load_lessons():
    """Return {number: notebook}. Raises NotBuilt if a notebook has no stored outputs."""
    lessons = {}
    for path in sorted(NOTEBOOKS.glob("[0-9][0-9]-*.ipynb")):
        try:
            notebook = read(path)
        except NotStored as reason:
            raise NotBuilt(f"{path.name} {reason}") from reason
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        if not all(cell.execution_count for cell in code if cell.source.strip()):
            store = f"python3 lab.py run notebooks/{path.name}"
            raise NotBuilt(f"{path.name} has cells without outputs: `{store}` stores them")
        notebook.metadata.name = path.stem
        add_guesses(notebook)
        for cell in code:
            if PANEL.search(cell.source):
                cell.metadata.panel = panel(cell)
        lessons[path.name[:2]] = notebook
    return lessons


def printed(cell):
    """Return what the cell has printed or displayed as text."""
    outputs = cell.get("outputs", ())
    return "".join(
        each.get("text") or each.get("data", {}).get("text/plain", "") for each in outputs
    )


def add_guesses(notebook):
    """Add to each cell that makes a guess what the template needs to ask and answer it."""
    for cell in notebook.cells:
        if not (made := GUESS.search(cell.source)) or cell.cell_type != "code":
            continue
        name, module, ideas = made.groups()
        question, *options = printed(cell).split("\n  - ")
        compare = re.compile(rf"\b{name}\.compare\(")
        measured = None
        for other in notebook.cells:
            if compare.search(other.source) and (found := MEASURED.search(printed(other))):
                measured, other.metadata.answers = found[1], name
        if measured not in options:
            place = f"{notebook.metadata.name}, cell {cell.id}"
            raise NotBuilt(f"{place}: no cell with {name}.compare has stored one of {options}")
        ideas = getattr(importlib.import_module(f"helpers.exercises.{module}"), ideas)
        options = [(option, ideas.get(option, "")) for option in options]
        cell.metadata.guess = {"name": name, "question": question, "measured": measured}
        cell.metadata.guess["options"] = options


def panel(cell):
    """Return the settings of a panel's player, from the plain code that its cell has stored."""
    (html,) = (output.data["text/html"] for output in cell.outputs)
    settings = {}
    for call in ast.walk(ast.parse(BeautifulSoup(html, "html.parser").pre.get_text())):
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") in ("naps", "predict"):
            if call.func.attr == "naps":
                settings |= zip(("pattern", "tasks"), map(ast.literal_eval, call.args), strict=True)
            words = {word.arg: word.value for word in call.keywords}
            settings |= {k: v.value for k, v in words.items() if isinstance(v, ast.Constant)}
    settings["recipe"] = settings.pop("method", "imap")
    if "race_bars" in cell.source:
        settings["compare"] = "imap_unordered"
    if "gap" not in settings:
        return {"playground": settings}
    durations = naps(settings["pattern"], settings["tasks"], longest=settings["longest"])
    run = predict(durations, settings["workers"], gap=settings["gap"])
    whatif = what_if(run) | {"cores": None}  # a reader's machine is another one
    return {"player": player_options(run, title=None, name="Predicted", whatif=whatif)}


def section(notebook, title):
    """Return the Markdown of the section with this title."""
    prose = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    _, _, below = prose.partition(f"\n## {title}\n")
    return below.partition("\n## ")[0]


def table(notebook, title):
    """Return the first table of this section, in which sections of this lesson become links."""
    name = notebook.metadata.name
    rows = TABLE.search(section(notebook, title))[0].strip()
    return re.sub(r"(?<=\| )\*", f"[{name[:2]}]({name}.ipynb), *", rows)


def source(notebook, cell_id):
    """Return the source of a cell, as a block of code."""
    return next(f"```python\n{c.source}\n```" for c in notebook.cells if c.id == cell_id)


def list_questions(notebook):
    """Return the questions that are headings of lesson 12, each as a link, by section."""
    lines, name = [], notebook.metadata.name
    for row in table(notebook, "Find your question").splitlines()[2:]:
        title = row.split("*")[1]
        questions = re.findall(r"^### (.+)", section(notebook, title), re.MULTILINE)
        links = [f"- [{question}]({name}.ipynb#)" for question in questions]
        lines += ["<div>", "", f"### {title}", "", *links, "", "</div>"]
    return "\n".join(['<div class="questions">', *lines, "</div>"])


def core(lesson):
    """Return the lesson up to *Going further*."""
    beyond = next(i for i, cell in enumerate(lesson.cells) if BEYOND.search(cell.source))
    last = lesson.cells[beyond].copy()
    last.source = BEYOND.split(last.source)[0]
    return new_notebook(cells=[*lesson.cells[:beyond], last], metadata=lesson.metadata)
