# SPDX-License-Identifier: GPL-3.0-or-later
"""What detectors about the edge share."""

from __future__ import annotations

from ...model import LegacyHost


def virtual_addresses(host: LegacyHost) -> dict[str, str]:
    """Addresses that keepalived puts on a card, each with its instance in words."""
    found = {}
    for row in host.part("keepalived").get("instances") or ():
        for address in row["addresses"]:
            words = f"{row['name']}, virtual_router_id {row.get('virtual_router_id')}, {row.get('state') or 'BACKUP'}"
            garp = (row.get("garp") or {}).get("garp_master_refresh")
            announced = f"announced every {garp} s" if garp not in (None, "0") else "announced when it becomes master"
            found[str(address).split("/")[0]] = f"{words}, {announced}"
    return found
