"""Text in pictures that is drawn only where it fits, at whatever size the picture has."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.text import Text
from matplotlib.transforms import Bbox, IdentityTransform

LEAST_SIZE = 6.0  # points: smaller text cannot be read
Box = tuple[float, float, float, float]  # left, bottom, right, top: in data coordinates


class Label(Text):
    """Text that fits into a box, or is not drawn.

    The boxes and the texts are tried in order. The text is as large as the height of its box
    allows, up to the size that it was given. This is decided when the picture is drawn, because
    nothing has a size in pixels before.
    """

    def __init__(
        self, boxes: Sequence[Box], texts: Sequence[str], margin: tuple[float, float], **style: Any
    ) -> None:
        super().__init__(0, 0, texts[0], va="center", transform=IdentityTransform(), **style)
        self._boxes, self._texts, self._margin = boxes, texts, margin
        self._most = self.get_size()
        self.set_in_layout(False)

    def draw(self, renderer: Any) -> None:
        """Draw the text if it fits."""
        if self._fit():
            super().draw(renderer)

    def get_window_extent(self, renderer: Any = None, dpi: float | None = None) -> Bbox:
        """Return the place of the text in pixels; nothing if it is not drawn."""
        return super().get_window_extent(renderer, dpi) if self._fit() else Bbox.null()

    def _fit(self) -> bool:
        """Choose the first text and the first box that fit; return whether there are any."""
        points = 72 / self.figure.dpi
        window = self.axes.bbox
        for text in self._texts:
            for left, bottom, right, top in self._boxes:
                corners = self.axes.transData.transform([(left, bottom), (right, top)])
                box = Bbox.intersection(Bbox(corners), window)
                if box is None:
                    continue
                room = points * box.width - 2 * self._margin[0]
                size = min(self._most, (points * box.height - 2 * self._margin[1]) / 1.18)
                # A character is at least half as wide as it is high, so most need no measurement.
                if size < LEAST_SIZE or room < 0.3 * size * len(text):
                    continue
                if self._width(text, size) <= room:
                    self._place(box)
                    return True
        return False

    def _width(self, text: str, size: float) -> float:
        """Set the text and its size; return its width in points."""
        self.set(text=text, size=size)
        return super().get_window_extent().width * 72 / self.figure.dpi

    def _place(self, box: Bbox) -> None:
        """Move the text into the box, which is in pixels, to the side of its alignment."""
        margin = self._margin[0] * self.figure.dpi / 72
        middle = (box.x0 + box.x1) / 2
        x = {"left": box.x0 + margin, "center": middle, "right": box.x1 - margin}[self.get_ha()]
        self.set_position((x, (box.y0 + box.y1) / 2))


def add_label(
    ax: Axes,
    boxes: Sequence[Box],
    *texts: str,
    margin: tuple[float, float] = (2, 0),
    **style: Any,
) -> None:
    """Add a label to the axes: the first of the texts that fits into one of the boxes.

    margin: the points to its left and right, and above and below it, that stay empty.
    """
    ax.add_artist(Label(boxes, texts, margin, **style))
