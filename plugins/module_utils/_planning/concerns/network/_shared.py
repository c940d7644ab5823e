# SPDX-License-Identifier: GPL-3.0-or-later
"""What several of these detectors ask about a host's network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_interface

from ...model import Draft, Guest, LegacyHost, Row

# Cards that programs make for themselves, and make again wherever they run.
MADE = re.compile(r"(docker|br-|virbr|veth|lxc|lxd|cni|cali|flannel|kube|podman|ifb|dummy|vmnet|tunl|sit|gre|ip6tnl)")


def leaving(draft: Draft) -> Iterator[tuple[LegacyHost, list[Guest]]]:
    """Legacy hosts from which something moves, each with the guests that take its place."""
    for host in draft.hosts.values():
        if guests := draft.guests_of.get(host.name):
            yield host, list(guests)


def names(guests: list[Guest]) -> str:
    return ", ".join(guest.name for guest in guests)


def cards(host: LegacyHost) -> list[Row]:
    return [row for row in host.rows("interfaces") if row["kind"] != "loopback" and not MADE.match(str(row["name"]))]


def primary(host: LegacyHost) -> Row | None:
    """The card that has the address by which the estate knows the host."""
    for row in cards(host):
        if host.address in {address(one) for one in row["addresses"]}:
            return row
    return None


def address(row: Row) -> str:
    return str(ip_interface(str(row["address"])).ip)


def public(text: str) -> bool:
    try:
        return ip_address(text).is_global
    except ValueError:
        return False
