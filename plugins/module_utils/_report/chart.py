# SPDX-License-Identifier: GPL-3.0-or-later
"""Small SVG pieces. Coordinates are CSS pixels in a picture of fixed width that scales with the page; colours come from style.py. Pure."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterator, Sequence

from .shell import escape

WIDTH = 1130
LEFT = 150  # room for names
RIGHT = 14
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800)


class Axis:
    """Time from ``start`` to ``end`` (epoch seconds) over the width that the names leave."""

    def __init__(self, start: float, end: float, left: float = LEFT, width: float = WIDTH) -> None:
        self.start, self.end = start, max(end, start + 0.001)
        self.left, self.right = left, width - RIGHT

    def x(self, moment: float) -> float:
        share = (min(max(moment, self.start), self.end) - self.start) / (self.end - self.start)
        return self.left + share * (self.right - self.left)

    def ticks(self, most: int = 9) -> Iterator[tuple[float, str]]:
        """Moments with their label: clock time in UTC, with the day where the axis is longer than one."""
        span = self.end - self.start
        step = next((step for step in STEPS if span / step <= most), span / most)
        moment = math.ceil(self.start / step) * step
        while moment <= self.end:
            yield moment, clock(moment, span)
            moment += step


def clock(moment: float, span: float = 0) -> str:
    form = "%H:%M:%S" if span < 7200 else "%H:%M" if span < 86400 else "%d %b %H:%M" if span < 864000 else "%d %b"
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).strftime(form)


def svg(height: float, body: str, label: str, width: float = WIDTH, minimum: int = 760) -> str:
    """A picture with its description; on a narrow screen it scrolls in its own box."""
    return (
        f'<div class="scroll" tabindex="0"><svg viewBox="0 0 {width:g} {num(height)}" width="{width:g}" height="{num(height)}" role="img" '
        f'aria-label="{escape(label)}" style="width:100%;height:auto;min-width:{minimum}px">{body}</svg></div>'
    )


def num(value: float) -> str:
    """A coordinate: two decimals at most, so that files stay small and equal."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def rect(x: float, y: float, width: float, height: float, *, css: str = "", title: str = "", fill: str = "", radius: float = 0) -> str:
    style = (f' class="{css}"' if css else "") + (f' style="fill:var({fill})"' if fill else "") + (f' rx="{num(radius)}"' if radius else "")
    place = f'x="{num(x)}" y="{num(y)}" width="{num(max(width, 0))}" height="{num(max(height, 0))}"'
    return f"<rect {place}{style}><title>{escape(title)}</title></rect>" if title else f"<rect {place}{style}/>"


def text(x: float, y: float, content: object, *, anchor: str = "start", css: str = "") -> str:
    style = f' class="{css}"' if css else ""
    return f'<text x="{num(x)}" y="{num(y)}" text-anchor="{anchor}"{style}>{escape(content)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, css: str = "rule") -> str:
    return f'<line x1="{num(x1)}" y1="{num(y1)}" x2="{num(x2)}" y2="{num(y2)}" class="{css}"/>'


def path(points: Sequence[tuple[float, float]], css: str) -> str:
    if not points:
        return ""
    return f'<path d="M{"L".join(f"{num(x)} {num(y)}" for x, y in points)}" class="{css}"/>'


def area(top: Sequence[tuple[float, float]], bottom: Sequence[tuple[float, float]], css: str) -> str:
    points = [*top, *reversed(bottom)]
    return f'<path d="M{"L".join(f"{num(x)} {num(y)}" for x, y in points)}Z" class="{css}"/>' if points else ""


def grid(axis: Axis, top: float, bottom: float, *, labels: bool = True) -> str:
    """Vertical rules at the ticks, with times beneath."""
    pieces = []
    for moment, label in axis.ticks():
        x = axis.x(moment)
        anchor = "end" if x > axis.right - 30 else "middle"
        pieces += [line(x, top, x, bottom), text(x, bottom + 16, label, anchor=anchor) if labels else ""]
    return "".join(pieces)


def log_scale(low: float, high: float, top: float, bottom: float) -> Callable[[float], float]:
    """Milliseconds to height, by powers of ten: a pause of 50 ms and an answer in 2 ms can be read in one picture."""
    low, high = math.log10(low), math.log10(high)

    def height(value: float) -> float:
        share = (math.log10(max(value, 10**low)) - low) / (high - low)
        return bottom - min(share, 1) * (bottom - top)

    return height


def short(content: str, characters: int) -> str:
    return content if len(content) <= characters else content[: characters - 1] + "…"
