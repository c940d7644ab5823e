# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of a crossing (reports/crossing.json, schema lotse/crossing/1). Pure: the same files give the same bytes.

What has no evidence is None, which reads "not proven". It is never 0: nobody looking is not the same as nothing happening.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from .timeline import Cut, Entry, Span, cuts, iso, plays, seconds, spans, state

Plan = Mapping[str, Any]
Journals = Mapping[str, Sequence[Entry]]

SCHEMA = "lotse/crossing/1"
STATEFUL = frozenset({"mariadb", "redis", "files", "http", "cron"})
"""Kinds whose old side could still take a write after the cutover: each must have been looked at."""
ENDED = frozenset({"committed", "rolled_back", "failed"})


def compute(
    plan: Plan,
    journals: Journals,
    *,
    load: Mapping[str, Any] | None = None,
    controls: Sequence[Mapping[str, Any]] | None = None,
    retired: Collection[str] = (),
    phases: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Figures from the plan, the moves' journals by move id, the load's summary, the recorded controls, retired hosts and phases.jsonl."""
    load = load if load and _same_time(load, journals) else None
    window = _window(journals, load)
    running = plays(phases, *window) if window else []
    moves = [_move(move, journals.get(str(move["id"]), ())) for move in plan["moves"]]
    measured = load or {}
    active = {name: spans(entries) for name, entries in sorted(journals.items())}
    return {
        "schema": SCHEMA,
        "environment": plan["environment"],
        "started_at": iso(window[0]) if window else None,
        "ended_at": iso(window[1]) if window else None,
        "duration_s": round(window[1] - window[0], 1) if window else None,
        **{name: measured.get(name) for name in ("requests_total", "requests_failed", "requests_over_2s")},
        "requests_per_second": measured.get("rate"),
        "latency_ms": dict(measured.get("latency_ms") or dict.fromkeys(("p50", "p99", "max"))),
        **{name: measured.get(name) for name in ("writes_acknowledged", "writes_lost", "writes_duplicated")},
        "lost": list(measured.get("lost", ())),
        "duplicated": list(measured.get("duplicated", ())),
        "audit_error": measured.get("audit_error", ""),
        "writes_on_fenced_side": _fenced(plan, journals),
        "cutovers_unwatched": _unwatched(journals, load),
        "moves": moves,
        "concerns": {name: sum(row["severity"] == name for row in plan["concerns"]) for name in ("critical", "warning", "info")},
        "concerns_open": sum(row["severity"] == "critical" and not row.get("applied") and not row.get("waived") for row in plan["concerns"]),
        "controls": _controls(controls),
        **_savings(plan, retired),
        "hosts_retired": sorted(set(plan["legacy"]) & set(retired)),
        "plays": [{"name": play.name, "started_at": iso(play.start), "ended_at": iso(play.end)} for play in running],
        "failures": [_failure(row, active, running) for row in measured.get("failures", ())],
        "failures_omitted": measured.get("failures_omitted", 0),
    }


def all_cuts(plan: Plan, journals: Journals) -> list[tuple[str, float, float]]:
    """Cutovers as (section, start, end), whatever came of them. Moves that are cut together are one, by the moment when it began."""
    found: dict[tuple[str, float], float] = {}
    for move in plan["moves"]:
        for cut in cuts(journals.get(str(move["id"]), ())):
            name = f"{move['section']}{' (back)' if cut.back else ''}"
            # An intent is written for each move in turn: a second of difference is the same cutover.
            same = next((key for key in found if key[0] == name and abs(key[1] - cut.start) < 1), (name, cut.start))
            found[same] = max(found.get(same, cut.end), cut.end)
    return [(name, start, end) for (name, start), end in found.items()]


def _move(move: Mapping[str, Any], entries: Sequence[Entry]) -> dict[str, Any]:
    now, made = state(entries), cuts(entries)
    forth, back = (_last(made, back=direction) for direction in (False, True))
    ends = [entry["at"] for entry in entries if entry["event"] == "state" and entry["step"] in ENDED]
    return {
        **{name: move[name] for name in ("id", "service", "kind", "from", "to")},
        "state": now,
        "write_pause_ms": forth.pause_ms if forth else None,
        "wave": move["wave"],
        "started_at": entries[0]["at"] if entries else None,
        "ended_at": ends[-1] if ends and now in ENDED else None,
        "section": move["section"],
        "rollback": move["rollback"],
        "rollback_pause_ms": back.pause_ms if back else None,
        "cut_at": iso(forth.start) if forth and forth.outcome == "done" else None,
        "cuts": [
            {"started_at": iso(cut.start), "ended_at": iso(cut.end), "write_pause_ms": cut.pause_ms, "back": cut.back, "outcome": cut.outcome}
            for cut in made
        ],
        "phases": [{"state": span.name, "started_at": iso(span.start), "ended_at": iso(span.end)} for span in spans(entries)],
        "runs": list(dict.fromkeys(str(entry["run"]) for entry in entries)),
        "fenced_writes": _sum(_looks(entries)),
    }


def _last(made: Sequence[Cut], *, back: bool) -> Cut | None:
    return next((cut for cut in reversed(made) if cut.back == back), None)


def _looks(entries: Sequence[Entry]) -> list[int | None]:
    """Writes on the fenced side by cutover, None for one that was not looked at. Each look counts from the fence on, so the last one is it.

    A cutover that was undone, by an abort or by the run that found it half-done, needs no look: its old side was meant to write again.
    """
    counts: list[int | None] = []
    is_open, looked = False, None
    for entry in entries:
        what = (entry["event"], entry["step"])
        if what == ("intent", "cut"):
            counts += [looked] if is_open else []
            is_open, looked = True, None
        elif what in {("failed", "cut"), ("state", "preparing")}:
            counts += [looked] if looked is not None else []
            is_open, looked = False, None
        elif what == ("observation", "fenced-side") and is_open:
            looked = int(entry["data"]["writes"])
    return [*counts, looked] if is_open else counts


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None


def _fenced(plan: Plan, journals: Journals) -> int | None:
    """The sum over all moves; None when a stateful move that crossed was not looked at, or none has crossed."""
    counted: list[int | None] = []
    for move in plan["moves"]:
        entries = journals.get(str(move["id"]), ())
        looks = _looks(entries)
        if move["kind"] in STATEFUL:
            counted += looks or ([None] if state(entries) in {"committed", "observing"} else [])
        else:
            counted += [look for look in looks if look is not None]
    return _sum(counted)


def _same_time(load: Mapping[str, Any], journals: Journals) -> bool:
    """Whether the load ran while something moved. Records of another time prove nothing about this crossing."""
    times = [seconds(entry["at"]) for entries in journals.values() for entry in (*entries[:1], *entries[-1:])]
    started, ended = load.get("started_at"), load.get("ended_at")
    if not times or started is None or ended is None:
        return not times
    return bool(started <= max(times) and min(times) <= ended)


def _window(journals: Journals, load: Mapping[str, Any] | None) -> tuple[float, float] | None:
    if load and load.get("started_at") is not None and load.get("ended_at") is not None:
        return float(load["started_at"]), float(load["ended_at"])
    times = [seconds(entry["at"]) for entries in journals.values() for entry in entries]
    return (min(times), max(times)) if times else None


def _unwatched(journals: Journals, load: Mapping[str, Any] | None) -> list[str]:
    """Moves with a cutover at a time when no users were there, or when nobody recorded what they saw."""
    window = (float(load["started_at"]), float(load["ended_at"])) if load and load.get("ended_at") is not None else (1.0, 0.0)
    return sorted(name for name, entries in journals.items() if any(not window[0] <= cut.start <= cut.end <= window[1] for cut in cuts(entries)))


def _controls(rows: Sequence[Mapping[str, Any]] | None) -> dict[str, int | None]:
    counts = Counter(str(row["state"]) for row in rows or ())
    return {name: counts[name] if rows else None for name in ("passed", "failed", "not_assessed")}


def _savings(plan: Plan, retired: Collection[str]) -> dict[str, int | None]:
    """Before: all legacy hosts. After: those that are still on, and what the guests add to the nodes (the plan's figure without its hosts)."""
    legacy, savings = plan["legacy"], plan["savings"]
    staying = set(legacy) - {str(move["from"]) for move in plan["moves"]}
    still_on = set(legacy) - set(retired)
    figures: dict[str, int | None] = {}
    for total, own in (("power_watts", "watts"), ("rack_units", "rack_units")):
        planned = savings.get(f"{total}_after")
        hosts = {name: legacy[name].get(own) for name in staying | still_on}
        known = planned is not None and all(value is not None for value in hosts.values())
        added = planned - sum(hosts[name] for name in staying) if known else 0
        figures[f"{total}_before"] = savings.get(f"{total}_before")
        figures[f"{total}_after"] = added + sum(hosts[name] for name in still_on) if known else None
        figures[f"{total}_planned"] = planned
    return figures


def _failure(row: Mapping[str, Any], active: Mapping[str, Sequence[Span]], running: Sequence[Span]) -> dict[str, Any]:
    """A failed or slow request with what was going on at its start and until its end."""
    start, end = float(row["at"]), float(row["at"]) + float(row["ms"] or 0) / 1000
    doing = [
        f"{name} {span.name.replace('_', ' ')}"
        for name, states in active.items()
        for span in states
        if span.start <= end and start <= span.end
    ]
    return {
        "at": iso(start),
        **{name: row.get(name) for name in ("ms", "op", "method", "status", "error")},
        "kind": "failed" if row["failed"] else "slow",
        "phase": ", ".join(dict.fromkeys(doing)),
        "play": ", ".join(dict.fromkeys(play.name for play in running if play.start <= end and start <= play.end)),
    }
