# SPDX-License-Identifier: GPL-3.0-or-later
"""A cache that replicates from another one."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ...moves import version
from ..detector import detector
from ._shared import of_kind


@detector(
    "cache-replica",
    "A cache that replicates from another one",
    severity="critical where it is older than its primary, else warning",
    compares="the primary and the version of both",
    remedy="move the primary; a replica is made anew",
    reference="redis.io: replication; a replica must not be older than its primary",
    surprise=(43,),
    needs=("redis",),
)
def cache_replica(draft: Draft) -> Iterator[Finding]:
    for service, host in of_kind(draft, "redis"):
        primary = str(host.part("redis").get("primary") or "")
        if not primary:
            continue
        owner = next((other for other in draft.hosts.values() if primary.rsplit(":", 1)[0] in other.addresses | {other.name}), None)
        theirs = str(owner.part("redis").get("version") or "") if owner else ""
        older = bool(theirs) and version(service.version) < version(theirs)
        yield Finding(
            host=host.name,
            severity="critical" if older else "warning",
            service=service.id,
            old=f"Redis {service.version} replicates from {primary}" + (f", a Redis {theirs}" if theirs else ""),
            new="the mover makes a primary of its copy" + ("; an older replica refuses or loses what its primary sends" if older else ""),
            remedy=f"Move the primary, declare {service.id} in plan_dropped_services, and make a replica of the guest.",
        )


DETECTOR = cache_replica
