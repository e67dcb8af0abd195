"""A line chart over days as hand-made SVG: no script, no external resource, readable in grey and by the colour-blind."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from regie.base.clock import DAY_MS, day

WIDTH, HEIGHT = 1100, 380
LEFT, RIGHT, TOP, BOTTOM = 56, 32, 16, 110
LANE = 17
TICKS = 6
MONTH_DAYS = 27  # the shortest step between two labels of the time axis


@dataclass(frozen=True)
class Line:
    """One value for each day, `(days,)`; NaN is a gap."""

    name: str
    values: np.ndarray
    colour: str
    dash: str = ""


@dataclass(frozen=True)
class Lane:
    """One sort of thing that happened, each at a time with a sentence; drawn below the chart in a row of its own."""

    name: str
    colour: str
    shape: str
    marks: Sequence[tuple[int, str]]
    drops: bool = True  # a thin line from each mark up through the chart


SHAPES = {
    "triangle": "M0,-6 L6,5 L-6,5 Z",
    "circle": "M-5,0 A5,5 0 1,0 5,0 A5,5 0 1,0 -5,0 Z",
    "diamond": "M0,-6 L6,0 L0,6 L-6,0 Z",
    "cross": "M-5,-5 L5,5 M5,-5 L-5,5",
    "square": "M-5,-5 L5,-5 L5,5 L-5,5 Z",
}


@dataclass(frozen=True)
class Frame:
    """Where days and values lie on the paper."""

    first_ms: int
    days: int
    low: float
    high: float

    def x(self, ms: float) -> float:
        return LEFT + (ms - self.first_ms) / (self.days * DAY_MS) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return TOP + (self.high - value) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)


def chart(title: str, first_ms: int, lines: Sequence[Line], lanes: Sequence[Lane]) -> str:
    """An `<svg>` element. Day `d` of a line stands at the end of that day."""
    known = np.concatenate([line.values[~np.isnan(line.values)] for line in lines])
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    margin = max((high - low) * 0.05, 1e-3)
    frame = Frame(first_ms, len(lines[0].values), low - margin, high + margin)
    height = HEIGHT + max(len(lanes) - 5, 0) * LANE
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}" xmlns="http://www.w3.org/2000/svg">',
        f"<title>{escape(title)}</title>", *_grid(frame), *_lanes(frame, lanes), *(_line(frame, line) for line in lines), "</svg>",
    ]  # fmt: skip
    return "\n".join(parts)


def _grid(frame: Frame) -> Iterator[str]:
    bottom = HEIGHT - BOTTOM
    for value in _steps(frame.low, frame.high):
        y = frame.y(value)
        yield f'<path class="grid" d="M{LEFT},{y:.1f} H{WIDTH - RIGHT}"/>'
        yield f'<text class="axis" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:.2f}</text>'
    last = -math.inf
    for number in range(frame.days + 1):
        ms = frame.first_ms + number * DAY_MS
        if day(ms).endswith("-01") and number - last >= MONTH_DAYS:
            last = number
            yield f'<path class="grid" d="M{frame.x(ms):.1f},{TOP} V{bottom}"/>'
            yield f'<text class="axis" x="{frame.x(ms):.1f}" y="{bottom + 15}" text-anchor="middle">{day(ms)[:7]}</text>'


def _steps(low: float, high: float) -> list[float]:
    """About six round numbers between two."""
    raw = (high - low) / TICKS
    power = 10 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    return [number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _line(frame: Frame, line: Line) -> str:
    pieces, joined = [], False
    for number, value in enumerate(line.values.tolist()):
        if math.isnan(value):
            joined = False
            continue
        pieces.append(f"{'L' if joined else 'M'}{frame.x(frame.first_ms + (number + 1) * DAY_MS):.1f},{frame.y(value):.1f}")
        joined = True
    dash = f' stroke-dasharray="{line.dash}"' if line.dash else ""
    return f'<path class="line" stroke="{line.colour}"{dash} d="{" ".join(pieces)}"><title>{escape(line.name)}</title></path>'


def _lanes(frame: Frame, lanes: Sequence[Lane]) -> Iterator[str]:
    for number, lane in enumerate(lanes):
        y = HEIGHT - BOTTOM + 34 + number * LANE
        yield f'<path class="lane" d="M{LEFT},{y} H{WIDTH - RIGHT}"/>'
        for ms, says in lane.marks:
            x = frame.x(ms)
            if lane.drops:
                yield f'<path d="M{x:.1f},{TOP} V{y - 6}" stroke="{lane.colour}" class="drop"/>'
            yield f'<path transform="translate({x:.1f},{y})" d="{SHAPES[lane.shape]}" fill="{_fill(lane)}" stroke="{lane.colour}">'
            yield f"<title>{escape(f'{day(ms)} {says}')}</title></path>"


def _fill(lane: Lane) -> str:
    return "none" if lane.shape == "cross" else lane.colour


def legend_mark(lane: Lane) -> str:
    """The lane's shape for a legend."""
    path = f'<path d="{SHAPES[lane.shape]}" fill="{_fill(lane)}" stroke="{lane.colour}" stroke-width="1.5"/>'
    return f'<svg class="key" viewBox="-8 -8 16 16" width="14" height="14" aria-hidden="true">{path}</svg>'


def legend_line(line: Line) -> str:
    """The line's stroke for a legend."""
    dash = f' stroke-dasharray="{line.dash}"' if line.dash else ""
    path = f'<path d="M0,8 H28" stroke="{line.colour}" stroke-width="2.5"{dash}/>'
    return f'<svg class="key" viewBox="0 0 28 16" width="28" height="14" aria-hidden="true">{path}</svg>'
