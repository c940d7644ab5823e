# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cluster has: one call for all guests, one for each guest that matters."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .errors import GuestMissingError, RefusedError
from .gateway import Gateway
from .guest import OWNER_TAG, DesiredGuest, ObservedGuest, Template
from .values import words

Row = dict[str, Any]


def in_parallel[Item, Result](work: Callable[[Item], Result], items: Sequence[Item], workers: int) -> list[Result]:
    """Results in the order of the items; the first error is raised."""
    if not items:
        return []
    with ThreadPoolExecutor(max_workers=min(workers, len(items))) as pool:
        return list(pool.map(work, items))


@dataclass(frozen=True)
class Cluster:
    """The answer of /cluster/resources, virtual machines only."""

    rows: tuple[Row, ...]

    @cached_property
    def _by_vmid(self) -> Mapping[int, Row]:
        return {int(row["vmid"]): row for row in self.rows}

    @property
    def vmids(self) -> frozenset[int]:
        return frozenset(self._by_vmid)

    def guests(self) -> list[Row]:
        return [row for row in self.machines() if not int(row.get("template") or 0)]

    def machines(self) -> list[Row]:
        return [row for row in self.rows if row.get("type") == "qemu"]

    def row(self, vmid: int) -> Row | None:
        return self._by_vmid.get(vmid)

    def template(self, wanted: str | int, node: str | None) -> Template:
        """By name or VMID; of several with one name the one on ``node``, else the lowest VMID. Raises RefusedError."""
        found = [row for row in self.machines() if int(row.get("template") or 0) and str(wanted) in (str(row["vmid"]), row.get("name"))]
        if not found:
            raise RefusedError([f"there is no template {wanted} (or the token lacks VM.Audit on it)"])
        best = min(found, key=lambda row: (row["node"] != node, int(row["vmid"])))
        return Template(int(best["vmid"]), str(best["name"]), str(best["node"]))


def cluster(gateway: Gateway) -> Cluster:
    return Cluster(tuple(gateway.get("cluster/resources", {"type": "vm"})))


def observe(gateway: Gateway, row: Row) -> ObservedGuest:
    """A guest that the cluster lists, with its configuration, what waits for its next start, and the digest: one call."""
    vmid, node = int(row["vmid"]), str(row["node"])
    config: dict[str, Any] = {}
    pending: dict[str, str | None] = {}
    active: dict[str, str] = {}
    for entry in gateway.get(f"nodes/{node}/qemu/{vmid}/pending"):
        key = sys.intern(str(entry["key"]))  # thousands of guests have the same few dozen keys
        waits, goes = entry.get("pending"), bool(int(entry.get("delete") or 0))
        if waits is not None or goes:
            pending[key] = None if goes else str(waits)
            if "value" in entry:
                active[key] = str(entry["value"])
        if not goes and (waits is not None or "value" in entry):
            config[key] = entry["value"] if waits is None else waits
    digest = config.pop("digest", None)
    name = str(config.get("name") or row.get("name") or f"VM {vmid}")
    status, pool = str(row.get("status", "unknown")), row.get("pool") or None
    return ObservedGuest(vmid, name, node, status, pool, config, None if digest is None else str(digest), pending, active)


def power(gateway: Gateway, guest: ObservedGuest) -> str:
    """running or stopped, from the node itself: the cluster's list lags."""
    current: Row = gateway.get(f"nodes/{guest.node}/qemu/{guest.vmid}/status/current")
    return str(current["status"])


def node_problems(gateway: Gateway, wanted: Mapping[str, Iterable[str]]) -> list[str]:
    """``wanted``: names of guests by the node that they are to be made on or moved to. One call."""
    status = {str(row["node"]): str(row.get("status")) for row in gateway.get("nodes")}
    problems = []
    for node, names in sorted(wanted.items()):
        planned = f"node {node} (planned for {', '.join(names)})"
        if node not in status:
            problems.append(f"{planned} does not exist; the cluster has {', '.join(sorted(status))}")
        elif status[node] != "online":
            problems.append(f"{planned} is {status[node]}")
    return problems


def find_ours(gateway: Gateway, seen: Cluster, desired: Sequence[DesiredGuest], workers: int) -> dict[str, ObservedGuest]:
    """Guests by name that carry the mark of a desired guest, or that one of them adopts. Raises RefusedError for strangers with our names.

    One call for each desired guest that exists. Only when some are missing by name, guests with our tag and guests that are just being
    made are looked at too: somebody may have renamed one.
    """
    wanted = {guest.uuid: guest for guest in desired}
    names = {guest.name for guest in desired}
    first = [row for row in seen.machines() if row.get("name") in names]
    observed = observe_all(gateway, first, workers)
    found = {guest.mark for guest in observed}
    if any(guest.uuid not in found for guest in desired):
        looked_at = {int(row["vmid"]) for row in first}
        observed += observe_all(gateway, [row for row in seen.machines() if int(row["vmid"]) not in looked_at and _may_be_ours(row)], workers)
    return _assigned(observed, wanted, names)


def observe_all(gateway: Gateway, rows: Sequence[Row], workers: int) -> list[ObservedGuest]:
    """Looks once more where a guest was not where the list said: it has just moved, or it is gone."""

    def look(row: Row) -> ObservedGuest | None:
        try:
            return observe(gateway, row)
        except GuestMissingError:
            return None

    found = in_parallel(look, rows, workers)
    gone = [int(row["vmid"]) for row, guest in zip(rows, found, strict=True) if guest is None]
    if gone:
        now = cluster(gateway)
        found += [observe(gateway, row) for row in map(now.row, gone) if row is not None]
    return [guest for guest in found if guest is not None]


def _may_be_ours(row: Row) -> bool:
    return OWNER_TAG in words(row.get("tags") or "") or bool(row.get("lock")) or row.get("status") == "unknown"


def _assigned(observed: Iterable[ObservedGuest], wanted: Mapping[str, DesiredGuest], names: set[str]) -> dict[str, ObservedGuest]:
    ours: dict[str, ObservedGuest] = {}
    problems: list[str] = []
    adopting = {(guest.adopt, guest.name): guest for guest in wanted.values() if guest.adopt is not None}
    for guest in sorted(observed, key=lambda guest: guest.vmid):
        where = f"VM {guest.vmid} on {guest.node}"
        desired = wanted.get(guest.mark or "") or (adopting.get((guest.vmid, guest.name)) if guest.mark is None else None)
        if desired is None:
            if guest.name in names:
                problems.append(
                    f"guest {guest.name}: {where} has this name and is not ours (its description has no line 'lotse-guest: <uuid of the plan>'):"
                    f" rename it, remove it, or take it over with adopt: {guest.vmid}"
                )
        elif desired.name in ours:
            problems.append(f"guest {desired.name}: both VM {ours[desired.name].vmid} and {where} carry its mark: remove one")
        else:
            ours[desired.name] = guest
    for adopter in adopting.values():
        found = ours.get(adopter.name)
        if found is None:
            problems.append(f"guest {adopter.name}: there is no VM {adopter.adopt} of this name without a mark to adopt")
        elif found.vmid != adopter.adopt:
            problems.append(f"guest {adopter.name}: it is VM {found.vmid} already, and adopt says {adopter.adopt}: correct or drop adopt")
    if problems:
        raise RefusedError(problems)
    return ours
