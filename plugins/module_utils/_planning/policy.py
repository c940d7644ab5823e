# SPDX-License-Identifier: GPL-3.0-or-later
"""What people decided and no survey can see: addresses, defaults, waivers, dropped services. Contradictions are errors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

from .._domain.errors import LotseError
from . import calendars, waivers
from .calendars import Calendar
from .model import CARRY, LIFT, MOVED
from .waivers import Waiver
from .waves import Limits

INVENTORY = "see group_vars/all/estate.yml of the inventory"


@dataclass(frozen=True)
class AddressRange:
    """Addresses for guests, both ends included."""

    first: IPv4Address
    last: IPv4Address
    prefix: int
    gateway: IPv4Address

    def __contains__(self, address: object) -> bool:
        return isinstance(address, IPv4Address) and self.first <= address <= self.last

    def __iter__(self) -> Any:
        return (IPv4Address(number) for number in range(int(self.first), int(self.last) + 1))

    def __len__(self) -> int:
        return int(self.last) - int(self.first) + 1


@dataclass(frozen=True)
class Sizing:
    """How guests are sized by what was observed. ``percentile`` None: 95, and 99 where a month's end was seen. 100 is the highest value.

    ``headroom``: the share of a guest's memory that stays free at the highest use that was seen. ``horizon_days``: disks hold what will have
    grown by then.
    """

    percentile: int | None = None
    headroom: float = 0.1
    horizon_days: int = 180
    cores_most: int = 32

    def key(self, *, month_end: bool) -> str:
        """The name of the percentile in a load file."""
        percentile = self.percentile or (99 if month_end else 95)
        return "max" if percentile == 100 else f"p{percentile}"


@dataclass(frozen=True)
class Policy:
    """Everything that the plan is told."""

    environment: str
    addresses: AddressRange
    template: str
    bridge: str
    storage: str
    pool: str
    public_address: str = ""
    legacy_facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    node_facts: Mapping[str, Any] = field(default_factory=dict)
    waivers: Sequence[Waiver] = ()
    dropped: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    comfort: float = 1.5
    sizing: Sizing = field(default_factory=Sizing)
    spare_nodes: int = 1
    reserve_mib: int = 2048
    cpu_overcommit: float = 1.0
    spare_domains: int = 0
    anti_affinity: tuple[str, ...] = ()
    failure_domains: Mapping[str, Sequence[str]] = field(default_factory=dict)
    day: date = date.min
    system: str = LIFT
    systems: Mapping[str, str] = field(default_factory=dict)
    templates: Mapping[str, str] = field(default_factory=dict)
    rates: Mapping[str, float] = field(default_factory=dict)
    target: float = 0.5
    cpu: str | None = None
    calendar: Calendar | None = None
    limits: Limits = field(default_factory=Limits)
    approvers: tuple[str, ...] = ()


def parse(given: Mapping[str, Any], today: date) -> Policy:
    """A policy from the inventory's variables. Raises LotseError for what is missing or contradicts itself."""
    defaults = given.get("guest_defaults") or {}
    missing = [f"plan_guest_defaults.{name}" for name in ("template", "bridge", "storage", "pool") if not defaults.get(name)]
    if not str(given.get("environment") or ""):
        missing.append("estate_env")
    if missing:
        raise LotseError(f"the plan's policy lacks {', '.join(missing)}", "", INVENTORY)
    placement, systems = given.get("placement") or {}, given.get("os") or {}
    if strange := sorted(set(systems) - {"default", "guests"}):
        raise LotseError(f"plan_os knows no {', '.join(strange)}", "plan_os", "it takes default and guests")
    approvers = tuple(str(name).strip() for name in given.get("approvers") or ())
    policy = Policy(
        environment=str(given["environment"]),
        addresses=_addresses(given.get("address_range") or {}),
        template=str(defaults["template"]),
        bridge=str(defaults["bridge"]),
        storage=str(defaults["storage"]),
        pool=str(defaults["pool"]),
        cpu=str(defaults["cpu"]) if defaults.get("cpu") else None,
        public_address=_public(str(given.get("public_address") or "")),
        legacy_facts=given.get("legacy_facts") or {},
        node_facts=given.get("node_facts") or {},
        waivers=waivers.parse(given.get("waivers") or [], approvers, today),
        dropped=_dropped(given.get("dropped_services") or []),
        overrides=decisions(given.get("guests") or {}, "plan_guests"),
        comfort=_comfort(given.get("comfort", 1.5), given.get("sizing") or {}),
        sizing=_sizing(given.get("sizing") or {}),
        spare_nodes=int(_number(placement.get("spare_nodes", 1), "plan_placement.spare_nodes", 0)),
        reserve_mib=int(_number(placement.get("reserve_mib", 2048), "plan_placement.reserve_mib", 0)),
        cpu_overcommit=_number(placement.get("cpu_overcommit", 1.0), "plan_placement.cpu_overcommit", 0.1),
        spare_domains=int(_number(placement.get("spare_domains", 0), "plan_placement.spare_domains", 0)),
        anti_affinity=tuple(sorted({str(tag) for tag in placement.get("anti_affinity") or ()})),
        failure_domains=_domains(placement.get("failure_domains") or {}),
        day=today,
        system=_choice(systems.get("default", LIFT), "plan_os.default"),
        systems={str(guest): _choice(choice, f"plan_os.guests.{guest}") for guest, choice in sorted((systems.get("guests") or {}).items())},
        templates={" ".join(str(name).lower().split()): str(template) for name, template in sorted((given.get("templates") or {}).items())},
        rates=_rates(given.get("rates") or {}),
        target=_number(given.get("target", 0.5), "plan_target", 0.0),
        calendar=calendars.parse(given.get("calendar")),
        limits=_limits(given.get("waves") or {}),
        approvers=approvers,
    )
    for name, value in (("spare_nodes", policy.spare_nodes), ("spare_domains", policy.spare_domains)):
        if value > 1:
            raise LotseError(f"plan_placement.{name} is {value}, but the plan can prove 0 or 1", "", INVENTORY)
    if policy.spare_domains and not policy.failure_domains:
        raise LotseError("plan_placement.spare_domains is 1, but there are no failure_domains", "", INVENTORY)
    return policy


