# SPDX-License-Identifier: GPL-3.0-or-later
"""A vhost whose PHP no surveyed pool runs."""

from __future__ import annotations

from collections.abc import Iterator

from ...carried.php import socket_of, sockets
from ...model import Draft, Finding
from ..detector import detector, listed


@detector(
    "vhost-without-pool",
    "A vhost whose PHP no surveyed pool runs",
    severity="critical",
    compares="each vhost's fastcgi_pass with the pools that were surveyed",
    remedy="name the pool's socket in the old vhost, or move the vhost by hand",
    reference="nginx: fastcgi_pass",
    surprise=(11,),
    needs=("nginx", "php"),
)
def vhost_without_pool(draft: Draft) -> Iterator[Finding]:
    for service in draft.services:
        if service.kind != "http":
            continue
        host = draft.hosts[service.host]
        known = sockets(host)
        lost = sorted(
            f"{vhost['name']} ({vhost.get('fastcgi_pass') or 'no PHP'})"
            for vhost in host.part("nginx").get("vhosts") or ()
            if not known or (vhost.get("fastcgi_pass") and socket_of(vhost) not in known)
        )
        if lost:
            yield Finding(
                host=host.name,
                severity="critical",
                service=service.id,
                old=listed(lost),
                new="the role web_php runs every vhost with a pool that it knows"
                + (": the first one would get it" if known else ", and there is none"),
                remedy="Name the pool's socket in the old vhost directly, or move the vhost by hand.",
            )


DETECTOR = vhost_without_pool
