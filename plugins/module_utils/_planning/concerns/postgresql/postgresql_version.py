# SPDX-License-Identifier: GPL-3.0-or-later
"""Another version of PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...model import Draft, Finding
from ..detector import detector
from ._shared import clusters, numbers

LOGICAL = (10,)  # the first with publications


@detector(
    "postgresql-version",
    "Another version of PostgreSQL",
    severity="critical for one newer than the guest's; else warning",
    compares="version of each server with PostgreSQL of the guest",
    remedy="From 10 on logical replication there and back; before 10 a dump in a window, and no way back for what is written later.",
    reference="postgresql.org: Upgrading; measured: 13.16 and 17.12 swap roles by logical replication, nothing lost in 11 swaps",
    surprise=(6,),
    needs=("postgresql",),
    only_lifted=True,
)
def postgresql_version(draft: Draft) -> Iterator[Finding]:
    new = debian13.VERSIONS["postgresql"]
    for cluster in clusters(draft):
        if cluster.major and cluster.major != numbers(new):
            newer, logical = cluster.major > numbers(new), cluster.major >= LOGICAL
            yield Finding(
                host=cluster.host.name,
                severity="critical" if newer else "warning",
                service=cluster.service,
                old=cluster.name,
                new=f"PostgreSQL {new}"
                + (": older, its data files and many dumps do not fit" if newer else ": data files and streaming replication do not fit"),
                remedy="Take PostgreSQL for the guest from where the old one came, or move to it by logical replication." if newer
                else "Replicate logically; the way back is the same, the other way round." if logical
                else "Dump and restore in a window: this version has no logical replication, and no way back.",
            )


DETECTOR = postgresql_version
