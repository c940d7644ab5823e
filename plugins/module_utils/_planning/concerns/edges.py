# SPDX-License-Identifier: GPL-3.0-or-later
"""The front door: what the switchboard cannot hold."""

from __future__ import annotations

from collections.abc import Iterator

from ..carried.edge import backends
from ..model import Draft, Finding
from .detector import detector


@detector("no-edge", "A web server that the edge does not serve")
def no_edge(draft: Draft) -> Iterator[Finding]:
    for move in draft.moves:
        if move.service.kind == "http" and not move.parameters.get("backend"):
            yield Finding(
                host=move.service.host,
                severity="critical",
                service=move.service.id,
                old=f"no backend of a surveyed HAProxy names port {move.service.port} of {move.service.host} first",
                new="requests cannot be held while it changes sides: some would fail",
                remedy="Put a HAProxy in front of it with a backend of its own, and survey again.",
            )


@detector("several-servers", "A backend with more than one server")
def several_servers(draft: Draft) -> Iterator[Finding]:
    for service in draft.services:
        if service.kind != "edge":
            continue
        for backend in backends(draft.hosts[service.host], draft.hosts):
            if backend.others:
                yield Finding(
                    host=service.host,
                    severity="warning",
                    service=service.id,
                    old=f"backend {backend.name} has {backend.server}, {', '.join(backend.others)}",
                    new=f"the new edge sends all of its requests to {backend.server}: the conductor alone decides where they go",
                    remedy="See that one server can carry the load during the crossing.",
                )


@detector("several-edges", "More than one edge")
def several_edges(draft: Draft) -> Iterator[Finding]:
    edges = [service for service in draft.services if service.kind == "edge"]
    for service in edges[1:]:
        yield Finding(
            host=service.host,
            severity="critical",
            service=service.id,
            old=f"HAProxy runs on {', '.join(edge.host for edge in edges)}",
            new=f"the switchboard holds requests of one edge, that of {edges[0].host}",
            remedy="Cross in one environment for each edge, or drop one edge.",
        )


@detector("public-address", "The edge's public address is not where the users go")
def public_address(draft: Draft) -> Iterator[Finding]:
    address = draft.public_address.split("/")[0]
    for service in draft.services:
        if service.kind == "edge" and address not in draft.hosts[service.host].addresses:
            yield Finding(
                host=service.host,
                severity="critical",
                service=service.id,
                old=f"{service.host} has {', '.join(sorted(draft.hosts[service.host].addresses))}",
                new=f"the edge's mover would bring {address} to the guest" if address else "edge_public_address is not set",
                remedy="Set edge_public_address to the service address that the old edge answers on.",
            )


@detector("tls-vhost", "A vhost that speaks TLS itself")
def tls_vhost(draft: Draft) -> Iterator[Finding]:
    for service in draft.services:
        if service.kind != "http":
            continue
        vhosts = draft.hosts[service.host].part("nginx").get("vhosts") or ()
        names = sorted(str(row["name"]) for row in vhosts if any("ssl" in str(listen).split() for listen in row.get("listen") or ()))
        if names:
            yield Finding(
                host=service.host,
                severity="critical",
                service=service.id,
                old=f"ssl in {', '.join(names)}",
                new="the role web_php serves plain HTTP behind the edge",
                remedy="End TLS at the edge before the crossing, or move these vhosts by hand and drop them here.",
            )


@detector("proxy-vhost", "A vhost without a document root")
def proxy_vhost(draft: Draft) -> Iterator[Finding]:
    for service in draft.services:
        if service.kind != "http":
            continue
        rows = [row for row in draft.hosts[service.host].part("nginx").get("vhosts") or () if not row.get("root")]
        for row in rows:
            yield Finding(
                host=service.host,
                severity="critical",
                service=service.id,
                title=f"The vhost {row['name']} has no document root",
                old=f"{row.get('file')}: " + (f"proxies to {row['proxy_pass']}" if row.get("proxy_pass") else "no root"),
                new="the role web_php serves document roots with PHP only",
                remedy="Move what is behind it by hand, and take the vhost out of the old nginx.",
            )


DETECTORS = (no_edge, several_servers, several_edges, public_address, tls_vhost, proxy_vhost)
