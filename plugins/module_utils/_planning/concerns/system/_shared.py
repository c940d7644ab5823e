# SPDX-License-Identifier: GPL-3.0-or-later
"""What several detectors of the machine need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...carried.units import programs
from ...model import Draft, LegacyHost, Row
from ...services import kind_of

STORES = frozenset({"mariadb", "postgresql", "redis", "rabbitmq"})  # what waits for a disk before it says yes


def processes_of(host: LegacyHost, kind: str) -> list[Row]:
    """The rows of ``limits`` that belong to a kind of service, by their unit; where there are no units, by their program."""
    rows: Sequence[Row] = host.rows("limits")
    named = [row for row in rows if kind_of("" if row.get("unit") else str(row.get("process") or ""), row.get("unit")) == kind]
    return [row for row in named if programs(kind, row)]


def carried(draft: Draft, service: str, key: str, value: str) -> bool:
    """Whether a unit of the guest gets this setting."""
    units = draft.settings_of(service).get("base_units") or {}
    return any(settings.get(key) == value for settings in units.values())


def stores(draft: Draft) -> Iterator[tuple[LegacyHost, str]]:
    """Every service that keeps data on disk, with its host."""
    for service in draft.services:
        if service.kind in STORES:
            yield draft.hosts[service.host], service.id
