"""replay(): play a run again, as one SVG file that needs no script, no kernel and no font.

The lanes are drawn as they were at the end. A cover moves to the right as time passes, and uncovers
them; the bars and their counts move in steps. For readers who prefer reduced motion, the picture
stands still at the worst moment.
"""

from base64 import b64encode
from html import escape
from math import ceil

import numpy as np

from watchedpool.timeline import Timeline

MOST_TASKS = 200  # more would be too thin to follow, and the file would be too large
# Seconds: the run takes about this long; it is held at the worst moment, and at the end.
PLAY_SECONDS, HOLD_SECONDS, END_SECONDS = 7.0, 3.0, 2.5
# Pixels:
LANES_LEFT, LANES_TOP, LANES_WIDTH = 104, 98, 800
LANES_RIGHT = LANES_LEFT + LANES_WIDTH
BAR_WIDTH = 720
ROW_HEIGHT = 26  # of a bar, and of a line of text

_STYLE = """
svg{--ground:#fff;--text:#24292f;--note:#59636e;--rail:#e9ecef;--one:#0072b2;--two:#005685;
--wait:#b24700;--shade:#fbdcc8;--running:#33708f;fill:var(--text);
font:14px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif}
@media(prefers-color-scheme:dark){svg{--ground:#0d1117;--text:#e6edf3;--note:#9aa4af;--rail:#21262d;
--one:#1875b0;--two:#0e5585;--wait:#ff9b5e;--shade:#5a3119;--running:#3b6f8a}}
.ground{fill:var(--ground)}.rail{fill:var(--rail)}.one{fill:var(--one)}.two{fill:var(--two)}
.running{fill:var(--running)}.shade{fill:var(--shade)}.count{fill:var(--wait)}
.end{text-anchor:end}.mid{text-anchor:middle}.head{font-size:20px;font-weight:650}
.note{fill:var(--note);font-size:12.5px}.worst-text{fill:var(--wait);font-weight:600}
.task{fill:#fff;font-weight:600;font-size:13px;text-anchor:middle}
.wait{fill:var(--wait);stroke:var(--wait);stroke-width:2.5}
.mark{stroke:var(--note);stroke-width:1.5;stroke-dasharray:2 4}.cover{visibility:hidden}
.mono{font:600 14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre}
.long{transform:scaleX(calc(var(--n)/var(--of)))}.strip{transform:translateY(calc(var(--n)*-26px))}
"""


class Replay(str):
    """The text of an SVG file. A notebook displays it as a picture with the alt text `alt`."""

    alt: str

    def _repr_html_(self) -> str:
        data = b64encode(self.encode()).decode()
        return f'<img alt="{escape(self.alt)}" width="960" src="data:image/svg+xml;base64,{data}">'

    def __repr__(self) -> str:
        return self.alt


def replay(timeline: Timeline) -> Replay:
    """Return a run as a moving picture: lanes that grow, and three bars below them.

    A line above a lane is a task that is finished and not yet delivered. The bars count the tasks
    that are finished, those that are delivered, and the latter once more as tqdm draws them. The
    picture pauses at the worst moment. For readers who prefer reduced motion, it shows only that
    moment. The colours are light or dark, as the reader's system is.

    Raises ValueError for more than 200 tasks, which `plot_lag` can draw.
    """
    if len(timeline) > MOST_TASKS:
        raise ValueError(
            f"timeline has {len(timeline)} tasks; allowed are up to {MOST_TASKS}: use plot_lag"
        )
    clock = _Clock(timeline)
    lanes = max(timeline.workers, 1)
    pitch = min(40.0, max(10.0, 320 / lanes))
    floor = LANES_TOP + pitch * lanes
    bars, still, moving = _bars(timeline, clock, floor + 44)
    title, words, height = timeline.headline, timeline.describe(), floor + 166
    picture = Replay(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 {height:g}" role="img">'
        "<!-- watchedpool -->"
        f"<title>{title}</title><desc>{escape(words)}</desc><style>{_STYLE}{still}\n"
        f"@media(prefers-reduced-motion:no-preference){{{clock.sweep()}{moving}}}</style>\n"
        f'<rect class="ground" width="960" height="{height:g}"/>'
        f"{_text(LANES_LEFT, 36, title, 'head')}"
        f"{_text(LANES_LEFT, 59, words.splitlines()[0] + clock.speed(), 'note')}"
        f"{_axis(timeline, clock, floor)}{_lanes(timeline, clock, pitch)}"
        f"{_cover(pitch, lanes, floor - LANES_TOP + 14)}{bars}</svg>\n"
    )
    picture.alt = f"{title}. {words}"
    return picture


