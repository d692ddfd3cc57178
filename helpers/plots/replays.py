"""replay(): a run once more, as one SVG that plays by itself: no script, no kernel, no font.

All is drawn as it was at the end. A cover moves to the right as time does, and uncovers it; the
bars and their counts move in steps. Where motion is not wanted, the worst moment stands.
"""

from base64 import b64encode
from html import escape
from math import ceil

import numpy as np

from helpers.timeline import Timeline

MOST = 200  # tasks: more are too thin to follow, and too large a file
PLAYS, HOLDS, RESTS = 7.0, 3.0, 2.5  # seconds: the run (about), its worst moment, its end
LEFT, WIDE, TOP = 104, 800, 98  # pixels: where lanes begin, how wide they are
RIGHT = LEFT + WIDE
BAR, LINE = 720, 26  # pixels: how long the bars are, how high they and a line of text

_STYLE = """
svg{--ground:#fff;--text:#24292f;--note:#59636e;--rail:#e9ecef;--one:#0072b2;--two:#005685;
--wait:#b24700;--shade:#fbdcc8;--runs:#33708f;fill:var(--text);
font:14px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif}
@media(prefers-color-scheme:dark){svg{--ground:#0d1117;--text:#e6edf3;--note:#9aa4af;--rail:#21262d;
--one:#1875b0;--two:#0e5585;--wait:#ff9b5e;--shade:#5a3119;--runs:#3b6f8a}}
.ground{fill:var(--ground)}.rail{fill:var(--rail)}.one{fill:var(--one)}.two{fill:var(--two)}
.runs{fill:var(--runs)}.shade{fill:var(--shade)}.seen{fill:var(--wait)}
.end{text-anchor:end}.mid{text-anchor:middle}.head{font-size:20px;font-weight:650}
.note{fill:var(--note);font-size:12.5px}.said{fill:var(--wait);font-weight:600}
.task{fill:#fff;font-weight:600;font-size:13px;text-anchor:middle}
.wait{fill:var(--wait);stroke:var(--wait);stroke-width:2.5}
.mark{stroke:var(--note);stroke-width:1.5;stroke-dasharray:2 4}.cover{visibility:hidden}
.mono{font:600 14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre}
.long{transform:scaleX(calc(var(--n)/var(--of)))}.strip{transform:translateY(calc(var(--n)*-26px))}
"""


class Replay(str):
    """The text of an SVG file, which a notebook shows as a picture with the text `alt`."""

    alt: str

    def _repr_html_(self) -> str:
        data = b64encode(self.encode()).decode()
        return f'<img alt="{escape(self.alt)}" width="960" src="data:image/svg+xml;base64,{data}">'

    def __repr__(self) -> str:
        return self.alt


def replay(timeline: Timeline) -> Replay:
    """Return a run as a moving picture: lanes that grow, and below them two bars.

    A line above a lane is a task that is finished and not shown. The upper bar counts what is
    finished, the lower one what is shown, and below it tqdm's. It is held at the worst moment;
    where motion is not wanted, that moment stands. Colours follow the reader's system.

    Raises ValueError for more than 200 tasks, which `plot_lag` can draw.
    """
    if len(timeline) > MOST:
        raise ValueError(
            f"timeline has {len(timeline)} tasks; replay draws up to {MOST}: use plot_lag"
        )
    clock = _Clock(timeline)
    lanes = max(timeline.workers, 1)
    pitch = min(40.0, max(10.0, 320 / lanes))
    floor = TOP + pitch * lanes
    meters, stands, moves = _meters(timeline, clock, floor + 44)
    title, words, height = timeline.headline, timeline.describe(), floor + 166
    picture = Replay(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 {height:g}" role="img">'
        f"<title>{title}</title><desc>{escape(words)}</desc><style>{_STYLE}{stands}\n"
        f"@media(prefers-reduced-motion:no-preference){{{clock.sweep()}{moves}}}</style>\n"
        f'<rect class="ground" width="960" height="{height:g}"/>{_text(LEFT, 36, title, "head")}'
        f"{_text(LEFT, 59, words.splitlines()[0] + clock.speed(), 'note')}"
        f"{_axis(timeline, clock, floor)}{_lanes(timeline, clock, pitch)}"
        f"{_cover(pitch, lanes, floor - TOP + 14)}{meters}</svg>\n"
    )
    picture.alt = f"{title}. {words}"
    return picture


