# SPDX-License-Identifier: GPL-3.0-or-later
"""A vhost without a document root."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector


@detector(
    "proxy-vhost",
    "A vhost without a document root",
    severity="critical",
    compares="vhosts without a document root with what the role web_php serves",
    remedy="move what is behind it by hand, and take the vhost out of the old nginx",
    reference="nginx: proxy_pass",
    needs=("nginx",),
)
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


DETECTOR = proxy_vhost
