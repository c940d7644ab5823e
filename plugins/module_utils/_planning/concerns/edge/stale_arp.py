# SPDX-License-Identifier: GPL-3.0-or-later
"""The public address gets another MAC address."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import virtual_addresses


@detector(
    "stale-arp",
    "The public address gets another MAC address",
    severity="warning",
    compares="virtual addresses of keepalived with the one address that a mover moves and announces",
    remedy="the edge's mover announces it and asks neighbours what they see; look at the gateway yourself",
    reference="RFC 5227; keepalived.conf(5): garp_master_refresh; sysctl arp_accept",
    surprise=(21,),
    needs=("keepalived",),
)
def stale_arp(draft: Draft) -> Iterator[Finding]:
    public = draft.public_address.split("/")[0]
    for host in draft.hosts.values():
        move = draft.move(f"edge@{host.name}")
        virtual = virtual_addresses(host)
        # The edge's mover announces its address itself, and asks the neighbours what they see.
        others = sorted(set(virtual) - ({public} if move else set()))
        if others:
            yield Finding(
                host=host.name,
                severity="warning",
                service=move.service.id if move else "",
                title=f"{listed(others)} will be at another MAC address",
                old=f"on {host.name}, by keepalived ({listed([virtual[address] for address in others])})",
                new="nothing announces it on the new side: neighbours and the gateway send to the old card until their entry ends",
                remedy="Find out how long the gateway keeps an entry and who can clear it; send gratuitous ARP (keepalived: garp_master_refresh)"
                " and look at the gateway's table after the move.",
            )


DETECTOR = stale_arp
