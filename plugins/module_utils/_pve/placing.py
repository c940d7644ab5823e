# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes for guests that state none: the cluster and the fleet as the placement sees them, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._domain.errors import LotseError
from .._planning.placement import Bin, Item, Reservation, Result, Rules, place
from .disks import DISK
from .errors import RefusedError
from .gateway import Gateway
from .guest import OWNER_TAG, DesiredGuest, ObservedGuest
from .info import bridges_of, storages_of
from .observe import in_parallel, observe
from .results import Placement
from .values import GIB, properties, size_bytes, words

Row = dict[str, Any]
Source = tuple[Row, Mapping[str, Any]]  # a template: its row in the cluster's list, its configuration
MIB = 1024**2
IN_FLIGHT = ("clone", "create")


@dataclass(frozen=True)
class Placed:
    """Nodes by name for guests that are to be made or to be moved, and what people should know."""

    nodes: Mapping[str, str]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """One cluster, its rules, and whether guests that exist may move."""

    gateway: Gateway
    placement: Placement
    migrate: bool = False
    workers: int = 4

    def guests(self, desired: Sequence[DesiredGuest], ours: Mapping[str, ObservedGuest]) -> Placed:
        """A node for each guest that needs one. One call, one for each template, and one for each node where a bridge is stated.

        Raises RefusedError that says which promise cannot be kept.
        """
        rows: list[Row] = self.gateway.get("cluster/resources")
        bins = self._bins(rows, bridges=any(nic.get("bridge") for guest in desired for nic in guest.nics.values()))
        templates = self._templates([guest for guest in desired if guest.name not in ours], rows, {node.name for node in bins})
        items = [self._item(guest, ours.get(guest.name), rows, bins, templates.get(guest.template, ())) for guest in desired]
        known = {guest.vmid for guest in ours.values() if guest.name in {wanted.name for wanted in desired}}
        others, reservations = self._others([row for row in _machines(rows) if int(row["vmid"]) not in known], rows, bins)
        placement = self.placement
        try:
            result = place(
                [*items, *others], bins, Rules(placement.spare_nodes, placement.spare_domains, placement.anti_affinity), reservations
            )  # fmt: skip
        except LotseError as refusal:
            raise RefusedError([f"placement: {refusal}"]) from None
        new = {item.name for item in items if not item.exists}
        return Placed({item.name: result.assignment[item.name] for item in items if item.name in new | set(result.moves)}, _notes(result))

    def _bins(self, rows: Sequence[Row], *, bridges: bool) -> list[Bin]:
        nodes = sorted((row for row in rows if row.get("type") == "node" and row.get("status") == "online"), key=lambda row: str(row["node"]))
        names = [str(row["node"]) for row in nodes]
        wires = in_parallel(lambda node: bridges_of(self.gateway, node), names, self.workers) if bridges else [[] for _ in names]
        domain = {str(node): name for name, members in sorted(self.placement.failure_domains.items()) for node in members}
        if strange := sorted(set(domain) - {str(row["node"]) for row in rows if row.get("type") == "node"}):
            raise RefusedError([f"placement: failure_domains names {', '.join(strange)}, which the cluster does not have"])
        found = []
        for row, name, wired in zip(nodes, names, wires, strict=True):
            storages = [entry for entry in storages_of(rows, name) if entry["available"] and "images" in entry["content"]]
            found.append(
                Bin(
                    name=name,
                    memory=int(row.get("maxmem") or 0) // MIB - self.placement.memory_reserve_mib,
                    cores=int(int(row.get("maxcpu") or 0) * self.placement.cpu_overcommit),
                    storages={entry["name"]: max(0, entry["total_bytes"] - entry["used_bytes"]) // GIB for entry in storages},
                    shared=frozenset(entry["name"] for entry in storages if entry["shared"]),
                    bridges=frozenset(wired),
                    domain=domain.get(name),
                )
            )
        return found

    def _templates(self, missing: Sequence[DesiredGuest], rows: Sequence[Row], online: set[str]) -> dict[str | int | None, list[Source]]:
        """The templates by what guests call them, each with its configuration. An unknown one is the planner's to tell."""
        machines = [row for row in rows if row.get("type") == "qemu" and int(row.get("template") or 0) and str(row["node"]) in online]
        wanted = {guest.template for guest in missing if guest.template is not None}
        found = {name: [row for row in machines if str(name) in (row.get("name"), str(row["vmid"]))] for name in wanted}
        every = {int(row["vmid"]): row for these in found.values() for row in these}
        configs = in_parallel(lambda row: observe(self.gateway, row).config, list(every.values()), self.workers)
        sources = {vmid: (row, config) for (vmid, row), config in zip(every.items(), configs, strict=True)}
        return {name: [sources[vmid] for vmid in sorted(int(row["vmid"]) for row in these)] for name, these in found.items()}

    def _item(
        self, guest: DesiredGuest, observed: ObservedGuest | None, rows: Sequence[Row], bins: Sequence[Bin], sources: Sequence[Source]
    ) -> Item:
        """A guest of the fleet. One that exists is pinned where it is, unless it may migrate; a stated node is where it goes."""
        stays = observed.node if observed is not None and not (self.migrate and guest.node) else guest.node
        pinned = bool(guest.node) or (observed is not None and not self.migrate)
        if observed is not None:
            base, config = next((row for row in rows if row.get("vmid") == observed.vmid), {}), observed.config
        else:
            base, config = next(iter(sources), ({}, {}))
        cores = guest.options.get("cores"), guest.options.get("sockets")
        disks = {key: drive for key, value in config.items() if DISK.fullmatch(key) and (drive := _drive(str(value)))}
        for disk in guest.disks:
            storage, size = disks.get(disk.key, ("", 0))
            disks[disk.key] = (disk.storage or storage, max(size, -(-disk.size // GIB)))
        ha = guest.ha if isinstance(guest.ha, Mapping) else {}
        return Item(
            name=guest.name,
            memory=int(guest.options.get("memory_mib") or _mib(base) or 512),
            cores=int(cores[0] or 1) * int(cores[1] or 1) if any(cores) else int(base.get("maxcpu") or 1),
            disks=_by_storage(disks.values()),
            bridges=frozenset(str(nic["bridge"]) for nic in guest.nics.values() if nic.get("bridge")),
            tags=frozenset(guest.tags),
            current=stays or None,
            exists=observed is not None and observed.node == stays,
            pinned=pinned,
            allowed=frozenset(ha["nodes"]) if ha.get("strict") and ha.get("nodes") and not pinned else None,
            barred={} if observed is not None else _unreachable(guest, sources, bins),
        )

    def _others(self, machines: Sequence[Row], rows: Sequence[Row], bins: Sequence[Bin]) -> tuple[list[Item], list[Reservation]]:
        """Guests that are not in the fleet. Those of Lotse, and those with a tag that keeps apart, are part of the promises; others take room.

        One that is just being made is listed with less than it will have: it counts like the largest template at least.
        """
        names = {node.name for node in bins}
        largest = max(((_mib(row), int(row.get("maxcpu") or 1)) for row in rows if int(row.get("template") or 0)), default=(0, 0))
        items, reservations = [], []
        for row in machines:
            node, tags = str(row["node"]), frozenset(words(row.get("tags") or ""))
            least = largest if row.get("lock") in IN_FLIGHT else (0, 0)
            memory, cores = max(_mib(row), least[0]), max(int(row.get("maxcpu") or 1), least[1])
            if OWNER_TAG in tags or tags & set(self.placement.anti_affinity):
                items.append(Item(f"{row.get('name')} (VM {row['vmid']})", memory, cores, tags=tags, current=node, exists=True, pinned=node in names))
            elif node in names:
                reservations.append(Reservation(node, memory, cores))
        return items, reservations


def _machines(rows: Iterable[Row]) -> list[Row]:
    found = [row for row in rows if row.get("type") in ("qemu", "lxc") and not int(row.get("template") or 0)]
    return sorted(found, key=lambda row: int(row["vmid"]))


def _unreachable(guest: DesiredGuest, sources: Sequence[Source], bins: Sequence[Bin]) -> dict[str, str]:
    """Nodes that no template can be cloned to: another node than its own takes a clone only when all of its disks are shared."""
    homes: set[str] = set()
    shared = {name for node in bins for name in node.shared}
    for row, config in sources:
        storages = {drive[0] for key, value in config.items() if DISK.fullmatch(key) and (drive := _drive(str(value)))}
        homes |= {node.name for node in bins} if storages <= shared else {str(row["node"])}
    return {node.name: f"cannot reach template {guest.template}" for node in bins if sources and node.name not in homes}


def _drive(value: str) -> tuple[str, int] | None:
    """(storage, GiB) of a disk; None for a CD-ROM and for what lies outside of storages."""
    parts = properties(value, "file")
    storage, colon, _ = parts.get("file", "").partition(":")
    if parts.get("media") == "cdrom" or not colon:
        return None
    return storage, -(-size_bytes(parts["size"]) // GIB) if "size" in parts else 0


def _by_storage(disks: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for storage, size in disks:
        if storage:
            found[storage] = found.get(storage, 0) + size
    return found


def _mib(row: Mapping[str, Any]) -> int:
    return -(-int(row.get("maxmem") or 0) // MIB)


def _notes(result: Result) -> tuple[str, ...]:
    shared = [f"when {name} dies, guests that are kept apart share a node" for name in result.together]
    return (*(f"{broken}; with migrate they would be moved" for broken in result.broken), *shared)
