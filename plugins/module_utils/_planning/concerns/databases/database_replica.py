# SPDX-License-Identifier: GPL-3.0-or-later
"""A database that replicates from another one."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector
from ._shared import of_kind


@detector(
    "database-replica",
    "A database that replicates from another one",
    severity="critical: two independent servers would be made of one",
    compares="where the old server replicates from, with what the mover makes of it",
    remedy="move the primary, and build the replica anew from the guest",
    reference="mariadb.com: replication overview; incident reports of split data",
    surprise=(6,),
    needs=("mariadb",),
)
def database_replica(draft: Draft) -> Iterator[Finding]:
    for service, host in of_kind(draft, "mariadb"):
        replica = host.part("mariadb").get("replica")
        if replica:
            yield Finding(
                host=host.name,
                severity="critical",
                service=service.id,
                old=f"replicates from {replica['master_host']}:{replica['master_port']}" + ("" if replica["running"] else ", stopped"),
                new="the mover makes a primary of it: writes to the old primary would not arrive any more",
                remedy=f"Declare {service.id} in plan_dropped_services, and build a replica from the primary's guest; or move it by hand.",
            )


DETECTOR = database_replica
