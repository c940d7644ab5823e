# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that take longer than the new edge waits."""

from __future__ import annotations

from collections.abc import Iterator

from ...carried.edge import TIMEOUT_S, longest
from ...model import Draft, Finding
from ..detector import detector


@detector(
    "edge-timeouts",
    "Requests that take longer than the new edge waits",
    severity="warning unless the edge on the guest gets the longer time",
    compares="timeout client and server of each proxy with those of the role edge",
    remedy="the edge on the guest gets the longest of them (edge_client_timeout_s, edge_server_timeout_s)",
    reference="docs.haproxy.org: timeout server",
    needs=("haproxy",),
)
def edge_timeouts(draft: Draft) -> Iterator[Finding]:
    for service in draft.services:
        if service.kind != "edge":
            continue
        carried = draft.settings_of(service.id)
        for name in ("client", "server"):
            seconds, proxy = longest(draft.hosts[service.host], name)
            if seconds > TIMEOUT_S:
                kept = int(carried.get(f"edge_{name}_timeout_s", TIMEOUT_S))
                yield Finding(
                    host=service.host,
                    severity="warning",
                    service=service.id,
                    title=f"{proxy} waits {seconds} s for a {name}",
                    old=f"{proxy}: timeout {name} {seconds} s",
                    new=f"timeout {name} {kept} s",
                    remedy="The edge on the guest gets it.",
                    applied=kept >= seconds,
                )


DETECTOR = edge_timeouts