class _Clock:
    """Converts a moment of the run to a place on the axis, and to a moment of the animation."""

    def __init__(self, timeline: Timeline) -> None:
        self.span = timeline.end or 1.0
        self.worst = timeline.worst[0]
        self.hold = HOLD_SECONDS if timeline.most_behind else 0.0
        whole = [n * 10**k for k in range(6) for n in (1, 2, 3, 5)]
        speeds = [*whole, *(1 / n for n in whole)]
        self.slower = min(speeds, key=lambda n: abs(np.log(n * self.span / PLAY_SECONDS)))
        self.total = self.span * self.slower + self.hold + END_SECONDS

    def x(self, seconds: float) -> float:
        """Return the place on the axis, in pixels."""
        return round(LANES_LEFT + LANES_WIDTH * seconds / self.span, 1)

    def percent(self, seconds: float, after_hold: bool) -> float:
        """Return how much of the animation has passed, with or without the pause."""
        return round(100 * (seconds * self.slower + after_hold * self.hold) / self.total, 2)

    def sweep(self) -> str:
        """Return the style that moves the cover, and makes the worst moment visible."""
        stop, go = (self.percent(self.worst, after_hold) for after_hold in (False, True))
        x, timing = self.x(self.worst) - LANES_LEFT, f"{self.total:.2f}s linear infinite"
        fade = f"0%,{stop}%{{opacity:0}}{stop + 2}%,{go}%{{opacity:1}}{go + 0.1}%,to{{opacity:0}}"
        return (
            f".cover{{visibility:visible}}.sweep{{animation:sweep {timing}}}"
            f".worst{{animation:worst {timing}}}@keyframes worst{{{fade}}}"
            f"@keyframes sweep{{{stop}%,{go}%{{transform:translateX({x:g}px)}}"
            f"{self.percent(self.span, True)}%,to{{transform:translateX({LANES_WIDTH}px)}}}}"
        )

    def count(self, name: str, moments: list[float], held: float) -> str:
        """Return the style that counts up at each moment; those from `held` on follow the pause."""
        stops = {0.0: 0} | {self.percent(at, at >= held): n for n, at in enumerate(moments, 1)}
        frames = "".join(f"{at}%{{--n:{n}}}" for at, n in (stops | {100.0: len(moments)}).items())
        timing = f"{self.total:.2f}s step-end infinite"
        return f".{name}{{animation:{name} {timing}}}@keyframes {name}{{{frames}}}"

    def speed(self) -> str:
        """Return how fast the run is played, in words that are hidden if nothing moves."""
        speed, word = (self.slower, "slower") if self.slower > 1 else (1 / self.slower, "faster")
        played = f"{speed:.0f} times {word}" if speed > 1 else "as fast as it ran"
        return f'<tspan class="cover"> Played {played}.</tspan>'


def _axis(timeline: Timeline, clock: _Clock, floor: float) -> str:
    """Return the seconds below the lanes, the worst moment, and the legend of the waiting lines."""
    steps = (n * 10.0**k for k in range(-6, 9) for n in (1, 2, 5))
    step = next(step for step in steps if clock.span <= 6 * step)
    ticks = np.arange(0, clock.span, step).tolist()
    drawn = "".join(_text(clock.x(tick), floor + 26, f"{tick:g} s", "note mid") for tick in ticks)
    if clock.hold:
        x, (moment, finished, delivered) = clock.x(clock.worst), timeline.worst
        side = "end" if x > LANES_LEFT + LANES_WIDTH / 2 else ""
        words = f"{moment:.2f} s: {finished} finished, {delivered} delivered"
        line = f'<path class="mark" d="M{x} {LANES_TOP - 6}V{floor + 8:g}"/>'
        text = _text(x, LANES_TOP - 13, words, f"worst-text {side}")
        drawn += f'<g class="worst">{text}{line}</g>'
        drawn += _wait(LANES_RIGHT - 240, LANES_RIGHT - 210, 55)
        drawn += _text(LANES_RIGHT, 59, "finished, waits to be delivered", "note end")
    return drawn


