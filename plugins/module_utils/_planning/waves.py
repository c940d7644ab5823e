# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of the moves: what depends on whom, and what the movers demand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import networkx

from .model import Dependency, Service

# The movers' demands. The edge comes first, because it holds requests in every later cutover. State goes before its readers even where
# no connection was seen: an unobserved dependency is not an absent one. Jobs leave before the files: requests can be held while a tree
# changes sides, a job that writes into it cannot.
STAGES = {
    "edge": 0, "mariadb": 1, "redis": 1, "postgresql": 1, "memcached": 1, "rabbitmq": 1, "nfs": 1, "mail": 1, "cron": 2, "files": 3, "http": 3,
    "apache": 3, "nodejs": 3, "docker": 3,
}  # fmt: skip


def section_of(service: Service, move: str) -> str:
    """Moves of one section are cut together: a host's web application with its files, everything else by itself."""
    return service.host if service.kind in {"files", "http"} else move


def waves(services: Sequence[Service], dependencies: Sequence[Dependency]) -> dict[str, int]:
    """The wave (from 1) of each service by id. Services that need each other share one."""
    if not services:
        return {}
    graph = _order(services, dependencies)
    condensed = networkx.condensation(graph)
    depth: dict[int, int] = {}
    for node in networkx.topological_sort(condensed):
        depth[node] = 1 + max((depth[before] for before in condensed.predecessors(node)), default=0)
    levels = {number: position for position, number in enumerate(sorted(set(depth.values())), start=1)}
    of_group = {member: levels[depth[node]] for node, data in condensed.nodes(data=True) for member in data["members"]}
    return {service.id: of_group[_group(service)] for service in services}


def _group(service: Service) -> str:
    return f"section {service.host}" if service.kind in {"files", "http"} else service.id


def _order(services: Sequence[Service], dependencies: Sequence[Dependency]) -> Any:
    """A graph of groups of services; an edge goes from what moves earlier to what moves later."""
    by_id = {service.id: service for service in services}
    graph: networkx.DiGraph[str] = networkx.DiGraph()
    graph.add_nodes_from(_group(service) for service in services)
    for before in services:
        for after in services:
            if STAGES[before.kind] < STAGES[after.kind]:
                graph.add_edge(_group(before), _group(after))
    for edge in dependencies:
        source, target = by_id.get(edge.source), by_id.get(edge.target)
        if source and target and _group(source) != _group(target) and not against(source, target):
            graph.add_edge(_group(target), _group(source))
    return graph


def against(source: Service, target: Service) -> bool:
    """Whether a dependency contradicts the movers' order: what needs the other one has to go before it."""
    return STAGES[source.kind] < STAGES[target.kind]


def rings(services: Sequence[Service], dependencies: Sequence[Dependency]) -> list[list[str]]:
    """Groups of services that need each other, and so can only move together."""
    graph = _order(services, dependencies)
    found = [sorted(ring) for ring in networkx.strongly_connected_components(graph) if len(ring) > 1]
    members = [sorted(service.id for service in services if _group(service) in ring) for ring in found]
    return sorted(members)
