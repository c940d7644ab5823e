# SPDX-License-Identifier: GPL-3.0-or-later
"""Waves on a calendar, in order, and each of their moves."""

from __future__ import annotations

import calendar
import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from ..shell import empty, escape, plural
from .cells import Column, Grid
from .facts import Facts, Row

ROLLBACK = ("none", "lossy", "lossless")
TONES = {"lossless": "good", "lossy": "warn", "none": "bad"}
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MOST_MONTHS = 24
SEQUENCE = 60  # waves without dates that are drawn one by one
MOVES = (
    Column("id", "Move", "strong"),
    Column("wave", "Wave", "wave", filters=True),
    Column("mover", "Mover", filters=True),
    Column("from", "From"),
    Column("to", "To"),
    Column("volume", "Data", "number", unit="GiB", none="unknown"),
    Column("prepare", "Before, min", "number", none="unknown"),
    Column("pause", "Pause", "number", unit="ms", none="none"),
    Column("rollback", "Way back", "badge", order=ROLLBACK, tones=TONES, filters=True),
    Column("until", "Way back until"),
    Column("section", "Section", detail=True),
    Column("service", "Service", detail=True),
    Column("window", "Window", detail=True),
    Column("cut", "The cut itself", "number", unit="s", detail=True),
)


def grid(facts: Facts) -> Grid:
    windows = {int(wave["number"]): _window(wave.get("window")) for wave in facts.plan["waves"]}
    rows = [_move(facts.moves[str(name)], windows) for wave in facts.plan["waves"] for name in wave["moves"] if str(name) in facts.moves]
    return Grid("moves", MOVES, rows, "Moves of one section are cut together, in one held breath at the edge.", "move", empty="Nothing moves.")


def _move(move: Row, windows: Mapping[int, str]) -> Row:
    lasts = move.get("duration_s") or {}
    volume, prepare = move.get("volume_mib"), lasts.get("prepare")
    return {
        "id": move["id"], "wave": int(move["wave"]), "mover": move.get("mover") or move["kind"], "from": move["from"], "to": move["to"],
        "volume": None if volume is None else round(volume / 1024, 2), "prepare": None if prepare is None else round(prepare / 60, 1),
        "pause": move["expected_pause_ms"] or None, "rollback": move["rollback"], "until": move.get("rollback_until") or "",
        "section": move.get("section") or "", "service": move["service"], "window": windows.get(int(move["wave"]), ""), "cut": lasts.get("cut"),
    }  # fmt: skip


def waves(facts: Facts) -> str:
    """The calendar where waves have windows, their order where they have none; then one line for each wave."""
    rows = facts.plan["waves"]
    if not rows:
        return empty("There is no wave: nothing moves.")
    dated = [(wave, found) for wave in rows if (found := _span(wave.get("window"))) is not None]
    picture = _calendar(facts, dated) if dated else _sequence(rows)
    return picture + _notes(facts.plan, bool(dated)) + summary(facts).html()


def _span(window: Row | None) -> tuple[datetime.datetime, datetime.datetime] | None:
    """Start and end as they are written, with their own offset: the calendar is that of the people who stand by."""
    try:
        start, end = (datetime.datetime.fromisoformat(str((window or {})[name])) for name in ("start", "end"))
    except (KeyError, ValueError):
        return None
    return (start, end)


def _window(window: Row | None) -> str:
    span = _span(window)
    if span is None:
        return ""
    start, end = span
    last = f"{end:%H:%M}" if (end - start) < datetime.timedelta(days=1) else f"{end:%a %Y-%m-%d %H:%M}"
    return f"{start:%a %Y-%m-%d %H:%M} to {last}"


def _calendar(facts: Facts, dated: Sequence[tuple[Row, tuple[datetime.datetime, datetime.datetime]]]) -> str:
    by_day: dict[datetime.date, list[str]] = {}
    for wave, (start, end) in dated:
        by_day.setdefault(start.date(), []).append(_pill(wave, f"{start:%H:%M} to {end:%H:%M}"))
    frozen = _frozen(facts.plan)
    months = sorted({(day.year, day.month) for day in by_day})
    first, last = months[0], months[-1]
    every = [(year, month) for year in range(first[0], last[0] + 1) for month in range(1, 13) if first <= (year, month) <= last]
    tables = "".join(_month(year, month, by_day, frozen) for year, month in every[:MOST_MONTHS])
    more = empty(f"The calendar ends after {MOST_MONTHS} months; all waves are in the list below.") if len(every) > MOST_MONTHS else ""
    return f'<div class="months">{tables}</div>{more}'


def _pill(wave: Row, when: str) -> str:
    number, count = int(wave["number"]), len(wave["moves"])
    told = f"wave {number}, {when}, {plural(count, 'move')}" + (", canary" if wave.get("canary") else "")
    mark = '<span class="when">canary</span>' if wave.get("canary") else ""
    return (
        f'<a class="pill{" canary" if wave.get("canary") else ""}" href="#moves" data-show="moves" data-wanted="{escape(_wanted(number))}" '
        f'title="{escape(told)}" aria-label="{escape(told)}"><b>{number}</b><span class="when">{escape(when)}</span>{mark}</a>'
    )


def _wanted(number: int) -> str:
    return f'{{"wave":"{number}"}}'


