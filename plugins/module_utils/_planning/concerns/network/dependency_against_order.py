# SPDX-License-Identifier: GPL-3.0-or-later
"""A dependency that the movers' order turns round."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ...waves import against
from ..detector import detector


@detector(
    "dependency-against-order",
    "A dependency that the movers' order turns round",
    severity="warning",
    compares="observed dependencies with the order in which the movers' kinds move",
    remedy="the mover brings a copy of files along; else the guest must reach the legacy host",
    reference="waves: docs/guides/plan.md",
    needs=("connections",),
)
def dependency_against_order(draft: Draft) -> Iterator[Finding]:
    services = {service.id: service for service in draft.services}
    for edge in draft.dependencies:
        source, target = services[edge.source], services[edge.target]
        if source.kind != "edge" and against(source, target):
            files = edge.protocol == "file"
            until = "and needs them already" if files else "and reaches it at its old address until then"
            yield Finding(
                host=source.host,
                severity="warning",
                service=source.id,
                old=f"{source.id} needs {target.id}: {edge.evidence}",
                new=f"{source.id} moves before {target.id}, {until}",
                remedy="The mover brings a copy of the files along." if files else "See that the guest may connect to the legacy host.",
                applied=files,
            )


DETECTOR = dependency_against_order
