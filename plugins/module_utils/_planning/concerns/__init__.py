# SPDX-License-Identifier: GPL-3.0-or-later
"""What could surprise people after the move, found beforehand. Each detector is a small function in one of these files."""

from __future__ import annotations

from collections.abc import Sequence

from ..model import SEVERITIES, Draft, Row
from ..policy import Policy, Waiver
from . import databases, edge, jobs, network, no_mover, system, unknowns, web
from .detector import Detector
from .unknowns import not_assessed

GROUPS = (unknowns, edge, network, web, databases, jobs, system)
_OTHERS: tuple[Detector, ...] = (no_mover.DETECTOR, *(detector for group in GROUPS for detector in group.DETECTORS))
DETECTORS: tuple[Detector, ...] = (not_assessed.knowing(_OTHERS), *_OTHERS)


def assess(draft: Draft, policy: Policy) -> list[Row]:
    """Every concern of a plan, the gravest first. A waiver changes nothing but ``waived``."""
    found = [
        {
            "id": detector.id, "severity": finding.severity, "host": finding.host, "service": finding.service,
            "title": finding.title or detector.title, "old": finding.old, "new": finding.new, "remedy": finding.remedy,
            "applied": finding.applied, "waived": _waived(detector.id, finding.host, policy.waivers),
        }
        for detector in DETECTORS
        for finding in detector.find(draft)
    ]  # fmt: skip
    return sorted(found, key=_order)


def _order(row: Row) -> tuple[int | str, ...]:
    return (SEVERITIES.index(str(row["severity"])), *(str(row[key]) for key in ("id", "host", "service", "title", "old")))


def _waived(name: str, host: str, waivers: Sequence[Waiver]) -> Row | None:
    waiver = next((waiver for waiver in waivers if (waiver.id, waiver.host) == (name, host)), None)
    return {"reason": waiver.reason, "approver": waiver.approver, "expires": waiver.expires.isoformat()} if waiver else None
