"""replay(): play a run again, as one SVG file that needs no script, no kernel and no font.

The lanes are drawn as they were at the end. A window over them grows to the right as time passes;
the bars and their counts move in steps. The run is played three times. Then, and for readers who
prefer reduced motion, the picture stands still at the worst moment.
"""

from base64 import b64encode
from html import escape
from math import ceil
from zlib import crc32

import numpy as np

from watchedpool.plots import palette
from watchedpool.plots.waits import wait_levels, waiting
from watchedpool.timeline import Timeline

MOST_TASKS = 200  # more would be too thin to follow, and the file would be too large
PLAYS = 3
# Seconds: the run takes about this long; it is held at the worst moment, and at the end.
PLAY_SECONDS, HOLD_SECONDS, END_SECONDS = 7.0, 3.0, 2.5
# Pixels:
LANES_LEFT, LANES_TOP, LANES_WIDTH = 104, 98, 800
LANES_RIGHT = LANES_LEFT + LANES_WIDTH
BAR_WIDTH = 720
ROW_HEIGHT = 26  # of a bar, and of a line of text

_STYLE = f"""
.rail{{fill:{palette.IDLE}}}
.empty{{fill:{palette.GRID}}}
.one{{fill:{palette.BLOCK}}}
.two{{fill:{palette.NEXT_BLOCK}}}
.unended{{fill:{palette.UNENDED}}}
.stripes{{stroke:{palette.STRIPES};stroke-dasharray:2 7}}
.shade{{fill:{palette.LAG}}}
.count{{fill:{palette.DELIVERED}}}
.end{{text-anchor:end}}
.mid{{text-anchor:middle}}
.head{{font-size:20px;font-weight:650}}
.note{{font-size:12.5px}}
.worst-text{{fill:{palette.DELIVERED};font-weight:600}}
.task{{fill:{palette.ON_BLOCK};font-weight:600;text-anchor:middle}}
.clear{{paint-order:stroke;stroke:{palette.UNENDED};stroke-width:6px}}
.wait{{fill:{palette.DELIVERED};stroke:{palette.DELIVERED}}}
.mark{{stroke:{palette.TEXT};stroke-width:1.5;stroke-dasharray:2 4}}
.now{{visibility:hidden}}
.speed{{visibility:hidden}}
.mono{{font:600 14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre}}
.long{{transform:scaleX(calc(var(--n)/var(--of)))}}
.strip{{transform:translateY(calc(var(--n)*-26px))}}
"""
_FONT = 'font:14px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif'
# A picture that a page contains, or that a browser has opened, also answers to a click: it pauses,
# goes on, and after its end is played again. These are only attributes, and it plays without them.
_CLICK = (
    "const all=this.getAnimations({subtree:true});"
    "if(!all.length)this.replaceWith(this.cloneNode(true));"
    "for(const each of all)each.playState=='paused'?each.play():each.pause()"
)
_KEY = "if(event.key==' '||event.key=='Enter'){event.preventDefault();this.onclick()}"


class Replay(str):
    """The text of an SVG file. A notebook displays it as a picture with the alt text `alt`.

    Programs that show no moving picture, as GitHub may, find a still one in the notebook.
    """

    alt: str
    timeline: Timeline

    def _repr_html_(self) -> str:
        data = b64encode(self.encode()).decode()
        return f'<img alt="{escape(self.alt)}" width="960" src="data:image/svg+xml;base64,{data}">'

    def _repr_png_(self) -> tuple[bytes, dict] | None:
        try:
            from watchedpool.plots.figure import small_png
            from watchedpool.plots.timelines import plot_lag
        except ImportError:  # there is no matplotlib
            return None
        return small_png(plot_lag(self.timeline)[0].figure), {"alt": self.alt, "width": 920}

    def __repr__(self) -> str:
        return self.alt


