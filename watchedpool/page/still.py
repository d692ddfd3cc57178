"""still(): the picture of a run for a browser without JavaScript, as a small SVG."""

from html import escape

import numpy as np

from watchedpool.plots import palette
from watchedpool.timeline import Timeline, count_until

LEFT, WIDTH, TOP, CURVES = 76, 874, 8, 90  # pixels
FEW = 5000  # tasks whose gaps can be seen
GAP, LARGE_GAP = 0.6, 3.0  # blocks that are closer to each other are drawn as one


def still(timeline: Timeline) -> str:
    """Return lanes above, and finished and delivered tasks below, as SVG."""
    span = timeline.end or 1.0
    lanes = max(timeline.workers, 1)
    pitch = min(28.0, max(4.0, 260 / lanes))
    floor = TOP + pitch * lanes
    base = floor + 14 + CURVES
    drawn = ""
    for worker in range(timeline.workers):
        y = TOP + pitch * worker
        drawn += f'<path stroke="{palette.IDLE}" d="M{LEFT} {y + pitch / 2:.1f}h{WIDTH}"/>'
        if pitch >= 14 or worker % 4 == 0:
            drawn += _text(LEFT - 8, y + pitch / 2 + 4, f"worker {worker}")
        drawn += f'<path fill="{palette.BLOCK}" d="{_blocks(timeline, worker, y, pitch, span)}"/>'
    for column, color in (
        (timeline.finish, palette.FINISHED),
        (timeline.delivered, palette.DELIVERED),
    ):
        drawn += f'<path fill="none" stroke="{color}" stroke-width="2" d="'
        drawn += f'{_curve(column, len(timeline), base, span)}"/>'
    drawn += _text(LEFT - 8, base, "0") + _text(LEFT - 8, base - CURVES + 10, f"{len(timeline)}")
    drawn += _text(LEFT + WIDTH, base + 16, f"{span:.2f} s")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 {base + 22:g}" role="img" '
        f'font-size="12" text-anchor="end" fill="{palette.TEXT}">'
        f"<title>{escape(timeline.headline)}</title>{drawn}</svg>"
    )


def _blocks(timeline: Timeline, worker: int, y: float, pitch: float, span: float) -> str:
    """Return the path of a lane's blocks, in pixels."""
    rows = np.flatnonzero(timeline.worker == worker)
    rows = rows[np.argsort(timeline.start[rows], kind="stable")]
    begin = WIDTH / span * timeline.start[rows]
    finish = np.where(np.isnan(timeline.finish), timeline.end, timeline.finish)[rows]
    end = np.maximum(WIDTH / span * finish - 0.7, begin + 0.3)
    gap = GAP if len(timeline) <= FEW else LARGE_GAP
    apart = np.flatnonzero(begin[1:] > end[:-1] + gap)
    firsts, lasts = np.append(0, apart + 1), np.append(apart, len(rows) - 1)
    return "".join(
        f"M{LEFT + begin[one]:.1f} {y + 0.2 * pitch:.1f}H{LEFT + end[other]:.1f}v{0.6 * pitch:.1f}"
        f"H{LEFT + begin[one]:.1f}z"
        for one, other in zip(firsts, lasts, strict=True)
    )


def _curve(column: np.ndarray, tasks: int, base: float, span: float) -> str:
    """Return the path of how many of these times have come, in steps of two pixels or more."""
    moments = np.linspace(0.0, span, WIDTH // 2)
    counts = count_until(column, moments)
    change = np.flatnonzero(np.diff(counts, prepend=0))
    steps = "".join(
        f"H{LEFT + WIDTH * moments[at] / span:.0f}V{base - CURVES * counts[at] / tasks:.1f}"
        for at in change
    )
    return f"M{LEFT} {base:g}{steps}H{LEFT + WIDTH}" if tasks else ""


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x:g}" y="{y:.1f}">{text}</text>'
