"""The colour words of the prose agree with the colours of the pictures."""

import colorsys
import re
from pathlib import Path

import nbformat
import pytest
from matplotlib.colors import to_rgb

from watchedpool.plots import palette

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")), ROOT / "README.md"]
COLORS = (
    "black|blue|brown|cyan|gr[ae]y|green|magenta|navy|orange|pink|purple|red|turquoise|vermilion|"
    "violet|white|yellow"
)
THINGS = "area|bar|block|curve|dot|line|outline|shape|stripe"
IN_THE_PICTURES = {
    ("blue", "block"): palette.BLOCK,
    ("grey", "block"): palette.UNENDED,
    ("blue", "line"): palette.FINISHED,
    ("orange", "line"): palette.DELIVERED,
    ("blue", "curve"): palette.FINISHED,
    ("orange", "dot"): palette.DELIVERED,
    ("blue", "shape"): palette.FINISHED,
    ("orange", "shape"): palette.DELIVERED,
    ("orange", "area"): palette.LAG,
    ("grey", "area"): palette.BOUNDS,
    ("grey", "outline"): palette.TEXT,
}


def plain_name(color):
    """Return the word for a colour."""
    hue, _, saturation = colorsys.rgb_to_hls(*to_rgb(color[:7]))
    if saturation < 0.2:
        return "grey"
    return {0: "orange", 1: "orange", 6: "blue", 7: "blue"}.get(int(12 * hue), "another colour")


def prose(path):
    """Return the prose of a lesson or a page, without code."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = nbformat.reads(text, as_version=4).cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def colors_in(text):
    """Yield each colour word of a text, and the noun after it if that is part of a picture."""
    found = re.compile(rf"\b({COLORS})\b(?:(?:,? [\w-]+)? ({THINGS})s?\b)?", re.IGNORECASE)
    for color, thing in found.findall(text):
        yield color.lower(), thing.lower()


def test_the_palette_has_the_names_that_the_prose_uses():
    assert plain_name(palette.BLUE) == plain_name(palette.NEXT_BLOCK) == "blue"
    assert plain_name(palette.ORANGE) == "orange"
    assert {plain_name(each) for each in (palette.GREY, palette.STARTUP)} == {"grey"}
    assert all(color == plain_name(value) for (color, _), value in IN_THE_PICTURES.items())


def test_colour_words_are_found_with_what_they_describe():
    text = "Look for the grey, striped block. Orange lines wait; a green dot is wrong, red is not."
    assert list(colors_in(text)) == [
        ("grey", "block"),
        ("orange", "line"),
        ("green", "dot"),
        ("red", ""),
    ]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_colours_of_the_prose_are_those_of_the_pictures(path):
    for color, thing in colors_in(prose(path)):
        assert color in ("blue", "orange", "grey"), f"no picture has the colour {color}"
        assert not thing or (color, thing) in IN_THE_PICTURES, f"no {thing} is {color}"