def _month(year: int, month: int, by_day: Mapping[datetime.date, Sequence[str]], frozen: Mapping[datetime.date, str]) -> str:
    heads = "".join(f'<th scope="col">{day}</th>' for day in DAYS)
    weeks = []
    for week in calendar.Calendar().monthdatescalendar(year, month):
        cells = []
        for day in week:
            if day.month != month:
                cells.append('<td class="out"></td>')
                continue
            kept = frozen.get(day)
            style = ' class="frozen"' if kept is not None else ' class="weekend"' if day.weekday() > 4 else ""
            note = f' title="{escape(kept)}"' if kept else ""
            words = '<span class="small">frozen</span>' if kept is not None else ""
            cells.append(f'<td{style}{note}><span class="day">{day.day}</span>{"".join(by_day.get(day, ()))}{words}</td>')
        weeks.append(f"<tr>{''.join(cells)}</tr>")
    name = f"{datetime.date(year, month, 1):%B %Y}"
    return f'<div class="card month"><table><caption>{name}</caption><thead><tr>{heads}</tr></thead><tbody>{"".join(weeks)}</tbody></table></div>'


def _frozen(plan: Row) -> dict[datetime.date, str]:
    """Days in which nothing may move, with the reason. A period that is not two dates is left to the planner's own checks."""
    found: dict[datetime.date, str] = {}
    for row in (plan.get("calendar") or {}).get("frozen") or ():
        try:
            start, end = (datetime.date.fromisoformat(str(row[name])[:10]) for name in ("start", "end"))
        except (KeyError, TypeError, ValueError):
            continue
        day = start
        while day <= end and len(found) < 3660:
            found[day] = str(row.get("reason") or "frozen")
            day += datetime.timedelta(days=1)
    return found


def _notes(plan: Row, dated: bool) -> str:
    told = []
    if not dated:
        told.append("No windows are planned: this is the order of the waves, not their dates.")
    else:
        zones = sorted({span[0].strftime("%z") for wave in plan["waves"] if (span := _span(wave.get("window"))) is not None})
        told.append(f"Times are {' and '.join(f'UTC{zone[:3]}:{zone[3:]}' if zone else 'without a zone' for zone in zones)}.")
    calendar_of = plan.get("calendar") or {}
    if calendar_of.get("staffed"):
        told.append(f"Staffed hours: {_staffed(calendar_of['staffed'])}.")
    told += [f"Frozen: {row.get('start')} to {row.get('end')}{', ' + str(row['reason']) if row.get('reason') else ''}."
             for row in calendar_of.get("frozen") or () if isinstance(row, Mapping)]  # fmt: skip
    return f'<p class="small muted">{escape(" ".join(told))}</p>'


def _staffed(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_staffed(entry)}" for name, entry in value.items())
    return ", ".join(_staffed(entry) for entry in value) if isinstance(value, (list, tuple)) else str(value)


def _sequence(rows: Sequence[Row]) -> str:
    pills = "".join(f"<li>{_pill(wave, plural(len(wave['moves']), 'move'))}</li>" for wave in rows[:SEQUENCE])
    more = f'<li class="muted">and {len(rows) - SEQUENCE} more</li>' if len(rows) > SEQUENCE else ""
    return f'<ol class="sequence card">{pills}{more}</ol>'


COLUMNS = (
    Column("number", "Wave", "wave"),
    Column("name", "Name", "strong", none=""),
    Column("window", "Window", "nowrap", none="not dated"),
    Column("moves", "Moves", "number"),
    Column("kinds", "What moves"),
    Column("volume", "Data", "number", unit="GiB", none="unknown"),
    Column("pause", "Pause, at most", "number", unit="ms", none="none"),
    Column("rollback", "Way back", "badge", order=ROLLBACK, tones=TONES),
    Column("hand", "By hand", "number", none="0"),
    Column("reasons", "Why here", detail=True),
)  # fmt: skip


def summary(facts: Facts) -> Grid:
    return Grid("waves", COLUMNS, [_summary(facts, wave) for wave in facts.plan["waves"]], "One line for each wave.", "wave", page=20)


def _summary(facts: Facts, wave: Row) -> Row:
    moves = [facts.moves[str(name)] for name in wave["moves"] if str(name) in facts.moves]
    kinds: dict[str, int] = {}
    for move in moves:
        kinds[str(move["kind"])] = kinds.get(str(move["kind"]), 0) + 1
    volumes = [move.get("volume_mib") for move in moves]
    known = [volume for volume in volumes if volume is not None]
    name = str(wave.get("name") or "")
    name = "" if name == f"wave {wave['number']}" else name
    return {
        "number": int(wave["number"]), "name": name + (" (canary)" if wave.get("canary") and "canary" not in name else ""),
        "window": _window(wave.get("window")), "moves": len(wave["moves"]),
        "kinds": ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items(), key=lambda item: (-item[1], item[0]))),
        "volume": round(sum(known) / 1024, 1) if known else None,
        "pause": max((int(move["expected_pause_ms"] or 0) for move in moves), default=0) or None,
        "rollback": min((str(move["rollback"]) for move in moves), key=lambda kind: ROLLBACK.index(kind) if kind in ROLLBACK else -1, default=""),
        "hand": sum(1 for move in moves if move.get("mover") == "by hand") or None,
        "reasons": "; ".join(str(reason) for reason in wave.get("reasons") or ()),
    }  # fmt: skip
