# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster's firewall would drop VRRP."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector


@detector(
    "vrrp-filtered",
    "The cluster's firewall would drop VRRP",
    severity="warning",
    compares="hosts with keepalived with the state of the cluster's firewall",
    remedy="allow protocol 112 (vrrp) between the guests, or unicast peers with a rule for each",
    reference="pve-firewall(8); RFC 5798: protocol 112, 224.0.0.18",
    surprise=(23,),
    needs=("keepalived",),
)
def vrrp_filtered(draft: Draft) -> Iterator[Finding]:
    firewall = draft.cluster.get("firewall") or {}
    for host in draft.hosts.values():
        rows = host.part("keepalived").get("instances") or ()
        if rows and firewall.get("enabled"):
            peers = sorted({str(peer) for row in rows for peer in row.get("unicast_peers") or ()})
            yield Finding(
                host=host.name,
                severity="warning",
                old=f"keepalived speaks VRRP {'to ' + ', '.join(peers) if peers else 'by multicast to 224.0.0.18'}",
                new="the cluster's firewall is on: a guest with a firewall drops protocol 112 unless a rule allows it, and both sides become master",
                remedy="Add a rule that accepts the protocol vrrp between these guests before keepalived runs on them; look with tcpdump on both.",
            )


DETECTOR = vrrp_filtered
