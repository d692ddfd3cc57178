"""The site that `lab.py site` builds is complete, and says in one line why it cannot be built."""

import json
import os
import re
from functools import cache

import nbformat
import publishing
import pytest
import reading
from bs4 import BeautifulSoup
from exports import LESSONS
from sites import site

NAMES = [path.stem for path in LESSONS]
lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


@cache  # the tests only read it
def page(name):
    return BeautifulSoup((site() / f"{name}.html").read_text(encoding="utf-8"), "html.parser")


def cells(path, words):
    """Return the cells of code that call one of `words`."""
    code = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    return [cell for cell in code if re.search(rf"\b({words})\(", cell.source)]


@pytest.fixture
def changed_lesson(tmp_path, monkeypatch):
    """Give a function that builds a site of one lesson, which a function has changed."""

    def build(change):
        notebook = nbformat.read(LESSONS[4], 4)
        change(notebook)
        nbformat.write(notebook, tmp_path / LESSONS[4].name)
        monkeypatch.setattr(reading, "NOTEBOOKS", tmp_path)
        return publishing.main([])

    return build


def test_every_link_leads_somewhere():
    files = {file.relative_to(site()).as_posix() for file in site().rglob("*") if file.is_file()}
    pages = [name.removesuffix(".html") for name in files if name.endswith(".html")]
    ids = {f"{name}.html#{part['id']}" for name in pages for part in page(name).select("[id]")}
    for name in pages:
        own = [part["id"] for part in page(name).select("[id]")]
        assert len(own) == len(set(own)), name
        for part in page(name).select("[href], [src]"):
            link = part.get("href") or part["src"]
            if link.startswith("#"):
                link = f"{name}.html{link}"
            assert link in files | ids or link.startswith("https://"), (name, link)


def test_nothing_is_loaded_from_the_network():
    for name in [*NAMES, "index", "playground", "handout"]:
        loaded = [part["src"] for part in page(name).select("[src]")]
        loaded += [part["href"] for part in page(name).select("link")]
        assert not [link for link in loaded if ":" in link]


def test_the_site_is_below_8_megabytes():
    assert sum(file.stat().st_size for file in site().rglob("*") if file.is_file()) < 8e6


@lesson
def test_every_guess_can_be_answered(path):
    guesses = page(path.stem).select("form.guess")
    assert len(guesses) == len(cells(path, "guess"))
    for guess in guesses:
        options = {option["value"]: option["data-idea"] for option in guess("input")}
        assert guess["data-measured"] in options
        assert any(options.values()), "no wrong option has an idea"
        assert page(path.stem).select(f"[data-answers={guess['id']}]")


@lesson
def test_every_panel_is_a_player_with_its_settings(path):
    panels = page(path.stem).select(".panel")
    assert len(panels) == len(cells(path, "explore_schedule|explore_chunks|race_bars"))
    for panel in panels:
        if "data-watchedpool" in panel.attrs:
            settings = json.loads(panel.script.string)
            assert settings["whatif"]["gap"] == 0.002
            assert len(settings["timeline"]["worker"]) == 100
        else:
            settings = json.loads(panel["data-watchedpool-playground"])
            assert settings["recipe"] == "imap"
            assert f"{settings['tasks']} tasks on {settings['workers']}" in panel.img["alt"]


@lesson
def test_each_page_has_its_outputs_and_its_place_in_the_course(path):
    outputs = sum(len(cell.get("outputs", ())) for cell in nbformat.read(path, 4).cells)
    shown = page(path.stem).select(".outputs > *, .panel > .html, .guess")
    assert len(shown) == outputs
    place = NAMES.index(path.stem)
    turns = [link["href"] for link in page(path.stem).select(".turn a")]
    assert turns == [
        f"{name}.html" for name in NAMES[max(0, place - 1) : place + 2] if name != path.stem
    ]
    links = " ".join(link["href"] for link in page(path.stem).select(".elsewhere a"))
    assert re.findall(r"mybinder|colab|/blob/main/notebooks", links)
    sections = [title.get_text() for title in page(path.stem).select("main h2, main h3")]
    assert [link.get_text() for link in page(path.stem).select("#sections a")] == sections


def test_the_start_page_has_every_question_and_message_of_lesson_12():
    links = {link["href"] for link in page("index")("a")}
    lesson_12 = page(NAMES[12])
    questions = [title for title in lesson_12("h3") if not title.get_text().startswith("Exercise")]
    assert {f"{NAMES[12]}.html#{title['id']}" for title in questions} <= links
    known = page("index").get_text()
    for row in lesson_12.select("table:has(th:-soup-contains('message')) tr")[1:]:
        assert all(code.get_text() in known for code in row("code"))
    for row in page("index").select("table:has(th:-soup-contains('message')) tbody tr"):
        assert "#" in row("a")[-1]["href"], f"no section: {row.get_text()}"


def test_the_search_knows_every_section():
    text = (site() / "search.js").read_text(encoding="utf-8")
    found = json.loads(text.removeprefix("window.SECTIONS = ").removesuffix(";"))
    for name in NAMES:
        sections = [part["id"] for part in page(name).select("main h2, main h3")]
        assert [anchor for page_name, anchor, *_ in found if page_name == name] == ["", *sections]


def test_a_notebook_without_outputs_is_named(changed_lesson, capsys):
    def clear(notebook):
        notebook.cells[2].execution_count = None

    assert changed_lesson(clear) == 1
    error = capsys.readouterr().err
    assert "04-why-ordered-bars-lag.ipynb" in error
    assert "python3 lab.py run notebooks/04-why-ordered-bars-lag.ipynb" in error
    assert error.count("\n") == 1


def test_a_guess_without_an_answer_is_named(changed_lesson, capsys):
    def forget(notebook):
        (compare,) = (cell for cell in notebook.cells if "bar_at_1_9.compare" in cell.source)
        compare.outputs = []

    assert changed_lesson(forget) == 1
    assert "cell cell-09: no cell with bar_at_1_9.compare" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setattr(publishing, "FOLDER", tmp_path / "file" / "_site")
    monkeypatch.setattr(publishing, "build", lambda slides: {"index.html": b""})
    assert publishing.main([]) == 1
    error = capsys.readouterr().err
    assert f"file{os.sep}_site" in error
    assert error.count("\n") == 1


def test_slides_say_which_package_is_missing(monkeypatch, capsys):
    monkeypatch.setattr(publishing, "REVEAL", publishing.ROOT / "missing")
    assert publishing.main(["--slides"]) == 1
    assert "npm ci --prefix tests" in capsys.readouterr().err


def test_another_argument_is_refused(capsys):
    assert publishing.main(["--slide"]) == 2
    assert "--slides" in capsys.readouterr().err