def replay(timeline: Timeline) -> Replay:
    """Return a run as a moving picture: lanes that grow, and three bars below them.

    A line above a lane is a task that is finished and not yet delivered. The bars count the tasks
    that are finished, those that are delivered, and the latter once more as tqdm draws them. The
    picture pauses at the worst moment. It is played three times, and then shows only that moment;
    so it does from the beginning for readers who prefer reduced motion. Where it is not an `<img>`,
    a click pauses it, and plays it again. `plot_lag` draws the same run without motion.

    Raises ValueError for more than 200 tasks, which `plot_lag` can draw.
    """
    if len(timeline) > MOST_TASKS:
        raise ValueError(
            f"timeline has {len(timeline)} tasks; allowed are up to {MOST_TASKS}: use plot_lag"
        )
    title, words = timeline.headline, timeline.describe()
    # One page may contain several replays, so each has names of its own.
    name = f"replay-{crc32(np.stack([timeline.start, timeline.finish, timeline.delivered])):x}"
    clock = _Clock(timeline, name)
    lanes = max(timeline.workers, 1)
    pitch = min(40.0, max(10.0, 320 / lanes))
    floor = LANES_TOP + pitch * lanes
    bars, still, moving = _bars(timeline, clock, floor + 44)
    style, still, moving = (
        css.replace("\n.", f"\n.{name} .") for css in (_STYLE, still, clock.sweep() + moving)
    )
    picture = Replay(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 {floor + 166:g}" class="{name}" '
        f'role="img" tabindex="0" onclick="{_CLICK}" onkeydown="{_KEY}"><!-- watchedpool -->'
        f"<title>{title}</title><desc>{escape(words)}</desc>"
        f"<style>.{name}{{--of:{max(len(timeline), 1)};fill:{palette.TEXT};{_FONT}}}"
        f"{style}{still}\n"
        f"@media(prefers-reduced-motion:no-preference){{{moving}}}</style>\n"
        f"{_text(LANES_LEFT, 36, title, 'head')}"
        f"{_text(LANES_LEFT, 59, words.splitlines()[0] + clock.speed(), 'note')}"
        f"{_axis(timeline, clock, floor)}"
        f"{_window(_lanes(timeline, clock, pitch), floor - LANES_TOP + 14)}{bars}</svg>\n"
    )
    picture.alt, picture.timeline = f"{title}. {words}", timeline
    return picture


class _Clock:
    """Converts a moment of the run to a place on the axis, and to a moment of the animation."""

    def __init__(self, timeline: Timeline, name: str) -> None:
        self.name = name
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
        """Return the style that moves the window, and makes the worst moment visible."""
        stop, go = (self.percent(self.worst, after_hold) for after_hold in (False, True))
        end, x = self.percent(self.span, True), self.x(self.worst) - LANES_RIGHT
        fade = f"0%,{stop}%{{opacity:0}}{stop + 2}%,{go}%{{opacity:1}}{go + 0.1}%,to{{opacity:0}}"
        style = "\n.speed{visibility:visible}" + self.animation("worst", "linear", fade)
        style += self.animation("now", "linear", "0%,to{visibility:visible}")
        for part, sign in ("sweep", 1), ("lanes", -1):  # the lanes stay where they are
            begin, hold = (f"{{transform:translateX({sign * at:g}px)}}" for at in (-LANES_WIDTH, x))
            frames = f"0%{begin}{stop}%,{go}%{hold}{end}%,to{{transform:none}}"
            style += self.animation(part, "linear", frames)
        return style

    def count(self, part: str, moments: list[float], held: float) -> str:
        """Return the style that counts up at each moment; those from `held` on follow the pause."""
        stops = {0.0: 0} | {self.percent(at, at >= held): n for n, at in enumerate(moments, 1)}
        frames = "".join(f"{at}%{{--n:{n}}}" for at, n in (stops | {100.0: len(moments)}).items())
        return self.animation(part, "step-end", frames)

    def animation(self, part: str, timing: str, frames: str) -> str:
        """Return the style that plays the frames of a part of the picture."""
        name = f"{self.name}-{part}"
        return (
            f"\n.{part}{{animation:{name} {self.total:.2f}s {timing} {PLAYS}}}"
            f"@keyframes {name}{{{frames}}}"
        )

    def speed(self) -> str:
        """Return how fast the run is played, in words that are hidden if nothing moves."""
        speed, word = (self.slower, "slower") if self.slower > 1 else (1 / self.slower, "faster")
        played = f"{speed:.0f} times {word}" if speed > 1 else "as fast as it ran"
        return f'<tspan class="speed"> Played {played}.</tspan>'


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
        drawn += _wait(LANES_RIGHT - 240, LANES_RIGHT - 210, 55, 2.5)
        drawn += _text(LANES_RIGHT, 59, "finished, waits to be delivered", "note end")
    return drawn


