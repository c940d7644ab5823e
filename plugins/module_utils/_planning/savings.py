# SPDX-License-Identifier: GPL-3.0-or-later
"""Watts, rack units and machines before and after, wave by wave, against the target. What nobody measured or declared is unknown, not zero."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from .model import Guest, LegacyHost, Move, Row
from .policy import Policy

NAMES = {"watts": "watts", "rack_units": "rack units"}


def compute(hosts: Mapping[str, LegacyHost], guests: Sequence[Guest], moves: Sequence[Move], policy: Policy) -> Row:
    """Power in watts, rounded up after. A legacy host that nothing leaves stays, and so do its watts and rack units."""
    leaving = {move.service.host for move in moves}
    staying = [name for name in hosts if name not in leaving]
    marginal = sum(watts(guest, policy) for guest in guests)
    bought = int(policy.node_facts.get("machines", 0))
    watts_before, watts_staying = _sum(policy, hosts, "watts"), _sum(policy, staying, "watts")
    units_before, units_staying = _sum(policy, hosts, "rack_units"), _sum(policy, staying, "rack_units")
    watts_after = None if watts_staying is None else math.ceil(marginal + watts_staying)
    units_after = None if units_staying is None else units_staying + int(policy.node_facts.get("rack_units", 0))
    met = _met([(watts_before, watts_after), (units_before, units_after)], policy.target)
    return {
        "power_watts_before": watts_before,
        "power_watts_after": watts_after,
        "rack_units_before": units_before,
        "rack_units_after": units_after,
        "hosts_before": len(hosts),
        "hosts_after": len(staying),
        "machines_before": len(hosts),
        "machines_after": len(staying) + bought,
        "guests": len(guests),
        "target": policy.target,
        "target_met": met,
        "shortfall": "" if met else _shortfall(hosts, staying, marginal, (watts_before, watts_after), (units_before, units_after), policy),
        "by_wave": _by_wave(hosts, guests, moves, policy),
    }


def watts(guest: Guest, policy: Policy) -> float:
    """What a guest adds to a node that runs anyway: an upper bound, all of its cores busy."""
    per_core, per_gib = (float(policy.node_facts.get(name, 0)) for name in ("watts_per_core", "watts_per_gib"))
    return guest.size.cores * per_core + guest.size.memory_mib / 1024 * per_gib


Pair = tuple[int | None, int | None]


def _met(pairs: Sequence[Pair], target: float) -> bool | None:
    """Whether every figure falls to the target's share. One that does not is enough for no; an unknown one leaves it open."""
    known = [after <= before * target for before, after in pairs if before is not None and after is not None]
    if not all(known):
        return False
    return True if len(known) == len(pairs) else None


def _shortfall(
    hosts: Mapping[str, LegacyHost], staying: Sequence[str], marginal: float, power: Pair, units: Pair, policy: Policy
) -> str:
    """In words, why the target is not met, or why nobody can say."""
    parts = []
    for name, unit, (before, after) in (("watts", "W", power), ("rack_units", "U", units)):
        unknown = [host for host in hosts if _figure(policy, host, name) is None]
        if unknown:
            parts.append(f"{NAMES[name]} of {_listed(unknown)} are unknown (legacy_facts)")
        if before is not None and after is not None and after > before * policy.target:
            parts.append(f"{NAMES[name]} fall from {before} to {after} {unit}, and the target is {math.floor(before * policy.target)} {unit}")
    if staying:
        kept = [f"{host} ({_words(policy, host)})" for host in staying]
        parts.append(f"{_listed(kept)} stay{'s' if len(kept) == 1 else ''}, for no service moves away from there")
    before, after = power
    if before is not None and after is not None and after > before * policy.target and marginal:
        parts.append(f"the guests add {math.ceil(marginal)} W to the nodes")
    if bought := int(policy.node_facts.get("rack_units", 0)):
        parts.append(f"the nodes that were bought take {bought} U")
    return "; ".join(parts)


def _words(policy: Policy, host: str) -> str:
    power, units = _figure(policy, host, "watts"), _figure(policy, host, "rack_units")
    return f"{'? W' if power is None else f'{power} W'}, {'? U' if units is None else f'{units} U'}"


def _listed(items: Sequence[str], most: int = 8) -> str:
    more = len(items) - most
    return ", ".join(items[:most]) + (f" and {more} more" if more > 0 else "")


def _by_wave(hosts: Mapping[str, LegacyHost], guests: Sequence[Guest], moves: Sequence[Move], policy: Policy) -> list[Row]:
    """What is on after each wave. A legacy host is off with the last wave that leaves it, a guest is on with the first that comes."""
    last: dict[str, int] = {}
    first: dict[str, int] = {}
    for move in moves:
        last[move.service.host] = max(move.wave, last.get(move.service.host, 0))
        first[move.guest] = min(move.wave, first.get(move.guest, move.wave))
    # Running totals, so that many waves of many hosts are walked through once.
    off: dict[int, list[str]] = {}
    for host, number in sorted(last.items()):
        off.setdefault(number, []).append(host)
    coming: dict[int, float] = {}
    for guest in guests:
        number = first[guest.name]
        coming[number] = coming.get(number, 0.0) + watts(guest, policy)
    power, units = _sum(policy, hosts, "watts"), _sum(policy, hosts, "rack_units")
    machines, bought, added = len(hosts) + int(policy.node_facts.get("machines", 0)), int(policy.node_facts.get("rack_units", 0)), 0.0
    rows: list[Row] = []
    for number in sorted(set(last.values()) | set(first.values())):
        gone = off.get(number, [])
        added += coming.get(number, 0.0)
        machines -= len(gone)
        power = None if power is None else power - (_sum(policy, gone, "watts") or 0)
        units = None if units is None else units - (_sum(policy, gone, "rack_units") or 0)
        rows.append({
            "wave": number, "off": gone, "power_watts": None if power is None else math.ceil(power + added),
            "rack_units": None if units is None else units + bought, "machines": machines,
        })  # fmt: skip
    return rows


def _figure(policy: Policy, host: str, name: str) -> int | None:
    value = policy.legacy_facts.get(host, {}).get(name)
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _sum(policy: Policy, hosts: Mapping[str, LegacyHost] | Sequence[str], name: str) -> int | None:
    values = [_figure(policy, host, name) for host in hosts]
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
