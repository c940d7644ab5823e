# SPDX-License-Identifier: GPL-3.0-or-later
"""A web server that the edge does not serve."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector


@detector(
    "no-edge",
    "A web server that the edge does not serve",
    severity="critical",
    compares="backends of the surveyed HAProxy with the web servers that move",
    remedy="put a HAProxy in front of it with a backend of its own",
    reference="docs/architecture.md: the switchboard",
    needs=("haproxy",),
)
def no_edge(draft: Draft) -> Iterator[Finding]:
    for move in draft.moves:
        if move.service.kind == "http" and not move.parameters.get("backend"):
            yield Finding(
                host=move.service.host,
                severity="critical",
                service=move.service.id,
                old=f"no backend of a surveyed HAProxy names port {move.service.port} of {move.service.host} first",
                new="requests cannot be held while it changes sides: some would fail",
                remedy="Put a HAProxy in front of it with a backend of its own, and survey again.",
            )


DETECTOR = no_edge