class _Clock:
    """Where on the axis, and when in the animation, a moment of the run is."""

    def __init__(self, timeline: Timeline) -> None:
        self.span = timeline.end or 1.0
        self.worst = timeline.worst[0]
        self.holds = HOLDS if timeline.most_behind else 0.0
        whole = [n * 10**k for k in range(6) for n in (1, 2, 3, 5)]
        speeds = [*whole, *(1 / n for n in whole)]
        self.slower = min(speeds, key=lambda n: abs(np.log(n * self.span / PLAYS)))
        self.total = self.span * self.slower + self.holds + RESTS

    def x(self, seconds: float) -> float:
        return round(LEFT + WIDE * seconds / self.span, 1)

    def percent(self, seconds: float, waits: bool) -> float:
        """Return how much of the animation is over; with `waits`, also the worst moment's hold."""
        return round(100 * (seconds * self.slower + waits * self.holds) / self.total, 2)

    def sweep(self) -> str:
        """Return the style that moves the cover, and tells the worst moment."""
        stop, go = (self.percent(self.worst, waits) for waits in (False, True))
        x, runs = self.x(self.worst) - LEFT, f"{self.total:.2f}s linear infinite"
        told = f"0%,{stop}%{{opacity:0}}{stop + 2}%,{go}%{{opacity:1}}{go + 0.1}%,to{{opacity:0}}"
        return (
            f".cover{{visibility:visible}}.sweep{{animation:sweep {runs}}}"
            f".told{{animation:told {runs}}}@keyframes told{{{told}}}"
            f"@keyframes sweep{{{stop}%,{go}%{{transform:translateX({x:g}px)}}"
            f"{self.percent(self.span, True)}%,to{{transform:translateX({WIDE}px)}}}}"
        )

    def count(self, name: str, moments: list[float], held: float) -> str:
        """Return the style that counts up at each moment; from `held` on, after the hold."""
        stops = {0.0: 0} | {self.percent(at, at >= held): n for n, at in enumerate(moments, 1)}
        frames = "".join(f"{at}%{{--n:{n}}}" for at, n in (stops | {100.0: len(moments)}).items())
        runs = f"{self.total:.2f}s step-end infinite"
        return f".{name}{{animation:{name} {runs}}}@keyframes {name}{{{frames}}}"

    def speed(self) -> str:
        """Return how fast it is played, in words that are not there where nothing moves."""
        speed, word = (self.slower, "slower") if self.slower > 1 else (1 / self.slower, "faster")
        played = f"{speed:.0f} times {word}" if speed > 1 else "as fast as it ran"
        return f'<tspan class="cover"> Played {played}.</tspan>'


def _axis(timeline: Timeline, clock: _Clock, floor: float) -> str:
    """Return the seconds below the lanes, the worst moment, and what the lines above lanes are."""
    steps = (n * 10.0**k for k in range(-6, 9) for n in (1, 2, 5))
    step = next(step for step in steps if clock.span <= 6 * step)
    ticks = np.arange(0, clock.span, step).tolist()
    drawn = "".join(_text(clock.x(tick), floor + 26, f"{tick:g} s", "note mid") for tick in ticks)
    if clock.holds:
        x, (moment, finished, shown) = clock.x(clock.worst), timeline.worst
        side = "end" if x > LEFT + WIDE / 2 else ""
        said = f"{moment:.2f} s: {finished} finished, {shown} shown"
        line = f'<path class="mark" d="M{x} {TOP - 6}V{floor + 8:g}"/>'
        drawn += f'<g class="told">{_text(x, TOP - 13, said, f"said {side}")}{line}</g>'
        drawn += _wait(RIGHT - 215, RIGHT - 185, 55)
        drawn += _text(RIGHT, 59, "finished, waits to be shown", "note end")
    return drawn


