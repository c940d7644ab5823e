# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, addresses and identities of guests and moves. What a former plan gave stays for ever."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from .._domain.errors import LotseError
from .model import BY_HAND, LegacyHost, Service
from .policy import Policy


@dataclass(frozen=True)
class Role:
    """A role of guests, in the order in which names and addresses are given."""

    name: str
    prefix: str
    kinds: tuple[str, ...]


SHORT = {"postgresql": "pg", "rabbitmq": "mq", "nodejs": "node"}
ROLES = (
    Role("edge", "edge", ("edge",)),
    Role("web_php", "web", ("http", "files")),
    Role("mariadb", "db", ("mariadb",)),
    Role("redis", "cache", ("redis",)),
    Role("cron_worker", "worker", ("cron",)),
    *(Role(kind, SHORT.get(kind, kind), (kind,)) for kind in BY_HAND),
)


@dataclass(frozen=True)
class Seat:
    """A guest's name, role and address, and the services that it takes over from one legacy host."""

    name: str
    role: str
    host: str
    services: tuple[str, ...]
    address: str


def identity(environment: str, name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"lotse:{environment}/{name}"))


def seats(services: Sequence[Service], hosts: Mapping[str, LegacyHost], policy: Policy, previous: Mapping[str, Any]) -> list[Seat]:
    """One guest for each service; a web application shares one with its files."""
    _free_of_legacy(hosts, policy)
    former = {_key(guest): guest for guest in previous.get("guests", ())}
    addresses = _Addresses(policy, [str(guest["address"]).split("/")[0] for guest in former.values()])
    names = {str(guest["name"]) for guest in former.values()}
    begin: dict[str, int] = {}
    found = []
    for role in ROLES:
        for host in sorted({service.host for service in services if service.kind in role.kinds}):
            own = tuple(sorted(service.id for service in services if service.host == host and service.kind in role.kinds))
            before = former.get((role.name, host))
            name = str(before["name"]) if before else _name(role.prefix, names, begin)
            names.add(name)
            address = addresses.keep(str(before["address"]).split("/")[0]) if before else None
            found.append(Seat(name, role.name, host, own, address or addresses.next(name)))
    return found


def _key(guest: Mapping[str, Any]) -> tuple[str, str]:
    return str(guest["role"]), str(guest["services"][0]).split("@")[1]


def _name(prefix: str, taken: set[str], begin: dict[str, int]) -> str:
    """The first free name of a prefix. ``begin`` remembers up to which number all are taken."""
    number = begin.get(prefix, 1)
    while (name := f"{prefix}-{number:02d}") in taken:
        number += 1
    begin[prefix] = number
    return name


class _Addresses:
    def __init__(self, policy: Policy, reserved: Sequence[str]) -> None:
        self.range = policy.addresses
        self.taken = {IPv4Address(address) for address in reserved}
        self.free = (address for address in policy.addresses if address not in self.taken)

    def keep(self, address: str) -> str | None:
        """An address given before, as long as it is in the range."""
        return address if IPv4Address(address) in self.range else None

    def next(self, name: str) -> str:
        if (address := next(self.free, None)) is not None:
            return str(address)
        what = f"the range of {len(self.range)} addresses for guests is too small: {name} gets none"
        raise LotseError(what, f"plan_address_range {self.range.first}-{self.range.last}", "make the range larger")


def _free_of_legacy(hosts: Mapping[str, LegacyHost], policy: Policy) -> None:
    # Guests get IPv4 addresses; a host's IPv6 addresses are not in the way.
    old = [(address, host.name) for host in hosts.values() for address in sorted(host.addresses) if ":" not in address]
    used = {IPv4Address(address): f"legacy host {name}" for address, name in old}
    if policy.public_address:
        used[IPv4Address(policy.public_address.split("/")[0])] = "the edge's public address"
    for address, user in sorted(used.items()):
        if address in policy.addresses:
            where = f"plan_address_range {policy.addresses.first}-{policy.addresses.last}"
            raise LotseError(f"{address} in the range for guests is in use by {user}", where, "choose a range that nobody uses")


def move_ids(services: Sequence[Service], previous: Mapping[str, Any]) -> dict[str, str]:
    """Ids of moves by service: the kind where there is one such service, else kind-host. A former id stays, for the journal has it."""
    former = {str(move["service"]): str(move["id"]) for move in previous.get("moves", ())}
    kinds = [service.kind for service in services]
    given = {service.id: former[service.id] for service in services if service.id in former}
    for service in services:
        if service.id not in given:
            plain = kinds.count(service.kind) == 1 and service.kind not in given.values()
            given[service.id] = service.kind if plain else f"{service.kind}-{service.host}"
    return given
