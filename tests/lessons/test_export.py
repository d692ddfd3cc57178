"""A lesson exported by `jupyter nbconvert` as a page is complete."""

import re
from functools import cache

import nbformat
import pytest
from bs4 import BeautifulSoup
from exports import LESSONS, export, page
from nbconvert.filters import strip_ansi

lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)

pytestmark = pytest.mark.walks


def read(path):
    return nbformat.read(path, as_version=4)


@cache  # the tests only read it
def exported(path):
    return BeautifulSoup(page(path, "html").read_text(encoding="utf-8"), "html.parser")


def words(text):
    """Return the words of the text, without colours and line breaks."""
    return strip_ansi(text).split()


@lesson
def test_each_cell_has_its_outputs(path):
    cells = exported(path).select(".jp-CodeCell")
    expected = [cell for cell in read(path).cells if cell.cell_type == "code"]
    for cell, exported_cell in zip(expected, cells, strict=True):
        outputs = exported_cell.select(".jp-OutputArea-output")
        for output, found in zip(cell.outputs, outputs, strict=True):
            data = output.get("data", {})
            if "image/png" in data:  # its text is checked below
                assert found.img["src"].replace("\n", "") in data["text/html"]
            elif "text/html" in data:
                wanted = BeautifulSoup(data["text/html"], "html.parser").get_text()
                assert words(found.get_text()) == words(wanted)
            else:
                text = data.get("text/plain") or output.get("text")
                text = text or "\n".join(output.traceback)
                assert words(found.get_text()) == words(text)


@lesson
def test_each_picture_is_embedded_and_has_its_alt_text(path):
    bundles = [o.data for cell in read(path).cells for o in cell.get("outputs", ()) if "data" in o]
    texts = [data["text/plain"] for data in bundles if "<img" in data.get("text/html", "")]
    pictures = exported(path).select(".jp-OutputArea-output img")
    assert len(pictures) == len(texts)
    for picture, text in zip(pictures, texts, strict=True):
        assert text.startswith(picture["alt"])  # after it, the text of a widget has its plain call
    for picture in exported(path).select("img"):
        assert picture["src"].startswith("data:image/"), "this picture is not embedded"
        assert len(picture["alt"]) > 15
        assert picture["alt"] != "No description has been provided for this image"


@lesson
def test_no_widget_replaces_content(path):
    text = page(path, "html").read_text(encoding="utf-8")
    assert "vnd.jupyter.widget" not in text
    assert "No description has been provided" not in text


@lesson
def test_the_headings_are_those_of_the_lesson(path):
    prose = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    prose = re.sub(r"^```.*?^```", "", prose, flags=re.MULTILINE | re.DOTALL)
    wanted = [len(marks) for marks in re.findall(r"^(#+) ", prose, re.MULTILINE)]
    headings = exported(path).find_all(re.compile("h[1-6]"))
    assert [int(heading.name[1]) for heading in headings] == wanted


@lesson
def test_links_between_lessons_lead_to_pages_and_nothing_else_is_loaded(path):
    for link in exported(path).select("a[href]"):
        name, _, anchor = link["href"].partition("#")
        assert not name.endswith(".ipynb")
        if name.endswith(".html") and "/" not in name:
            target = export("html") / name
            assert target.exists()
            assert not anchor or f'id="{anchor}"' in target.read_text(encoding="utf-8")
    assert not exported(path).select("script[src], link[href]")


@lesson
def test_a_program_in_a_cell_is_highlighted_as_python(path):
    for cell in exported(path).select(".jp-CodeCell .highlight"):
        if cell.get_text().strip().startswith("%%program"):
            assert cell.select("[class^=k]"), "no keyword is highlighted"
