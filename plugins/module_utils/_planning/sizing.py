# SPDX-License-Identifier: GPL-3.0-or-later
"""How large a guest has to be: from what was measured and configured, with comfort, never below what Debian 13 needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from . import debian13, trees
from .model import LegacyHost, Size
from .naming import Seat
from .policy import Policy

STEP_MIB = 256
MIB = 1024**2
CORES_LEAST = 2  # one busy process shall not stop the others; a host with one CPU keeps one
CORES_MOST = 8  # more than that somebody should decide (plan_guests)
DATABASE_MIB = 1024  # MariaDB 11.8 with 100 connections and a pool of 128 MiB was measured at 350 MiB
PHP_CHILD_MIB = 32
CONTAINER_ROOTS = frozenset({"overlay", "overlayfs", "aufs"})


@dataclass(frozen=True)
class Need:
    """What a service cannot do without, in MiB, and why."""

    memory_mib: float
    disk_mib: float
    reasons: tuple[str, ...]


def choose(seat: Seat, host: LegacyHost, policy: Policy, previous: Mapping[str, Any] | None) -> Size:
    """A size for a guest. A former size stays while the bare need fits it and less than half would do no better: noise moves nothing."""
    need = NEEDS.get(seat.role, _plain)(host)
    load = _load(host)
    cpus = int(host.part("hardware").get("cpus") or 1)
    cores = min(max(CORES_LEAST, math.ceil((load or 0) * policy.comfort)), cpus, CORES_MOST)
    memory = _steps(max(need.memory_mib * policy.comfort, debian13.MEMORY_MIB))
    disk = max(debian13.DISK_GIB, math.ceil((need.disk_mib * policy.comfort + 3 * 1024) / 1024))
    if previous:
        before = {"cores": int(previous["cores"]), "memory": int(previous["memory_mib"])}
        memory = before["memory"] if need.memory_mib <= before["memory"] <= 2 * memory else memory
        cores = before["cores"] if (load or 0) <= before["cores"] <= 2 * cores else cores
        disk = max([disk, *(int(entry["size_gib"]) for entry in previous["disks"].values())])  # disks only grow
    override = policy.overrides.get(seat.name, {})
    told = f"{cpus} CPUs, load of the whole machine" if load is None else f"load {load:g} on {cpus} CPUs"
    reasons = (told, *need.reasons, *(f"{name} was decided: {override[name]}" for name in OVERRIDES if name in override))
    return Size(int(override.get("cores", cores)), int(override.get("memory_mib", memory)), int(override.get("disk_gib", disk)), reasons)


OVERRIDES = ("cores", "memory_mib", "disk_gib")


def _steps(mib: float) -> int:
    return math.ceil(mib / STEP_MIB) * STEP_MIB


def _load(host: LegacyHost) -> float | None:
    """The load over 15 minutes: short peaks are what comfort is for. None in a container, where it is the whole machine's."""
    if any(row.get("target") == "/" and row.get("type") in CONTAINER_ROOTS for row in host.rows("mounts")):
        return None
    load = host.part("measured").get("load") or [0.0]
    return float(load[-1])


def _used(host: LegacyHost) -> float:
    return float(host.part("measured").get("memory_used_mib") or 0)


def _measured(host: LegacyHost) -> str:
    return f"{_used(host):g} MiB used on {host.name}"


def _plain(host: LegacyHost) -> Need:
    return Need(max(debian13.SYSTEM_MIB, _used(host)), 0, (_measured(host),))


def _web(host: LegacyHost) -> Need:
    pools = host.part("php").get("pools") or ()
    children = sum(int(str((pool.get("pm") or {}).get("pm.max_children", 5))) for pool in pools)
    bare = debian13.SYSTEM_MIB + children * PHP_CHILD_MIB / 2  # half of the children work at a time; comfort covers the rest
    disk, where = _tree_size(host)
    return Need(max(bare, _used(host)), disk, (_measured(host), f"{children} PHP children in {len(pools)} pools", *where))


def _tree_size(host: LegacyHost) -> tuple[float, tuple[str, ...]]:
    """What the file systems hold that the moved trees are on. The root of a container is the whole machine's, and says nothing."""
    mounts = {str(row["target"]): row for row in host.rows("mounts")}
    holding = {max((target for target in mounts if trees.inside(tree, target)), key=len, default="") for tree in trees.of(host)}
    known = [mounts[target] for target in sorted(holding) if target and mounts[target].get("type") not in CONTAINER_ROOTS]
    return sum(float(row.get("used_mib") or 0) for row in known), tuple(f"{row['used_mib']} MiB used on {row['target']}" for row in known)


def _mariadb(host: LegacyHost) -> Need:
    mariadb = host.part("mariadb")
    variables: Mapping[str, str] = mariadb.get("variables") or {}
    pool = int(variables.get("innodb_buffer_pool_size") or 0) / MIB
    connections = int(variables.get("max_connections") or 151)
    data = sum(float(row.get("size_mib") or 0) for row in mariadb.get("databases") or ())
    bare = debian13.SYSTEM_MIB + pool * 1.1 + 128 + connections * 0.5
    reasons = (_measured(host), f"buffer pool {pool:g} MiB, {connections} connections", f"databases of {data:g} MiB")
    return Need(max(bare, _used(host), DATABASE_MIB / 1.5), data * 2, reasons)  # a seed and its binary log beside the data


def _redis(host: LegacyHost) -> Need:
    redis = host.part("redis")
    used = float(redis.get("used_memory_mib") or 0)
    limit = int(str((redis.get("config") or {}).get("maxmemory") or 0)) / MIB
    data = max(used * 2, limit)  # a snapshot's fork may copy every page
    reason = f"data of {used:g} MiB, " + (f"limit {limit:g} MiB" if limit else "no limit")
    return Need(max(debian13.SYSTEM_MIB + data, _used(host)), data, (_measured(host), reason))


def _worker(host: LegacyHost) -> Need:
    """Jobs run beside the old web server; alone they need less than all of it."""
    disk, where = _tree_size(host)
    return Need(debian13.SYSTEM_MIB + 64, disk, ("cron jobs run one at a time", *where))


NEEDS: dict[str, Callable[[LegacyHost], Need]] = {
    "edge": _plain, "web_php": _web, "mariadb": _mariadb, "redis": _redis, "cron_worker": _worker,
}  # fmt: skip
