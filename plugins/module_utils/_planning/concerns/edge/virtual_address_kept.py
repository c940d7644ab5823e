# SPDX-License-Identifier: GPL-3.0-or-later
"""An address that keepalived would take back."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector
from ._shared import virtual_addresses


@detector(
    "virtual-address-kept",
    "An address that keepalived would take back",
    severity="critical",
    compares="virtual addresses of keepalived with the address that the edge's mover moves, and with the plan's own",
    remedy="stop keepalived on every host of the group before the edge's move, and keep it from starting",
    reference="keepalived.conf(5): virtual_ipaddress; RFC 5798",
    surprise=(23,),
    needs=("keepalived",),
)
def virtual_address_kept(draft: Draft) -> Iterator[Finding]:
    planned = {guest.address: guest.name for guest in draft.guests}
    public = draft.public_address.split("/")[0]
    if public and any(service.kind == "edge" for service in draft.services):
        planned[public] = "the new edge"
    for host in draft.hosts.values():
        virtual = virtual_addresses(host)
        for address in sorted(set(virtual) & set(planned)):
            running = bool(host.part("keepalived").get("running"))
            yield Finding(
                host=host.name,
                severity="critical",
                service=next((service.id for service in draft.services if service.kind == "edge" and service.host == host.name), ""),
                title=f"keepalived on {host.name} holds {address}",
                old=f"{virtual[address]} in {host.part('keepalived').get('file')}; it {'runs' if running else 'does not run now'}",
                new=f"{address} belongs to {planned[address]}; taken off the old card, keepalived puts it on again, and two machines answer",
                remedy="Before the edge's move stop and mask keepalived on all hosts of this instance, and put the address on the card by hand.",
            )


DETECTOR = virtual_address_kept
