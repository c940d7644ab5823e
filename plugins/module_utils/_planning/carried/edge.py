# SPDX-License-Identifier: GPL-3.0-or-later
"""Role edge: the backends of the old HAProxy, each with the one server that requests go to until its move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..model import LegacyHost, Row
from ..services import edge_port


@dataclass(frozen=True)
class Backend:
    """A backend that the switchboard keeps; ``host`` is the legacy host behind it, where it is one."""

    name: str
    server: str
    address: str
    port: int
    host: str | None
    others: tuple[str, ...]  # servers that the old backend had besides


def backends(edge: LegacyHost, hosts: Mapping[str, LegacyHost]) -> list[Backend]:
    """The default backend first, the others by name. Of several servers the first by name stays: the switchboard holds one."""
    haproxy = edge.part("haproxy")
    default = next((str(frontend["default_backend"]) for frontend in haproxy.get("frontends") or () if frontend.get("default_backend")), "")
    by_address = {address: host.name for host in hosts.values() for address in host.addresses}
    found = []
    for backend in sorted(haproxy.get("backends") or (), key=lambda row: (row["name"] != default, str(row["name"]))):
        servers = sorted(backend.get("servers") or (), key=lambda row: str(row["name"]))
        if servers:
            first = servers[0]
            address = str(first["address"])
            others = tuple(str(server["name"]) for server in servers[1:])
            found.append(Backend(str(backend["name"]), str(first["name"]), address, int(first.get("port") or 80), by_address.get(address), others))
    return found


def settings(edge: LegacyHost, hosts: Mapping[str, LegacyHost], public_address: str) -> Row:
    rows = []
    for number, backend in enumerate(backends(edge, hosts)):
        row: Row = {"name": backend.name, "server": backend.server, "address": backend.address, "port": backend.port}
        if number and backend.host:
            names = [str(name) for vhost in hosts[backend.host].part("nginx").get("vhosts") or () for name in vhost.get("server_names") or ()]
            row["hosts"] = sorted(set(names) - {"_"})
        rows.append(row)
    found: Row = {"edge_backends": rows}
    if public_address:
        found["edge_public_address"] = public_address
    if (port := edge_port(edge.part("haproxy"))) != 80:
        found["edge_port"] = port
    return found
