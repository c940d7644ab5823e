# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of a packet filter that nobody carries over."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import leaving, names

REWRITING = re.compile(r"-j (DNAT|SNAT|REDIRECT|MASQUERADE|NETMAP|TPROXY)\b|\b(dnat|snat|redirect|masquerade|tproxy)\b")


@detector(
    "firewall-left-behind",
    "Rules of a packet filter that nobody carries over",
    severity="critical where rules rewrite addresses or ports (traffic depends on them), else warning",
    compares="the rules that people loaded on the old host with the guest, which has none",
    remedy="rebuild them in the cluster's firewall or on the guest; a rewritten port must be served by somebody else",
    reference="iptables-save(8), nft(8); Proxmox VE: firewall",
    surprise=(22,),
    needs=("firewall",),
)
def firewall_left_behind(draft: Draft) -> Iterator[Finding]:
    for host, guests in leaving(draft):
        part = host.part("firewall")
        rules = [row for row in part.get("rules") or () if not row["own"]]
        closed = sorted({str(row["chain"]) for row in part.get("policies") or () if row["policy"] == "drop"})
        rewriting = [f"{row['chain']}: {row['rule']}" for row in rules if REWRITING.search(str(row["rule"]))]
        by = f", kept by {', '.join(part['managers'])}" if part.get("managers") else ""
        if rewriting:
            yield Finding(
                host=host.name, severity="critical", title=f"{len(rewriting)} rules rewrite addresses or ports", old=f"{listed(rewriting, 4)}{by}",
                new=f"{names(guests)} would not: who uses the old port or address reaches nothing",
                remedy="Find who uses them; let the service listen there itself, or load the rules on the guest and waive this.",
            )  # fmt: skip
        if closed or len(rules) > len(rewriting):
            yield Finding(
                host=host.name, severity="warning", title="The packet filter does not come along",
                old=f"{len(rules)} rules" + (f", {', '.join(closed)} closed" if closed else "") + by,
                new=f"{names(guests)} answer to everybody who can reach them",
                remedy="Rebuild the rules in the cluster's firewall, or on the guest, before the cutover.",
            )  # fmt: skip


DETECTOR = firewall_left_behind
