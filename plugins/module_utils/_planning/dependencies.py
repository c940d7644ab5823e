# SPDX-License-Identifier: GPL-3.0-or-later
"""Who needs whom: from connections over time, configured backends and stores, mounted file systems, and addresses written into code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import networkx

from . import trees
from .known import Known
from .model import Dependency, LegacyHost, Service

SOCKET = "connection from "
WHERE = re.compile(r"(?:[a-z+]{2,16}://)?(?:[^@/\s]*@)?\[?(?P<host>[A-Za-z0-9._-]{1,253})\]?(?::(?P<port>\d{1,5}))?(?:[/?;,\s]|$)", re.ASCII)
USUAL = {"http": 80, "https": 443}
Edge = tuple[Service, Service, str]


def find(known: Known, former: Iterable[Mapping[str, Any]] = (), loads: Mapping[str, Mapping[str, Any]] | None = None) -> list[Dependency]:
    """Every dependency once, with all its evidence, sorted. ``former`` are a plan's dependencies: a connection seen once stays seen."""
    graph: networkx.DiGraph[str] = networkx.DiGraph()
    graph.add_nodes_from(service.id for service in known.services.values())

    def see(source: str, target: str, port: int | None, evidence: set[str], often: str | None = None) -> None:
        before = graph.get_edge_data(source, target, {"evidence": set(), "often": None})
        graph.add_edge(source, target, port=port, evidence=before["evidence"] | evidence, often=before["often"] or often)

    for host in known.hosts.values():
        for source, target, evidence in _of(host, known):
            if source.id != target.id:
                see(source.id, target.id, target.port, {evidence})
        for source, target, often in _over_time(host, known, (loads or {}).get(host.name, {})):
            if source.id != target.id:
                see(source.id, target.id, target.port, {f"{SOCKET}{source.host} to {target.host}:{target.port}"}, often)
    for edge in former:
        seen_before = {part for part in str(edge["evidence"]).split("; ") if part.startswith(SOCKET)}
        if seen_before and graph.has_node(edge["from"]) and graph.has_node(edge["to"]):
            see(edge["from"], edge["to"], edge["port"], seen_before)
    return [
        Dependency(source, target, data["port"], "tcp" if data["port"] else "file", "; ".join(sorted(data["evidence"])), data["often"])
        for source, target, data in sorted(graph.edges(data=True), key=lambda edge: edge[:2])
    ]


def cycles(dependencies: Sequence[Dependency]) -> list[list[str]]:
    """Services that need each other, directly or through others: every strongly connected group of two or more, sorted."""
    graph: networkx.DiGraph[str] = networkx.DiGraph((edge.source, edge.target) for edge in dependencies)
    return sorted(sorted(group) for group in networkx.strongly_connected_components(graph) if len(group) > 1)


def _of(host: LegacyHost, known: Known) -> Iterator[Edge]:
    yield from _connections(host, known)
    yield from _backends(host, known)
    yield from _named(host, known)
    yield from _written(host, known)
    yield from _files(host, known)
    yield from _mounted(host, known)


def _connections(host: LegacyHost, known: Known) -> Iterator[Edge]:
    """Sockets seen from the client's side by their process, and from the server's side by their peer."""
    for row in host.rows("connections"):
        target = known.at(str(row["peer_address"]), int(row["peer_port"]))
        for source in known.user_of(str(row.get("process") or ""), row.get("unit"), host.name) if target else ():
            if target:
                yield source, target, f"{SOCKET}{host.name} to {target.host}:{target.port}"
        served = known.by_port.get((host.name, int(row["local_port"])))
        client = known.by_address.get(str(row["peer_address"]))
        if served and client and client != host.name:
            for source in known.callers(client):
                yield source, served, f"{SOCKET}{client} to {host.name}:{served.port}"


def _over_time(host: LegacyHost, known: Known, load: Mapping[str, Any]) -> Iterator[tuple[Service, Service, str]]:
    """Connections of earlier surveys too: what runs at month's end only is seen by those that looked then."""
    for row in load.get("connections") or ():
        target = known.at(str(row["peer_address"]), int(row["peer_port"]))
        for source in known.user_of(str(row.get("process") or ""), row.get("unit"), host.name) if target else ():
            if target:
                yield source, target, frequency(int(row["seen"]), int(row["of"]))


