# SPDX-License-Identifier: GPL-3.0-or-later
"""reports/crossing.html: the whole crossing on one page. Pure; everything that comes from the estate goes through ``escape``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from .estate_map import estate_map
from .gantt import close_ups, timeline
from .page_moves import SCRIPT, moves
from .shell import NOT_PROVEN, badge, empty, escape, figure, figures, fold, page, pairs, plural, section, table
from .timeline import Entry, clock_time, seconds
from .verdict import judge

Row = Mapping[str, Any]

SEVERITIES = ("critical", "warning", "info")
MOST_FAILURES = 200
FOOTER = (
    "<footer>All times are UTC. The same figures as data: <code>crossing.json</code>, beside this page. "
    "It was made from the estate's plan, journals, evidence and ledger; the same files give the same page.</footer>"
)
LINKS = (
    ("timeline", "Timeline"), ("map", "Before and after"), ("moves-section", "Moves"), ("concerns", "Concerns"), ("controls", "Verification"),
)  # fmt: skip


def render(
    crossing: Row, plan: Row, journals: Mapping[str, Sequence[Entry]], load: Row | None = None, controls: Sequence[Row] | None = None
) -> str:
    """The page for the figures of ``figures.compute``, from the same files."""
    states = {str(move["id"]): str(move["state"]) for move in crossing["moves"]}
    measured = load if crossing["requests_total"] is not None else None
    picture = timeline(crossing, measured["strip"] if measured else None) or empty("Nothing has moved yet.")
    shots = close_ups(crossing, measured["close_ups"]) if measured else ""
    about = "Above, what moved when; below, on the same axis, what live users felt at that moment."
    parts = [
        _hero(crossing),
        _key_figures(crossing),
        section("timeline", "Timeline", picture + _failures(crossing), about),
        section("close-ups", "Each cutover, request by request", shots, "A dot is a request, the band the critical section.") if shots else "",
        section("map", "Before and after", f'<div class="card">{estate_map(plan, states, crossing["hosts_retired"])}</div>' + _savings(crossing)),
        section("moves-section", "Moves", moves(crossing, journals), "Open one to read its journal."),
        section("concerns", "Concerns", _concerns(plan["concerns"]), "What would have broken, found before the move."),
        section("controls", "Verification", _controls(controls), "What was proven on the new side, and against the old one."),
        FOOTER,
    ]
    return page(f"crossing of {crossing['environment']}", "\n".join(parts), script=SCRIPT, links=LINKS)


def _hero(crossing: Row) -> str:
    verdict = judge(crossing)
    when = f"{clock_time(seconds(crossing['started_at']), day=True)}, {_duration(crossing['duration_s'])}" if crossing["started_at"] else "not begun"
    points = "".join(f"<li>{escape(reason)}</li>" for reason in (*verdict.broken, *verdict.unproven))
    return (
        f'<header class="hero {verdict.tone}"><p class="eyebrow">The crossing of {escape(crossing["environment"])} · {escape(when)}</p>'
        f'<h1>{escape(verdict.headline)}</h1><p class="lead">{escape(verdict.lead)}</p>{f"<ul>{points}</ul>" if points else ""}</header>'
    )


def _key_figures(crossing: Row) -> str:
    latency, controls = crossing["latency_ms"], crossing["controls"]
    pauses = [(move["write_pause_ms"], str(move["id"])) for move in crossing["moves"] if move["write_pause_ms"] is not None]
    longest = max(pauses, default=None)
    rate = f" at {crossing['requests_per_second']:g} a second" if crossing["requests_per_second"] else ""
    done = sum(move["state"] == "committed" for move in crossing["moves"])
    off = f"{plural(len(crossing['hosts_retired']), 'old server')} switched off"
    return figures([
        _zero("Requests failed", crossing["requests_failed"], f"of {crossing['requests_total'] or 0:,}{rate}"),
        _zero("Requests over 2 s", crossing["requests_over_2s"], _slowest(latency)),
        _zero("Writes lost", crossing["writes_lost"], _acknowledged(crossing)),
        _zero("Writes duplicated", crossing["writes_duplicated"], "each must be there exactly once"),
        _zero("Writes on a fenced side", crossing["writes_on_fenced_side"], "on old sides, after their cutovers"),
        figure("Longest write pause", longest[0] if longest else None, longest[1] if longest else "no cutover measured", unit="ms"),
        figure("Services moved", f"{done} of {len(crossing['moves'])}", off, tone="good" if done == len(crossing["moves"]) else "warn"),
        _controls_figure(controls),
        figure("Power", _before_after(crossing, "power_watts"), f"planned {_shown(crossing['power_watts_planned'])} W", unit="W"),
        figure("Rack units", _before_after(crossing, "rack_units"), f"planned {_shown(crossing['rack_units_planned'])} U", unit="U"),
    ])  # fmt: skip


def _zero(label: str, value: int | None, note: str) -> str:
    """A figure that ought to be 0."""
    return figure(label, value if value is None else f"{value:,}", note, tone="bad" if value else "good")


def _slowest(latency: Row) -> str:
    return "" if latency["max"] is None else f"median {latency['p50']} ms, p99 {latency['p99']} ms, slowest {latency['max']} ms"


def _acknowledged(crossing: Row) -> str:
    if crossing["writes_acknowledged"] is None:
        return ""
    return f"of {crossing['writes_acknowledged']:,} acknowledged"


def _controls_figure(controls: Row) -> str:
    if controls["passed"] is None:
        return figure("Controls passed", None)
    total = sum(controls.values())
    tone = "bad" if controls["failed"] else "unknown" if controls["not_assessed"] else "good"
    note = f"{controls['failed']} failed, {controls['not_assessed']} not assessed"
    return figure("Controls passed", f"{controls['passed']} of {total}", note, tone=tone)


def _before_after(crossing: Row, name: str) -> str | None:
    before, after = crossing[f"{name}_before"], crossing[f"{name}_after"]
    return None if before is None or after is None else f"{before:,} \u2192 {after:,}"


def _shown(value: Any) -> str:
    return NOT_PROVEN if value is None else f"{value:,}"


def _duration(duration: float) -> str:
    minutes, rest = divmod(round(duration), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _failures(crossing: Row) -> str:
    """Each request that failed or took too long, with what was going on."""
    rows = crossing["failures"]
    if not rows:
        return ""
    cells = [_failure(row) for row in rows[:MOST_FAILURES]]
    left_out = len(rows) - len(cells) + crossing["failures_omitted"]
    caption = "Requests that failed or took more than 2 s" + (f"; {left_out} more are not shown" if left_out else "")
    heads = ("UTC", "Kind", "What the user did", "Status", "Took", "Error", "Going on at that moment")
    return f'<div class="card">{table(heads, cells, numbers=frozenset({4}), caption=caption)}</div>'


def _failure(row: Row) -> list[str]:
    when = f'<span class="mono nowrap">{escape(clock_time(seconds(row["at"])))}</span>'
    kind = badge("failed" if row["kind"] == "failed" else "warning", row["kind"])
    told = [row["op"], row["status"], f"{row['ms']} ms", row["error"], row["phase"] or row["play"] or "nothing moved"]
    return [when, kind, *map(escape, told)]


def _savings(crossing: Row) -> str:
    bars = [
        _bars(f"Power, {unit_long}", crossing[f"{name}_before"], crossing[f"{name}_after"], unit)
        for name, unit_long, unit in (("power_watts", "watts", "W"), ("rack_units", "units of rack space", "U"))
    ]
    note = "After counts old servers that are still on, and what the guests add to nodes that run anyway."
    return f'<div class="columns" style="margin-top:.75rem">{"".join(bars)}</div><p class="muted small">{note}</p>'


def _bars(title: str, before: float | None, after: float | None, unit: str) -> str:
    most = max(before or 0, after or 0) or 1
    rows = "".join(
        f'<div style="display:grid;grid-template-columns:4rem 1fr 6rem;gap:.6rem;align-items:center"><span class="muted small">{word}</span>'
        f'<svg viewBox="0 0 100 14" preserveAspectRatio="none" width="100%" height="18" aria-hidden="true">'
        '<rect width="100" height="14" class="lane"/>'
        f'<rect width="{0 if value is None else round(100 * value / most, 2)}" height="14" class="{word}"/></svg>'
        f'<span class="number nowrap">{escape(_shown(value))}{f" {unit}" if value is not None else ""}</span></div>'
        for word, value in (("before", before), ("after", after))
    )
    saved = "" if before is None or after is None or before <= after else f"{round(100 * (before - after) / before)} % less"
    return f'<div class="card"><h3 style="margin-top:0">{escape(title)} <span class="muted small">{saved}</span></h3>{rows}</div>'


def _concerns(rows: Sequence[Row]) -> str:
    if not rows:
        return empty("None was found.")
    order = dict(zip(SEVERITIES, range(len(SEVERITIES)), strict=True))
    return "".join(_concern(row) for row in sorted(rows, key=lambda row: (order.get(row["severity"], 9), str(row["id"]), str(row["host"]))))


def _concern(row: Row) -> str:
    fate = "waived" if row.get("waived") else "applied" if row.get("applied") else "open" if row["severity"] == "critical" else ""
    words = {"applied": "mended by the plan", "waived": "waived", "open": "open"}
    summary = (
        f'{badge(row["severity"])}<span class="title">{escape(row["title"])}</span><span class="push"></span>'
        f'<code>{escape(row["id"])}</code>{badge(fate, words[fate]) if fate else ""}'
    )
    facts = [("Where", f"{escape(row['host'])}{f', {escape(row.get('service'))}' if row.get('service') else ''}"),
             ("Old side", escape(row["old"])), ("New side", escape(row["new"])), ("Remedy", escape(row["remedy"]))]  # fmt: skip
    if waiver := row.get("waived"):
        facts.append(("Waived", escape(f"{waiver['reason']} ({waiver['approver']}, until {waiver['expires']})")))
    return fold(summary, pairs(facts))


def _controls(rows: Sequence[Row] | None) -> str:
    if not rows:
        return empty("Nothing was verified yet: run the playbook verify.")
    ordered = sorted(rows, key=lambda row: (str(row["move"]), str(row["id"]), str(row["host"])))
    return "".join(_controls_of(move, list(group)) for move, group in groupby(ordered, key=lambda row: str(row["move"])))


def _controls_of(move: str, rows: Sequence[Row]) -> str:
    counts = {state: sum(row["state"] == state for row in rows) for state in ("passed", "failed", "not_assessed")}
    told = " ".join(badge(state, f"{count} {state.replace('_', ' ')}") for state, count in counts.items() if count)
    cells = [[badge(row["state"]), *(escape(row[name]) for name in ("title", "host", "id", "evidence"))] for row in rows]
    body = table(("State", "Control", "Where", "Id", "Evidence"), cells)
    summary = f'<span class="title">{escape(move or "the guests")}</span><span class="push"></span>{told}'
    return fold(summary, body, shown=counts["passed"] != len(rows))
