# SPDX-License-Identifier: GPL-3.0-or-later
"""The timeline: what moved when, and what users felt at that time, on one time axis. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .chart import LEFT, Axis, area, clock, grid, line, log_scale, num, path, rect, short, svg, text
from .shell import escape
from .timeline import INTERRUPTED, Span, episodes, seconds

Row = Mapping[str, Any]

FILLS = {
    "preparing": "--phase-prepare", "replicating": "--phase-replicate", "ready": "--phase-ready", "cutting": "--phase-cut",
    "observing": "--phase-observe", "rolling_back": "--phase-back",
}  # fmt: skip
GAP_S = 1800  # longer without any move: another picture
LATENCY_HEIGHT, REQUESTS_HEIGHT = 120, 34
FLOOR_MS, CEILING_MS = 1.0, 4000.0
MARKS_MS = (1, 10, 100, 1000)


def timeline(figures: Row, strip: Row | None) -> str:
    """Pictures of the whole crossing and of each time in which something moved. Empty when nothing has moved."""
    phases = [span for move in figures["moves"] for span in _spans(move)]
    if not phases:
        return ""
    whole = (seconds(figures["started_at"]), seconds(figures["ended_at"]))
    windows = episodes(phases, GAP_S)
    pictures = []
    first, last = windows[0][0], windows[-1][1]
    if len(windows) > 1 or (last - first) < 0.5 * (whole[1] - whole[0]):
        pictures.append(_heading("The whole crossing", *whole) + _overview(figures, strip, Axis(*whole)))
    for number, window in enumerate(windows, 1):
        title = "The moves" if len(windows) == 1 else f"The moves, part {number}"
        margin = max(1.0, 0.04 * (window[1] - window[0]))
        axis = Axis(window[0] - margin, window[1] + margin)
        pictures.append(_heading(title, axis.start, axis.end) + _detail(figures, strip, axis))
    return "".join(f'<div class="card">{picture}</div>' for picture in pictures) + legend()


def legend() -> str:
    rows = [(f"var({fill})", name.replace("_", " ")) for name, fill in FILLS.items()]
    rows += [("var(--bad)", "failed request, or controller gone"), ("var(--accent)", "median answer, shaded to the 99th percentile")]
    rows += [("var(--muted)", "slowest answer")]
    return f'<ul class="legend">{"".join(f"""<li><i style="color:{color}"></i>{escape(name)}</li>""" for color, name in rows)}</ul>'


def _heading(title: str, start: float, end: float) -> str:
    day = clock(start, 864000)
    when = f"{day}, {clock(start)} to {clock(end)} UTC" if end - start < 86400 else f"{day} to {clock(end, 864000)}"
    return f'<h3 style="margin-top:0">{escape(title)} <span class="muted small">{escape(when)}</span></h3>'


def _spans(move: Row) -> list[Span]:
    return [Span(phase["state"], seconds(phase["started_at"]), seconds(phase["ended_at"])) for phase in move["phases"]]


def _overview(figures: Row, strip: Row | None, axis: Axis) -> str:
    """Plays, one lane for each wave, and what users felt."""
    pieces, y = list(_plays(figures, axis)), 30.0
    for wave in sorted({move["wave"] for move in figures["moves"]}):
        pieces += [text(LEFT - 12, y + 11, f"wave {wave}", anchor="end"), rect(axis.left, y, axis.right - axis.left, 14, css="lane", radius=3)]
        spans = [span for move in figures["moves"] if move["wave"] == wave for span in _spans(move)]
        pieces += [_bar(axis, span, y, 14, f"wave {wave}") for span in sorted(spans, key=lambda span: [*FILLS, INTERRUPTED].index(span.name))]
        y += 18
    body, y = _felt(figures, strip, axis, y + 8)
    return svg(y + 24, grid(axis, 26, y) + "".join(pieces) + body, "Timeline of the whole crossing")


def _detail(figures: Row, strip: Row | None, axis: Axis) -> str:
    """One lane for each move, by wave."""
    inside = [move for move in figures["moves"] if any(span.start <= axis.end and axis.start <= span.end for span in _spans(move))]
    height = 20 if len(inside) <= 40 else 13 if len(inside) <= 120 else 3
    pieces, y = list(_plays(figures, axis)), 32.0
    for wave in sorted({move["wave"] for move in inside}):
        pieces.append(text(8, y + 13, f"Wave {wave}", css="strong"))
        bottom = y + 18
        for move in (move for move in inside if move["wave"] == wave):
            pieces += _lane(axis, move, y, height)
            y += height
        y = max(y, bottom) + 6
    body, y = _felt(figures, strip, axis, y + 6)
    return svg(y + 24, grid(axis, 26, y) + "".join(pieces) + body, "Timeline of the moves by wave, with the users' answer times below")


def _lane(axis: Axis, move: Row, y: float, height: float) -> Iterator[str]:
    """One move. Among very many, names and marks would only cover each other: pointing at a bar tells them."""
    gap = 2 if height > 10 else 0.4
    if height > 10:
        yield rect(axis.left, y + gap, axis.right - axis.left, height - 2 * gap, css="lane", radius=3)
        yield text(LEFT - 12, y + height / 2 + 4, short(str(move["id"]), 14), anchor="end")
    yield from (_bar(axis, span, y + gap, height - 2 * gap, str(move["id"])) for span in _spans(move))
    if height > 10:
        yield from _marks(axis, move, y, height)


def _bar(axis: Axis, span: Span, y: float, height: float, name: str) -> str:
    start, end = axis.x(span.start), axis.x(span.end)
    if span.end < axis.start or span.start > axis.end:
        return ""
    if span.name == INTERRUPTED:
        title = f"{name}: the controller was gone for {span.end - span.start:.1f} s"
        return rect(start, y, max(end - start, 2), height, css="gone", title=title)
    title = f"{name}: {span.name.replace('_', ' ')} for {span.end - span.start:.2f} s"
    return rect(start, y, max(end - start, 1.5), height, fill=FILLS.get(span.name, "--muted"), title=title, radius=1.5)


def _marks(axis: Axis, move: Row, y: float, height: float) -> Iterator[str]:
    """The cutovers of a move, and how it ended."""
    for cut in move["cuts"]:
        moment = seconds(cut["started_at"])
        if axis.start <= moment <= axis.end:
            pause = "" if cut["write_pause_ms"] is None else f", requests waited {cut['write_pause_ms']} ms"
            title = f"{move['id']}: {'cut back' if cut['back'] else 'cutover'} {cut['outcome']} at {clock(moment)}{pause}"
            x, middle, size = axis.x(moment), y + height / 2, min(height / 2, 7)
            points = f"{num(x)},{num(middle - size)} {num(x + size)},{num(middle)} {num(x)},{num(middle + size)} {num(x - size)},{num(middle)}"
            fill = "--phase-cut" if cut["outcome"] == "done" else "--bad"
            style = f"fill:var({fill});stroke:var(--surface);stroke-width:1.5"
            yield f'<polygon points="{points}" style="{style}"><title>{escape(title)}</title></polygon>'


def _plays(figures: Row, axis: Axis) -> Iterator[str]:
    """The playbooks' parts, named by what stands before the bar in a play's name."""
    merged: list[tuple[str, float, float]] = []
    for play in figures["plays"]:
        name, start, end = str(play["name"]).split(" | ")[0], seconds(play["started_at"]), seconds(play["ended_at"])
        if merged and merged[-1][0] == name and start - merged[-1][2] < 2:
            merged[-1] = (name, merged[-1][1], end)
        else:
            merged.append((name, start, end))
    if merged:
        yield text(LEFT - 12, 17, "playbooks", anchor="end")
    for name, start, end in merged:
        if end < axis.start or start > axis.end:
            continue
        left, right = axis.x(start), axis.x(end)
        yield rect(left + 0.5, 4, max(right - left - 1, 1), 18, css="play", title=f"{name}: {end - start:.1f} s", radius=3)
        if right - left > 7.2 * len(name) + 8:
            yield text((left + right) / 2, 17, name, anchor="middle")


def _felt(figures: Row, strip: Row | None, axis: Axis, y: float) -> tuple[str, float]:
    """What users felt: answer times, then requests with the failed ones in front. Gives the picture and where it ends."""
    if not strip or not strip["rows"]:
        return text(axis.left, y + 14, "What users felt is not proven: no live users were recorded.", css="strong"), y + 24
    top, bottom = y + 4, y + 4 + LATENCY_HEIGHT
    scale = log_scale(FLOOR_MS, CEILING_MS, top, bottom)
    pieces = [text(8, top + 14, "Answer time", css="strong"), *(
        line(axis.left, scale(mark), axis.right, scale(mark)) + text(LEFT - 12, scale(mark) + 4, f"{mark} ms" if mark < 1000 else "1 s", anchor="end")
        for mark in MARKS_MS
    )]  # fmt: skip
    pieces.append(line(axis.left, scale(2000), axis.right, scale(2000), "limit"))
    width = float(strip["bucket_s"])
    rows = [(float(strip["start"]) + index * width, row) for index, row in enumerate(strip["rows"])]
    rows = [(start, row) for start, row in rows if start + width > axis.start and start < axis.end]
    for piece in _unbroken(rows):
        points = [(axis.x(start + width / 2), row) for start, row in piece]
        pieces.append(area([(x, scale(row[3])) for x, row in points], [(x, scale(row[2])) for x, row in points], "band"))
        pieces.append(path([(x, scale(row[2])) for x, row in points], "p50"))
        pieces += [f'<circle cx="{num(x)}" cy="{num(scale(row[4]))}" r="1.7" class="max"/>' for x, row in points]
    pieces += [line(axis.x(moment), 26, axis.x(moment), bottom, "cut") for moment in _cut_moments(figures) if axis.start <= moment <= axis.end]
    base = bottom + 10 + REQUESTS_HEIGHT
    most = max((row[0] for _start, row in rows), default=0) or 1
    pieces += [text(8, base - REQUESTS_HEIGHT + 14, "Requests", css="strong"), text(LEFT - 12, base, "failed in red", anchor="end")]
    for start, row in rows:
        x, tall, red = axis.x(start), REQUESTS_HEIGHT * row[0] / most, REQUESTS_HEIGHT * row[1] / most
        wide = axis.x(start + width) - x
        bar = max(wide - 0.6, 0.4)
        pieces.append(rect(x, base - tall, bar, tall, css="requests"))
        if row[1]:
            pieces.append(rect(x, base - max(red, 8), max(bar, 3), max(red, 8), css="failed"))
        pieces.append(rect(x, top, max(wide, 0.5), base - top, css="hit", title=_told(start, row, width)))
    return "".join(pieces), base + 4


def _unbroken(rows: Sequence[tuple[float, Sequence[Any]]]) -> list[list[tuple[float, Sequence[Any]]]]:
    """Runs of buckets that have answers: a line over a second without one would be invented."""
    pieces: list[list[tuple[float, Sequence[Any]]]] = [[]]
    for start, row in rows:
        if row[2] is None:
            pieces.append([])
        else:
            pieces[-1].append((start, row))
    return [piece for piece in pieces if piece]


def _told(start: float, row: Sequence[Any], width: float) -> str:
    when = clock(start) if width == 1 else f"{clock(start)} and {width:g} s on"
    if row[2] is None:
        return f"{when}: {row[0]} requests, {row[1]} failed"
    return f"{when}: {row[0]} requests, {row[1]} failed; median {row[2]} ms, 99th percentile {row[3]} ms, slowest {row[4]} ms"


def _cut_moments(figures: Row) -> list[float]:
    return sorted({seconds(cut["started_at"]) for move in figures["moves"] for cut in move["cuts"] if cut["outcome"] == "done"})


def close_ups(figures: Row, shots: Sequence[Row]) -> str:
    """Every single request around each cutover: the held ones rise, and none is missing."""
    return f'<div class="columns">{"".join(_close_up(figures, shot) for shot in shots)}</div>' if shots else ""


def _close_up(figures: Row, shot: Row) -> str:
    width, height, left = 350.0, 165.0, 54.0
    length = float(shot["end"]) - float(shot["start"])
    axis = Axis(-4, 4 + length, left, width)
    scale = log_scale(FLOOR_MS, CEILING_MS, 8, height - 24)
    section = str(shot["cut"]).removesuffix(" (back)")
    moves = [str(move["id"]) for move in figures["moves"] if move["section"] == section] or [section]
    pieces = [line(left, scale(mark), axis.right, scale(mark)) for mark in MARKS_MS]
    pieces += [text(left - 6, scale(mark) + 4, f"{mark} ms" if mark < 1000 else "1 s", anchor="end") for mark in MARKS_MS]
    pieces.append(rect(axis.x(0), 8, max(axis.x(length) - axis.x(0), 2.5), height - 32, css="hold", title=f"cutover, {length * 1000:.0f} ms"))
    for at, ms, ok in shot["points"]:
        css = "answered" if ok else "failed"
        pieces.append(f'<circle cx="{num(axis.x(at))}" cy="{num(scale(max(ms, 0.1)))}" r="{"2" if ok else "4"}" class="{css}"/>')
    pieces += [text(axis.x(at), height - 8, f"{at:+d} s" if at else "cut", anchor="middle") for at in (-3, -2, -1, 0, 1, 2, 3)]
    slowest = max((point[1] for point in shot["points"]), default=None)
    failed = sum(not point[2] for point in shot["points"])
    told = "no request around it" if slowest is None else f"slowest answer {slowest:.0f} ms, {failed} failed of {len(shot['points'])}"
    back = " back" if str(shot["cut"]).endswith(" (back)") else ""
    label = f"Requests around the cutover of {', '.join(moves)}: {told}"
    picture = svg(height, "".join(pieces), label, width=width, minimum=0)
    title = f'<span class="title">{escape(", ".join(moves))}{back}</span>'
    return f'<div class="card"><h3 style="margin:0">{title}</h3><p class="muted small" style="margin:0 0 .4rem">{escape(told)}</p>{picture}</div>'

