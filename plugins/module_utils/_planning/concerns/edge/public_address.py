# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge's public address is not where the users go."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector


@detector(
    "public-address",
    "The edge's public address is not where the users go",
    severity="critical",
    compares="the old edge's addresses with edge_public_address",
    remedy="set edge_public_address to the address that users reach",
    reference="docs/architecture.md: the switchboard",
    needs=("addresses",),
)
def public_address(draft: Draft) -> Iterator[Finding]:
    address = draft.public_address.split("/")[0]
    for service in draft.services:
        if service.kind == "edge" and address not in draft.hosts[service.host].addresses:
            yield Finding(
                host=service.host,
                severity="critical",
                service=service.id,
                old=f"{service.host} has {', '.join(sorted(draft.hosts[service.host].addresses))}",
                new=f"the edge's mover would bring {address} to the guest" if address else "edge_public_address is not set",
                remedy="Set edge_public_address to the service address that the old edge answers on.",
            )


DETECTOR = public_address
