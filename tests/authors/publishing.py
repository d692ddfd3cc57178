"""Build the site from the stored notebooks, in _site/: python3 lab.py site [--slides]

It runs no cell. --slides adds slides of the cores, which need `npm ci --prefix tests`. Nothing is
written unless every page could be made.
"""

import hashlib
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
from reading import (
    NOTEBOOKS,
    TABLE,
    NotBuilt,
    core,
    list_questions,
    load_lessons,
    source,
    table,
)
from storing import METADATA
from traitlets.config import PyFileConfigLoader

from watchedpool.page.data import script, style

ROOT = Path(__file__).resolve().parents[2]
SOURCES, FOLDER = ROOT / "site", ROOT / "_site"
SETTINGS = PyFileConfigLoader("jupyter_nbconvert_config.py", str(ROOT / "binder/jupyter"))
REVEAL = ROOT / "tests/node_modules/reveal.js"
TEACHING = ROOT / "TEACHING.md"
DATA = re.compile(r"data:image/(png|svg\+xml);base64,([^\"]+)")
SHARED = re.compile(r"<(style|script)(?: type=.text/\w+.)?>(.*?)</\1>", re.DOTALL)
OWN = ["style.css", "site.js", "icon.svg"]


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
            target = target if target in ids else name
            if anchor := ids[target].get(title.get_text()):
                title.wrap(page.new_tag("a", href=f"{target}.html#{anchor}"))


def finish(page):
    """Add the list of sections, and let what is wide scroll in its place, by keyboard too."""
    sections = page.select_one("#sections ul")
    for title in page.select("main h2, main h3"):
        item, link = page.new_tag("li"), page.new_tag("a", href=f"#{title['id']}")
        item["class"] = title.name
        link.extend(BeautifulSoup(title.decode_contents(), "html.parser").contents)
        sections.append(item)
        item.append(link)
    if links := page.select_one(".elsewhere"):
        page.main.ul.insert_after(links.extract())  # the first cell may go on after it
    for wide in page.select("main table"):
        wide.wrap(page.new_tag("div", attrs={"class": "wide"}))


def index(pages, name):
    """Return [page, id, title, text] for each section of the page, for the search."""
    found = [[name, "", pages[name].h1.get_text(), ""]]
    for part in pages[name].main.find_all(recursive=False):
        if part.name in ("h2", "h3"):
            found.append([name, part["id"], part.get_text(), ""])
        elif part.name not in ("h1", "nav"):
            found[-1][-1] += " " + part.get_text()
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


def make_slides(lessons, files):
    """Add slides of each lesson's core to files. What they share is stored once."""
    exporter = SlidesExporter(config=SETTINGS.load_config())
    guide = TEACHING.read_text(encoding="utf-8") if TEACHING.exists() else ""
    notes = dict(re.findall(r"^### (\d\d)\b.*\n((?:(?!#).*\n?)*)", guide, re.MULTILINE))
    tags = {"style": '<link rel="stylesheet" href="{}">', "script": '<script src="{}"></script>'}
    for number, lesson in lessons.items():
        resources = {"metadata": {"path": str(NOTEBOOKS)}, "notes": notes.get(number, "")}
        html, _ = exporter.from_notebook_node(core(lesson), resources)
        html = extract(html, SHARED, files, "slides", lambda kind, name: tags[kind].format(name))
        files[f"slides/{lesson.metadata.name}.slides.html"] = html.encode()


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
    """Write the files to the folder, in place of what was there. Raises NotBuilt."""
    try:
        if folder.exists():
            shutil.rmtree(folder)
        for name, data in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    except OSError as error:
        raise NotBuilt(f"{folder} cannot be written ({error.strerror})") from error


def main(arguments):
    """Build the site; return the exit code."""
    if set(arguments) - {"--slides"}:
        print(f"{__doc__}\nThere is no other argument than --slides.", file=sys.stderr)
        return 2
    begin = time.perf_counter()
    try:
        files = build("--slides" in arguments)
        write(files, FOLDER)
    except NotBuilt as reason:
        print(f"site: not built: {reason}", file=sys.stderr)
        return 1
    size, seconds = sum(map(len, files.values())) / 1e6, time.perf_counter() - begin
    print(f"{FOLDER / 'index.html'}: {len(files)} files, {size:.1f} MB, in {seconds:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