def _lanes(timeline: Timeline, clock: _Clock, pitch: float) -> str:
    """Return the tasks of each worker, with a line above each task that waited."""
    height, drawn = 0.6 * pitch, ""
    finish = np.where(np.isnan(timeline.finish), timeline.end, timeline.finish)
    for worker in range(timeline.workers):
        top = LANES_TOP + pitch * (worker + 0.35)
        middle = top + height / 2 + 5
        rows = np.flatnonzero(timeline.worker == worker)
        rows = rows[np.argsort(timeline.start[rows])]
        if worker % ceil(15 / pitch) == 0:
            drawn += _text(LANES_LEFT - 12, middle, f"worker {worker}", "end")
        for place, row in enumerate(rows):
            x, end = clock.x(timeline.start[row]), clock.x(finish[row])
            kind = "running" if np.isnan(timeline.finish[row]) else ("one", "two")[place % 2]
            drawn += _block(kind, x, top, end - x - 1.5, height)
            if height > 14 and end - x > 10 * len(str(row)):
                drawn += _text((x + end) / 2, middle, row, "task")
            if timeline.lag[row] > timeline.wait_threshold:
                drawn += _wait(end, clock.x(timeline.delivered[row]), top - pitch / 7)
    return drawn


def _cover(pitch: float, lanes: int, height: float) -> str:
    """Return the cover that hides the future: empty lanes, to the right of a line for "now"."""
    size = f'width="{LANES_WIDTH}" height="{height:g}"'
    tops = (pitch * (lane + 0.65) + 5 for lane in range(lanes))
    rails = "".join(_block("rail", 0, top, LANES_WIDTH, 2) for top in tops)
    return (
        f'<svg x="{LANES_LEFT}" y="{LANES_TOP - 6}" {size}>'
        f'<g class="cover sweep"><rect class="ground" {size}/>'
        f'{rails}<path class="mark" d="M1 0V{height:g}"/></g></svg>'
    )


def _bars(timeline: Timeline, clock: _Clock, top: float) -> tuple[str, str, str]:
    """Return the bars with their counts, and their styles: standing still, and moving."""
    tasks, (_, finished, delivered) = len(timeline), timeline.worst
    finishes, deliveries = (
        np.sort(at[~np.isnan(at)]).tolist() for at in (timeline.finish, timeline.delivered)
    )
    if not clock.hold:
        finished, delivered = len(finishes), len(deliveries)
    # A task that finishes just before the worst moment is not counted there: its result is not
    # late yet.
    before = clock.worst - timeline.wait_threshold
    of = max(tasks, 1)
    still = f"svg{{--of:{of}}}.finished{{--n:{finished}}}.delivered{{--n:{delivered}}}"
    moving = clock.count("finished", finishes, before)
    moving += clock.count("delivered", deliveries, clock.worst)
    counts = [f"{count}/{tasks}" for count in range(tasks + 1)]
    tqdm = [f"{n / of:4.0%}|{'█' * round(50 * n / of):50}| {n}/{tasks}" for n in range(tasks + 1)]
    rail, finished_bar, lag, delivered_bar = (
        _block(kind, 0, 0, BAR_WIDTH, ROW_HEIGHT)
        for kind in ("rail", "one finished long", "shade finished long", "count delivered long")
    )
    rows = {
        "finished": rail + finished_bar + _strip("finished", counts, BAR_WIDTH + 14),
        "delivered": rail + lag + delivered_bar + _strip("delivered", counts, BAR_WIDTH + 14),
        "tqdm": _strip("delivered", tqdm, 0),
    }
    drawn = ""
    for row, (name, content) in enumerate(rows.items()):
        place = f"translate({LANES_LEFT} {top + 36 * row:g})"
        drawn += f'<g transform="{place}">{_text(-12, 18, name, "end")}{content}</g>'
    return drawn, still, moving


def _strip(name: str, lines: list[str], x: float) -> str:
    """Return lines of text, one below the other, seen through a window that is one line high."""
    spans = [
        f'<tspan x="0" y="{18 + ROW_HEIGHT * n}">{line}</tspan>' for n, line in enumerate(lines)
    ]
    return (
        f'<svg x="{x}" width="{LANES_WIDTH}" height="{ROW_HEIGHT}"><g class="{name} strip">'
        f'<text class="mono" xml:space="preserve">{"".join(spans)}</text></g></svg>'
    )


def _block(kind: str, x: float, y: float, width: float, height: float) -> str:
    size = f'width="{max(width, 0.5):.5g}" height="{height:g}"'
    return f'<rect class="{kind}" x="{x:g}" y="{y:g}" {size} rx="2"/>'


def _wait(x: float, until: float, y: float) -> str:
    path = f"M{x:g} {y:g}H{until:g}m-1-4v8"
    return f'<g class="wait"><circle cx="{x:g}" cy="{y:g}" r="2.5"/><path d="{path}"/></g>'


def _text(x: float, y: float, text: object, kind: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{text}</text>'
