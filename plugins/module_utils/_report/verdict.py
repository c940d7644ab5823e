# SPDX-License-Identifier: GPL-3.0-or-later
"""What a crossing came to, in one headline that never says more than is proven. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .shell import plural

Figures = Mapping[str, Any]

UNDER_WAY = ("preparing", "replicating", "ready", "cutting", "observing", "rolling_back")


@dataclass(frozen=True)
class Verdict:
    """``tone`` is good, bad or unknown; ``broken`` is what went wrong, ``unproven`` what nobody can say."""

    tone: str
    headline: str
    lead: str
    broken: Sequence[str] = field(default_factory=list)
    unproven: Sequence[str] = field(default_factory=list)


def judge(figures: Figures) -> Verdict:
    states = Counter(str(move["state"]) for move in figures["moves"])
    broken, unproven = _noticed(figures), _unproven(figures)
    wrong = _wrong(figures, states)
    lead = _lead(figures, states)
    if not figures["moves"]:
        return Verdict("unknown", "There is nothing to move", "The plan has no moves.")
    if set(states) == {"planned"}:
        return Verdict("unknown", "Not begun yet", f"{plural(len(figures['moves']), 'move')} planned; the old servers serve as ever.", wrong)
    if broken:
        return Verdict("bad", "Somebody noticed", lead, [*broken, *wrong], unproven)
    if wrong:
        return Verdict("bad", "Something is wrong", lead, wrong, unproven)
    if unproven:
        return Verdict("unknown", "Not proven that nobody noticed", lead, (), unproven)
    if set(states) == {"committed"}:
        return Verdict("good", "Nobody noticed", lead)
    if set(states) == {"rolled_back"}:
        return Verdict("good", "Taken back, and nobody noticed", lead)
    return Verdict("good", "So far, nobody noticed", lead)


def _lead(figures: Figures, states: Mapping[str, int]) -> str:
    total = len(figures["moves"])
    parts = [f"{states.get('committed', 0)} of {plural(total, 'service')} moved"]
    parts += [f"{states[name]} {name.replace('_', ' ')}" for name in ("rolled_back", "failed", "planned") if states.get(name)]
    under_way = sum(states.get(name, 0) for name in UNDER_WAY)
    parts += [f"{under_way} under way"] if under_way else []
    text = ", ".join(parts)
    if figures["requests_total"]:
        text += f" while live users made {figures['requests_total']:,} requests"
        text += f" and {plural(figures['writes_acknowledged'], 'acknowledged write')}" if figures["writes_acknowledged"] else ""
    if figures["hosts_retired"]:
        text += f"; {plural(len(figures['hosts_retired']), 'old server')} switched off"
    return f"{text}."


def _noticed(figures: Figures) -> list[str]:
    """What users felt, or lost."""
    told = {
        "requests_failed": "request failed|requests failed",
        "requests_over_2s": "request took longer than 2 s|requests took longer than 2 s",
        "writes_lost": "acknowledged write is lost|acknowledged writes are lost",
        "writes_duplicated": "write is there more than once|writes are there more than once",
        "writes_on_fenced_side": "write reached a side that was fenced|writes reached a side that was fenced",
    }
    return [f"{figures[name]} {words.split('|')[figures[name] != 1]}" for name, words in told.items() if figures[name]]


def _unproven(figures: Figures) -> list[str]:
    found: list[str] = []
    if figures["requests_total"] is None:
        found.append("No live users were recorded: nobody knows what they saw. Give the report the load's records (report_load_dir).")
    elif not figures["requests_total"]:
        found.append("The live users made no request.")
    elif figures["cutovers_unwatched"]:
        found.append(f"No users were recorded during the cutover of {', '.join(figures['cutovers_unwatched'])}.")
    if figures["requests_total"] and figures["writes_lost"] is None:
        found.append(f"Whether every acknowledged write is there was not proven: {figures['audit_error'] or 'there was no audit'}.")
    if figures["writes_on_fenced_side"] is None:
        found.append("Whether a write reached a fenced side was not looked at for every move.")
    controls = figures["controls"]
    if controls["passed"] is None:
        found.append("The new side was not verified against the old one (evidence/verify.json is missing).")
    elif controls["not_assessed"]:
        found.append(f"{plural(controls['not_assessed'], 'control')} could not be assessed.")
    return found


def _wrong(figures: Figures, states: Mapping[str, int]) -> list[str]:
    found = []
    if states.get("failed"):
        names = ", ".join(str(move["id"]) for move in figures["moves"] if move["state"] == "failed")
        found.append(f"{plural(states['failed'], 'move')} failed: {names}")
    if figures["controls"]["failed"]:
        found.append(f"{plural(figures['controls']['failed'], 'control')} failed")
    if figures["concerns_open"]:
        found.append(f"{plural(figures['concerns_open'], 'critical concern')} neither mended nor waived")
    return found
