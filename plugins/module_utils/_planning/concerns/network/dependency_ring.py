# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that need each other."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ...waves import rings
from ..detector import detector


@detector(
    "dependency-ring",
    "Services that need each other",
    severity="warning",
    compares="dependencies in a ring with moves that come one after the other",
    remedy="see that each works with the other on either side",
    reference="strongly connected components of the dependency map",
    needs=("connections",),
)
def dependency_ring(draft: Draft) -> Iterator[Finding]:
    for ring in rings(draft.services, draft.dependencies):
        yield Finding(
            host=ring[0].split("@")[1],
            severity="warning",
            service=ring[0],
            old=f"{', '.join(ring)} need each other",
            new="they move in one wave, one after the other",
            remedy="See that each works with the other on either side.",
        )


DETECTOR = dependency_ring
