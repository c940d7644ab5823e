# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure: which addresses a guest has, and at which one it is reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from .nics import NIC
from .values import MAC, addresses_in

Net = IPv4Network | IPv6Network


def networks(cidrs: Sequence[str]) -> tuple[Net, ...]:
    """Raises ValueError for what is not a network."""
    return tuple(ip_network(cidr, strict=False) for cidr in cidrs)


def configured(config: Mapping[str, Any]) -> list[str]:
    """The static addresses that the configuration gives a guest, without prefix; those of a container stand with its network cards."""
    cards = {f"ipconfig{key[3:]}": value for key, value in config.items() if NIC.fullmatch(key)}
    return usable([*addresses_in(config), *addresses_in(cards)])


def of_agent(interfaces: Iterable[Mapping[str, Any]], config: Mapping[str, Any]) -> list[str]:
    """From the agent's network-get-interfaces. The guest's own cards come first, in the order of ``config``: what the guest made is behind."""
    cards = [match[0].lower() for key in sorted(config) if NIC.fullmatch(key) for match in [MAC.search(str(config[key]))] if match]
    rank = {mac: number for number, mac in enumerate(cards)}
    rows = sorted(interfaces, key=lambda row: rank.get(str(row.get("hardware-address", "")).lower(), len(rank)))
    return usable(str(entry.get("ip-address", "")) for row in rows for entry in row.get("ip-addresses") or ())


def of_container(interfaces: Iterable[Mapping[str, Any]]) -> list[str]:
    """From the node's view of a container: ``inet`` and ``inet6`` with prefix."""
    return usable(str(row.get(name) or "").split("/")[0] for row in interfaces for name in ("inet", "inet6"))


def usable(addresses: Iterable[str]) -> list[str]:
    """Those that another host can reach; no loopback, no link-local ones."""
    found = []
    for text in addresses:
        try:
            address = ip_address(text.split("%")[0])
        except ValueError:
            continue
        if not (address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified):
            found.append(str(address))
    return found


def chosen(addresses: Sequence[str], nets: Sequence[Net]) -> str | None:
    """The first one in the first network that has one; without networks the first one, IPv4 before IPv6."""
    parsed = [ip_address(text) for text in addresses]
    for net in nets:
        for address in parsed:
            if address in net:
                return str(address)
    if nets or not parsed:
        return None
    return str(min(parsed, key=lambda address: address.version))
