# SPDX-License-Identifier: GPL-3.0-or-later
"""An address of somebody else is written into a file."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from ...model import Draft, Finding
from ..detector import detector, listed


@detector(
    "partner-address",
    "An address of somebody else is written into a file",
    severity="info",
    compares="addresses in code and configuration with those of the estate",
    remedy="ask the partner whether the old address is allowed by name; try the connection from the guest",
    reference="outage pattern: a partner's allow list",
    surprise=(24, 27),
    needs=("literal_addresses",),
)
def partner_address(draft: Draft) -> Iterator[Finding]:
    ours = {address for host in draft.hosts.values() for address in host.addresses} | {draft.public_address.split("/")[0]}
    for host in draft.hosts.values():
        rows = [row for row in host.rows("literal_addresses") if str(row["address"]) not in ours and not _special(str(row["address"]))]
        if rows:
            yield Finding(
                host=host.name,
                severity="info",
                old=listed(sorted(f"{row['address']} in {row['file']}:{row['line']}" for row in rows)),
                new=f"connections will come from the guest's address, no longer from {host.address}",
                remedy="Ask the partner whether the old address is allowed by name; try the connection from the guest.",
            )


def _special(address: str) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return True
    return parsed.is_loopback or parsed.is_unspecified or parsed.is_multicast or parsed.is_reserved


DETECTOR = partner_address
