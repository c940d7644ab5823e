# SPDX-License-Identifier: GPL-3.0-or-later
"""What could surprise people after the move, found beforehand. Each detector is a small function in one of these files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .. import waivers
from ..model import SEVERITIES, Draft, Row
from ..policy import Policy
from ..waivers import Waiver
from . import databases, edge, files, jobs, load, network, postgresql, queues, system, unknowns, web
from .detector import Detector
from .unknowns import not_assessed

GROUPS = (unknowns, edge, network, web, databases, postgresql, queues, jobs, files, system, load)
_OTHERS: tuple[Detector, ...] = tuple(detector for group in GROUPS for detector in group.DETECTORS)
DETECTORS: tuple[Detector, ...] = (not_assessed.knowing(_OTHERS), *_OTHERS)


class _Scopes:
    """What a waiver may be about: the host, guests and service of each finding."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        everything = {service.id for service in draft.services} | {entry.id for entry in draft.dropped}
        self.known = {"host": frozenset(draft.hosts), "guest": frozenset(guest.name for guest in draft.guests), "service": frozenset(everything)}

    def guests(self, host: str, service: str) -> frozenset[str]:
        move = self._draft.move(service)
        return frozenset({move.guest} if move else (guest.name for guest in self._draft.guests_of.get(host, ())))

    def of(self, host: str, service: str) -> dict[str, frozenset[str]]:
        return {"host": frozenset({host}), "guest": self.guests(host, service), "service": frozenset({service})}

    def carried(self, host: str, service: str) -> bool:
        """Whether all guests that a finding is about keep the old version of the system."""
        guests = self.guests(host, service)
        return bool(guests) and not any(self._draft.lifted(guest) for guest in guests)


def assess(draft: Draft, policy: Policy) -> list[Row]:
    """Every concern of a plan, the gravest first. A waiver changes nothing but ``waived``."""
    scopes = _Scopes(draft)
    found = [
        {
            "id": detector.id, "severity": finding.severity, "host": finding.host, "service": finding.service,
            "title": finding.title or detector.title, "old": finding.old, "new": finding.new, "remedy": finding.remedy,
            "applied": finding.applied, "waived": _waived(detector.id, scopes.of(finding.host, finding.service), policy.waivers),
        }
        for detector in DETECTORS
        for finding in detector.find(draft)
        if not (detector.only_lifted and scopes.carried(finding.host, finding.service))
    ]  # fmt: skip
    return sorted(found, key=_order)


def review(draft: Draft, policy: Policy, found: Sequence[Row]) -> list[Row]:
    """Every waiver, and whether it counts. ``found`` are the plan's concerns."""
    scopes = _Scopes(draft)
    by_id: dict[str, list[Row]] = {}
    for row in found:
        by_id.setdefault(str(row["id"]), []).append(row)
    used = [
        waiver
        for waiver in policy.waivers
        if any(waiver.covers(scopes.of(str(row["host"]), str(row["service"]))) for row in by_id.get(waiver.id, ()))
    ]
    return waivers.table(policy.waivers, (detector.id for detector in DETECTORS), scopes.known, used)


def _order(row: Row) -> tuple[int | str, ...]:
    return (SEVERITIES.index(str(row["severity"])), *(str(row[key]) for key in ("id", "host", "service", "title", "old")))


def _waived(name: str, scope: Mapping[str, frozenset[str]], given: Sequence[Waiver]) -> Row | None:
    found = next((waiver for waiver in given if waiver.id == name and not waiver.why_not and waiver.covers(scope)), None)
    return {"reason": found.reason, "approver": found.approver, "expires": str(found.expires)} if found else None
