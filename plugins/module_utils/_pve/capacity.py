# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure: whether the nodes have what the guests' steps need: storages with room, bridges, memory, volumes, and each other's disks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .diff import Do, Step
from .disks import volume_disks
from .info import storages_of
from .outcome import Outcome
from .values import GIB, megabytes, properties

Row = dict[str, Any]
MOVING = (Do.CLONE, Do.CREATE, Do.START, Do.REBOOT, Do.MIGRATE)
DEFAULT_MEMORY = 512  # MiB of a guest that states none


@dataclass(frozen=True)
class Resident:
    """A guest with steps. ``made_on`` is where its disks are allocated, ``node`` where it is in the end, ``source`` the node of its template."""

    name: str
    made_on: str
    node: str
    source: str | None
    before: Mapping[str, Any]
    steps: tuple[Step, ...]
    after: Outcome

    def does(self, *kinds: Do) -> bool:
        return any(step.do in kinds for step in self.steps)


@dataclass(frozen=True)
class Capacity:
    """The answer of /cluster/resources, judged for guests on nodes that are online."""

    rows: Sequence[Row]

    def problems(self, guests: Sequence[Resident]) -> list[str]:
        here = [guest for guest in guests if guest.made_on in self.online]
        return [*self._storages(here), *self._local_disks(here), *self._memory(here)]

    @property
    def online(self) -> dict[str, Row]:
        return {str(row["node"]): row for row in self.rows if row.get("type") == "node" and row.get("status") == "online"}

    def _on(self, node: str) -> dict[str, Row]:
        return {storage["name"]: storage for storage in storages_of(self.rows, node)}

    def ha_nodes(self, guests: Sequence[Resident]) -> list[str]:
        known = {str(row["node"]) for row in self.rows if row.get("type") == "node"}
        return [
            f"guest {guest.name}: HA may run it on {node}, which is no node of the cluster"
            for guest in guests
            for step in guest.steps
            if step.do is Do.HA
            for node in sorted(set(step.values.get("nodes") or ()) - known)
        ]

    # --------------------------------------------------------------- storages

    def _storages(self, guests: Sequence[Resident]) -> list[str]:
        """Each storage must be on its node, hold disks, and have room for all that the steps of all guests allocate on it together."""
        problems: list[str] = []
        wanted: dict[tuple[str, str], int] = defaultdict(int)  # (storage, node or "" when shared) -> bytes
        known: dict[tuple[str, str], Row] = {}
        for guest in guests:
            here = self._on(guest.made_on)
            for name, size in guest.after.space:
                storage = here.get(name)
                why = _unfit(name, storage, guest.made_on, sorted(here))
                if why or storage is None:
                    problems.append(f"guest {guest.name}: {why}")
                    continue
                place = (name, "" if storage["shared"] else guest.made_on)
                known[place] = storage
                wanted[place] += size
        for place, size in sorted(wanted.items()):
            free = known[place]["total_bytes"] - known[place]["used_bytes"]
            if size > free:
                where = f"storage {place[0]}" + (f" on node {place[1]}" if place[1] else "")
                problems.append(f"{where} is too full: the plan needs {_gib(size)}, {_gib(free)} are free")
        return problems

    def _local_disks(self, guests: Sequence[Resident]) -> list[str]:
        """What lies on a storage of one node alone can neither be cloned nor migrated to another."""
        problems = []
        for guest in guests:
            if guest.source is not None and guest.source != guest.made_on:
                local = self._local(volume_disks(guest.before), guest.source)
                if local:
                    where = f"{local} of node {guest.source}, which node {guest.made_on} does not share"
                    problems.append(f"guest {guest.name}: its template is on {where}: use a template on shared storage or on the same node")
            if guest.node != guest.made_on:
                local = self._local(volume_disks(guest.after.config), guest.made_on)
                if local:
                    problems.append(f"guest {guest.name}: it cannot move to node {guest.node}, its disks are on {local} of node {guest.made_on}")
        return problems

    def _local(self, disks: Mapping[str, str], node: str) -> str:
        shared = {name for name, storage in self._on(node).items() if storage["shared"]}
        return ", ".join(sorted({value.split(":", 1)[0] for value in disks.values()} - shared))

    # ----------------------------------------------------------------- memory

    def _memory(self, guests: Sequence[Resident]) -> list[str]:
        """For guests that are started. A node whose figures the token may not see is not judged (that is told as a missing privilege)."""
        need: dict[str, int] = defaultdict(int)
        for guest in guests:
            if guest.does(Do.START):
                need[guest.node] += megabytes(guest.after.config.get("memory") or DEFAULT_MEMORY) * 1024**2
        problems = []
        for node, size in sorted(need.items()):
            row = self.online.get(node, {})
            free = int(row.get("maxmem") or 0) - int(row.get("mem") or 0)
            if "maxmem" in row and size > free:
                problems.append(f"node {node} has too little memory: the plan needs {_gib(size)}, {_gib(free)} are free")
        return problems


def bridge_problems(guests: Sequence[Resident], bridges: Mapping[str, Sequence[str]]) -> list[str]:
    """``bridges``: what each node has (and the token may see)."""
    return [
        f"guest {guest.name}: node {guest.node} has no bridge {bridge} (or the token lacks SDN.Use on it);"
        f" it has {', '.join(bridges[guest.node]) or 'none'}"
        for guest in guests
        for bridge in guest.after.bridges
        if guest.node in bridges and bridge not in bridges[guest.node]
    ]


def uses_bridges(guest: Resident) -> bool:
    """Whether a step makes it matter which bridges the node has."""
    nets = (key for step in guest.steps for key in step.values.get("set") or () if key.startswith("net"))
    return bool(guest.after.bridges) and (guest.does(*MOVING) or any(nets))


def volumes_needed(guest: Resident) -> dict[str, str]:
    """Volumes that the steps name and that must be there, with the kind of their content: images to import from, snippets."""
    found = {source: "import" for source in guest.after.imports if ":" in source}
    for step in guest.steps:
        custom = {**(step.values.get("set") or {}), **(step.values.get("config") or {})}.get("cicustom")
        found |= dict.fromkeys(properties(str(custom or "")).values(), "snippets")
    return found


def _unfit(name: str, storage: Row | None, node: str, known: Sequence[str]) -> str | None:
    if storage is None:
        return f"node {node} has no storage {name or '(none named)'} (or the token lacks Datastore.Audit on it); it has {', '.join(known) or 'none'}"
    if not storage["available"]:
        return f"storage {name} on node {node} is not available"
    return None if "images" in storage["content"] else f"storage {name} on node {node} holds no disks (content)"


def _gib(size: int) -> str:
    return f"{max(size, 0) / GIB:.4g} GiB"
