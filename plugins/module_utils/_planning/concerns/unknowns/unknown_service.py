# SPDX-License-Identifier: GPL-3.0-or-later
"""A running program that no mover knows."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ...services import strangers
from ..detector import detector


@detector(
    "unknown-service", "A running program that no mover knows",
    severity="critical",
    compares="programs that listen, or that no package owns, with the services of the plan and those that were dropped",
    remedy="Find its owner; move it by hand, and declare it in plan_dropped_services with reason and approver.",
    reference="docs/guides/plan.md, Concerns",
    surprise=(47,), needs=("services", "listening", "unpackaged"),
)  # fmt: skip
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


DETECTOR = unknown_service
