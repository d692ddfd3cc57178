"""A picture of what no Timeline tells: two programs and the pipes between them."""

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, Rectangle

from helpers.plots.figure import FINISHED, FINISHED_2, NOTE, SHADE, new_figure, set_title

STUCK = "#953c00"  # vermilion, darkened for a contrast of 4.5 on SHADE
_PIPES = (("stdin", "what the child reads"), ("stdout", "results"), ("stderr", "complaints"))


def plot_pipes(full: bool = False, ax: Axes | None = None) -> Axes:
    """Two boxes, the parent and its child, and the three pipes between them.

    full: the child's stdout is full, and each of the two waits for the other.
    """
    ax = ax or new_figure(2.9).subplots()
    ax.set(xlim=(0, 10), ylim=(0, 3.5))
    ax.set_axis_off()
    parent = "wait()\n\nwaits until\nthe child ends" if full else "your notebook\n\nrun(...)"
    child = "print(...)\n\nwaits until there\nis room in the pipe" if full else "any program"
    _box(ax, 0.1, "parent", parent)
    _box(ax, 7.5, "child", child)
    for row, (name, what) in enumerate(_PIPES):
        _pipe(ax, 2.6 - row, name, what, stuck=full and name == "stdout")
    if full:
        title = "Deadlock: the child waits for the parent, the parent for the child"
        alt = (
            "The pipe stdout between child and parent is full with 64 KiB that nobody reads. The "
            "child waits for room in the pipe. The parent's wait() waits for the child's "
            "end. Neither goes on."
        )
    else:
        title = "Parent and child are joined by three pipes"
        alt = (
            "Left a box, the parent, your notebook; right a box, the child, any program. Three "
            "pipes join them: stdin leads from parent to child; stdout, for results, and stderr, "
            "for complaints, lead from child to parent."
        )
    set_title(ax, title)
    ax.set_label(f"{title}. {alt}")
    return ax


def _box(ax: Axes, left: float, name: str, text: str) -> None:
    shape = FancyBboxPatch(
        (left + 0.1, 0.25), 2.2, 2.7, boxstyle="round,pad=0.1", facecolor=FINISHED_2, linewidth=0
    )
    ax.add_patch(shape)
    ax.text(left + 1.2, 2.72, name, color="white", weight="bold", size=12, ha="center", va="center")
    ax.text(left + 1.2, 1.45, text, color="white", ha="center", va="center")


def _pipe(ax: Axes, height: float, name: str, what: str, stuck: bool) -> None:
    left, right = 2.6, 7.4
    colour = STUCK if stuck else FINISHED
    if stuck:
        ax.add_patch(Rectangle((left, height - 0.22), right - left, 0.44, facecolor=SHADE))
        what = "full: 64 KiB that nobody reads"
    for edge in (height - 0.22, height + 0.22):
        ax.plot([left, right], [edge, edge], color=colour, linewidth=1.5)
    ax.text((left + right) / 2, height, what, color=colour, ha="center", va="center")
    ax.text((left + right) / 2, height + 0.27, name, color=NOTE, size=9, ha="center", va="bottom")
    if not stuck:
        start, end = (left, right) if name == "stdin" else (right, left)
        reach = 0.55 if end > start else -0.55
        ax.annotate(
            "",
            (end - 0.1 * reach, height),
            (end - reach, height),
            arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 2},
        )
