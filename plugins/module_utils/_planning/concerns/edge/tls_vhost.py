# SPDX-License-Identifier: GPL-3.0-or-later
"""A vhost that speaks TLS itself."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector


@detector(
    "tls-vhost",
    "A vhost that speaks TLS itself",
    severity="critical",
    compares="listen directives of nginx with what the role web_php serves",
    remedy="end TLS at the edge before the crossing, or move these vhosts by hand",
    reference="nginx: listen",
    surprise=(29,),
    needs=("nginx",),
)
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


DETECTOR = tls_vhost
