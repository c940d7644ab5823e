# SPDX-License-Identifier: GPL-3.0-or-later
"""Role edge: the backends of the old HAProxy, each with the one server that requests go to until its move."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..model import LegacyHost, Row
from ..services import edge_port

TIMEOUT_S = 60  # of the role edge, for client and server
LONGEST_S = 3600  # what the role accepts
UNITS = {"us": 0.000001, "ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "": 0.001}
COOKIE = re.compile(r"[A-Za-z0-9_.-]+( (rewrite|insert|prefix|indirect|nocache|postonly|preserve|httponly|secure))+")


@dataclass(frozen=True)
class Backend:
    """A backend that the switchboard keeps; ``host`` is the legacy host behind it, where it is one."""

    name: str
    server: str
    address: str
    port: int
    host: str | None
    others: tuple[str, ...]  # servers that the old backend had besides
    cookie: str = ""  # what tells a client's server, as the role can keep it
    value: str = ""  # of this server in it


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
            cookie = str(backend.get("cookie") or "")
            kept = (cookie, str(first["cookie"])) if first.get("cookie") and COOKIE.fullmatch(cookie) else ("", "")
            row = Backend(str(backend["name"]), str(first["name"]), address, int(first.get("port") or 80), by_address.get(address), others, *kept)
            found.append(row)
    return found


def settings(edge: LegacyHost, hosts: Mapping[str, LegacyHost], public_address: str) -> Row:
    rows = []
    for number, backend in enumerate(backends(edge, hosts)):
        row: Row = {"name": backend.name, "server": backend.server, "address": backend.address, "port": backend.port}
        if backend.cookie:
            row |= {"cookie": backend.cookie, "cookie_value": backend.value}
        if number and backend.host:
            names = [str(name) for vhost in hosts[backend.host].part("nginx").get("vhosts") or () for name in vhost.get("server_names") or ()]
            row["hosts"] = sorted(set(names) - {"_"})
        rows.append(row)
    found: Row = {"edge_backends": rows}
    if public_address:
        found["edge_public_address"] = public_address
    for name in ("client", "server"):
        if (seconds := min(longest(edge, name)[0], LONGEST_S)) > TIMEOUT_S:
            found[f"edge_{name}_timeout_s"] = seconds
    if (port := edge_port(edge.part("haproxy"))) != 80:
        found["edge_port"] = port
    return found


def longest(edge: LegacyHost, name: str) -> tuple[int, str]:
    """The longest ``timeout client`` or ``timeout server`` in seconds, and the proxy that has it; HTTP only."""
    haproxy = edge.part("haproxy")
    rows = [*(haproxy.get("frontends") or ()), *(haproxy.get("backends") or ())]
    found = [(_seconds(str((row.get("timeouts") or {}).get(name) or "")), str(row["name"])) for row in rows if row.get("mode") != "tcp"]
    return max(found, key=lambda pair: pair[0], default=(0, ""))


def _seconds(text: str) -> int:
    """``50000`` are milliseconds, ``10m`` minutes."""
    match = re.fullmatch(r"(\d{1,12})(us|ms|s|m|h|d|)", text, re.ASCII)
    return round(int(match[1]) * UNITS[match[2]]) if match else 0