def _lanes(timeline: Timeline, clock: _Clock, pitch: float) -> tuple[str, str]:
    """Return the empty lanes with their names, and what the workers did."""
    names, tasks = "", ""
    for worker in range(timeline.workers):
        middle = LANES_TOP + pitch * (worker + 0.65)
        names += _block("rail", LANES_LEFT, middle - 1, LANES_WIDTH, 2)
        if worker % ceil(18 / pitch) == 0:
            names += _text(LANES_LEFT - 12, middle + 5, f"worker {worker}", "end")
        rows = np.flatnonzero(timeline.worker == worker)
        for place, row in enumerate(rows[np.argsort(timeline.start[rows])]):
            tasks += _task(timeline, clock, pitch, row, ("one", "two")[place % 2])
    late = waiting(timeline)
    gap = pitch / 11  # between lines that are above each other
    for row, level in zip(late, wait_levels(timeline, late), strict=True):
        begin, end = (clock.x(at[row]) for at in (timeline.finish, timeline.delivered))
        y = pitch * (timeline.worker[row] + 0.35) - gap * (level + 1)
        tasks += _wait(begin, end, y, max(1.0, min(2.5, gap - 1)))
    return names, f'<g font-size="{_number_size(pitch):g}">{tasks}</g>'


def _number_size(pitch: float) -> float:
    """Return the size of the tasks' numbers, which is less than the height of a block."""
    return min(13.0, 0.6 * pitch - 1)


def _task(timeline: Timeline, clock: _Clock, pitch: float, row: int, kind: str) -> str:
    """Return the block of a task, with its number if that fits."""
    top, height = pitch * (timeline.worker[row] + 0.35), 0.6 * pitch
    size, middle = _number_size(pitch), top + height / 2
    x, end = clock.x(timeline.start[row]), clock.x(timeline.finish[row])
    label, stripes, clear = f"{row}", "", ""
    if np.isnan(timeline.finish[row]):
        kind, end, clear = "unended", LANES_RIGHT, " clear"
        label += ": no end" if end - x > 7.5 * size else ""
        stripes = f'<path class="stripes" stroke-width="{height:g}" d="M{x} {middle:g}H{end}"/>'
    drawn = _block(kind, x, top, end - x - 1.5, height) + stripes
    if size >= 8 and end - x > 0.7 * size * len(label) + 4:
        drawn += _text((x + end) / 2, middle + 0.36 * size, label, f"task{clear}")
    return drawn


def _window(lanes: tuple[str, str], height: float) -> str:
    """Return the lanes behind a window that grows to the right, up to a line for "now".

    The window is one that moves in from the left, behind another one that stands still.
    """
    still, tasks = lanes
    size = f'width="{LANES_WIDTH}" height="{height:g}"'
    return (
        f'{still}<svg x="{LANES_LEFT}" y="{LANES_TOP - 6}" {size}><g class="sweep"><svg {size}>'
        f'<g class="lanes"><g transform="translate({-LANES_LEFT} 6)">{tasks}</g></g></svg>'
        f'<path class="mark now" d="M{LANES_WIDTH - 1} 0V{height:g}"/></g></svg>'
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
    still = f"\n.finished{{--n:{finished}}}\n.delivered{{--n:{delivered}}}"
    moving = clock.count("finished", finishes, before)
    moving += clock.count("delivered", deliveries, clock.worst)
    counts = [f"{count}/{tasks}" for count in range(tasks + 1)]
    tqdm = [f"{n / of:4.0%}|{'█' * round(50 * n / of):50}| {n}/{tasks}" for n in range(tasks + 1)]
    empty, finished_bar, lag, delivered_bar = (
        _block(kind, 0, 0, BAR_WIDTH, ROW_HEIGHT)
        for kind in ("empty", "one finished long", "shade finished long", "count delivered long")
    )
    rows = {
        "finished": empty + finished_bar + _strip("finished", counts, BAR_WIDTH + 14),
        "delivered": empty + lag + delivered_bar + _strip("delivered", counts, BAR_WIDTH + 14),
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


def _wait(x: float, until: float, y: float, width: float) -> str:
    path = f"M{x:g} {y:g}H{until:g}m-1-4v8" if width > 2 else f"M{x:g} {y:g}H{until:g}"
    return (
        f'<g class="wait" stroke-width="{width:g}"><circle cx="{x:g}" cy="{y:g}" r="{width:g}"/>'
        f'<path d="{path}"/></g>'
    )


def _text(x: float, y: float, text: object, kind: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{text}</text>'
