# SPDX-License-Identifier: GPL-3.0-or-later
"""Proves, before anything is written, that a fleet can be converged. Every problem is found and told at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .diff import drive
from .errors import RefusedError
from .gateway import Gateway
from .guest import DISK, DesiredGuest, ObservedGuest, Template
from .info import bridges_of, storages_of
from .observe import Cluster, find_ours, in_parallel, observe
from .permissions import Permissions, needed
from .probe import NetworkProbe, Probe
from .values import GIB, addresses_in

__all__ = ["NetworkProbe", "Preflight", "addresses_in"]
Row = dict[str, Any]
WORKERS = 8


@dataclass
class Preflight:
    """One cluster, the guests that shall be there, and a way to ask the network."""

    gateway: Gateway
    desired: Sequence[DesiredGuest]
    probe: Probe | None = None

    def prove(self) -> dict[str, Any]:
        """What was proven. Raises RefusedError with all problems, or the API's own error when it cannot be asked at all."""
        version = str(self.gateway.get("version").get("version", ""))
        permissions = Permissions(self.gateway.get("access/permissions"))
        if not permissions.any():
            raise RefusedError(["the token has no permission at all: give it (not only its user) a role on the pool, the storages and the template"])
        rows: list[Row] = self.gateway.get("cluster/resources")
        online = _online(rows)
        away = self._away(rows, online)
        desired = [guest for guest in self.desired if guest.name not in away]
        seen = Cluster(tuple(row for row in rows if row.get("type") in ("qemu", "lxc") and row.get("node") in online))
        ours = find_ours(self.gateway, seen, desired, WORKERS)
        missing = [guest for guest in desired if guest.name not in ours]
        places = {guest.name: ours[guest.name].node if guest.name in ours else guest.node for guest in desired}
        problems = [*self._quorum(), *away.values(), *self._nodes(rows, missing)]
        templates = self._templates(seen, missing, problems)
        problems += needed(permissions, desired, {name: template.vmid for name, template in templates.items()})
        problems += self._storages(rows, desired, ours, templates)
        problems += self._memory(online, missing)
        problems += self._bridges([guest for guest in desired if places[guest.name] in online], places)
        problems += self._addresses(seen, missing, ours)
        if problems:
            raise RefusedError(list(dict.fromkeys(problems)))
        return {"version": version, "existing": sorted(ours), "missing": [guest.name for guest in missing]}

    def _away(self, rows: Sequence[Row], online: Mapping[str, Row]) -> dict[str, str]:
        """Guests by name on nodes that do not answer, with the problem: asking for their configuration would only take a minute."""
        names = {guest.name for guest in self.desired}
        return {
            str(row["name"]): f"guest {row['name']}: VM {row['vmid']} is on node {row['node']}, which is not online"
            for row in rows
            if row.get("type") == "qemu" and row.get("name") in names and row.get("node") not in online and not int(row.get("template") or 0)
        }

    def _quorum(self) -> list[str]:
        rows: list[Row] = self.gateway.get("cluster/status")
        lost = any(row.get("type") == "cluster" and not int(row.get("quorate") or 0) for row in rows)
        return ["the cluster has no quorum: it accepts no changes"] if lost else []

    def _nodes(self, rows: Sequence[Row], missing: Sequence[DesiredGuest]) -> list[str]:
        """A guest that exists is accepted where it is; a new one needs its node."""
        status = {str(row["node"]): str(row.get("status")) for row in rows if row.get("type") == "node"}
        problems = []
        for node in sorted({guest.node for guest in missing}):
            names = ", ".join(guest.name for guest in missing if guest.node == node)
            if node not in status:
                problems.append(f"node {node} (planned for {names}) does not exist; the cluster has {', '.join(sorted(status))}")
            elif status[node] != "online":
                problems.append(f"node {node} (planned for {names}) is {status[node]}")
        return problems

    def _templates(self, seen: Cluster, missing: Sequence[DesiredGuest], problems: list[str]) -> dict[str, Template]:
        found: dict[str, Template] = {}
        for guest in missing:
            if guest.template is None:
                problems.append(f"guest {guest.name} does not exist and names no template to clone it from")
                continue
            try:
                template = seen.template(guest.template, guest.node)
            except RefusedError as refused:
                problems += [f"guest {guest.name}: {problem}" for problem in refused.problems]
                continue
            row = seen.row(template.vmid)
            assert row is not None  # noqa: S101 - the template came from these rows
            found[guest.name] = Template(template.vmid, template.name, template.node, observe(self.gateway, row).config)
        return found

    def _storages(
        self, rows: Sequence[Row], desired: Sequence[DesiredGuest], ours: Mapping[str, ObservedGuest], templates: Mapping[str, Template]
    ) -> list[str]:
        """Each storage must exist on its node, hold disks, and have room for all of its new disks and growth together."""
        problems: list[str] = []
        wanted: dict[tuple[str, str], int] = defaultdict(int)  # (storage, node or "" when shared) -> bytes
        known: dict[tuple[str, str], Row] = {}
        online = _online(rows)
        for guest in desired:
            observed = ours.get(guest.name)
            node = observed.node if observed else guest.node
            if node not in online:
                continue  # said already, and nothing is known of its storages
            here = {storage["name"]: storage for storage in storages_of(rows, node)}
            for disk in guest.disks:
                current = drive(str(observed.config[disk.key])) if observed and disk.key in observed.config else None
                name = disk.storage or (current[0] if current else "")
                storage = here.get(name)
                if storage is None:
                    problems.append(f"guest {guest.name}: node {node} has no storage {name or '(none named)'}; it has {', '.join(sorted(here))}")
                    continue
                if not storage["available"] or "images" not in storage["content"]:
                    why = "holds no disks (content)" if storage["available"] else "is not available"
                    problems.append(f"guest {guest.name}: storage {name} on node {node} {why}")
                    continue
                place = (name, "" if storage["shared"] else node)
                known[place] = storage
                stays = current is not None and current[0] == name
                wanted[place] += max(0, disk.size - (current[1] or 0)) if stays and current else disk.size
            problems += self._other_disks(guest, templates.get(guest.name), rows)
        for place, size in sorted(wanted.items()):
            free = known[place]["total_bytes"] - known[place]["used_bytes"]
            if size > free:
                where = f"storage {place[0]}" + (f" on node {place[1]}" if place[1] else "")
                problems.append(f"{where} is too full: the plan needs {_gib(size)}, {_gib(free)} are free")
        return problems

    @staticmethod
    def _other_disks(guest: DesiredGuest, template: Template | None, rows: Sequence[Row]) -> list[str]:
        """A template on a storage of its own node cannot be cloned to another node."""
        if template is None or template.node == guest.node:
            return []
        shared = {storage["name"] for storage in storages_of(rows, template.node) if storage["shared"]}
        local = sorted({
            drive(str(value))[0]
            for key, value in template.config.items()
            if DISK.fullmatch(key) and "media=cdrom" not in str(value) and drive(str(value))[0] not in shared
        })  # fmt: skip
        if not local:
            return []
        where = f"{', '.join(local)} of node {template.node}, which node {guest.node} does not share"
        return [f"guest {guest.name}: template {template.name} is on {where}: use a template on shared storage or on the same node"]

    @staticmethod
    def _memory(online: Mapping[str, Row], missing: Sequence[DesiredGuest]) -> list[str]:
        problems = []
        for name, row in sorted(online.items()):
            need = sum(int(guest.options.get("memory_mib") or 0) for guest in missing if guest.node == name) * 1024**2
            free = int(row.get("maxmem") or 0) - int(row.get("mem") or 0)
            if need > free:
                problems.append(f"node {name} has too little memory: the plan needs {_gib(need)}, {_gib(free)} are free")
        return problems

    def _bridges(self, guests: Sequence[DesiredGuest], places: Mapping[str, str]) -> list[str]:
        guests = [guest for guest in guests if any(nic.get("bridge") for nic in guest.nics.values())]
        nodes = sorted({places[guest.name] for guest in guests})
        have = dict(zip(nodes, in_parallel(lambda node: bridges_of(self.gateway, node), nodes, WORKERS), strict=True))
        return [
            f"guest {guest.name}: node {places[guest.name]} has no bridge {bridge} (or the token may not use it);"
            f" it has {', '.join(have[places[guest.name]]) or 'none'}"
            for guest in guests
            for bridge in sorted({str(nic["bridge"]) for nic in guest.nics.values() if nic.get("bridge")})
            if bridge not in have[places[guest.name]]
        ]

    def _addresses(self, seen: Cluster, missing: Sequence[DesiredGuest], ours: Mapping[str, ObservedGuest]) -> list[str]:
        """Neither another guest's configuration nor the network may have an address that a new guest is to get."""
        wanted = {guest.host: guest.name for guest in missing if guest.host}
        if not wanted:
            return []
        known = {guest.vmid for guest in ours.values()}
        others = [row for row in seen.guests() if int(row["vmid"]) not in known]
        problems, taken = [], set()
        for guest in in_parallel(lambda row: observe(self.gateway, row), others, WORKERS):
            for address in addresses_in(guest.config):
                if address in wanted:
                    taken.add(address)
                    problems.append(f"guest {wanted[address]}: address {address} is already that of VM {guest.vmid} ({guest.name}) on {guest.node}")
        if self.probe is not None:
            rest = [address for address in wanted if address not in taken]
            for address, said in zip(rest, in_parallel(self.probe.answer, rest, 32), strict=True):
                if said:
                    problems.append(f"guest {wanted[address]}: address {address} is already in use: {said}")
        return problems


def _online(rows: Sequence[Row]) -> dict[str, Row]:
    """The rows of the nodes that answer, by name."""
    return {str(row["node"]): row for row in rows if row.get("type") == "node" and row.get("status") == "online"}


def _gib(size: int) -> str:
    return f"{max(size, 0) / GIB:.4g} GiB"
