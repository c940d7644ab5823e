# SPDX-License-Identifier: GPL-3.0-or-later
"""Watts and rack units before and after. What nobody measured or declared is unknown, not zero."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from .model import Guest, LegacyHost, Move, Row
from .policy import Policy


def compute(hosts: Mapping[str, LegacyHost], guests: Sequence[Guest], moves: Sequence[Move], policy: Policy) -> Row:
    """Power in watts, rounded up after. A legacy host that nothing leaves stays, and so do its watts and rack units."""
    leaving = {move.service.host for move in moves}
    staying = [name for name in hosts if name not in leaving]
    facts = policy.legacy_facts
    marginal = sum(watts(guest, policy) for guest in guests)
    watts_before, watts_staying = _sum(facts, list(hosts), "watts"), _sum(facts, staying, "watts")
    units_before, units_staying = _sum(facts, list(hosts), "rack_units"), _sum(facts, staying, "rack_units")
    return {
        "power_watts_before": watts_before,
        "power_watts_after": None if watts_staying is None else math.ceil(marginal + watts_staying),
        "rack_units_before": units_before,
        "rack_units_after": None if units_staying is None else units_staying + int(policy.node_facts.get("rack_units", 0)),
        "hosts_before": len(hosts),
        "hosts_after": len(staying),
        "guests": len(guests),
    }


def watts(guest: Guest, policy: Policy) -> float:
    """What a guest adds to a node that runs anyway: an upper bound, all of its cores busy."""
    per_core, per_gib = (float(policy.node_facts.get(name, 0)) for name in ("watts_per_core", "watts_per_gib"))
    return guest.size.cores * per_core + guest.size.memory_mib / 1024 * per_gib


def _sum(facts: Mapping[str, Mapping[str, object]], hosts: Sequence[str], name: str) -> int | None:
    values = [facts.get(host, {}).get(name) for host in hosts]
    known = [int(value) for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    return sum(known) if len(known) == len(hosts) else None
