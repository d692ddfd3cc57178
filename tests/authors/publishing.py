"""Build the site from the stored notebooks, in _site/: python3 lab.py site [--slides]

It runs no cell. --slides adds slides of the cores, which need `npm ci --prefix tests`. Nothing is
written unless every page could be made.
"""

import ast
import hashlib
import importlib
import json
import re
import shutil
import sys
import time
from base64 import b64decode
from pathlib import Path

from bs4 import BeautifulSoup
from nbconvert import HTMLExporter, SlidesExporter
from nbformat.v4 import new_markdown_cell, new_notebook
from storing import METADATA, NotStored, read
from traitlets.config import PyFileConfigLoader

from helpers.nap_patterns import naps
from watchedpool import predict
from watchedpool.page.data import player_options, script, style, what_if

ROOT = Path(__file__).resolve().parents[2]
SOURCES, NOTEBOOKS, FOLDER = ROOT / "site", ROOT / "notebooks", ROOT / "_site"
SETTINGS = PyFileConfigLoader("jupyter_nbconvert_config.py", str(ROOT / "binder/jupyter"))
REVEAL = ROOT / "tests/node_modules/reveal.js"
TEACHING = ROOT / "TEACHING.md"
DATA = re.compile(r"data:image/(png|svg\+xml);base64,([^\"]+)")
BEYOND = re.compile(r"^## (?:Going further|Fine print)$", re.MULTILINE)  # what is not the core
SHARED = re.compile(r"<(style|script)(?: type=.text/\w+.)?>(.*?)</\1>", re.DOTALL)
GUESS = re.compile(r"^(\w+) = guess\(.*ideas=(lesson_\d\d)\.(\w+)\)", re.MULTILINE | re.DOTALL)
MEASURED = re.compile(r"Measured: (.+)\. \(You made no guess\.\)")
PANEL = re.compile(r"^(?:explore_schedule|explore_chunks|race_bars)\(", re.MULTILINE)
TABLE = re.compile(r"(?:^\|.*\n?)+", re.MULTILINE)
OWN = ["style.css", "site.js", "icon.svg"]


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
    return {
        "player": player_options(
            run, title=None, name="Predicted", whatif=what_if(run) | {"cores": None}
        )
    }


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


def list_lessons(readme):
    """Return the README's table of the lessons, with links between pages of the site."""
    rows = TABLE.search(readme.partition("\n## The lessons\n")[2])[0]
    return rows.replace("(notebooks/", "(")


def other_pages(lessons, readme, repository):
    """Yield the start page, the playground and the handout, as notebooks without code."""
    errors = [table(lessons["12"], f"{which} error messages") for which in ("An index of", "More")]
    parts = {
        "repository": repository,
        "lessons": list_lessons(readme),
        "questions": list_questions(lessons["12"]),
        "errors": errors[0] + "\n" + "\n".join(errors[1].splitlines()[2:]),
        "recipes": source(lessons["04"], "fix") + "\n\n" + source(lessons["05"], "recipe"),
        "calls": table(lessons["05"], "Which call, which bar"),
        "problems": table(lessons["09"], "Find your problem"),
    }
    for name in ("index", "playground", "handout"):
        text = (SOURCES / f"{name}.md").read_text(encoding="utf-8")
        text = re.sub(r"\{(\w+)\}", lambda found: parts[found[1]], text)
        yield new_notebook(cells=[new_markdown_cell(text)], metadata=METADATA | {"name": name})


def link_sections(pages):
    """Let a section's title in italics, after a link to its page or without one, lead to it."""
    ids = {
        name: {t.get_text(): t["id"] for t in page(["h2", "h3"])} for name, page in pages.items()
    }
    for name, page in pages.items():
        for link in page.select('a[href$="#"]'):
            link["href"] += ids[link["href"].removesuffix(".html#")][link.get_text()]
        for title in page("em"):
            before = title.find_previous_sibling("a")
            target = before["href"].removesuffix(".html") if before else name
            if anchor := ids.get(target, ids[name]).get(title.get_text()):
                title.wrap(
                    page.new_tag("a", href=f"{target if target in ids else name}.html#{anchor}")
                )


def finish(page):
    """Add the list of sections, and let what is wide scroll in its place, by keyboard too."""
    sections = page.select_one("#sections ul")
    for title in page.select("main h2, main h3"):
        item, link = page.new_tag("li"), page.new_tag("a", href=f"#{title['id']}")
        item["class"] = title.name
        link.extend(BeautifulSoup(title.decode_contents(), "html.parser").contents)
        sections.append(item)
        item.append(link)
    for wide in page.select("main table"):
        wide.wrap(page.new_tag("div", attrs={"class": "wide"}))


def index(pages, name):
    """Return [page, id, title, text] for each section of the page, for the search."""
    found = [[name, "", pages[name].h1.get_text(), ""]]
    for part in pages[name].main.find_all(recursive=False):
        if part.name in ("h2", "h3"):
            found.append([name, part["id"], part.get_text(), ""])
        elif part.name not in ("h1", "nav"):
            found[-1][-1] += " " + part.get_text(" ")
    return [[*place, " ".join(text.split())] for *place, text in found]


def extract(html, pattern, files, folder, link):
    """Move what `pattern` finds to files, each only once; return `html` with links to them."""

    def move(found):
        kind, data = found.groups()
        data = b64decode(data) if kind not in ("style", "script") else data.encode()
        ending = {"svg+xml": "svg", "style": "css", "script": "js"}.get(kind, kind)
        name = f"{hashlib.sha256(data).hexdigest()[:12]}.{ending}"
        files[f"{folder}/{name}"] = data
        return link(kind, name)

    return pattern.sub(move, html)


