# SPDX-License-Identifier: GPL-3.0-or-later
"""The old edge ends TLS."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed


@detector(
    "edge-tls",
    "The old edge ends TLS",
    severity="critical",
    compares="binds with ssl of the old HAProxy with what the role edge opens",
    remedy="end TLS in front of the edge, or bring certificates and binds to the guest by hand",
    reference="docs.haproxy.org: bind ssl crt",
    surprise=(29,),
    needs=("haproxy",),
)
def edge_tls(draft: Draft) -> Iterator[Finding]:
    for service in draft.services:
        fronts = draft.hosts[service.host].part("haproxy").get("frontends") or () if service.kind == "edge" else ()
        rows = [(front["name"], bind) for front in fronts for bind in front.get("tls") or ()]
        binds = [f"{name}: bind {bind['address']} ssl crt {' '.join(bind['certificates'])}" for name, bind in rows]
        if binds:
            yield Finding(
                host=service.host,
                severity="critical",
                service=service.id,
                old=listed(binds),
                new="the role edge opens one port for plain HTTP: after the move nobody answers on these",
                remedy="End TLS in front of the edge, or waive this when the guest's HAProxy has these binds and certificates.",
            )


DETECTOR = edge_tls
