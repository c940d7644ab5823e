# SPDX-License-Identifier: GPL-3.0-or-later
"""A host from which nothing moves."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector


@detector(
    "nothing-to-move", "A host from which nothing moves",
    severity="warning",
    compares="hosts of the group legacy with the hosts of the plan's services",
    remedy="Switch it off by hand once its owner agrees; the retire gates need a move.",
    reference="docs/guides/retire.md",
    needs=("services", "listening"),
)  # fmt: skip
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


DETECTOR = nothing_to_move
