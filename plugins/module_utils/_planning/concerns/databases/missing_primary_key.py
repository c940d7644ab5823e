# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables without a primary key."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import of_kind

LARGE_MIB = 2048  # above it a table without a key may hold replication back for minutes


@detector(
    "missing-primary-key",
    "Tables without a primary key",
    severity="critical above 2 GiB in their databases, else warning",
    compares="tables without a primary key with what row-based replication needs",
    remedy="add a key before the wave",
    reference="mariadb.com: row-based replication of tables without primary key",
    surprise=(7,),
    needs=("mariadb",),
)
def missing_primary_key(draft: Draft) -> Iterator[Finding]:
    for service, host in of_kind(draft, "mariadb"):
        tables = sorted(str(name) for name in host.part("mariadb").get("without_primary_key") or ())
        sizes = {str(row["name"]): int(row["size_mib"]) for row in host.part("mariadb").get("databases") or ()}
        if not tables:
            continue
        size = sum(sizes.get(name, 0) for name in {table.split(".")[0] for table in tables})
        yield Finding(
            host=host.name,
            severity="critical" if size > LARGE_MIB else "warning",
            service=service.id,
            old=listed(tables),
            new="each changed row is searched by reading the whole table on the other side: replication lags, and the cutover's gate waits",
            remedy="Add a primary key (an AUTO_INCREMENT column will do) before the wave.",
        )


DETECTOR = missing_primary_key
