# SPDX-License-Identifier: GPL-3.0-or-later
"""Who needs whom: from established connections, configured backends, session stores, and addresses written into code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import networkx

from . import trees
from .model import Dependency, LegacyHost, Service
from .services import kind_of

# Configuration folders, and whose they are.
CONFIGURED = {
    "/etc/haproxy/": "edge", "/etc/nginx/": "http", "/etc/php/": "http", "/etc/mysql/": "mariadb", "/etc/redis/": "redis",
    "/etc/cron": "cron", "/var/spool/cron/": "cron",
}  # fmt: skip


SOCKET = "connection from "


class Known:
    """Services by host and port, hosts by address."""

    def __init__(self, hosts: Mapping[str, LegacyHost], services: Sequence[Service]) -> None:
        self.hosts = hosts
        self.services = {(service.kind, service.host): service for service in services}
        self.by_address = {address: host.name for host in hosts.values() for address in host.addresses}
        self.by_port = {(service.host, service.port): service for service in services if service.port}

    def service(self, kind: str | None, host: str) -> Service | None:
        return self.services.get((kind or "", host))

    def at(self, address: str, port: int) -> Service | None:
        return self.by_port.get((self.by_address.get(address, ""), port))

    def listening_at(self, address: str) -> list[Service]:
        """The services that an address without a port may mean."""
        host = self.by_address.get(address)
        return [service for service in self.services.values() if service.host == host and service.port]

    def users_of(self, host: LegacyHost, file: str) -> list[Service]:
        """The services of a host that read a file."""
        for folder, kind in CONFIGURED.items():
            if file.startswith(folder):
                return [found] if (found := self.service(kind, host.name)) else []
        readers = []
        if any(trees.inside(file, tree) for tree in trees.of(host)):
            readers.append(self.service("http", host.name))
        jobs = [str(row.get("command") or "") for row in host.rows("cron") if row.get("spool")]
        if any(trees.inside(file, path) for command in jobs for path in trees.code_paths(host, command)):
            readers.append(self.service("cron", host.name))
        return [reader for reader in readers if reader]


def find(hosts: Mapping[str, LegacyHost], services: Sequence[Service], former: Iterable[Mapping[str, Any]] = ()) -> list[Dependency]:
    """Every dependency once, with all its evidence, sorted. ``former`` are a plan's dependencies: a connection seen once stays seen."""
    known = Known(hosts, services)
    graph: networkx.DiGraph[str] = networkx.DiGraph()
    graph.add_nodes_from(service.id for service in services)
    for host in hosts.values():
        for source, target, evidence in (*_connections(host, known), *_backends(host, known), *_written(host, known), *_files(host, known)):
            if source.id == target.id:
                continue
            seen: set[str] = graph.get_edge_data(source.id, target.id, {}).get("evidence", set())
            graph.add_edge(source.id, target.id, port=target.port, evidence=seen | {evidence})
    for edge in former:
        seen_before = {part for part in str(edge["evidence"]).split("; ") if part.startswith(SOCKET)}
        if seen_before and graph.has_node(edge["from"]) and graph.has_node(edge["to"]):
            seen = graph.get_edge_data(edge["from"], edge["to"], {}).get("evidence", set())
            graph.add_edge(edge["from"], edge["to"], port=edge["port"], evidence=seen | seen_before)
    return [
        Dependency(source, target, data["port"], "tcp" if data["port"] else "file", "; ".join(sorted(data["evidence"])))
        for source, target, data in sorted(graph.edges(data=True), key=lambda edge: edge[:2])
    ]


Edge = tuple[Service, Service, str]


def _connections(host: LegacyHost, known: Known) -> Iterator[Edge]:
    """Sockets seen from the client's side by their process, and from the server's side by their peer."""
    for row in host.rows("connections"):
        process, unit = str(row.get("process") or ""), row.get("unit")
        target = known.at(str(row["peer_address"]), int(row["peer_port"]))
        kind = kind_of(process, unit)
        sources = [known.service(kind, host.name)] if kind else _callers(host.name, known) if not process else []
        for source in sources:
            if target and source:
                yield source, target, f"{SOCKET}{host.name} to {target.host}:{target.port}"
        served = known.by_port.get((host.name, int(row["local_port"])))
        client = known.by_address.get(str(row["peer_address"]))
        if served and client and client != host.name:
            for source in _callers(client, known):
                yield source, served, f"{SOCKET}{client} to {host.name}:{served.port}"


def _callers(host: str, known: Known) -> list[Service]:
    """Who on a host probably opened a connection, when only the server's side was seen."""
    for kind in ("http", "edge", "cron"):
        if found := known.service(kind, host):
            return [found]
    return []


def _backends(host: LegacyHost, known: Known) -> Iterator[Edge]:
    edge = known.service("edge", host.name)
    for backend in host.part("haproxy").get("backends") or ():
        for server in backend.get("servers") or ():
            target = known.at(str(server.get("address")), int(server.get("port") or 80))
            if edge and target:
                yield edge, target, f"backend {backend['name']}, server {server['name']}"


def _written(host: LegacyHost, known: Known) -> Iterator[Edge]:
    """Addresses in configuration and code. They have no port: a host with one service leaves no doubt, else each may be meant."""
    for row in host.rows("literal_addresses"):
        for source in known.users_of(host, str(row["file"])):
            for target in known.listening_at(str(row["address"])):
                if target.host != host.name and (source.kind, target.kind) != ("edge", "edge"):
                    yield source, target, f"{row['address']} in {row['file']}:{row['line']}"


def _files(host: LegacyHost, known: Known) -> Iterator[Edge]:
    files, http, cron = (known.service(kind, host.name) for kind in ("files", "http", "cron"))
    if files and http:
        yield http, files, "document roots and sessions"
    if files and cron:
        commands = [str(row.get("command") or "") for row in host.rows("cron") if row.get("spool")]
        used = {path for command in commands for path in trees.script_paths(command) if any(trees.inside(path, tree) for tree in trees.of(host))}
        if used:
            yield cron, files, f"runs {', '.join(sorted(used))}"