def render(notebooks, repository, files):
    """Return {name: page}: each notebook as a parsed page of the site. Its pictures go to files."""
    config = SETTINGS.load_config()
    config.HTMLExporter.update(embed_images=False, template_name="template")
    config.TemplateExporter.extra_template_basedirs = [str(SOURCES)]
    exporter, pages = HTMLExporter(config=config), {}
    described = [describe(notebook) for notebook in notebooks]
    lessons = [page for page in described if page["number"]]
    for page, notebook in zip(described, notebooks, strict=True):
        around = {"pages": described, "repository": repository}
        if page in lessons:
            place = lessons.index(page)
            around |= {"previous": [None, *lessons][place], "next": [*lessons, None][place + 1]}
        html, _ = exporter.from_notebook_node(notebook, {"page": page | around})
        html = extract(html, DATA, files, "pictures", lambda _, name: f"pictures/{name}")
        pages[page["name"]] = soup = BeautifulSoup(html, "html.parser")
        for mark in soup(class_="anchor-link"):
            mark.decompose()
        for title in soup(["h1", "h2", "h3", "h4"]):  # nbconvert's ids contain % and quotes
            title["id"] = re.sub(r"\W+", "-", title.get_text()).strip("-").lower()
        for link in soup.select('a[href^="../"]'):
            path = link["href"].removeprefix("../")
            link["href"] = f"https://github.com/{repository}/blob/main/{path}"
    return pages


def describe(notebook):
    """Return what the template needs to know about a page."""
    name, text = notebook.metadata.name, notebook.cells[0].source
    title = re.match(r"# (.+)", text)[1].replace("`", "")
    number, _, label = title.rpartition(". ")
    label = label[0].upper() + label[1:]
    return {
        "name": name,
        "number": number,
        "title": f"{number}. {label}" if number else title,
        "label": label if number else name.replace("index", "start").capitalize(),
        "question": re.split(r"\n\n+", text)[1],
        "has_player": any(
            "panel" in cell.metadata or "data-watchedpool" in cell.source for cell in notebook.cells
        ),
    }


def core(lesson):
    """Return the lesson up to *Going further*."""
    beyond = next(i for i, cell in enumerate(lesson.cells) if BEYOND.search(cell.source))
    last = lesson.cells[beyond].copy()
    last.source = BEYOND.split(last.source)[0]
    return new_notebook(cells=[*lesson.cells[:beyond], last], metadata=lesson.metadata)


def make_slides(lessons, files):
    """Add slides of each lesson's core to files. What they share is stored once."""
    exporter = SlidesExporter(config=SETTINGS.load_config())
    guide = TEACHING.read_text(encoding="utf-8") if TEACHING.exists() else ""
    notes = dict(re.findall(r"^### (\d\d)\b.*\n((?:(?!#).*\n?)*)", guide, re.MULTILINE))
    tags = {"style": '<link rel="stylesheet" href="{}">', "script": '<script src="{}"></script>'}
    for number, lesson in lessons.items():
        resources = {"metadata": {"path": str(NOTEBOOKS)}, "notes": notes.get(number, "")}
        html, _ = exporter.from_notebook_node(core(lesson), resources)
        link = lambda kind, name: tags[kind].format(name)  # noqa: E731
        name = f"slides/{lesson.metadata.name}.slides.html"
        files[name] = extract(html, SHARED, files, "slides", link).encode()


def build(slides=False):
    """Return the files of the site, {name: bytes}. Raises NotBuilt."""
    if slides and not REVEAL.exists():
        raise NotBuilt(f"slides need {REVEAL}: run `npm ci --prefix tests`")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    repository = re.search(r"mybinder\.org/v2/gh/([\w.-]+/[\w.-]+)/", readme)[1]
    lessons = load_lessons()
    start, playground, handout = other_pages(lessons, readme, repository)
    files = {f"pictures/{path.name}": path.read_bytes() for path in NOTEBOOKS.glob("pictures/*")}
    files |= {name: (SOURCES / name).read_bytes() for name in OWN}
    files |= {"player.js": script("playground.js").encode(), "player.css": style().encode()}
    pages = render([start, playground, *lessons.values(), handout], repository, files)
    link_sections(pages)
    for page in pages.values():
        finish(page)
    found = [part for lesson in lessons.values() for part in index(pages, lesson.metadata.name)]
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    files["search.js"] = f"window.SECTIONS = {text};".encode()
    files |= {f"{name}.html": str(page).encode() for name, page in pages.items()}
    if slides:
        make_slides(lessons, files)
    return files


def write(files, folder):
    """Write the files to the folder, in place of what was there."""
    if folder.exists():
        shutil.rmtree(folder)
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def main(arguments):
    """Build the site; return the exit code."""
    if set(arguments) - {"--slides"}:
        print(f"{__doc__}\nThere is no other argument than --slides.", file=sys.stderr)
        return 2
    begin = time.perf_counter()
    try:
        files = build("--slides" in arguments)
        write(files, FOLDER)
    except (NotBuilt, OSError) as reason:
        print(f"site: not built: {reason}", file=sys.stderr)
        return 1
    size, seconds = sum(map(len, files.values())) / 1e6, time.perf_counter() - begin
    print(f"{FOLDER / 'index.html'}: {len(files)} files, {size:.1f} MB, in {seconds:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
