"""TEACHING.md stays short, and its plan for 45 minutes fits the lesson, also for a slow reader."""

import re
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "TEACHING.md").read_text(encoding="utf-8")
(LESSON,) = ROOT.glob("notebooks/04-*.ipynb")
SLOW = 40  # words per minute
READ = {  # minute of the plan: the first and the last cell that the class reads then
    5: ("cell-02", "cell-08"),
    15: ("cell-10", "cell-18"),
    26: ("cell-53", "cell-53"),
    29: ("cell-55", "cell-63"),
    33: ("cell-91", "cell-93"),
    42: ("cell-101", "cell-101"),
}


def words(text):
    without_code = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return len(re.findall(r"[^\W_]+(?:['\u2019-][^\W_]+)*", without_code))


def plan():
    """Return {minute: (words, minutes for a slow reader, seconds of its cells)}."""
    (section,) = re.findall(r"^### 45 minutes.*?(?=^### )", GUIDE, re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^\| (\d+) \|.*\| ([\d.]*) ?\| ([\d.]*) ?\| ([\d.]*) ?\|$", section, re.M)
    return {int(minute): [float(number or 0) for number in rest] for minute, *rest in rows}


def test_the_guide_has_at_most_3000_words():
    assert words(GUIDE) <= 3000


def test_each_part_of_the_plan_fits_its_minutes_for_a_slow_reader():
    rows = plan()
    assert {minute for minute, (count, *_) in rows.items() if count} == set(READ)
    for minute, following in pairwise([*rows, 45]):
        count, slowest, seconds = rows[minute]
        assert slowest == pytest.approx(count / SLOW, abs=0.06)
        assert slowest + seconds / 60 <= following - minute


@pytest.mark.parametrize("minute", READ)
def test_the_words_of_the_plan_are_those_of_the_lesson(minute):
    first, last = READ[minute]
    cells = nbformat.read(LESSON, 4).cells
    ids = [cell.id for cell in cells]
    read = cells[ids.index(first) : ids.index(last) + 1]
    count = sum(words(cell.source) for cell in read if cell.cell_type == "markdown")
    assert plan()[minute][0] == pytest.approx(count, abs=10)
