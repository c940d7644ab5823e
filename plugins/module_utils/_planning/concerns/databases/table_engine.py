# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables that no transaction protects."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import of_kind

TRANSACTIONAL = frozenset({"innodb"})


@detector(
    "table-engine",
    "Tables that no transaction protects",
    severity="warning",
    compares="engines of the tables with what a consistent seed needs",
    remedy="convert them to InnoDB",
    reference="mariadb.com: mariadb-dump, --single-transaction",
    needs=("mariadb",),
)
def table_engine(draft: Draft) -> Iterator[Finding]:
    for service, host in of_kind(draft, "mariadb"):
        engines = {str(name): int(count) for name, count in (host.part("mariadb").get("engines") or {}).items()}
        others = [f"{count} {name}" for name, count in sorted(engines.items()) if name.lower() not in TRANSACTIONAL]
        if others:
            yield Finding(
                host=host.name,
                severity="warning",
                service=service.id,
                old=f"tables: {listed(others)}",
                new="a seed taken while they are written to is not consistent",
                remedy="Convert them to InnoDB, or see that nobody writes to them while the seed is taken.",
            )


DETECTOR = table_engine
