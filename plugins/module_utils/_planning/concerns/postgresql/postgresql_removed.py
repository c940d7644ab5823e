# SPDX-License-Identifier: GPL-3.0-or-later
"""What PostgreSQL no longer knows."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import clusters


@detector(
    "postgresql-removed",
    "Tables with what PostgreSQL no longer knows",
    severity="critical: the dump does not restore, or comes without its oids",
    compares="columns of removed types, and tables WITH OIDS, with what PostgreSQL 12 took away",
    remedy="change the columns' types, and give the tables a key of their own, before the seed",
    reference="postgresql.org: release notes of 12, Migration to Version 12",
    needs=("postgresql",),
    only_lifted=True,
)
def postgresql_removed(draft: Draft) -> Iterator[Finding]:
    for cluster in clusters(draft):
        for row in cluster.databases():
            gone = [*(row.get("removed_types") or ()), *(f"{name} (WITH OIDS)" for name in row.get("with_oids") or ())]
            if gone:
                yield Finding(
                    host=cluster.host.name,
                    severity="critical",
                    service=cluster.service,
                    old=f"{cluster.name}, {row['name']}: {listed(gone)}",
                    new=f"PostgreSQL {debian13.VERSIONS['postgresql']} has neither abstime, reltime, tinterval nor oids of rows",
                    remedy="ALTER TABLE … TYPE timestamptz (or interval), and SET WITHOUT OIDS once nothing reads them.",
                )


DETECTOR = postgresql_removed