def _lanes(timeline: Timeline, clock: _Clock, pitch: float) -> str:
    """Return each worker's tasks, and above them how long each waited to be shown."""
    high, drawn = 0.6 * pitch, ""
    finish = np.where(np.isnan(timeline.finish), timeline.end, timeline.finish)
    for worker in range(timeline.workers):
        top = TOP + pitch * (worker + 0.35)
        middle = top + high / 2 + 5
        rows = np.flatnonzero(timeline.worker == worker)
        rows = rows[np.argsort(timeline.start[rows])]
        if worker % ceil(15 / pitch) == 0:
            drawn += _text(LEFT - 12, middle, f"worker {worker}", "end")
        for turn, row in enumerate(rows):
            x, end = clock.x(timeline.start[row]), clock.x(finish[row])
            kind = "runs" if np.isnan(timeline.finish[row]) else ("one", "two")[turn % 2]
            drawn += _block(kind, x, top, end - x - 1.5, high)
            if high > 14 and end - x > 10 * len(str(row)):
                drawn += _text((x + end) / 2, middle, row, "task")
            if timeline.lag[row] > timeline.grace:
                drawn += _wait(end, clock.x(timeline.shown[row]), top - pitch / 7)
    return drawn


def _cover(pitch: float, lanes: int, high: float) -> str:
    """Return what hides the time to come: empty lanes, behind a line that is now."""
    size = f'width="{WIDE}" height="{high:g}"'
    rails = "".join(_block("rail", 0, pitch * (lane + 0.65) + 5, WIDE, 2) for lane in range(lanes))
    return (
        f'<svg x="{LEFT}" y="{TOP - 6}" {size}><g class="cover sweep"><rect class="ground" {size}/>'
        f'{rails}<path class="mark" d="M1 0V{high:g}"/></g></svg>'
    )


def _meters(timeline: Timeline, clock: _Clock, top: float) -> tuple[str, str, str]:
    """Return what counts (bars, numbers, tqdm's bar), how it stands still, and how it moves."""
    tasks, (_, finished, shown) = len(timeline), timeline.worst
    ended, seen = (np.sort(at[~np.isnan(at)]).tolist() for at in (timeline.finish, timeline.shown))
    if not clock.holds:
        finished, shown = len(ended), len(seen)
    # What ended as the worst moment came is not counted in it: its result is on the way.
    before = clock.worst - timeline.grace
    of = max(tasks, 1)
    stands = f"svg{{--of:{of}}}.done{{--n:{finished}}}.bar{{--n:{shown}}}"
    moves = clock.count("done", ended, before) + clock.count("bar", seen, clock.worst)
    counts = [f"{count}/{tasks}" for count in range(tasks + 1)]
    tqdm = [f"{n / of:4.0%}|{'█' * round(50 * n / of):50}| {n}/{tasks}" for n in range(tasks + 1)]
    rail, done, shade, bar = (
        _block(kind, 0, 0, BAR, LINE)
        for kind in ("rail", "one done long", "shade done long", "seen bar long")
    )
    rows = {
        "finished": rail + done + _strip("done", counts, BAR + 14),
        "shown": rail + shade + bar + _strip("bar", counts, BAR + 14),
        "tqdm": _strip("bar", tqdm, 0),
    }
    drawn = ""
    for row, (name, what) in enumerate(rows.items()):
        place = f"translate({LEFT} {top + 36 * row:g})"
        drawn += f'<g transform="{place}">{_text(-12, 18, name, "end")}{what}</g>'
    return drawn, stands, moves


def _strip(name: str, lines: list[str], x: float) -> str:
    """Return lines of text, one below the other, behind a window that is one line high."""
    spans = [f'<tspan x="0" y="{18 + LINE * n}">{line}</tspan>' for n, line in enumerate(lines)]
    return (
        f'<svg x="{x}" width="{WIDE}" height="{LINE}"><g class="{name} strip">'
        f'<text class="mono" xml:space="preserve">{"".join(spans)}</text></g></svg>'
    )


def _block(kind: str, x: float, y: float, wide: float, high: float) -> str:
    size = f'width="{max(wide, 0.5):.5g}" height="{high:g}"'
    return f'<rect class="{kind}" x="{x:g}" y="{y:g}" {size} rx="2"/>'


def _wait(x: float, until: float, y: float) -> str:
    path = f"M{x:g} {y:g}H{until:g}m-1-4v8"
    return f'<g class="wait"><circle cx="{x:g}" cy="{y:g}" r="2.5"/><path d="{path}"/></g>'


def _text(x: float, y: float, text: object, kind: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{text}</text>'
