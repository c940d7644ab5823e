# SPDX-License-Identifier: GPL-3.0-or-later
"""When each move was in which state, read from its journal. Times are seconds since 1970. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Entry = Mapping[str, Any]

ACTIVE = frozenset({"preparing", "replicating", "ready", "cutting", "observing", "rolling_back"})
INTERRUPTED = "interrupted"  # the controller was gone: between the last word of one run and the first of the next


@dataclass(frozen=True)
class Span:
    """A state that a move was in, or a play that ran."""

    name: str
    start: float
    end: float

    def at(self, moment: float) -> bool:
        return self.start <= moment <= self.end


@dataclass(frozen=True)
class Cut:
    """One critical section as the journal tells it. ``outcome`` is done, undone, or interrupted; ``pause_ms`` is None where none is known."""

    start: float
    end: float
    pause_ms: float | None
    back: bool
    outcome: str


def seconds(text: object) -> float:
    """Epoch seconds of an ISO time. Raises ValueError for anything else, also for a time without a zone."""
    moment = datetime.datetime.fromisoformat(str(text))
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return moment.timestamp()


def iso(moment: float) -> str:
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).isoformat(timespec="milliseconds")


def clock_time(moment: float, *, day: bool = False) -> str:
    """``06:20:01.123``, or ``24 November 2026, 06:20 UTC`` for a day."""
    when = datetime.datetime.fromtimestamp(moment, datetime.UTC)
    return f"{when.day} {when:%B %Y, %H:%M} UTC" if day else f"{when:%H:%M:%S}.{when.microsecond // 1000:03}"


def state(entries: Sequence[Entry]) -> str:
    return next((str(entry["step"]) for entry in reversed(entries) if entry["event"] == "state"), "planned")


def spans(entries: Sequence[Entry]) -> list[Span]:
    """The active states of a move in order. A state that never ended lasts to the journal's last word."""
    found: list[Span] = []
    current, since, last, run = "", 0.0, 0.0, None
    for entry in entries:
        moment = seconds(entry["at"])
        if run is not None and entry["run"] != run and current in ACTIVE:
            found += [Span(current, since, last), Span(INTERRUPTED, last, moment)]
            since = moment
        if entry["event"] == "state":
            if current in ACTIVE:
                found.append(Span(current, since, moment))
            current, since = str(entry["step"]), moment
        last, run = moment, entry["run"]
    if current in ACTIVE:
        found.append(Span(current, since, last))
    return [span for span in found if span.end > span.start or span.name != INTERRUPTED]


def cuts(entries: Sequence[Entry]) -> list[Cut]:
    """Every critical section, oldest first."""
    found: list[Cut] = []
    begun: tuple[float, bool] | None = None
    for entry in entries:
        if entry["step"] != "cut" or entry["event"] not in {"intent", "result", "failed"}:
            continue
        moment, data = seconds(entry["at"]), entry["data"]
        if entry["event"] == "intent":
            if begun:
                found.append(Cut(begun[0], begun[0], None, begun[1], INTERRUPTED))
            begun = (moment, bool(data.get("back")))
            continue
        start = begun[0] if begun else moment
        done = entry["event"] == "result"
        if done and data.get("started_at") and data.get("ended_at"):
            start, moment = seconds(data["started_at"]), seconds(data["ended_at"])
        pause = data.get("write_pause_ms") if done else None
        found.append(Cut(start, moment, pause, bool(data.get("back")), "done" if done else "undone"))
        begun = None
    if begun:
        found.append(Cut(begun[0], begun[0], None, begun[1], INTERRUPTED))
    return found


def plays(rows: Iterable[Mapping[str, Any]], start: float, end: float) -> list[Span]:
    """Plays of phases.jsonl inside of a window, cut at its edges: what runs later must not change a report that is written again."""
    found: list[Span] = []
    open_plays: dict[str, tuple[str, float]] = {}
    for row in rows:
        event, moment, run = str(row["event"]), seconds(row["at"]), str(row.get("run", ""))
        if event == "play started":
            open_plays[run] = (str(row["name"]), moment)
        elif event in {"play ended", "playbook ended"} and run in open_plays:
            name, began = open_plays.pop(run)
            found.append(Span(name, began, moment))
    found += [Span(name, began, end) for name, began in open_plays.values()]
    inside = [Span(span.name, max(span.start, start), min(span.end, end)) for span in found]
    return sorted((span for span in inside if span.end > span.start), key=lambda span: (span.start, span.end, span.name))


def episodes(active: Iterable[Span], gap: float) -> list[tuple[float, float]]:
    """Windows in which something was going on, apart by more than ``gap`` seconds."""
    windows: list[tuple[float, float]] = []
    for span in sorted(active, key=lambda span: span.start):
        if windows and span.start - windows[-1][1] <= gap:
            windows[-1] = (windows[-1][0], max(windows[-1][1], span.end))
        else:
            windows.append((span.start, span.end))
    return windows
