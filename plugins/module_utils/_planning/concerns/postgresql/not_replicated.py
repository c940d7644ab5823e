# SPDX-License-Identifier: GPL-3.0-or-later
"""What logical replication leaves behind."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import clusters


@detector(
    "not-replicated",
    "What logical replication leaves behind",
    severity="critical for large objects, which would be lost; warning for sequences and unlogged tables",
    compares="large objects, unlogged tables, sequences and publications with what logical replication carries",
    remedy="copy large objects by hand inside the fence, set the sequences there, fill unlogged tables again, no DDL until the wave is over",
    reference="postgresql.org: Logical Replication, Restrictions",
    surprise=(10,),
    needs=("postgresql",),
)
def not_replicated(draft: Draft) -> Iterator[Finding]:
    for cluster in clusters(draft):
        for row in cluster.databases():
            large, unlogged, sequences = row.get("large_objects"), sorted(map(str, row.get("unlogged") or ())), row.get("sequences")
            left = ["large objects"] * bool(large) + [f"unlogged tables: {listed(unlogged)}"] * bool(unlogged) + ["sequences"] * bool(sequences)
            if left:
                means = "the first INSERT takes a number that exists" if sequences else "they are empty"
                means = "the large objects would be missing" if large else means
                yield Finding(
                    host=cluster.host.name,
                    severity="critical" if large else "warning",
                    service=cluster.service,
                    old=f"{cluster.name}, {row['name']} has {'; '.join(left)}",
                    new=f"logical replication carries none of them, nor DDL: {means}",
                    remedy="Inside the fence: setval for every sequence, large objects by pg_dump --large-objects; no DDL from seed to commit.",
                )


DETECTOR = not_replicated
