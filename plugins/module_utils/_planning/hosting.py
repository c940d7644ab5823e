# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan's guests and the cluster's nodes as the placement sees them, and what the plan says of its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._domain.errors import LotseError
from .model import Guest
from .placement import Bin, Item, Reservation, Result, Rules, place
from .policy import Policy

MIB = 1024**2
GIB = 1024**3
OWNER_TAG = "lotse"


@dataclass(frozen=True)
class Node:
    """A node that can take guests: what it has, and the same as the placement sees it."""

    name: str
    cores: int
    memory_mib: int
    bin: Bin

    @property
    def local(self) -> frozenset[str]:
        """Its storages that no other node sees."""
        return frozenset(self.bin.storages) - self.bin.shared


@dataclass(frozen=True)
class Hosting:
    """The nodes that were considered, and where each guest goes."""

    nodes: tuple[Node, ...]
    result: Result


def host(guests: Sequence[Guest], cluster: Mapping[str, Any], policy: Policy, previous: Mapping[str, Any]) -> Hosting:
    """A node for each guest. Raises LotseError when a guest fits nowhere, or all of them do not fit together."""
    nodes = _nodes(cluster, policy)
    fixed = _existing(guests, cluster)
    wished = {str(row["name"]): str(row["node"]) for row in previous.get("guests", ())} | fixed
    items = [_item(guest, nodes, cluster, policy, wished.get(guest.name), exists=guest.name in fixed) for guest in guests]
    names = {guest.name for guest in guests}
    others = [
        Reservation(str(row["node"]), -(-int(row["memory_bytes"]) // MIB), int(row["cores"]))
        for row in cluster.get("guests") or ()
        if row["name"] not in names
    ]
    rules = Rules(policy.spare_nodes, policy.spare_domains, policy.anti_affinity)
    result = place(items, [node.bin for node in nodes], rules, others)
    if result.broken:
        raise LotseError(f"guests that exist break the plan where they are: {result.broken[0]}", "cluster", "move them, or correct plan_guests")
    return Hosting(tuple(nodes), result)


def tags(guest: Guest, policy: Policy) -> list[str]:
    """The guest's role, and what was decided."""
    return sorted({f"role-{guest.role}", *(str(tag) for tag in policy.overrides.get(guest.name, {}).get("tags") or ())})


def _nodes(cluster: Mapping[str, Any], policy: Policy) -> list[Node]:
    """The nodes that are online, by name."""
    domain = {node: name for name, members in policy.failure_domains.items() for node in members}
    rows = sorted(cluster.get("nodes") or (), key=lambda row: str(row["name"]))
    if strange := sorted(set(domain) - {str(row["name"]) for row in rows}):
        what = f"plan_placement.failure_domains names {', '.join(strange)}, which the cluster does not have"
        raise LotseError(what, "plan_placement", f"it has {', '.join(str(row['name']) for row in rows)}")
    found = []
    for row in rows:
        if not row.get("online"):
            continue
        name, cores, memory = str(row["name"]), int(row["cores"]), int(row["memory_bytes"]) // MIB
        storages = [storage for storage in row["storages"] if storage.get("available") and "images" in storage["content"]]
        room = Bin(
            name=name,
            memory=memory - policy.reserve_mib,
            cores=int(cores * policy.cpu_overcommit),
            storages={str(entry["name"]): max(0, int(entry["total_bytes"]) - int(entry["used_bytes"])) // GIB for entry in storages},
            shared=frozenset(str(entry["name"]) for entry in storages if entry.get("shared")),
            bridges=frozenset(str(bridge) for bridge in row.get("bridges") or ()),
            domain=domain.get(name),
        )
        found.append(Node(name, cores, memory, room))
    if not found:
        raise LotseError("no node of the cluster is online", "cluster", "look at the cluster first")
    return found


def _existing(guests: Sequence[Guest], cluster: Mapping[str, Any]) -> dict[str, str]:
    """Guests that are there already stay where they are. A stranger of the same name is an error."""
    names = {guest.name for guest in guests}
    found = {}
    for row in cluster.get("guests") or ():
        if row["name"] in names:
            if OWNER_TAG not in row["tags"]:
                what = f"the cluster has a guest {row['name']} (VM {row['vmid']} on {row['node']}) that is not ours: it lacks the tag {OWNER_TAG}"
                raise LotseError(what, "", "rename it, or plan in another environment")
            found[str(row["name"])] = str(row["node"])
    return found


def _item(guest: Guest, nodes: Sequence[Node], cluster: Mapping[str, Any], policy: Policy, current: str | None, *, exists: bool) -> Item:
    names = [node.name for node in nodes]
    if exists and current not in names:
        raise LotseError(f"{guest.name} is on node {current}, which is not online", "cluster", "bring the node back, or move the guest")
    barred: dict[str, str] = {}
    decided = policy.overrides.get(guest.name, {}).get("node")
    if decided and decided not in {str(row["name"]) for row in cluster.get("nodes") or ()}:
        raise LotseError(f"{guest.name} is to go to node {decided}, which the cluster does not have", "plan_guests", f"it has {', '.join(names)}")
    if not exists:
        homes = _template_homes(guest.template, cluster, names)
        barred = {name: f"cannot reach template {guest.template}" for name in names if name not in homes}
        barred |= {name: f"plan_guests says {decided}" for name in names if decided and name != decided}
    return Item(
        name=guest.name,
        memory=guest.size.memory_mib,
        cores=guest.size.cores,
        disks={guest.storage: guest.size.disk_gib},
        bridges=frozenset({guest.bridge}),
        tags=frozenset(tags(guest, policy)),
        current=current,
        exists=exists,
        pinned=exists,
        barred=barred,
    )


def _template_homes(template: str, cluster: Mapping[str, Any], names: Sequence[str]) -> set[str]:
    """The nodes that can clone the template: its own, and those that share a storage for disks with it."""
    shared = {
        str(row["name"]): {str(entry["name"]) for entry in row["storages"] if entry.get("shared") and "images" in entry["content"]}
        for row in cluster.get("nodes") or ()
    }
    own = [str(row["node"]) for row in cluster.get("templates") or () if template in (row["name"], str(row["vmid"]))]
    if not own:
        have = ", ".join(sorted({str(row["name"]) for row in cluster.get("templates") or ()})) or "none"
        raise LotseError(f"the cluster has no template {template}", "plan_guest_defaults.template", f"it has: {have}")
    return {name for name in names if any(name == node or shared.get(name, set()) & shared.get(node, set()) for node in own)}
