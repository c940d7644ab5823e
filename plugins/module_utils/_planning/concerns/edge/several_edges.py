# SPDX-License-Identifier: GPL-3.0-or-later
"""More than one edge."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector


@detector(
    "several-edges",
    "More than one edge",
    severity="critical",
    compares="hosts with HAProxy with the one edge of a plan",
    remedy="cross in one environment for each edge, or drop one",
    reference="docs/architecture.md: the switchboard",
    needs=("haproxy",),
)
def several_edges(draft: Draft) -> Iterator[Finding]:
    edges = [service for service in draft.services if service.kind == "edge"]
    for service in edges[1:]:
        yield Finding(
            host=service.host,
            severity="critical",
            service=service.id,
            old=f"HAProxy runs on {', '.join(edge.host for edge in edges)}",
            new=f"the switchboard holds requests of one edge, that of {edges[0].host}",
            remedy="Cross in one environment for each edge, or drop one edge.",
        )


DETECTOR = several_edges
