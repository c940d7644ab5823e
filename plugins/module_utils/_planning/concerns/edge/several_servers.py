# SPDX-License-Identifier: GPL-3.0-or-later
"""A backend with more than one server."""

from __future__ import annotations

from collections.abc import Iterator

from ...carried.edge import backends
from ...model import Draft, Finding
from ..detector import detector


@detector(
    "several-servers",
    "A backend with more than one server",
    severity="warning",
    compares="servers of each old backend with the one that the new edge has",
    remedy="see that one server can carry the load during the crossing",
    reference="docs/architecture.md: the switchboard",
    needs=("haproxy",),
)
def several_servers(draft: Draft) -> Iterator[Finding]:
    for service in draft.services:
        if service.kind != "edge":
            continue
        for backend in backends(draft.hosts[service.host], draft.hosts):
            if backend.others:
                yield Finding(
                    host=service.host,
                    severity="warning",
                    service=service.id,
                    old=f"backend {backend.name} has {backend.server}, {', '.join(backend.others)}",
                    new=f"the new edge sends all of its requests to {backend.server}: the conductor alone decides where they go",
                    remedy="See that one server can carry the load during the crossing.",
                )


DETECTOR = several_servers
