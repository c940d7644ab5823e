# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of a plan as types. Observed (LegacyHost) and desired (Guest, Move) are different types on purpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from ipaddress import ip_interface
from typing import Any

Row = dict[str, Any]
MOVED = ("edge", "mariadb", "redis", "files", "http", "cron")  # kinds that a mover moves
BY_HAND = ("postgresql", "memcached", "rabbitmq", "nfs", "apache", "nodejs", "docker", "mail")  # kinds that people move
KINDS = (*MOVED, *BY_HAND)
LIFT, CARRY = "lift", "carry"
HANDS = "by hand"  # the mover of a kind that no mover knows; the conductor never executes it
SEVERITIES = ("critical", "warning", "info")


@dataclass(frozen=True)
class LegacyHost:
    """A survey, and what can be read off it without further knowledge."""

    name: str
    survey: Mapping[str, Any]

    @property
    def address(self) -> str:
        return str(self.survey["address"])

    @property
    def addresses(self) -> frozenset[str]:
        """All IPv4 addresses of the host, without prefix and without loopback."""
        found = {str(ip_interface(str(entry)).ip) for entry in self.rows("addresses")}
        return frozenset({self.address, *(address for address in found if not address.startswith("127."))})

    def rows(self, section: str) -> Sequence[Any]:
        """A list of the survey; empty where the section was not seen (``not_assessed`` says so, and is a concern)."""
        found: Sequence[Any] = self.survey.get(section) or ()
        return found

    def part(self, section: str) -> Mapping[str, Any]:
        """An object of the survey; empty where the host has no such thing."""
        found: Mapping[str, Any] = self.survey.get(section) or {}
        return found

    @property
    def operating_system(self) -> str:
        system = self.part("os")
        return f"{str(system.get('id', 'unknown')).capitalize()} {system.get('version', '')}".strip()

    @property
    def time_zone(self) -> str:
        zone = str(self.part("os").get("time_zone") or "Etc/UTC")
        return "Etc/UTC" if zone in {"UTC", "Etc/UCT", "Universal", "Zulu"} else zone

    def users(self) -> dict[str, Row]:
        return {str(row["name"]): row for row in self.rows("users")}


@dataclass(frozen=True)
class Service:
    """One thing that runs on a legacy host and is moved as a unit. ``port`` is None for what does not listen."""

    kind: str
    host: str
    name: str
    port: int | None = None
    version: str = ""

    @property
    def id(self) -> str:
        return f"{self.kind}@{self.host}"

    def row(self) -> Row:
        return {"id": self.id, "kind": self.kind, "host": self.host, "name": self.name, "port": self.port}


@dataclass(frozen=True)
class Dropped:
    """A service that somebody declared not worth moving."""

    id: str
    host: str
    reason: str
    by: str

    def row(self) -> Row:
        return {"id": self.id, "host": self.host, "reason": f"declared: {self.reason}", "by": self.by}


@dataclass(frozen=True)
class Dependency:
    """``source`` needs ``target``. ``protocol`` is tcp or file; ``frequency`` says how often it was seen."""

    source: str
    target: str
    port: int | None
    protocol: str
    evidence: str
    frequency: str | None = None

    def row(self) -> Row:
        return {
            "from": self.source, "to": self.target, "port": self.port, "protocol": self.protocol, "frequency": self.frequency,
            "evidence": self.evidence,
        }  # fmt: skip


@dataclass(frozen=True, order=True)
class External:
    """An edge that leaves the estate. ``service`` is its id, or the host's name where no service is known for the process.

    ``peer`` is an address, or how many there are.
    """

    service: str
    direction: str
    peer: str
    port: int | None
    protocol: str
    kind: str
    name: str
    evidence: str

    def row(self) -> Row:
        return {
            "service": self.service, "direction": self.direction, "peer": self.peer, "name": self.name or None, "port": self.port,
            "protocol": self.protocol, "kind": self.kind, "evidence": self.evidence,
        }  # fmt: skip


@dataclass(frozen=True)
class Size:
    """Cores, memory in MiB, disk in GiB, and why; ``basis`` is the account of it in the plan."""

    cores: int
    memory_mib: int
    disk_gib: int
    reasons: tuple[str, ...] = ()
    basis: Row = field(default_factory=dict)


@dataclass(frozen=True)
class System:
    """A guest's operating system: ``choice`` is lift or carry, ``template`` has it."""

    choice: str
    source: str
    target: str
    template: str
    reason: str

    def row(self) -> Row:
        return {"choice": self.choice, "from": self.source, "to": self.target, "reason": self.reason}