SIZING = ("percentile", "comfort", "headroom", "horizon_days", "cores_most")
PERCENTILES = (50, 95, 99, 100)


def _comfort(given: object, sizing: Mapping[str, Any]) -> float:
    own = sizing.get("comfort")
    return _number(given, "plan_comfort", 1.0) if own is None else _number(own, "plan_sizing.comfort", 1.0)


def _sizing(given: Mapping[str, Any]) -> Sizing:
    if strange := sorted(set(given) - set(SIZING)):
        raise LotseError(f"plan_sizing knows no {', '.join(strange)}", "plan_sizing", f"it takes {', '.join(SIZING)}")
    told = {name: value for name, value in given.items() if value is not None}
    percentile = told.get("percentile")
    if percentile is not None and percentile not in PERCENTILES:
        wanted = ", ".join(str(number) for number in PERCENTILES)
        raise LotseError(f"plan_sizing.percentile is {percentile!r}, not one of {wanted}", "plan_sizing", INVENTORY)
    headroom = _number(told.get("headroom", Sizing.headroom), "plan_sizing.headroom", 0)
    if headroom > 0.9:
        raise LotseError(f"plan_sizing.headroom is {headroom:g}, not a share of at most 0.9", "plan_sizing", INVENTORY)
    return Sizing(
        percentile=percentile,
        headroom=headroom,
        horizon_days=int(_number(told.get("horizon_days", Sizing.horizon_days), "plan_sizing.horizon_days", 0)),
        cores_most=int(_number(told.get("cores_most", Sizing.cores_most), "plan_sizing.cores_most", 1)),
    )


