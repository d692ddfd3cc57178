"""report(): one self-contained HTML file that plays what the pools of a program did."""

import json
import platform
import sys
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from html import escape
from importlib.resources import files
from os import PathLike
from pathlib import Path
from string import Template
from typing import NamedTuple

import watchedpool
from watchedpool.cores import usable_cores
from watchedpool.diagnosis import findings
from watchedpool.page.data import player_options, script, style
from watchedpool.page.still import still
from watchedpool.timeline import Timeline, without_nan


class Section(NamedTuple):
    """One pool in a report: the line that made it, sentences about it, and its run."""

    where: str
    sentences: Sequence[str]
    timeline: Timeline


def report(
    timelines: Timeline | Sequence[Timeline] | Mapping[str, Timeline], path: str | PathLike
) -> None:
    """Write one HTML file that plays these runs, says what is wrong with them, and asks what if.

    The file needs no network. It names this program, its arguments, Python, the machine and the
    date.

    timelines: a run, several, or several with their names.

    Raises TypeError for anything other than Timelines, and OSError if the file cannot be written.
    """
    if isinstance(timelines, Timeline):
        timelines = [timelines]
    if not isinstance(timelines, Mapping):
        timelines = {f"Run {number}": run for number, run in enumerate(timelines, 1)}
    for run in timelines.values():
        if not isinstance(run, Timeline):
            raise TypeError(f"timelines has a {type(run).__name__}; allowed are Timelines")
    sections = [
        Section(str(name), [run.describe().splitlines()[0], *map(str, findings(run))], run)
        for name, run in timelines.items()
    ]
    write_report(sections, path)


def write_report(sections: Sequence[Section], path: str | PathLike) -> None:
    """Write the file of `report`, with what is to be said of each pool."""
    Path(path).write_text(report_html(sections), encoding="utf-8", errors="backslashreplace")


def report_html(sections: Sequence[Section]) -> str:
    """Return the page as text."""
    look = style() + (files("watchedpool.page") / "report.css").read_text(encoding="utf-8")
    code = script()
    title, arguments = _program()
    page = Template((files("watchedpool.page") / "report.html").read_text(encoding="utf-8"))
    pools = [_pool(number, section) for number, section in enumerate(sections, 1)]
    return page.substitute(
        title=_text(title),
        policy=f"script-src '{_hash(code)}'; style-src '{_hash(look)}'",
        style=look,
        script=code,
        facts="".join(
            f"<div><dt>{name}</dt><dd>{_text(value)}</dd></div>"
            for name, value in _facts(sections, arguments)
        ),
        contents=_contents(sections) if len(sections) > 1 else "",
        pools="\n".join(pools),
        version=watchedpool.__version__,
    )


def _program() -> tuple[str, str]:
    """Return the name of the program that runs, without its folder, and its arguments."""
    if "IPython" in sys.modules and sys.modules["IPython"].get_ipython():
        return "Notebook", ""
    program, *arguments = map(str, sys.argv or [""])
    path = Path(program)
    name = path.parent.name if path.name == "__main__.py" else path.name
    return {"": "Python", "-c": "python -c"}.get(program, name), " ".join(arguments)


def as_script_data(value: object) -> str:
    """Return JSON that cannot end the script element that it is in, and has ASCII only."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _facts(sections: Sequence[Section], arguments: str) -> list[tuple[str, str]]:
    """Return what ran, where and when; nothing of the environment."""
    facts = [("Arguments", arguments)] if arguments else []
    pools = [each.timeline.details.pool for each in sections if each.timeline.details]
    methods = sorted({pool.start_method or "threads" for pool in pools if pool})
    if methods:
        facts.append(("Start method", ", ".join(methods)))
    cores = usable_cores()
    machine = f"{platform.system()} {platform.machine()}, {cores} core{'s' * (cores != 1)}"
    return [
        *facts,
        ("Python", platform.python_version()),
        ("Machine", machine),
        ("Date", datetime.now().strftime("%Y-%m-%d %H:%M")),
    ]


def _contents(sections: Sequence[Section]) -> str:
    """Return a list of the pools, each with a link to its part of the page."""
    items = ""
    for number, (where, _, timeline) in enumerate(sections, 1):
        summary = timeline.describe().splitlines()[0]
        items += f'<li><a href="#pool-{number}">{_text(where)}</a> {_text(summary)}</li>'
    return f'<nav aria-label="Pools"><ol>{items}</ol></nav>'


def _pool(number: int, section: Section) -> str:
    """Return the part of the page for one pool."""
    where, sentences, timeline = section
    budget = timeline.budget().as_json()
    options = without_nan(player_options(timeline, title=None, budget=budget))
    first, *found = [*sentences, ""]
    words = timeline.describe()
    items = "".join(f"<li>{_text(each)}</li>" for each in found if each)
    data = f'<script type="application/json">{as_script_data(options)}</script>'
    picture = still(timeline) if len(timeline) else ""
    return (
        f'<section class="pool" id="pool-{number}"><h2>{_text(timeline.headline)}</h2>'
        f'<p class="where">{_text(where)}</p>'
        + (f"<p>{_text(first)}</p>" if first not in words else "")
        + (f'<ul class="findings">{items}</ul>' if items else "")
        + f"<div data-watchedpool>{data}{picture}"
        f'<p class="words">{_text(words)}</p></div></section>'
    )


def _text(text: str) -> str:
    """Return text as HTML, with an escape in place of what is no character or moves others."""
    shown = "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)
    return escape(shown)


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