@dataclass(frozen=True)
class Guest:
    """A virtual machine as it shall be, without its node."""

    name: str
    role: str
    host: str
    services: tuple[str, ...]
    address: str
    size: Size
    storage: str
    bridge: str
    system: System
    cpu: str | None = None
    mtu: int | None = None

    @property
    def template(self) -> str:
        return self.system.template


@dataclass(frozen=True)
class Effort:
    """What a move is expected to take. None is unknown: nobody measured it, or people do it by hand."""

    volume_mib: int | None = None
    prepare_s: int | None = None
    cut_s: int | None = None
    pause_ms: int | None = None


@dataclass(frozen=True)
class WayBack:
    """``kind`` is lossless, lossy or none; ``until`` says in words how long it is open."""

    kind: str
    until: str


@dataclass(frozen=True)
class Move:
    """One service's way. ``parameters`` are the mover's."""

    id: str
    service: Service
    guest: str
    wave: int
    section: str
    back: WayBack
    effort: Effort = Effort()
    parameters: Row = field(default_factory=dict)
    reasons: tuple[str, ...] = ()

    @property
    def rollback(self) -> str:
        return self.back.kind

    @property
    def mover(self) -> str:
        """Who moves it: the mover of its kind, or people."""
        return self.service.kind if self.service.kind in MOVED else HANDS

    def row(self) -> Row:
        effort = self.effort
        return {
            "id": self.id, "service": self.service.id, "kind": self.service.kind, "mover": self.mover, "from": self.service.host, "to": self.guest,
            "wave": self.wave, "section": self.section, "volume_mib": effort.volume_mib,
            "duration_s": {"prepare": effort.prepare_s, "cut": effort.cut_s}, "expected_pause_ms": effort.pause_ms,
            "rollback": self.back.kind, "rollback_until": self.back.until, "reasons": list(self.reasons), "parameters": self.parameters,
        }  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """What a detector saw. ``applied`` means that the plan itself carries the remedy."""

    host: str
    severity: str
    old: str
    new: str
    remedy: str
    applied: bool = False
    service: str = ""
    title: str = ""


@dataclass(frozen=True)
class Draft:
    """A plan but for its concerns: what detectors look at. ``cluster`` is what pve_info tells, ``loads`` the load over time by host."""

    hosts: Mapping[str, LegacyHost]
    services: Sequence[Service]
    dropped: Sequence[Dropped]
    dependencies: Sequence[Dependency]
    guests: Sequence[Guest]
    moves: Sequence[Move]
    settings: Mapping[str, Row]
    public_address: str
    legacy_facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    cluster: Mapping[str, Any] = field(default_factory=dict)
    loads: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    day: date = date.min
    horizon_days: int = 180
    external: Sequence[External] = ()

    # Detectors ask for these once for each host: they are looked up, not searched.
    @cached_property
    def _service_of(self) -> Mapping[tuple[str, str], Service]:
        return {(service.kind, service.host): service for service in reversed(self.services)}

    @cached_property
    def _move_of(self) -> Mapping[str, Move]:
        return {move.service.id: move for move in reversed(self.moves)}

    @cached_property
    def guests_of(self) -> Mapping[str, Sequence[Guest]]:
        """The guests that take a legacy host's place, by its name."""
        found: dict[str, list[Guest]] = {}
        for guest in self.guests:
            found.setdefault(guest.host, []).append(guest)
        return found

    @cached_property
    def _lifted(self) -> frozenset[str]:
        return frozenset(guest.name for guest in self.guests if guest.system.choice == LIFT)

    def service(self, kind: str, host: str) -> Service | None:
        return self._service_of.get((kind, host))

    def move(self, service: str) -> Move | None:
        return self._move_of.get(service)

    def lifted(self, guest: str) -> bool:
        """Whether a guest gets the new version of the operating system. Where it carries the old one on, what a new version changes is no
        concern: write ``only_lifted=True`` into ``@detector`` and ``assess`` drops such findings, or ask here."""
        return guest in self._lifted

    def unknown_power(self, host: str) -> bool:
        facts = self.legacy_facts.get(host, {})
        return facts.get("watts") is None or facts.get("rack_units") is None

    def settings_of(self, service: str) -> Row:
        """The settings of the guest that a service moves to; empty for a service without a move."""
        move = self.move(service)
        return dict(self.settings.get(move.guest, {})) if move else {}
