# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients stick to one server."""

from __future__ import annotations

from collections.abc import Iterator

from ... import trees
from ...model import Draft, Finding
from ..detector import detector, listed


def _owner(draft: Draft, address: str) -> str | None:
    return next((host.name for host in draft.hosts.values() if address in host.addresses), None)


@detector(
    "sticky-sessions",
    "Clients stick to one server",
    severity="critical where a cookie is rewritten or sessions are files on several servers, else warning; info with one server",
    compares="cookie, stick tables and balance of each backend with the one server that the new edge has",
    remedy="the edge on the guest keeps the cookie (edge_backends.cookie); sessions of other servers go to a shared store first",
    reference="docs.haproxy.org: cookie, stick-table, balance",
    surprise=(14,),
    needs=("haproxy",),
)
def sticky_sessions(draft: Draft) -> Iterator[Finding]:
    for service in draft.services:
        if service.kind != "edge":
            continue
        carried = {row["name"]: row for row in draft.settings_of(service.id).get("edge_backends", ())}
        for backend in draft.hosts[service.host].part("haproxy").get("backends") or ():
            cookie = str(backend.get("cookie") or "")
            by = [f"cookie {cookie}"] * bool(cookie) + [str(line) for line in backend.get("stick") or ()]
            balance = str(backend.get("balance") or "")
            by += [f"balance {balance}"] * balance.startswith(("source", "hash", "url_param"))
            if not by:
                continue
            servers = [row for row in backend.get("servers") or () if not row.get("backup")]
            owners = {str(row["name"]): _owner(draft, str(row["address"])) for row in servers}
            local = [name for name, host in owners.items() if host and trees.session_paths(draft.hosts[host]) and draft.hosts[host].part("php")]
            prefix = " prefix" in f" {cookie} "
            kept = bool(cookie) and carried.get(str(backend["name"]), {}).get("cookie") == cookie
            several = len(servers) > 1
            grave = (prefix and not kept) or (several and bool(local))
            yield Finding(
                host=service.host,
                severity="critical" if grave else "warning" if several else "info",
                service=service.id,
                title=f"Clients of backend {backend['name']} stick to their server",
                old=f"{listed(by)}; servers {listed(sorted(owners))}" + (f"; sessions are files on {listed(local)}" if local else ""),
                new=("the new edge keeps the cookie" if kept else "the new edge knows no cookie and no stick table")
                + ("; all clients go to one server: who was on another signs in again" if several else ""),
                remedy="Put sessions into a shared store before the crossing." if several else "The cookie is kept; entries of stick tables are not.",
                applied=kept and not several,
            )


DETECTOR = sticky_sessions
