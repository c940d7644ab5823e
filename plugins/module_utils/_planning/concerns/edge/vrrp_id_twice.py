# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual_router_id is used twice."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding, Row
from ..detector import detector, listed


@detector(
    "vrrp-id-twice",
    "A virtual_router_id is used twice",
    severity="critical",
    compares="virtual_router_id and virtual addresses of all hosts with each other: in one network of guests an id is one group",
    remedy="give one of the groups another id before its guests come into the network of the others",
    reference="RFC 5798, 5.2.3; keepalived.conf(5): virtual_router_id",
    surprise=(23,),
    needs=("keepalived",),
)
def vrrp_id_twice(draft: Draft) -> Iterator[Finding]:
    groups: dict[int, dict[tuple[str, ...], list[tuple[str, Row]]]] = {}
    for host in draft.hosts.values():
        for row in host.part("keepalived").get("instances") or ():
            if row.get("virtual_router_id") is not None and not row.get("unicast_peers"):
                addresses = tuple(sorted(str(address) for address in row["addresses"]))
                groups.setdefault(int(row["virtual_router_id"]), {}).setdefault(addresses, []).append((host.name, row))
    bridges = sorted({guest.bridge for guest in draft.guests})
    for number, by_addresses in sorted(groups.items()):
        if len(by_addresses) < 2:
            continue
        every = [pair for rows in by_addresses.values() for pair in rows]
        told = [f"{name}: {row['name']} on {row.get('interface')} with {', '.join(row['addresses'])}" for name, row in every]
        for name in sorted({name for name, _ in every}):
            yield Finding(
                host=name,
                severity="critical",
                title=f"virtual_router_id {number} belongs to {len(by_addresses)} groups",
                old=listed(told),
                new=f"guests are attached to {', '.join(bridges)}: in one network both groups hear each other and one gives up its addresses",
                remedy="Change the id of one group on all of its hosts, in one go, before guests of both are in one network.",
            )


DETECTOR = vrrp_id_twice
