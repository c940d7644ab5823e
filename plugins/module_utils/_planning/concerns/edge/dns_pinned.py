# SPDX-License-Identifier: GPL-3.0-or-later
"""A name is resolved once."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding, LegacyHost
from ..detector import detector


def _names(host: LegacyHost) -> set[str]:
    named = {host.name.lower(), str(host.part("os").get("hostname") or "").lower()} - {"", "localhost"}
    return named | {name.split(".")[0] for name in named}


def _pinned(host: LegacyHost) -> Iterator[tuple[str, str, str]]:
    for row in host.part("nginx").get("names") or ():
        if row["resolved"] == "start":
            yield str(row["name"]).lower(), f"{row['file']}: {row['directive']}", "http"
    for backend in host.part("haproxy").get("backends") or ():
        for server in backend.get("servers") or ():
            address = str(server["address"]).lower()
            if address and not server.get("resolvers") and any(letter.isalpha() for letter in address) and not set(address) & set("@/:"):
                yield address, f"backend {backend['name']}: server {server['name']}", "edge"


@detector(
    "dns-pinned",
    "A name is resolved once",
    severity="warning",
    compares="names in nginx and HAProxy that are resolved at their start with the names of hosts that move",
    remedy="reload nginx or HAProxy after the name has its new address, or let them ask a resolver",
    reference="nginx: resolver, upstream server resolve; docs.haproxy.org: resolvers, init-addr",
    surprise=(25,),
    needs=("nginx", "haproxy"),
)
def dns_pinned(draft: Draft) -> Iterator[Finding]:
    by_name = {form: host.name for host in draft.hosts.values() for form in _names(host)}
    for host in draft.hosts.values():
        for name, where, kind in _pinned(host):
            target = by_name.get(name) or by_name.get(name.split(".")[0])
            if not target or target == host.name:
                continue
            service = draft.service(kind, host.name)
            yield Finding(
                host=host.name,
                severity="warning",
                service=service.id if service else "",
                title=f"{name} is resolved once, at the start",
                old=f"{where} names {name} ({target}) without a resolver",
                new=f"when {target} has moved, its old address is used until a reload; it forwards until {target} is retired",
                remedy=f"Reload after the name has changed and before {target} is retired; look for sockets to the old address.",
            )


DETECTOR = dns_pinned
