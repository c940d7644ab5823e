# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plan does not know: unseen sections, programs that nobody moves, hosts without a service."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from ..model import Draft, Finding
from ..services import strangers
from .detector import detector

# Without these a service may be missed or moved wrongly.
DECISIVE = frozenset({
    "os", "addresses", "users", "services", "listening", "unpackaged", "nginx", "php", "mariadb", "redis", "haproxy", "cron", "literal_addresses",
})  # fmt: skip


@detector("not-assessed", "A part of the host could not be seen")
def not_assessed(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        for row in host.rows("not_assessed"):
            section = str(row["section"])
            yield Finding(
                host=host.name,
                severity="critical" if section.split(".")[0].split("/")[0] in DECISIVE else "warning",
                title=f"The section {section} could not be seen",
                old=str(row["reason"]),
                new="the plan knows nothing of it, and carries nothing over",
                remedy="Give the survey the right or the program that it lacks, and survey again.",
            )


@detector("unknown-service", "A running program that no mover knows")
def unknown_service(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        for stranger in strangers(host, draft.services, draft.dropped):
            yield Finding(
                host=host.name,
                severity="critical",
                title=f"{stranger.name} runs, and no mover knows it",
                old=stranger.evidence,
                new="no guest would run it",
                remedy=f"Find its owner. Move it by hand and declare {stranger.name}@{host.name} in plan_dropped_services, with reason and approver.",
            )


@detector("unpackaged-binary", "A running program that no package owns")
def unpackaged_binary(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        for row in host.rows("unpackaged"):
            unit = str(row.get("unit") or "").removesuffix(".service")
            names = {f"{name}@{host.name}" for name in (unit, posixpath.basename(str(row["exe"]))) if name}
            drop = next((entry for entry in draft.dropped if entry.id in names), None)
            state = "deleted but still running" if row.get("deleted") else "running"
            yield Finding(
                host=host.name,
                severity="warning",
                service=drop.id if drop else "",
                title=f"{row['exe']} belongs to no package",
                old=f"{row['exe']}, {state} as {row.get('user')}" + (f", started by {row['unit']}" if row.get("unit") else ""),
                new=f"dropped, approved by {drop.by}: {drop.reason}" if drop else "no guest has it",
                remedy="Keep its source and its unit before the host is retired." if drop else "Find its source; package it, or declare it dropped.",
                applied=drop is not None,
            )


@detector("nothing-to-move", "A host from which nothing moves")
def nothing_to_move(draft: Draft) -> Iterator[Finding]:
    busy = {service.host for service in draft.services}
    for host in draft.hosts.values():
        if host.name not in busy:
            yield Finding(
                host=host.name,
                severity="warning",
                old="no service that a mover knows was seen",
                new="the host stays, with its watts and rack units",
                remedy="Switch it off by hand once its owner agrees; the retire gates need a move.",
            )


DETECTORS = (not_assessed, unknown_service, unpackaged_binary, nothing_to_move)
