# SPDX-License-Identifier: GPL-3.0-or-later
"""Which node takes which guest: a constraint model, with one node to spare, that moves nothing without need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ortools.sat.python import cp_model

from .._domain.errors import LotseError
from .model import Guest
from .policy import Policy

MIB = 1024**2
GIB = 1024**3
EFFORT = 60.0  # deterministic seconds of the solver: the same model gives the same answer on every machine
OWNER_TAG = "lotse"


@dataclass(frozen=True)
class Node:
    """A node that can take guests. ``memory_mib`` is what it has; ``room_mib`` what is left beside the hypervisor and other guests."""

    name: str
    cores: int
    memory_mib: int
    room_mib: int
    room_cores: int
    storages: frozenset[str]
    bridges: frozenset[str]
    free_gib: Mapping[str, int]
    local: frozenset[str]


@dataclass(frozen=True)
class Placement:
    """Nodes by guest, the nodes that were considered, and whether any one of them may die."""

    nodes: tuple[Node, ...]
    of_guest: Mapping[str, str]
    spare_proven: bool


def nodes_of(cluster: Mapping[str, Any], planned: Sequence[str], policy: Policy) -> list[Node]:
    """The nodes that are online, by name. Other people's guests count with their full memory, running or not."""
    found = []
    for row in sorted(cluster.get("nodes") or (), key=lambda row: str(row["name"])):
        if not row.get("online"):
            continue
        others = [guest for guest in cluster.get("guests") or () if guest["node"] == row["name"] and guest["name"] not in planned]
        storages = [storage for storage in row["storages"] if storage.get("available") and "images" in storage["content"]]
        found.append(
            Node(
                name=str(row["name"]),
                cores=int(row["cores"]),
                memory_mib=int(row["memory_bytes"]) // MIB,
                room_mib=int(row["memory_bytes"]) // MIB - policy.reserve_mib - sum(int(guest["memory_bytes"]) for guest in others) // MIB,
                room_cores=int(int(row["cores"]) * policy.cpu_overcommit) - sum(int(guest["cores"]) for guest in others),
                storages=frozenset(str(storage["name"]) for storage in storages),
                bridges=frozenset(str(bridge) for bridge in row.get("bridges") or ()),
                free_gib={str(entry["name"]): max(0, int(entry["total_bytes"]) - int(entry["used_bytes"])) // GIB for entry in storages},
                local=frozenset(str(storage["name"]) for storage in storages if not storage.get("shared")),
            )
        )
    return found


def place(guests: Sequence[Guest], cluster: Mapping[str, Any], policy: Policy, previous: Mapping[str, Any]) -> Placement:
    """A node for each guest. Raises LotseError when a guest fits nowhere, or all of them do not fit together."""
    nodes = nodes_of(cluster, [guest.name for guest in guests], policy)
    fixed = _existing(guests, cluster)
    able = {guest.name: _able(guest, nodes, cluster, fixed.get(guest.name), policy) for guest in guests}
    wished = {str(row["name"]): str(row["node"]) for row in previous.get("guests", ())} | fixed
    _room_on_shared(guests, nodes, fixed)
    spare = policy.spare_nodes > 0
    answer = _solve(guests, nodes, able, wished, spare=spare)
    if answer is None:
        _explain(guests, nodes, able, wished, spare)
    assert answer is not None  # noqa: S101 - _explain always raises
    return Placement(tuple(nodes), answer, spare)


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


def _able(guest: Guest, nodes: Sequence[Node], cluster: Mapping[str, Any], fixed: str | None, policy: Policy) -> list[str]:
    """The nodes that have what a guest needs. A guest that exists has only its own, and needs the template no more."""
    names = [node.name for node in nodes]
    if fixed and fixed not in names:
        raise LotseError(f"{guest.name} is on node {fixed}, which is not online", "cluster", "bring the node back, or move the guest")
    decided = policy.overrides.get(guest.name, {}).get("node")
    if decided and decided not in {str(row["name"]) for row in cluster.get("nodes") or ()}:
        raise LotseError(f"{guest.name} is to go to node {decided}, which the cluster does not have", "plan_guests", f"it has {', '.join(names)}")
    if not names:
        raise LotseError("no node of the cluster is online", "cluster", "look at the cluster first")
    only = fixed or decided
    homes = {fixed} if fixed else _template_homes(guest, cluster, names)
    reasons = {node.name: _lack(guest, node, homes) for node in nodes if not only or node.name == only}
    able = [name for name, lack in reasons.items() if not lack]
    if not able:
        seen = "; ".join(f"{name}: {lack}" for name, lack in reasons.items()) or f"{decided} is not online"
        what = f"node {fixed} cannot keep {guest.name} as it is planned" if fixed else f"no node can take {guest.name}"
        raise LotseError(what, seen, "correct plan_guest_defaults or plan_guests, or the cluster")
    return able


def _template_homes(guest: Guest, cluster: Mapping[str, Any], names: Sequence[str]) -> set[str]:
    """The nodes that can clone the template: its own, and those that share a storage for disks with it."""
    shared = {
        str(row["name"]): {str(entry["name"]) for entry in row["storages"] if entry.get("shared") and "images" in entry["content"]}
        for row in cluster.get("nodes") or ()
    }
    own = [str(row["node"]) for row in cluster.get("templates") or () if guest.template in (row["name"], str(row["vmid"]))]
    if not own:
        have = ", ".join(sorted({str(row["name"]) for row in cluster.get("templates") or ()})) or "none"
        raise LotseError(f"the cluster has no template {guest.template}", "plan_guest_defaults.template", f"it has: {have}")
    return {name for name in names if any(name == node or shared.get(name, set()) & shared.get(node, set()) for node in own)}


def _lack(guest: Guest, node: Node, homes: set[str]) -> str:
    if guest.storage not in node.storages:
        return f"no storage {guest.storage} for disks"
    if guest.bridge not in node.bridges:
        return f"no bridge {guest.bridge}"
    if node.name not in homes:
        return f"cannot reach template {guest.template}"
    if guest.size.memory_mib > node.room_mib:
        return f"{max(0, node.room_mib)} MiB of memory left, {guest.size.memory_mib} needed"
    return f"{node.room_cores} cores left, {guest.size.cores} needed" if guest.size.cores > node.room_cores else ""


def _room_on_shared(guests: Sequence[Guest], nodes: Sequence[Node], fixed: Mapping[str, str]) -> None:
    shared = {name: free for node in nodes for name, free in node.free_gib.items() if name not in node.local}
    for storage, free in sorted(shared.items()):
        need = sum(guest.size.disk_gib for guest in guests if guest.storage == storage and guest.name not in fixed)
        if need > free:
            what = f"storage {storage} is too full: the plan needs {need} GiB, {free} are free"
            raise LotseError(what, "cluster", "free space, or plan another storage")


def _solve(
    guests: Sequence[Guest], nodes: Sequence[Node], able: Mapping[str, Sequence[str]], wished: Mapping[str, str], *, spare: bool
) -> dict[str, str] | None:
    """The cheapest assignment, or None. First nobody moves, then the fullest node is as empty as can be, then names decide."""
    model = cp_model.CpModel()
    chosen = {(guest.name, node.name): model.new_bool_var(f"{guest.name} on {node.name}") for guest in guests for node in nodes}
    for guest in guests:
        model.add_exactly_one(chosen[guest.name, node.name] for node in nodes)
        for node in nodes:
            if node.name not in able[guest.name]:
                model.add(chosen[guest.name, node.name] == 0)
    _capacity(model, guests, nodes, chosen, new_disks=[guest for guest in guests if wished.get(guest.name) is None])
    for failed in nodes if spare else ():
        left = [node for node in nodes if node is not failed]
        after = {
            (guest.name, node.name): model.new_bool_var(f"{guest.name} on {node.name} when {failed.name} dies") for guest in guests for node in left
        }
        for guest in guests:
            model.add_exactly_one(after[guest.name, node.name] for node in left)
            for node in left:  # who is not on the failed node stays
                model.add(after[guest.name, node.name] >= chosen[guest.name, node.name])
                if guest.bridge not in node.bridges or guest.storage not in node.storages:
                    model.add(after[guest.name, node.name] == 0)
        _capacity(model, guests, left, after)
    peak = model.new_int_var(0, max((node.memory_mib for node in nodes), default=0), "peak")
    for node in nodes:
        model.add(sum(guest.size.memory_mib * chosen[guest.name, node.name] for guest in guests) <= peak)
    order = sum(
        ((number - position) % len(nodes)) * chosen[guest.name, node.name]
        for position, guest in enumerate(guests)
        for number, node in enumerate(nodes)
    )
    moved = sum(1 - chosen[name, node] for name, node in wished.items() if (name, node) in chosen)
    scale = len(guests) * len(nodes) + 1
    model.minimize(moved * scale * (1 + max((node.memory_mib for node in nodes), default=0)) + peak * scale + order)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = EFFORT
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    return {guest: node for (guest, node), variable in chosen.items() if solver.value(variable)}


def _capacity(
    model: Any, guests: Sequence[Guest], nodes: Sequence[Node], chosen: Mapping[tuple[str, str], Any], new_disks: Sequence[Guest] = ()
) -> None:
    for node in nodes:
        model.add(sum(guest.size.memory_mib * chosen[guest.name, node.name] for guest in guests) <= max(0, node.room_mib))
        model.add(sum(guest.size.cores * chosen[guest.name, node.name] for guest in guests) <= max(0, node.room_cores))
        for storage in sorted(node.local):
            on_it = [guest.size.disk_gib * chosen[guest.name, node.name] for guest in new_disks if guest.storage == storage]
            model.add(sum(on_it) <= node.free_gib[storage])


def _explain(guests: Sequence[Guest], nodes: Sequence[Node], able: Mapping[str, Sequence[str]], wished: Mapping[str, str], spare: bool) -> None:
    """Says which of the two promises cannot be kept."""
    need = f"{len(guests)} guests need {sum(guest.size.memory_mib for guest in guests)} MiB and {sum(guest.size.cores for guest in guests)} cores"
    room = ", ".join(f"{node.name} {max(0, node.room_mib)} MiB and {max(0, node.room_cores)} cores" for node in nodes)
    if spare and _solve(guests, nodes, able, wished, spare=False) is not None:
        remedy = "add memory or a node, make guests smaller (plan_guests), or go without (plan_placement.spare_nodes: 0)"
        raise LotseError(f"the guests fit the cluster, but not when any one node dies: {need}", f"room: {room}", remedy)
    raise LotseError(f"the cluster has no room for the guests: {need}", f"room: {room}", "add memory or a node, or make guests smaller (plan_guests)")
