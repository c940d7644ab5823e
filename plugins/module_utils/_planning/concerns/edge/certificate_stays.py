# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates that the plan does not move."""

from __future__ import annotations

from collections.abc import Iterator

from ... import trees
from ...model import Draft, Finding
from ..detector import detector, listed


@detector(
    "certificate-stays",
    "Certificates that the plan does not move",
    severity="warning",
    compares="certificates and client authorities that configurations name with the trees that move",
    remedy="bring certificate and key to the guest by hand, with the same mode and owner",
    reference="nginx: ssl_certificate; docs.haproxy.org: crt",
    surprise=(30,),
    needs=("tls",),
)
def certificate_stays(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        files = draft.move(f"files@{host.name}")
        moved = files.parameters["paths"] if files else ()
        rows = [row for row in host.part("tls").get("certificates") or () if row["position"] == 1 and set(row["named_by"]) - {row["file"]}]
        used = [row for row in rows if not any(trees.inside(str(row["file"]), tree) for tree in moved)]
        if used:
            yield Finding(
                host=host.name,
                severity="warning",
                title=f"{len(used)} certificate{'s' if len(used) > 1 else ''} of {host.name} stay behind",
                old=listed([f"{row['file']} ({row['purpose']}, {row['subject']}) in {', '.join(row['named_by'])}" for row in used]),
                new="no mover copies certificates or private keys, and the survey has not read a key",
                remedy="Bring them to where TLS ends on the new side, with owner and mode, and see what renews them.",
            )


DETECTOR = certificate_stays
