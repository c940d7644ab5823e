# SPDX-License-Identifier: GPL-3.0-or-later
"""What several detectors of the machine need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ...model import Draft, LegacyHost, Row
from ...services import kind_of

STORES = frozenset({"mariadb", "postgresql", "redis", "rabbitmq"})  # what waits for a disk before it says yes


def units_of(host: LegacyHost, kind: str) -> set[str]:
    """The units that belong to a kind of service."""
    rows = [*host.rows("services"), *host.rows("limits")]
    names = {str(row.get("unit") or "") for row in rows} - {""}
    return {name for name in names if kind_of("", name) == kind}


def processes_of(host: LegacyHost, kind: str) -> list[Row]:
    """The rows of ``limits`` that belong to a kind of service, by their unit; where there are no units, by their program."""
    rows: Sequence[Row] = host.rows("limits")
    return [row for row in rows if kind_of("" if row.get("unit") else str(row.get("process") or ""), row.get("unit")) == kind]


def soft(row: Mapping[str, Mapping[str, Mapping[str, object]]], name: str) -> int | None:
    """A process' own limit; None where it is not known or has no end."""
    value = (row.get("limits") or {}).get(name, {}).get("soft")
    return value if isinstance(value, int) else None


def stores(draft: Draft) -> Iterator[tuple[LegacyHost, str]]:
    """Every service that keeps data on disk, with its host."""
    for service in draft.services:
        if service.kind in STORES:
            yield draft.hosts[service.host], service.id
