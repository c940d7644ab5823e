# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of legacy hosts that are written into files: which new address stands for an old one, and where it is replaced."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import trees
from .model import LegacyHost, Row, Service
from .naming import Seat

ADDRESS = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")


@dataclass(frozen=True)
class NewAddresses:
    """Old address -> kind of service -> new address."""

    by_kind: Mapping[str, Mapping[str, str]]

    def of(self, address: str, kind: str | None = None) -> str | None:
        """The address that takes the place of a legacy host's. None where its services part, and no kind says which is meant."""
        known = self.by_kind.get(address, {})
        if kind:
            return known.get(kind)
        targets = set(known.values())
        return targets.pop() if len(targets) == 1 else None

    def replaced(self, text: str, kind: str | None = None) -> str:
        """A text with every old address that has one successor replaced."""
        return ADDRESS.sub(lambda match: self.of(match[0], kind) or match[0], text)


def new_addresses(hosts: Mapping[str, LegacyHost], services: Sequence[Service], seats: Sequence[Seat], public: str) -> NewAddresses:
    """The public address keeps its place, so it is nobody's old address."""
    taker = {service: seat.address for seat in seats for service in seat.services}
    kept = public.split("/")[0]
    found: dict[str, dict[str, str]] = {}
    for host in hosts.values():
        moved = {service.kind: taker[service.id] for service in services if service.host == host.name and service.port and service.id in taker}
        for address in host.addresses - {kept}:
            found[address] = moved
    return NewAddresses(found)


def rules(host: LegacyHost, paths: Sequence[str], new: NewAddresses) -> list[Row]:
    """What a mover replaces in the files below ``paths``: ``[{"file": path, "replace": {old: new}}]``, sorted by file."""
    found: dict[str, dict[str, str]] = {}
    for row in host.rows("literal_addresses"):
        file, old = str(row["file"]), str(row["address"])
        target = new.of(old)
        if target and any(trees.inside(file, path) for path in paths):
            found.setdefault(file, {})[old] = target
    return [{"file": file, "replace": dict(sorted(replace.items()))} for file, replace in sorted(found.items())]
