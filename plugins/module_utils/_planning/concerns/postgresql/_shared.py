# SPDX-License-Identifier: GPL-3.0-or-later
"""What detectors of PostgreSQL share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...model import Draft, LegacyHost, Row

SHORT_S, LONG_S = 60, 3600  # of a transaction; cutover's fence waits for it


@dataclass(frozen=True)
class Cluster:
    """One server of a service, with the host that it runs on."""

    service: str
    host: LegacyHost
    row: Row

    @property
    def name(self) -> str:
        return f"PostgreSQL {self.row['version']} on port {self.row['port']}"

    @property
    def major(self) -> tuple[int, ...]:
        return numbers(str(self.row["major"]))

    def databases(self) -> list[Row]:
        """Those that people made."""
        return [row for row in self.row.get("databases") or () if not row.get("template")]


def clusters(draft: Draft) -> Iterator[Cluster]:
    """Every server of PostgreSQL that a plan moves; none where the survey could not ask."""
    for service in draft.services:
        if service.kind == "postgresql":
            host = draft.hosts[service.host]
            for row in host.part("postgresql").get("clusters") or ():
                yield Cluster(service.id, host, row)


def numbers(version: str) -> tuple[int, ...]:
    """2.31 as (2, 31); empty for what is no version."""
    words = version.split(".")
    return tuple(int(word) for word in words) if all(word.isdecimal() for word in words) else ()


def span(seconds: int) -> str:
    """Coarse, so that the next survey is no other plan."""
    return next(unit for unit, least in (("a day", 86400), ("an hour", 3600), ("a minute", 0)) if seconds >= least)
