# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests as an inventory sees them: one call for the list, one configuration call for each guest whose address is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from .errors import ApiError, RefusedError
from .gateway import Gateway
from .observe import in_parallel
from .permissions import Permissions
from .values import addresses_in, words

Record = dict[str, Any]


def records(gateway: Gateway, *, tag: str | None, cidrs: Sequence[str] = (), workers: int = 8) -> list[Record]:
    """One record for each virtual machine that is not a template, sorted by name.

    ::

        {"name", "vmid", "node", "status", "pool", "tags", "address": None or text, "unreachable": None or reason}

    ``address`` is set for guests with ``tag``: the cloud-init address within one of ``cidrs`` (without these, the first one). Raises
    RefusedError when the list is empty only because the token may not see guests.
    """
    rows = gateway.get("cluster/resources", {"type": "vm"})
    if not rows:
        may_see(gateway)
    found: list[Record] = [
        {
            "name": str(row.get("name") or f"vm-{row['vmid']}"),
            "vmid": int(row["vmid"]),
            "node": str(row["node"]),
            "status": str(row.get("status", "unknown")),
            "pool": row.get("pool") or None,
            "tags": sorted(words(row.get("tags") or "")),
            "address": None,
            "unreachable": None,
        }
        for row in rows
        if row.get("type") == "qemu" and not int(row.get("template") or 0)
    ]
    found.sort(key=lambda record: (record["name"], record["vmid"]))
    if tag is not None:
        in_parallel(lambda record: _address(gateway, record, cidrs), [record for record in found if tag in record["tags"]], workers)
    return unique(found, tag)


def may_see(gateway: Gateway) -> None:
    """Missing permissions read as 200 with an empty list: an empty list is believed only from somebody who may see guests."""
    permissions = Permissions(gateway.get("access/permissions"))
    if not permissions.anywhere("VM.Audit"):
        raise RefusedError(["the API lists no guest because the token lacks VM.Audit: give the token (not only its user) a role on /vms or its pool"])


def unique(found: list[Record], tag: str | None) -> list[Record]:
    """Names are the inventory's host names. Two of our own with one name are an error; strangers get their VMID behind the name."""
    by_name: dict[str, list[Record]] = {}
    for record in found:
        by_name.setdefault(record["name"], []).append(record)
    for name, same in by_name.items():
        ours = [record for record in same if tag is not None and tag in record["tags"]]
        if len(ours) > 1:
            raise RefusedError([f"VMs {' and '.join(str(record['vmid']) for record in ours)} are both called {name} and tagged {tag}"])
        if len(same) > 1:
            for record in same:
                if record not in ours:
                    record["name"] = f"{name}-{record['vmid']}"
    return found


def _address(gateway: Gateway, record: Record, cidrs: Sequence[str]) -> None:
    """A guest whose node does not answer is marked, not dropped."""
    try:
        config = gateway.get(f"nodes/{record['node']}/qemu/{record['vmid']}/config")
    except ApiError as failure:
        record["unreachable"] = str(failure)
        return
    nets = [ip_network(cidr, strict=False) for cidr in cidrs]
    addresses = addresses_in(config)
    fitting = [address for address in addresses if any(ip_address(address) in net for net in nets)] if nets else addresses
    record["address"] = fitting[0] if fitting else None
