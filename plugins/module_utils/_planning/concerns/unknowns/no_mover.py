# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that get a guest, and that people have to move."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import BY_HAND, Draft, Finding
from ..detector import detector


@detector(
    "no-mover",
    "A service that no mover moves",
    severity="critical: the service would stay behind",
    compares="kinds of services on the legacy hosts against Lotse's movers",
    remedy="Move it by hand in a window of its own and waive this with who does it and when, or drop the service.",
    reference="docs/guides/plan.md, Moves by hand",
    needs=("services", "listening"),
)
def no_mover(draft: Draft) -> Iterator[Finding]:
    for service in draft.services:
        if service.kind in BY_HAND:
            move = draft.move(service.id)
            yield Finding(
                host=service.host,
                severity="critical",
                service=service.id,
                title=f"{service.name} moves by hand",
                old=f"{service.name} on {service.host}" + (f", port {service.port}" if service.port else ""),
                new=f"{move.guest if move else 'its guest'} is made and gets the base; nobody moves the service there",
                remedy=f"Say who moves it and when, in a waiver for {service.host}; or declare {service.id} in plan_dropped_services.",
            )


DETECTOR = no_mover
