# SPDX-License-Identifier: GPL-3.0-or-later
"""A transaction of PostgreSQL that stays open."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import LONG_S, SHORT_S, clusters, span


@detector(
    "postgresql-transaction",
    "A transaction that stays open for long",
    severity="critical from an hour on, warning from a minute on; prepared ones count as open",
    compares="age of the oldest transaction and of prepared ones with what a replication slot and a fence wait for",
    remedy="end it, or COMMIT or ROLLBACK PREPARED, before the seed",
    reference="postgresql.org: CREATE_REPLICATION_SLOT waits for running transactions; PREPARE TRANSACTION, Notes",
    surprise=(9,),
    needs=("postgresql",),
)
def postgresql_transaction(draft: Draft) -> Iterator[Finding]:
    for cluster in clusters(draft):
        open_ones = {
            f"{row['user']}@{row['address']} in {row['database']}, {row['state']}": int(row["oldest_transaction_s"])
            for row in cluster.row.get("clients") or ()
        } | {f"prepared {row['name']} of {row['owner']} in {row['database']}": int(row["age_s"]) for row in cluster.row.get("prepared") or ()}
        long = {name: age for name, age in open_ones.items() if age >= SHORT_S}
        if long:
            yield Finding(
                host=cluster.host.name,
                severity="critical" if max(long.values()) >= LONG_S else "warning",
                service=cluster.service,
                old=f"{cluster.name}: {listed([f'{name}, more than {span(age)}' for name, age in sorted(long.items())])}",
                new=f"the slot for PostgreSQL {debian13.VERSIONS['postgresql']} is made when they have ended, and not before",
                remedy="Find who holds them and end them before the seed; set idle_in_transaction_session_timeout.",
            )


DETECTOR = postgresql_transaction
