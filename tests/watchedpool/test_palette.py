"""The colours are readable on light and dark grounds, and distinct for colour-blind readers."""

import re
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb, to_rgba

from watchedpool.plots import palette
from watchedpool.plots.replays import replay
from watchedpool.schedule import predict

ROOT = Path(__file__).resolve().parents[2]
LIGHT, GITHUB_DARK, LAB_DARK = "#ffffff", "#0d1117", "#111111"
# How each kind of colour blindness changes linear RGB, at full severity: Machado, Oliveira and
# Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency" (2009).
VISION = {
    "usual": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(color):
    """Return the linear RGB of a colour, from 0 to 1."""
    rgb = np.array(to_rgb(color))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """Return the contrast ratio of WCAG 2.1, from 1 to 21."""
    dark, light = sorted(float(XYZ[1] @ linear(color)) for color in (one, other))
    return (light + 0.05) / (dark + 0.05)


def lab(color, vision):
    """Return a colour as CIE L*a*b*, as seen with this kind of vision."""
    xyz = XYZ @ np.clip(np.array(vision) @ linear(color), 0, 1) / [0.9505, 1.0, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def on_ground(color, ground):
    """Return how a colour that the ground shows through looks on that ground."""
    *rgb, alpha = to_rgba(color)
    return tuple(alpha * np.array(rgb) + (1 - alpha) * np.array(to_rgb(ground)))


@pytest.mark.parametrize("color", [palette.TEXT, palette.FINISHED, palette.DELIVERED])
def test_text_is_readable_on_light_and_dark_grounds(color):
    assert contrast(color, LIGHT) >= 4.5
    assert contrast(color, GITHUB_DARK) >= 4
    assert contrast(color, LAB_DARK) >= 4


@pytest.mark.parametrize(
    ("text", "ground"),
    [
        (palette.ON_BLOCK, palette.BLOCK),
        (palette.ON_BLOCK, palette.NEXT_BLOCK),
        (palette.ON_BLOCK, palette.UNENDED),
        (palette.ON_STARTUP, palette.STARTUP),
        (palette.ON_DELIVERED, palette.DELIVERED),
    ],
)
def test_text_on_a_shape_has_the_contrast_that_wcag_aa_requires(text, ground):
    assert contrast(text, ground) >= 4.5


SHAPES = [palette.BLOCK, palette.NEXT_BLOCK, palette.UNENDED, palette.STARTUP, palette.DELIVERED]


@pytest.mark.parametrize(("color", "ground"), [*product(SHAPES, [LIGHT, GITHUB_DARK, LAB_DARK])])
def test_shapes_have_the_contrast_that_wcag_requires(color, ground):
    assert contrast(color, ground) >= 3


@pytest.mark.parametrize("ground", [LIGHT, GITHUB_DARK])
def test_the_areas_that_the_ground_shows_through_are_visible(ground):
    for color in (palette.LAG, palette.BOUNDS):
        seen, behind = (lab(each, np.eye(3)) for each in (on_ground(color, ground), ground))
        assert np.linalg.norm(seen - behind) >= 12, color


@pytest.mark.parametrize("vision", VISION.values(), ids=VISION)
def test_colour_blind_readers_tell_the_colours_apart(vision):
    for one, other in combinations([palette.BLUE, palette.ORANGE, palette.GREY], 2):
        assert np.linalg.norm(lab(one, vision) - lab(other, vision)) >= 25, (one, other)


def test_without_colours_a_block_differs_from_start_up_and_from_a_line_by_its_lightness():
    """Stripes distinguish a task without an end: see test_plots.py."""
    assert contrast(palette.BLOCK, palette.STARTUP) >= 1.4
    assert contrast(palette.NEXT_BLOCK, palette.BLOCK) >= 1.3


DRAWINGS = {
    path.name: path.read_text(encoding="utf-8")
    for path in (ROOT / "notebooks" / "pictures").glob("*.svg")
} | {"a new replay": replay(predict([2.0, 1.0, 1.0], 2))}


@pytest.mark.parametrize("drawing", DRAWINGS.values(), ids=DRAWINGS)
def test_drawings_have_the_colours_of_the_palette_on_any_ground(drawing):
    known = {value for value in vars(palette).values() if str(value).startswith("#")}
    assert set(re.findall(r"(?<!&)#[0-9a-f]{3,8}\b", drawing)) <= known
    assert "prefers-color-scheme" not in drawing
