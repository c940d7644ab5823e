# SPDX-License-Identifier: GPL-3.0-or-later
"""Edges that leave the estate: partners, mail, names, time, monitoring. They are where a new address is noticed first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from .dependencies import frequency
from .known import Known
from .model import External, LegacyHost

# What a port on the other side usually is; the rest of the outgoing ones are partners.
_PORTS = {"mail": (25, 465, 587), "dns": (53, 853), "ntp": (123,), "monitoring": (161, 514, 4949, 5666, 6514, 8125, 9100, 10050, 10051)}
KINDS = {port: kind for kind, ports in _PORTS.items() for port in ports}
ADMIN = frozenset({22})  # people and the survey itself
MOST_CLIENTS = 8  # clients from outside that are told one by one; users of a public service are only counted


def find(known: Known, public_address: str, loads: Mapping[str, Mapping[str, Any]] | None = None) -> list[External]:
    """Every edge to or from an address that is no legacy host's, sorted, each with the evidence that was seen."""
    ours = {public_address.split("/")[0]}
    found: dict[tuple[str, str, str, int | None], tuple[External, set[str]]] = {}
    for host in known.hosts.values():
        names = {str(row["address"]): str((row.get("names") or [""])[0]) for row in host.part("resolver").get("hosts") or ()}
        for edge in (*_out(host, known, ours, (loads or {}).get(host.name, {})), *_declared(host, known), *_in(host, known, ours)):
            named = edge if edge.name else External(**{**vars(edge), "name": names.get(edge.peer, "")})
            before = found.setdefault((edge.service, edge.direction, edge.peer, edge.port), (named, set()))
            before[1].add(edge.evidence)
    return sorted(External(**{**vars(edge), "evidence": "; ".join(sorted(evidence))}) for edge, evidence in found.values())


def _outside(address: str, known: Known, ours: set[str]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    near = parsed.is_loopback or parsed.is_unspecified or parsed.is_multicast or parsed.is_link_local
    return not near and address not in known.by_address and address not in ours


def _served(host: LegacyHost) -> set[int]:
    return {int(row["port"]) for row in host.rows("listening")}


def _out(host: LegacyHost, known: Known, ours: set[str], load: Mapping[str, Any]) -> Iterator[External]:
    served = _served(host)
    for row in (*host.rows("connections"), *(load.get("connections") or ())):
        peer, port = str(row["peer_address"]), int(row["peer_port"])
        if int(row.get("local_port") or 0) in served or port in ADMIN or not _outside(peer, known, ours):
            continue
        process = str(row.get("process") or "")
        often = f", {frequency(int(row['seen']), int(row['of']))}" if "seen" in row else ""
        for source in known.user_of(process, row.get("unit"), host.name) or (None,):
            evidence = f"connection from {process or 'a process'} on {host.name}{often}"
            yield External(source.id if source else host.name, "out", peer, port, "tcp", KINDS.get(port, "partner"), "", evidence)
    for row in host.rows("literal_addresses"):
        address = str(row["address"])
        if _outside(address, known, ours):
            for source in known.users_of(host, str(row["file"])) or (None,):
                evidence = f"written in {row['file']}:{row['line']}"
                yield External(source.id if source else host.name, "out", address, None, "unknown", "partner", "", evidence)


def _declared(host: LegacyHost, known: Known) -> Iterator[External]:
    """What the host's own configuration says: name servers."""
    for server in host.part("resolver").get("nameservers") or ():
        if str(server) not in known.by_address and not str(server).startswith("127."):
            yield External(host.name, "out", str(server), 53, "udp", "dns", "", f"nameserver in /etc/resolv.conf of {host.name}")


def _in(host: LegacyHost, known: Known, ours: set[str]) -> Iterator[External]:
    """Clients from outside of each listening service: one by one while they are few, else their number."""
    clients: dict[int, set[str]] = {}
    for row in host.rows("connections"):
        port, peer = int(row["local_port"]), str(row["peer_address"])
        if port in _served(host) and port not in ADMIN and _outside(peer, known, ours):
            clients.setdefault(port, set()).add(peer)
    for port, peers in sorted(clients.items()):
        target = known.by_port.get((host.name, port))
        service = target.id if target else host.name
        evidence = f"connections to {host.name}:{port}"
        if len(peers) > MOST_CLIENTS:
            yield External(service, "in", "many clients", port, "tcp", KINDS.get(port, "unknown"), "", evidence)
        else:
            for peer in sorted(peers):
                yield External(service, "in", peer, port, "tcp", KINDS.get(port, "unknown"), "", evidence)