def frequency(seen: int, of: int) -> str:
    """In words, so that one more survey is no other plan: "always", "often" (half and more), "at times" (a tenth and more), "seldom"."""
    share = seen / max(of, seen, 1)
    return next(word for least, word in ((0.95, "always"), (0.5, "often"), (0.1, "at times"), (0.0, "seldom")) if share >= least)


def _backends(host: LegacyHost, known: Known) -> Iterator[Edge]:
    edge = known.service("edge", host.name)
    for backend in host.part("haproxy").get("backends") or ():
        for server in backend.get("servers") or ():
            target = known.at(str(server.get("address")), int(server.get("port") or 80), host)
            if edge and target:
                yield edge, target, f"backend {backend['name']}, server {server['name']}"


def _named(host: LegacyHost, known: Known) -> Iterator[Edge]:
    """Addresses and names with their port, where a setting says what it talks to."""
    http, mariadb, redis = (known.service(kind, host.name) for kind in ("http", "mariadb", "redis"))
    for vhost in host.part("nginx").get("vhosts") or ():
        yield from _to(http, str(vhost.get("proxy_pass") or ""), 80, f"proxy_pass of vhost {vhost['name']}", host, known)
    for pool in host.part("php").get("pools") or ():
        path = str((pool.get("ini") or {}).get("session.save_path") or "")
        if "://" in path or re.fullmatch(r"[\w.-]+:\d+", path):
            yield from _to(http, path, 6379, f"session store of pool {pool['name']}", host, known)
    replica = host.part("mariadb").get("replica") or {}
    if isinstance(replica, Mapping) and replica.get("master_host"):
        yield from _to(mariadb, f"{replica['master_host']}:{replica.get('master_port') or 3306}", 3306, "replicates from it", host, known)
    primary = str((host.part("redis").get("config") or {}).get("replicaof") or (host.part("redis").get("config") or {}).get("slaveof") or "")
    if len(primary.split()) == 2:
        yield from _to(redis, ":".join(primary.split()), 6379, "replicates from it", host, known)


def _to(source: Service | None, where: str, port: int, evidence: str, host: LegacyHost, known: Known) -> Iterator[Edge]:
    match = WHERE.match(where)
    if source is None or not match:
        return
    usual = USUAL.get(where.split("://", 1)[0], port)
    target = known.at(match["host"], int(match["port"] or usual), host)
    if target:
        yield source, target, f"{evidence}: {match['host']}"


def _written(host: LegacyHost, known: Known) -> Iterator[Edge]:
    """Addresses and names in configuration and code. They have no port: a host with one service leaves no doubt, else each may be meant."""
    rows = [(row, str(row["address"])) for row in host.rows("literal_addresses")] + [(row, str(row["name"])) for row in host.rows("literal_names")]
    for row, called in rows:
        targets = [target for target in known.listening_at(called) if target.host != host.name]
        for source in known.users_of(host, str(row["file"])) if targets else ():
            for target in targets:
                if (source.kind, target.kind) != ("edge", "edge"):
                    yield source, target, f"{called} in {row['file']}:{row['line']}"


def _files(host: LegacyHost, known: Known) -> Iterator[Edge]:
    files, http, cron = (known.service(kind, host.name) for kind in ("files", "http", "cron"))
    if files and http:
        yield http, files, "document roots and sessions"
    if files and cron:
        commands = [str(row.get("command") or "") for row in host.rows("cron") if row.get("spool")]
        used = {path for command in commands for path in trees.script_paths(command) if any(trees.inside(path, tree) for tree in trees.of(host))}
        if used:
            yield cron, files, f"runs {', '.join(sorted(used))}"


def _mounted(host: LegacyHost, known: Known) -> Iterator[Edge]:
    """File systems of another host: whatever serves from below the mount needs it; where nobody is known to, every service of the host."""
    for row in host.rows("mounts"):
        if not str(row.get("type")).startswith("nfs") or ":" not in str(row["source"]):
            continue
        server = known.host_of(str(row["source"]).rsplit(":", 1)[0].strip("[]"), host)
        target = known.service("nfs", server or "")
        if target is None or server == host.name:
            continue
        users = known.users_of(host, str(row["target"])) or known.of_host.get(host.name, [])
        for source in users:
            yield source, target, f"{row['source']} mounted on {row['target']}"
