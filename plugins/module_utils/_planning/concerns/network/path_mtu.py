# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets of another size than the guest would send."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...model import Draft, Finding, Guest, LegacyHost
from ..detector import detector, listed
from ._shared import leaving, names, primary


@detector(
    "path-mtu",
    "Packets of another size than the guest would send",
    severity="critical where the old card sends smaller packets than the guest would, else warning",
    compares="the old card's MTU and what the kernel learnt of the ways to peers, with the MTU of the guest's card",
    remedy="the plan gives the guest's card the smaller MTU; larger ones need it on bridge, bond and switch first",
    reference="RFC 1191, RFC 4821; Proxmox VE: qm.conf, net[n] mtu",
    surprise=(20,),
    needs=("interfaces",),
)
def path_mtu(draft: Draft) -> Iterator[Finding]:
    for host, guests in leaving(draft):
        card = primary(host)
        mtu = int((card or {}).get("mtu") or 0)
        if card and mtu and mtu != debian13.MTU:
            yield _card(host, guests, str(card["name"]), mtu)
        short = _short_ways(host, mtu or debian13.MTU)
        if short:
            yield Finding(
                host=host.name,
                severity="warning",
                title="The way to some peers takes only small packets",
                old=listed(short),
                new=f"{names(guests)} must learn that anew: where a router's answers are filtered, large packets vanish and connections hang",
                remedy="Try a full-size answer from the guest to each of these before the cutover (ping -M do -s 1472); let ICMP type 3 code 4 pass.",
            )


def _card(host: LegacyHost, guests: list[Guest], name: str, mtu: int) -> Finding:
    small = mtu < debian13.MTU
    applied = small and all(guest.mtu == mtu for guest in guests)
    return Finding(
        host=host.name,
        severity="critical" if small else "warning",
        title=f"{name} has an MTU of {mtu}",
        old=f"{name} sends packets of up to {mtu} bytes",
        new=f"{names(guests)} would send {debian13.MTU}; whether the bridge passes more is not known"
        if not small
        else f"{names(guests)} would send {debian13.MTU}, which the network may swallow without a word",
        remedy="The guest's card gets the old MTU."
        if applied
        else "Give bridge, bond and switch ports the old MTU, then the guest's card (nics.net0.mtu); else jumbo packets of neighbours are lost.",
        applied=applied,
    )


def _short_ways(host: LegacyHost, mtu: int) -> list[str]:
    learnt = host.part("path_mtu")
    ways = {str(row["peer"]): int(row["pmtu"]) for row in learnt.get("peers") or () if row["pmtu"]}
    ways |= {str(row["destination"]): int(row["mtu"]) for row in learnt.get("exceptions") or ()}
    return [f"{peer}: {size} of {mtu} bytes" for peer, size in sorted(ways.items()) if size < mtu]


DETECTOR = path_mtu