def _domains(given: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Nodes by failure domain. A node is in one."""
    found = {str(name): tuple(str(node) for node in nodes) for name, nodes in sorted(given.items())}
    every = [node for nodes in found.values() for node in nodes]
    if twice := sorted({node for node in every if every.count(node) > 1}):
        raise LotseError(f"plan_placement.failure_domains has {twice[0]} twice", "", INVENTORY)
    return found


def _choice(value: object, name: str) -> str:
    if value not in {LIFT, CARRY}:
        raise LotseError(f"{name} is {value!r}, not lift or carry", "", INVENTORY)
    return str(value)


def _rates(given: Mapping[str, Any]) -> dict[str, float]:
    """MiB a second by kind of service."""
    if strange := sorted(set(given) - set(MOVED)):
        raise LotseError(f"plan_rates knows no {', '.join(strange)}", "plan_rates", f"it takes {', '.join(MOVED)}")
    return {str(kind): _number(value, f"plan_rates.{kind}", 0.01) for kind, value in sorted(given.items())}


def _number(value: object, name: str, least: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < least:
        raise LotseError(f"{name} is {value!r}, not a number of at least {least:g}", "", INVENTORY)
    return float(value)


def _addresses(given: Mapping[str, Any]) -> AddressRange:
    where = "plan_address_range"
    missing = [name for name in ("first", "last", "prefix", "gateway") if given.get(name) in (None, "")]
    if missing:
        raise LotseError(f"the range of addresses for guests lacks {', '.join(missing)}", where, INVENTORY)
    try:
        first, last, gateway = (IPv4Address(str(given[name])) for name in ("first", "last", "gateway"))
        network = IPv4Network(f"{first}/{int(given['prefix'])}", strict=False)
    except ValueError as failure:
        raise LotseError(f"the range of addresses for guests is wrong: {failure}", where, INVENTORY) from None
    for name, address in (("last", last), ("gateway", gateway)):
        if address not in network:
            raise LotseError(f"{name} ({address}) is outside of {network}, the network of the first address", where, INVENTORY)
    if last < first:
        raise LotseError(f"the range of addresses ends ({last}) before it begins ({first})", where, INVENTORY)
    if first <= gateway <= last:
        raise LotseError(f"the gateway {gateway} is among the addresses for guests", where, INVENTORY)
    return AddressRange(first, last, int(given["prefix"]), gateway)


DECISIONS = {"cores": 1, "memory_mib": 512, "disk_gib": 1}  # the least that may be decided
PLACES = ("node", "storage", "bridge", "tags", "cpu")


def decisions(given: Mapping[str, Mapping[str, Any]], where: str) -> dict[str, dict[str, Any]]:
    """What people decided about guests, in the inventory or in plan.yml."""
    for guest, row in given.items():
        strange = sorted(set(row) - set(DECISIONS) - set(PLACES))
        if strange:
            raise LotseError(f"{where}.{guest} knows no {', '.join(strange)}", where, f"it takes {', '.join([*DECISIONS, *PLACES])}")
        for name, least in DECISIONS.items():
            if name in row:
                number = _number(row[name], f"{where}.{guest}.{name}", least)
                if number != int(number):
                    raise LotseError(f"{where}.{guest}.{name} is {row[name]!r}, not a whole number", where, INVENTORY)
        for name in PLACES:
            if name in row and not isinstance(row[name], list if name == "tags" else str):
                raise LotseError(f"{where}.{guest}.{name} is {row[name]!r}, not a {'list' if name == 'tags' else 'name'}", where, INVENTORY)
    return {str(guest): dict(row) for guest, row in given.items()}


def _limits(given: Mapping[str, Any]) -> Limits:
    where = "plan_waves"
    if strange := sorted(set(given) - {"most_moves", "most_per_host", "canaries"}):
        raise LotseError(f"plan_waves knows no {', '.join(strange)}", where, "it takes most_moves, most_per_host and canaries")
    counts = {name: int(_number(given[name], f"{where}.{name}", 1)) for name in ("most_moves", "most_per_host") if given.get(name) is not None}
    return Limits(**counts, canaries=tuple(str(name) for name in given.get("canaries") or ()))


def _public(address: str) -> str:
    if not address:
        return ""
    try:
        interface = IPv4Interface(address)
    except ValueError as failure:
        raise LotseError(f"edge_public_address is wrong: {failure}", "", INVENTORY) from None
    if "/" not in address:
        raise LotseError(f"edge_public_address {address} has no prefix length", "", INVENTORY)
    return str(interface)


def _dropped(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        name = str(row.get("service") or "")
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", name):
            raise LotseError(f"a dropped service is named {name!r}, not service@host", "plan_dropped_services", INVENTORY)
        lacks = [part for part in ("reason", "approver") if not str(row.get(part) or "").strip()]
        if lacks:
            raise LotseError(f"dropping {name} lacks {' and '.join(lacks)}", "plan_dropped_services", INVENTORY)
        if name in found:
            raise LotseError(f"{name} is dropped twice", "plan_dropped_services", INVENTORY)
        found[name] = {"reason": str(row["reason"]), "approver": str(row["approver"])}
    return found
