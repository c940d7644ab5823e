# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables that a publication would make read-only."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import clusters

LOGICAL = (10,)


@detector(
    "replica-identity",
    "Tables without a key, which a publication stops from changing",
    severity="critical from PostgreSQL 10 on: UPDATE and DELETE fail as soon as they are published; before 10 warning",
    compares="tables without primary key and without REPLICA IDENTITY with what logical replication needs",
    remedy="add a key, or REPLICA IDENTITY FULL, before there is a publication",
    reference="postgresql.org: Logical Replication, Publication; measured: FOR ALL TABLES breaks UPDATEs at once",
    surprise=(7,),
    needs=("postgresql",),
)
def replica_identity(draft: Draft) -> Iterator[Finding]:
    for cluster in clusters(draft):
        for row in cluster.databases():
            tables = [str(table["table"]) for table in row.get("without_identity") or ()]
            if tables:
                yield Finding(
                    host=cluster.host.name,
                    severity="critical" if cluster.major >= LOGICAL else "warning",
                    service=cluster.service,
                    old=f"{cluster.name}, {row['name']}: {listed(tables)}",
                    new="once they are in a publication, every UPDATE and DELETE on the old side fails",
                    remedy="Add a primary key, or ALTER TABLE … REPLICA IDENTITY FULL (slow for large tables), before the publication.",
                )


DETECTOR = replica_identity
