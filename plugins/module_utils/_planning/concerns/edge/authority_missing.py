# SPDX-License-Identifier: GPL-3.0-or-later
"""An authority that the guest would not trust."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed


@detector(
    "authority-missing",
    "An authority that the guest would not trust",
    severity="critical where a service of the plan is on the host, else warning",
    compares="local certificate authorities of the old host with the guest's, which has Debian's only",
    remedy="put the authorities into /usr/local/share/ca-certificates of the guest and run update-ca-certificates",
    reference="update-ca-certificates(8)",
    surprise=(30,),
    needs=("openssl",),
)
def authority_missing(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        rows = host.part("openssl").get("local_authorities") or ()
        if not rows:
            continue
        services = [service for service in draft.services if service.host == host.name]
        yield Finding(
            host=host.name,
            severity="critical" if services else "warning",
            title=f"{host.name} trusts {len(rows)} authorit{'ies' if len(rows) > 1 else 'y'} of its own",
            old=listed([f"{row['file']}: {row['subject']} until {row['not_after']}" for row in rows]),
            new="the guest trusts Debian's authorities only: connections to what these signed are refused",
            remedy="Put them into /usr/local/share/ca-certificates of the guest, run update-ca-certificates, try a connection, then waive this.",
        )


DETECTOR = authority_missing
