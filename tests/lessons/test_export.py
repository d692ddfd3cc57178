"""A lesson exported by `jupyter nbconvert`, as a page or as slides, is complete."""

import re
from functools import cache

import nbformat
import pytest
import storing
from bs4 import BeautifulSoup
from exports import LESSONS, page
from nbconvert.filters import strip_ansi

lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
kind = pytest.mark.parametrize("kind", ["html", "slides"])


def read(path):
    return nbformat.read(path, as_version=4)


@cache  # the tests only read it
def exported(path, kind):
    return BeautifulSoup(page(path, kind).read_text(encoding="utf-8"), "html.parser")


def words(text):
    """Return the words of the text, without colours and line breaks."""
    return strip_ansi(text).split()


@lesson
@kind
def test_each_cell_has_its_outputs(path, kind):
    cells = exported(path, kind).select(".jp-CodeCell")
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
@kind
def test_each_picture_is_embedded_and_has_its_alt_text(path, kind):
    bundles = [o.data for cell in read(path).cells for o in cell.get("outputs", ()) if "data" in o]
    texts = [data["text/plain"] for data in bundles if "<img" in data.get("text/html", "")]
    pictures = exported(path, kind).select(".jp-OutputArea-output img")
    assert len(pictures) == len(texts)
    for picture, text in zip(pictures, texts, strict=True):
        assert text.startswith(picture["alt"])  # after it, the text of a widget has its plain call
    for picture in exported(path, kind).select("img"):
        assert picture["src"].startswith("data:image/"), "this picture is not embedded"
        assert len(picture["alt"]) > 15
        assert picture["alt"] != "No description has been provided for this image"


@lesson
@kind
def test_no_widget_replaces_content(path, kind):
    text = page(path, kind).read_text(encoding="utf-8")
    assert "vnd.jupyter.widget" not in text
    assert "No description has been provided" not in text


@lesson
@kind
def test_the_headings_are_those_of_the_lesson(path, kind):
    prose = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    prose = re.sub(r"^```.*?^```", "", prose, flags=re.MULTILINE | re.DOTALL)
    wanted = [len(marks) for marks in re.findall(r"^(#+) ", prose, re.MULTILINE)]
    headings = exported(path, kind).find_all(re.compile("h[1-6]"))
    assert [int(heading.name[1]) for heading in headings] == wanted


@lesson
def test_each_section_is_a_slide_with_subslides(path):
    slides = exported(path, "slides").select(".slides > section")
    cells = [cell for cell in read(path).cells if cell.cell_type == "markdown"]
    sections = sum(bool(re.match("##? ", cell.source)) for cell in cells)
    assert len(slides) == sections, "`lab.py run` stores where slides begin"
    assert all(slide.find(["h1", "h2"]) for slide in slides)
    for below in exported(path, "slides").select(".slides > section > section"):
        assert len(below.select(".jp-MarkdownCell")) <= 1
        assert len(below.select(".jp-CodeCell")) <= 1


PICTURE = nbformat.v4.new_output("display_data", {"image/png": "iVBOR"})


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        (nbformat.v4.new_markdown_cell("# A lesson\nand what it is about"), "slide"),
        (nbformat.v4.new_markdown_cell("## A section"), "slide"),
        (nbformat.v4.new_markdown_cell("### An exercise"), "subslide"),
        (nbformat.v4.new_markdown_cell("Prose, then\n## a title"), "subslide"),
        (nbformat.v4.new_markdown_cell("#hash"), "subslide"),
        (nbformat.v4.new_code_cell("# a comment"), None),
        (nbformat.v4.new_code_cell("show(axes)", outputs=[PICTURE]), "subslide"),
    ],
)
def test_storing_sets_the_slide_type_of_each_cell(cell, kind):
    cell.metadata.slideshow = {"slide_type": "skip"}  # left by an editor
    notebook = nbformat.v4.new_notebook(cells=[cell])
    storing.tidy(notebook)
    assert cell.metadata == ({"slideshow": {"slide_type": kind}} if kind else {})
