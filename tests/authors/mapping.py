"""Draw the map of the lessons: .venv/bin/python tests/authors/mapping.py

The map has no background, and colours that can be read on white and on black.
"""

import textwrap
from pathlib import Path

from watchedpool.plots.palette import BLUE, NEXT_BLOCK, ON_BLOCK, TEXT

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
MAP = NOTEBOOKS / "pictures/map.svg"
# The place of each lesson, and the lessons that it leads to.
PLACES = {
    "00": (0, 1), "01": (1, 1), "02": (2, 0), "03": (2, 1), "04": (3, 1), "05": (4, 1),
    "06": (1, 2), "07": (2, 2), "08": (5, 0), "09": (5, 1), "10": (5, 2), "11": (5, 3),
    "12": (0, 3),
}  # fmt: skip
LEADS_TO = {"00": ["01", "06"], "01": ["02", "03"], "03": ["04"], "04": ["05"], "06": ["07"]}
LEADS_TO["05"] = ["08", "09", "10", "11"]
ACROSS, DOWN, WIDTH, HEIGHT = 156, 76, 130, 56
HEAD = f"""<svg xmlns="http://www.w3.org/2000/svg" role="img"
 width="920" height="294" viewBox="0 0 920 294"><style>
svg{{font:14px system-ui,"Segoe UI",Helvetica,Arial,sans-serif;text-anchor:middle}}
rect{{fill:{NEXT_BLOCK}}}a text{{fill:{ON_BLOCK}}}a:hover rect{{fill:{BLUE}}}
.head,.note{{fill:{TEXT}}}
.note{{text-anchor:start}}.arrow{{fill:none;stroke:{TEXT};stroke-width:2}}</style>"""


def lessons():
    """Return {number: (file name, title)}. A test compares the titles with the headings."""
    paths = sorted(NOTEBOOKS.glob("[0-9][0-9]-*.ipynb"))
    titles = [path.stem[3:].replace("-", " ").capitalize() for path in paths]
    return {
        path.name[:2]: (path.name, f"{path.name[:2]}. {title}")
        for path, title in zip(paths, titles, strict=True)
    }


def describe(course):
    """Return the text alternative of the map."""
    ways = [
        f"{number} leads to {', '.join(each for each in later if each in course)}"
        for number, later in sorted(LEADS_TO.items())
    ]
    return f"Map of the lessons. {'; '.join(ways)}."


def corner(number):
    """Return the left upper corner of a lesson's box."""
    column, row = PLACES[number]
    return 5 + column * ACROSS, 5 + row * DOWN


def box(number, file, title):
    """Return the box of a lesson, which is a link."""
    left, top = corner(number)
    lines = textwrap.wrap(title, 15)
    first = top + HEIGHT / 2 + 5 - 9 * (len(lines) - 1)
    texts = [
        f'<text x="{left + WIDTH / 2:g}" y="{first + 18 * place:g}">{line}</text>'
        for place, line in enumerate(lines)
    ]
    shape = f'<rect x="{left}" y="{top}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
    return f'<a href="../{file}">{shape}{"".join(texts)}</a>'


def arrow(before, after):
    """Return an arrow between the boxes of two lessons."""
    (left, top), (x, y) = corner(before), corner(after)
    left, middle, end = left + WIDTH, top + HEIGHT / 2, y + HEIGHT / 2
    bend = f"M{left} {middle:g}h9V{end:g}H{x - 8}"
    head = f"M{x - 9} {end - 5:g}l9 5-9 5z"
    return f'<path class="arrow" d="{bend}"/><path class="head" d="{head}"/>'


def draw(course):
    """Return the map as the text of an SVG file."""
    ways = [(a, b) for a in LEADS_TO for b in LEADS_TO[a] if a in course and b in course]
    parts = [HEAD, f"<title>{describe(course)}</title>"]
    parts += [arrow(*way) for way in ways]
    parts += [box(number, *lesson) for number, lesson in course.items()]
    if "12" in course:
        left, top = corner("12")
        text = "for an answer now, without the course"
        parts.append(f'<text class="note" x="{left + WIDTH + 12}" y="{top + 33}">{text}</text>')
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    MAP.write_text(draw(lessons()), encoding="utf-8")
    print(f"![{describe(lessons())}](pictures/map.svg)\n")
    print(" · ".join(f"[{title}]({file})" for file, title in lessons().values()))
