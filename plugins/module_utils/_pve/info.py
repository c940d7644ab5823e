# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster has: nodes with room, storages, bridges, templates, pools; and its guests as an operator would write them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from .errors import ForbiddenError, RefusedError
from .gateway import Gateway
from .ha import HaView, read_ha
from .hosts import may_see
from .observe import in_parallel, observe
from .reverse import row_of

Row = dict[str, Any]
USUAL = ("nodes", "storages", "bridges", "templates", "guests")
PARTS = (*USUAL, "firewall", "pools", "ha", "rows")
WILD = frozenset("*?[")


def facts(gateway: Gateway, gather: Sequence[str] = USUAL, names: Sequence[str] = (), workers: int = 8) -> Row:
    """Sizes in bytes. Two calls, one for each node that is online (bridges), one for pools, three for ha, one for each guest among the rows,
    one for the firewall and, only where that is on, two for each guest and template.

    ::

        {"version": "9.0.10", "nodes": [{"name", "online", "cores", "memory_bytes", "memory_used_bytes",
          "storages": [{"name", "type", "shared", "content", "total_bytes", "used_bytes", "available"}], "bridges": ["vmbr0"]}],
         "templates": [{"name", "vmid", "node"}], "guests": [{"name", "vmid", "node", "status", "pool", "tags", "memory_bytes", "cores"}],
         "pools": [{"name", "comment", "vmids"}], "ha": [{"name", "vmid", "state", "max_restart", "max_relocate", "nodes", "strict"}],
         "firewall": {"enabled", "guests": [{"name", "vmid", "enabled", "ip_filter", "allowed"}]},
         "rows": [as in a plan, of the guests that ``names`` names, or all]}

    Raises RefusedError for a name that no guest has.
    """
    version: Row = gateway.get("version")
    rows: list[Row] = gateway.get("cluster/resources")
    machines = sorted((row for row in rows if row.get("type") == "qemu"), key=lambda row: int(row["vmid"]))
    found: Row = {"version": str(version.get("version", ""))}
    if not {"nodes", "storages", "bridges"}.isdisjoint(gather):
        found["nodes"] = _nodes(gateway, rows, gather, workers)
    if "templates" in gather:
        found["templates"] = [{"name": str(row.get("name")), "vmid": int(row["vmid"]), "node": str(row["node"])} for row in machines if _frozen(row)]
    if "guests" in gather:
        found["guests"] = [_guest(row) for row in machines if not _frozen(row)]
    if "firewall" in gather:
        found["firewall"] = _firewall(gateway, machines, workers)
    if "pools" in gather:
        found["pools"] = _pools(gateway, rows)
    ha = read_ha(gateway) if "ha" in gather else None
    if ha is not None:
        named = [(row, ha.of(int(row["vmid"]), str(row.get("name")))) for row in machines]
        found["ha"] = [{"name": str(row.get("name")), "vmid": int(row["vmid"]), **managed} for row, managed in named if managed is not None]
    if "rows" in gather:
        found["rows"] = _declared(gateway, machines, names, ha, workers)
    return found


def _frozen(row: Row) -> bool:
    return bool(int(row.get("template") or 0))


def _declared(gateway: Gateway, machines: Sequence[Row], names: Sequence[str], ha: HaView | None, workers: int) -> list[Row]:
    """Live guests as rows of a plan; with ``ha`` they say whether they are highly available."""
    if not machines:
        may_see(gateway)
    wanted = _named(machines, names)
    observed = in_parallel(lambda row: observe(gateway, row), wanted, workers)
    return [row_of(guest, None if ha is None else ha.of(guest.vmid, guest.name)) for guest in observed]


def _named(machines: Sequence[Row], names: Sequence[str]) -> list[Row]:
    """By name, VMID, or pattern of names; only a name or VMID means a template too."""
    if not names:
        return [row for row in machines if not _frozen(row)]
    chosen: dict[int, Row] = {}
    problems = []
    for name in names:
        if WILD.isdisjoint(name):
            fitting = [row for row in machines if name in (str(row.get("name")), str(row["vmid"]))]
        else:
            fitting = [row for row in machines if fnmatchcase(str(row.get("name")), name) and not _frozen(row)]
        chosen |= {int(row["vmid"]): row for row in fitting}
        if not fitting:
            problems.append(f"there is no guest {name} (or the token may not see it)")
    if problems:
        raise RefusedError(problems)
    return [chosen[vmid] for vmid in sorted(chosen)]


def _firewall(gateway: Gateway, machines: Sequence[Row], workers: int) -> Row | None:
    """Whether the cluster's firewall is on, and what it does with guests and templates (a clone gets its template's rules). None: not seen."""
    try:
        options: Row = gateway.get("cluster/firewall/options")
        if not int(options.get("enable") or 0):
            return {"enabled": False, "guests": []}
        guests = in_parallel(lambda row: _filtered(gateway, row), machines, workers)
    except ForbiddenError:
        return None
    return {"enabled": True, "guests": guests}


def _filtered(gateway: Gateway, row: Row) -> Row:
    """``allowed`` are the addresses of the set ipfilter-net0; PVE adds those of the machine's own cloud-init configuration."""
    base = f"nodes/{row['node']}/qemu/{row['vmid']}/firewall"
    options: Row = gateway.get(f"{base}/options")
    sets: list[Row] = gateway.get(f"{base}/ipset")
    entries: list[Row] = gateway.get(f"{base}/ipset/ipfilter-net0") if any(one.get("name") == "ipfilter-net0" for one in sets) else []
    return {
        "name": str(row.get("name")), "vmid": int(row["vmid"]), "enabled": bool(int(options.get("enable") or 0)),
        "ip_filter": bool(int(options.get("ipfilter") or 0)) or bool(entries),
        "allowed": sorted(str(entry["cidr"]).split("/")[0] for entry in entries if not int(entry.get("nomatch") or 0)),
    }  # fmt: skip


def _pools(gateway: Gateway, rows: Sequence[Row]) -> list[Row]:
    members: dict[str, list[int]] = {}
    for row in rows:
        if row.get("type") in ("qemu", "lxc") and row.get("pool"):
            members.setdefault(str(row["pool"]), []).append(int(row["vmid"]))
    pools: list[Row] = sorted(gateway.get("pools"), key=lambda pool: str(pool["poolid"]))
    return [
        {"name": str(pool["poolid"]), "comment": str(pool.get("comment") or ""), "vmids": sorted(members.get(str(pool["poolid"]), []))}
        for pool in pools
    ]


def _nodes(gateway: Gateway, rows: Sequence[Row], gather: Sequence[str], workers: int) -> list[Row]:
    nodes = sorted((row for row in rows if row.get("type") == "node"), key=lambda row: str(row["node"]))
    online = [str(row["node"]) for row in nodes if row.get("status") == "online"] if "bridges" in gather else []
    bridges = dict(zip(online, in_parallel(lambda node: bridges_of(gateway, node), online, workers), strict=True))
    return [
        {
            "name": str(row["node"]),
            "online": row.get("status") == "online",
            **(_size(row) if "nodes" in gather else {}),
            **({"storages": storages_of(rows, str(row["node"]))} if "storages" in gather else {}),
            **({"bridges": bridges.get(str(row["node"]), [])} if "bridges" in gather else {}),
        }
        for row in nodes
    ]


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


def _size(row: Row) -> Row:
    return {
        "cores": int(row.get("maxcpu") or 0),
        "memory_bytes": int(row.get("maxmem") or 0),
        "memory_used_bytes": int(row.get("mem") or 0),
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
