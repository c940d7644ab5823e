# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes and rules that no guest has."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from ...model import Draft, Finding, LegacyHost, Row
from ..detector import detector, listed
from ._shared import MADE, leaving, names

OWN_RULES = frozenset({0, 32766, 32767})


@detector(
    "route-left-behind",
    "Routes and rules that no guest has",
    severity="critical where a peer was seen behind such a route, else warning",
    compares="static routes, policy rules and commands of interfaces(5), and the peers behind them, with the guest's one default route",
    remedy="add the route to the guest's network configuration, or to the gateway, before the cutover",
    reference="ip-route(8), ip-rule(8), interfaces(5)",
    surprise=(46,),
    needs=("routes",),
)
def route_left_behind(draft: Draft) -> Iterator[Finding]:
    for host, guests in leaving(draft):
        part = host.part("routes")
        routes = [row for row in part.get("routes") or () if _own(row)]
        rules = [f"{row['priority']}: {row['rule']}" for row in part.get("rules") or () if row["priority"] not in OWN_RULES]
        if not routes and not rules:
            continue
        peers = _behind(host, routes)
        yield Finding(
            host=host.name,
            severity="critical" if peers else "warning",
            old=listed([_told(row) for row in routes] + [f"rule {rule}" for rule in rules]) + (f"; behind them: {listed(peers)}" if peers else ""),
            new=f"{names(guests)} know only the default gateway",
            remedy="Add these to the guest's network configuration or to the gateway, and try the peers from the guest before the cutover.",
        )


def _own(row: Row) -> bool:
    """A route that people made: not the kernel's, not the default one of the main table, not a program's own card."""
    if row["protocol"] in {"kernel", "ra", "dhcp"} or MADE.match(str(row["interface"] or "")):
        return False
    return not (row["destination"] == "default" and row["table"] == "main")


def _told(row: Row) -> str:
    kind = "" if row["type"] == "unicast" else f"{row['type']} "
    by = f" via {row['gateway']}" if row["gateway"] else f" dev {row['interface']}" if row["interface"] else ""
    return f"{kind}{row['destination']}{by}" + ("" if row["table"] == "main" else f" in table {row['table']}")


def _behind(host: LegacyHost, routes: list[Row]) -> list[str]:
    """Peers of connections and addresses in files that one of these routes leads to."""
    networks = []
    for row in routes:
        try:
            networks.append(ip_network(str(row["destination"]), strict=False))
        except ValueError:
            continue  # "default" of another table leads everywhere
    seen = {str(row["peer_address"]) for row in host.rows("connections")} | {str(row["address"]) for row in host.rows("literal_addresses")}
    found = set()
    for text in seen:
        try:
            address = ip_address(text)
        except ValueError:
            continue
        if any(address in network for network in networks if network.version == address.version):
            found.add(text)
    return sorted(found)


DETECTOR = route_left_behind
