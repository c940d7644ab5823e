# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody outside sees connections from the old address."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import leaving, names, public


@detector(
    "egress-address",
    "Somebody outside sees connections from the old address",
    severity="warning",
    compares="observed connections that leave the estate, and the address with which they leave, with the guest's address",
    remedy="ask each peer whether it allows the old address by name, and try the connection from the guest before the cutover",
    reference="outage pattern: a partner's allow list; ip-route(8), route get",
    surprise=(27,),
    needs=("connections", "routes"),
)
def egress_address(draft: Draft) -> Iterator[Finding]:
    seen: dict[str, list[str]] = {}
    for edge in draft.external:
        if edge.direction == "out" and edge.port and edge.kind not in {"dns", "ntp"} and "connection from" in edge.evidence:
            seen.setdefault(edge.service.split("@")[-1], []).append(f"{edge.name or edge.peer}:{edge.port}")
    for host, guests in leaving(draft):
        if peers := sorted(set(seen.get(host.name, ()))):
            old = host.part("routes").get("egress") or [host.address]
            kind = "" if any(public(address) for address in old) else "; a router may show yet another one to the outside"
            yield Finding(
                host=host.name,
                severity="warning",
                old=f"{listed(peers)} see {', '.join(old)}{kind}",
                new=f"they will see {', '.join(sorted({guest.address for guest in guests}))} ({names(guests)})",
                remedy="Ask each peer whether the old address is on an allow list; try the connection from the guest before the cutover.",
            )


DETECTOR = egress_address
