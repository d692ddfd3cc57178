"""Progress bars that remember what they showed. Plain text, as tqdm draws."""

from typing import Any

from tqdm import tqdm

from watchedpool import clock


class WatchedBar(tqdm):
    """A tqdm bar that remembers when it was drawn with which count.

    `drawn` holds a pair (`perf_counter` seconds, count) for each drawing.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take what tqdm takes."""
        self.drawn: list[tuple[float, int]] = []
        super().__init__(*args, **kwargs)

    def display(self, *args: Any, **kwargs: Any) -> None:
        """Draw the bar, as tqdm does, and note the time and the count."""
        super().display(*args, **kwargs)
        self.drawn.append((clock.now(), self.n))
