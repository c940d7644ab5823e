# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster's IP filter would drop the public address."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector


@detector(
    "ipfilter-drops-address",
    "The cluster's IP filter would drop the public address",
    severity="critical where the filter is on for the guest and its set lacks the address, warning where its template has the filter",
    compares="the public address with the firewall of the guest that gets it, and of the template that it is cloned from",
    remedy="add the address to the set ipfilter-net0 of the guest before the edge's move",
    reference="pve-firewall(8): ipfilter, standard IP set ipfilter-net*",
    surprise=(22,),
    needs=("addresses",),
)
def ipfilter_drops_address(draft: Draft) -> Iterator[Finding]:
    firewall = draft.cluster.get("firewall") or {}
    public = draft.public_address.split("/")[0]
    if not firewall.get("enabled") or not public:
        return
    known = {str(row["name"]): row for row in firewall.get("guests") or ()}
    for move in draft.moves:
        if move.service.kind != "edge":
            continue
        template = next((guest.template for guest in draft.guests if guest.name == move.guest), "")
        for name, severity in ((move.guest, "critical"), (template, "warning")):
            row = known.get(name)
            if not row or not row.get("enabled") or not row.get("ip_filter") or public in (row.get("allowed") or ()):
                continue
            yield Finding(
                host=move.service.host,
                severity=severity,
                service=move.service.id,
                old=f"{public} is on {move.service.host}",
                new=f"the firewall of {name} filters addresses, and ipfilter-net0 has {', '.join(row.get('allowed') or ()) or 'only its own'}:"
                " packets of the public address are dropped without a word",
                remedy=f"Add {public} to the set ipfilter-net0 of {move.guest} before the edge's move.",
            )
            break


DETECTOR = ipfilter_drops_address
