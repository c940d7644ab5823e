# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cluster has: one call for all guests, one configuration call for each guest that matters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from .errors import RefusedError
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

    @property
    def vmids(self) -> frozenset[int]:
        return frozenset(int(row["vmid"]) for row in self.rows)

    def guests(self) -> list[Row]:
        return [row for row in self.rows if row.get("type") == "qemu" and not int(row.get("template") or 0)]

    def row(self, vmid: int) -> Row | None:
        return next((row for row in self.rows if int(row["vmid"]) == vmid), None)

    def template(self, wanted: str | int, node: str) -> Template:
        """By name or VMID; of several with one name the one on ``node``, else the lowest VMID. Raises RefusedError."""
        found = [
            row
            for row in self.rows
            if row.get("type") == "qemu" and int(row.get("template") or 0) and str(wanted) in (str(row["vmid"]), row.get("name"))
        ]
        if not found:
            raise RefusedError([f"there is no template {wanted} (or the token may not see it)"])
        best = min(found, key=lambda row: (row["node"] != node, int(row["vmid"])))
        return Template(int(best["vmid"]), str(best["name"]), str(best["node"]))


def cluster(gateway: Gateway) -> Cluster:
    return Cluster(tuple(gateway.get("cluster/resources", {"type": "vm"})))


def observe(gateway: Gateway, row: Row) -> ObservedGuest:
    """A guest that the cluster lists, with its configuration."""
    vmid, node = int(row["vmid"]), str(row["node"])
    config = dict(gateway.get(f"nodes/{node}/qemu/{vmid}/config"))
    digest = config.pop("digest", None)
    name = str(config.get("name") or row.get("name") or f"VM {vmid}")
    return ObservedGuest(vmid, name, node, str(row.get("status", "unknown")), row.get("pool") or None, config, digest)


def power(gateway: Gateway, guest: ObservedGuest) -> str:
    """running or stopped, from the node itself: the cluster's list lags."""
    current: Row = gateway.get(f"nodes/{guest.node}/qemu/{guest.vmid}/status/current")
    return str(current["status"])


def find_ours(gateway: Gateway, seen: Cluster, desired: Sequence[DesiredGuest], workers: int) -> dict[str, ObservedGuest]:
    """Guests by name that carry the mark of a desired guest. Raises RefusedError for strangers with one of our names.

    One call for each desired guest that exists. Only when some are missing by name, guests with our tag and guests that are just being
    made are looked at too: somebody may have renamed one.
    """
    marks = {guest.uuid: guest for guest in desired}
    names = {guest.name for guest in desired}
    first = [row for row in seen.guests() if row.get("name") in names]
    observed = in_parallel(lambda row: observe(gateway, row), first, workers)
    found = {guest.mark for guest in observed}
    if any(guest.uuid not in found for guest in desired):
        rest = [row for row in seen.guests() if row not in first and _may_be_ours(row)]
        observed += in_parallel(lambda row: observe(gateway, row), rest, workers)
    return _assigned(observed, marks, names)


def _may_be_ours(row: Row) -> bool:
    return OWNER_TAG in words(row.get("tags") or "") or bool(row.get("lock")) or row.get("status") == "unknown"


def _assigned(observed: Iterable[ObservedGuest], marks: dict[str, DesiredGuest], names: set[str]) -> dict[str, ObservedGuest]:
    ours: dict[str, ObservedGuest] = {}
    problems: list[str] = []
    for guest in sorted(observed, key=lambda guest: guest.vmid):
        where = f"VM {guest.vmid} on {guest.node}"
        desired = marks.get(guest.mark or "")
        if desired is None:
            if guest.name in names:
                problems.append(
                    f"guest {guest.name}: {where} has this name and is not ours (its description has no line 'lotse-guest: <uuid of the plan>'):"
                    " rename it, remove it, or adopt it by adding that line"
                )
        elif desired.name in ours:
            problems.append(f"guest {desired.name}: both VM {ours[desired.name].vmid} and {where} carry its mark: remove one")
        else:
            ours[desired.name] = guest
    if problems:
        raise RefusedError(problems)
    return ours
