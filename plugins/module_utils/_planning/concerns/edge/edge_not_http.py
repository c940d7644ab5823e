# SPDX-License-Identifier: GPL-3.0-or-later
"""The old edge passes on more than HTTP."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed


@detector(
    "edge-not-http",
    "The old edge passes on more than HTTP",
    severity="critical",
    compares="frontends of the old HAProxy in tcp mode with what the role edge passes on",
    remedy="move what they balance by hand, or let its clients go there directly",
    reference="docs.haproxy.org: mode",
    needs=("haproxy",),
)
def edge_not_http(draft: Draft) -> Iterator[Finding]:
    for service in draft.services:
        fronts = draft.hosts[service.host].part("haproxy").get("frontends") or () if service.kind == "edge" else ()
        rows = [f"{front['name']} on {', '.join(front['binds'])}" for front in fronts if front.get("mode") == "tcp"]
        if rows:
            yield Finding(
                host=service.host,
                severity="critical",
                service=service.id,
                old=f"mode tcp: {listed(rows)}",
                new="the role edge speaks HTTP on one port: after the move nobody answers on these",
                remedy="Let their clients go to the servers directly before the crossing, or waive this when the guest's HAProxy has them.",
            )


DETECTOR = edge_not_http
