# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts about a cluster that a planner needs: nodes with room, storages, bridges, templates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .gateway import Gateway
from .observe import in_parallel

Row = dict[str, Any]


def facts(gateway: Gateway, workers: int = 4) -> Row:
    """Sizes in bytes. Two calls, and one for each node that is online.

    ::

        {"version": "9.0.10", "nodes": [{"name", "online", "cores", "memory_bytes", "memory_used_bytes",
          "storages": [{"name", "type", "shared", "content", "total_bytes", "used_bytes", "available"}], "bridges": ["vmbr0"]}],
         "templates": [{"name", "vmid", "node"}], "guests": [{"name", "vmid", "node", "status", "pool", "tags", "memory_bytes", "cores"}]}
    """
    version: Row = gateway.get("version")
    rows: list[Row] = gateway.get("cluster/resources")
    nodes = sorted((row for row in rows if row.get("type") == "node"), key=lambda row: str(row["node"]))
    online = [str(row["node"]) for row in nodes if row.get("status") == "online"]
    bridges = dict(zip(online, in_parallel(lambda node: bridges_of(gateway, node), online, workers), strict=True))
    machines = sorted((row for row in rows if row.get("type") == "qemu"), key=lambda row: int(row["vmid"]))
    return {
        "version": str(version.get("version", "")),
        "nodes": [_node(row, storages_of(rows, str(row["node"])), bridges.get(str(row["node"]), [])) for row in nodes],
        "templates": [
            {"name": str(row.get("name")), "vmid": int(row["vmid"]), "node": str(row["node"])} for row in machines if int(row.get("template") or 0)
        ],
        "guests": [_guest(row) for row in machines if not int(row.get("template") or 0)],
    }


def bridges_of(gateway: Gateway, node: str) -> list[str]:
    """Linux bridges, OVS bridges and SDN networks that guests can be attached to and that the token may see."""
    rows: list[Row] = gateway.get(f"nodes/{node}/network", {"type": "any_bridge"})
    return sorted(str(row["iface"]) for row in rows if row.get("iface") and row.get("type") in ("bridge", "OVSBridge", "vnet", None))


def storages_of(rows: Iterable[Row], node: str) -> list[Row]:
    """The storages that a node has, from /cluster/resources."""
    return [
        {
            "name": str(row["storage"]),
            "type": str(row.get("plugintype", "")),
            "shared": bool(int(row.get("shared") or 0)),
            "content": sorted(str(row.get("content", "")).split(",")),
            "total_bytes": int(row.get("maxdisk") or 0),
            "used_bytes": int(row.get("disk") or 0),
            "available": row.get("status") == "available",
        }
        for row in sorted(rows, key=lambda row: str(row.get("storage")))
        if row.get("type") == "storage" and row.get("node") == node
    ]


def _node(row: Row, storages: list[Row], bridges: list[str]) -> Row:
    return {
        "name": str(row["node"]),
        "online": row.get("status") == "online",
        "cores": int(row.get("maxcpu") or 0),
        "memory_bytes": int(row.get("maxmem") or 0),
        "memory_used_bytes": int(row.get("mem") or 0),
        "storages": storages,
        "bridges": bridges,
    }


def _guest(row: Row) -> Row:
    return {
        "name": str(row.get("name")),
        "vmid": int(row["vmid"]),
        "node": str(row["node"]),
        "status": str(row.get("status")),
        "pool": row.get("pool") or None,
        "tags": sorted(tag for tag in str(row.get("tags") or "").split(";") if tag),
        "memory_bytes": int(row.get("maxmem") or 0),
        "cores": int(row.get("maxcpu") or 0),
    }
