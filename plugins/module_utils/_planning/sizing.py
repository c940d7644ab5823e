# SPDX-License-Identifier: GPL-3.0-or-later
"""How large a guest has to be: from what was measured and configured, with comfort, never below what Debian 13 needs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from . import debian13, trees
from .model import LegacyHost, Row, Size
from .naming import Seat
from .policy import Policy, Sizing

STEP_MIB = 256
MIB = 1024**2
CORES_LEAST = 2  # one busy process shall not stop the others; a host with one CPU keeps one
SYSTEM_DISK_MIB = 3 * 1024
DATABASE_MIB = 1024  # MariaDB 11.8 with 100 connections and a pool of 128 MiB was measured at 350 MiB
PHP_CHILD_MIB = 32
CONTAINER_ROOTS = frozenset({"overlay", "overlayfs", "aufs"})
OVERRIDES = ("cores", "memory_mib", "disk_gib")
FIGURES = ("p50", "p95", "p99", "max")
NOISE = {"cpu_cores": 0.25, "memory_mib": 128, "disk_mib": 512}  # beside a quarter of the value


@dataclass(frozen=True)
class Need:
    """What a service cannot do without, in MiB, and why. ``mounts`` hold its data. ``whole``: all that the host uses is its own."""

    memory_mib: float
    disk_mib: float
    reasons: tuple[str, ...]
    mounts: tuple[str, ...] = ()
    whole: bool = True


@dataclass(frozen=True)
class Seen:
    """What is known of a host's load: over time where ``load`` has it, else at the moment of the survey. Memory in MiB."""

    cores: float | None
    memory: float
    most: float
    confidence: str
    reasons: tuple[str, ...]


def seen(host: LegacyHost, load: Mapping[str, Any] | None, sizing: Sizing) -> Seen:
    """The percentile that guests are sized by: p95, and p99 where a month's end is among what was seen; the policy may say another."""
    cores_now, memory_now = _load(host), _used(host)
    cpus = host.part("hardware").get("cpus") or 1
    now = f"{cpus} CPUs, load of the whole machine" if cores_now is None else f"load {cores_now:g} on {cpus} CPUs"
    measures = (load or {}).get("measures") or {}
    cpu, memory = measures.get("cpu_cores"), measures.get("memory_mib")
    if not load or not (cpu or memory):
        return Seen(cores_now, memory_now, 0, "none" if cores_now is None else "low", (now, f"{memory_now:g} MiB used on {host.name}"))
    key = sizing.key(month_end=bool(load["coverage"]["month_end"]))
    unsure = load["confidence"] in ("low", "none")  # then the moment of the survey counts as well
    reasons = [f"{key} of {cpu[key]:g} cores, at most {cpu['max']:g}, on {cpus} CPUs" if cpu else now]
    cores = max(cpu[key], cores_now or 0) if cpu and unsure else cpu[key] if cpu else cores_now
    used, most = (max(memory["p99"], memory_now if unsure else 0), memory["max"]) if memory else (memory_now, 0)
    reasons.append(f"p99 of {memory['p99']:g} MiB, at most {most:g}, on {host.name}" if memory else f"{memory_now:g} MiB used on {host.name}")
    return Seen(cores, used, most, str(load["confidence"]), (*reasons, *load["reasons"]))


def choose(seat: Seat, host: LegacyHost, policy: Policy, previous: Mapping[str, Any] | None, load: Mapping[str, Any] | None = None) -> Size:
    """A size for a guest. A former size stays while the bare need fits it and less than half would do no better: noise moves nothing."""
    sizing = policy.sizing
    known = seen(host, load, sizing)
    need = NEEDS.get(seat.role, _plain)(host, known.memory)
    cpus = int(host.part("hardware").get("cpus") or 1)
    most = known.most if need.whole else 0
    wanted = max(CORES_LEAST, math.ceil((known.cores or 0) * policy.comfort))
    cores = min(wanted, cpus, sizing.cores_most)
    memory = _steps(max(need.memory_mib * policy.comfort, most / (1 - sizing.headroom), debian13.MEMORY_MIB))
    grows, growing = _growth(need, load, sizing)
    bare_disk = (need.disk_mib + grows + SYSTEM_DISK_MIB) / 1024
    disk = max(debian13.DISK_GIB, math.ceil(bare_disk + need.disk_mib * (policy.comfort - 1) / 1024))
    if previous:
        before = {"cores": int(previous["cores"]), "memory": int(previous["memory_mib"])}
        memory = before["memory"] if max(need.memory_mib, most) <= before["memory"] <= 2 * memory else memory
        cores = before["cores"] if (known.cores or 0) <= before["cores"] <= 2 * cores else cores
        former = max(int(entry["size_gib"]) for entry in previous["disks"].values())
        disk = former if bare_disk <= former else max(disk, former)  # disks only grow
    override = policy.overrides.get(seat.name, {})
    size = {"cores": int(override.get("cores", cores)), "memory_mib": int(override.get("memory_mib", memory)),
            "disk_gib": int(override.get("disk_gib", disk))}  # fmt: skip
    short = min(wanted, cpus) > sizing.cores_most and "cores" not in override
    reasons = (
        *known.reasons, *need.reasons, *growing,
        *([f"{min(wanted, cpus)} cores would be needed; plan_sizing.cores_most allows {sizing.cores_most}"] if short else ()),
        *(f"{name} was decided: {override[name]}" for name in OVERRIDES if name in override),
    )  # fmt: skip
    basis = _basis(known, need, load, size, reasons)
    return Size(size["cores"], size["memory_mib"], size["disk_gib"], reasons, _settled(basis, (previous or {}).get("sizing")))


def _growth(need: Need, load: Mapping[str, Any] | None, sizing: Sizing) -> tuple[float, tuple[str, ...]]:
    """MiB that the data will have grown by at the horizon, with the reason. Shrinking is no reason for a smaller disk."""
    rows = [row for row in (load or {}).get("disks") or () if row["target"] in need.mounts and (row["growth_mib_per_day"] or 0) > 0]
    told = tuple(f"{row['target']} grows by {row['growth_mib_per_day']:g} MiB a day; {sizing.horizon_days} days of it" for row in rows)
    return sum(float(row["growth_mib_per_day"]) for row in rows) * sizing.horizon_days, told


def _basis(known: Seen, need: Need, load: Mapping[str, Any] | None, chosen: Row, reasons: tuple[str, ...]) -> Row:
    """What the plan tells of a guest's size: what was observed, for how long, what was chosen, and why."""
    measures = (load or {}).get("measures") or {}
    over_time = bool(load and (measures.get("cpu_cores") or measures.get("memory_mib")))
    coverage = (load or {}).get("coverage") or {}
    rows = [row for row in (load or {}).get("disks") or () if row["target"] in need.mounts]
    slopes = [float(row["growth_mib_per_day"]) for row in rows if row["growth_mib_per_day"] is not None]
    disk = {"used": round(need.disk_mib), "growth_mib_per_day": round(sum(slopes), 1) if slopes else None}
    return {
        "source": "load over time" if over_time else "the moment of the survey",
        "confidence": known.confidence,
        "coverage": {"days": coverage.get("days", 0), "samples": coverage.get("samples", 0), "month_end": coverage.get("month_end", False)},
        "observed": {**{name: measures.get(name) and {key: measures[name][key] for key in FIGURES} for name in ("cpu_cores", "memory_mib")},
                     "disk_mib": disk},
        "chosen": chosen,
        "reasons": list(reasons),
    }  # fmt: skip


def _settled(basis: Row, former: Mapping[str, Any] | None) -> Row:
    """The former account while nothing was decided otherwise and what was observed moved by a quarter at most: noise is no other plan."""
    same = former and all(basis[name] == former.get(name) for name in ("source", "confidence", "chosen"))
    if not former or not same or _words(basis["reasons"]) != _words(former["reasons"]):
        return basis
    near = all(_near(basis["observed"][name], former["observed"].get(name), noise) for name, noise in NOISE.items())
    return dict(former) if near and basis["coverage"]["month_end"] == former["coverage"]["month_end"] else basis


def _words(reasons: Iterable[str]) -> list[str]:
    return [re.sub(r"[\d.e+-]*\d", "#", reason) for reason in reasons]


def _near(now: Mapping[str, float | None] | None, before: Mapping[str, float | None] | None, noise: float) -> bool:
    if now is None or before is None:
        return now is before
    for name, value in now.items():
        other = before.get(name)
        if value is None or other is None:
            if value is not other:
                return False
        elif abs(value - other) > max(abs(value), abs(other)) / 4 + noise:
            return False
    return True


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


def _plain(host: LegacyHost, used: float | None = None) -> Need:
    """A role that nobody wrote a rule for: what the host uses, and all that it holds, because nobody said where the service's data are."""
    disk, where, mounts = _held(host, [str(row["target"]) for row in host.rows("mounts") if not str(row["target"]).startswith("/boot")])
    return Need(max(debian13.SYSTEM_MIB, _all(host, used)), disk, where, mounts)


def _edge(host: LegacyHost, used: float | None = None) -> Need:
    return Need(max(debian13.SYSTEM_MIB, _all(host, used)), 0, ())


def _web(host: LegacyHost, used: float | None = None) -> Need:
    pools = host.part("php").get("pools") or ()
    children = sum(_count((pool.get("pm") or {}).get("pm.max_children"), 5) for pool in pools)
    bare = debian13.SYSTEM_MIB + children * PHP_CHILD_MIB / 2  # half of the children work at a time; comfort covers the rest
    disk, where, mounts = _held(host, trees.of(host))
    return Need(max(bare, _all(host, used)), disk, (f"{children} PHP children in {len(pools)} pools", *where), mounts)


def _held(host: LegacyHost, folders: Iterable[str]) -> tuple[float, tuple[str, ...], tuple[str, ...]]:
    """What the file systems hold that the folders are on. The root of a container is the whole machine's, and says nothing."""
    mounts = {str(row["target"]): row for row in host.rows("mounts")}
    holding = {max((target for target in mounts if trees.inside(folder, target)), key=len, default="") for folder in folders}
    known = [mounts[target] for target in sorted(holding) if target and mounts[target].get("type") not in CONTAINER_ROOTS]
    told = tuple(f"{row['used_mib']} MiB used on {row['target']}" for row in known)
    return sum(float(row.get("used_mib") or 0) for row in known), told, tuple(str(row["target"]) for row in known)


def _mariadb(host: LegacyHost, used: float | None = None) -> Need:
    mariadb = host.part("mariadb")
    variables: Mapping[str, str] = mariadb.get("variables") or {}
    pool = _count(variables.get("innodb_buffer_pool_size"), 0) / MIB
    connections = _count(variables.get("max_connections"), 151)
    data = sum(float(row.get("size_mib") or 0) for row in mariadb.get("databases") or ())
    bare = debian13.SYSTEM_MIB + pool * 1.1 + 128 + connections * 0.5
    reasons = (f"buffer pool {pool:g} MiB, {connections} connections", f"databases of {data:g} MiB")
    mounts = _held(host, [str(variables.get("datadir") or "/var/lib/mysql")])[2]
    return Need(max(bare, _all(host, used), DATABASE_MIB / 1.5), data * 2, reasons, mounts)  # a seed and its binary log beside the data


def _postgresql(host: LegacyHost, used: float | None = None) -> Need:
    """Shared buffers of every cluster, and for each connection a process that sorts in memory of its own now and then."""
    bare, data = float(debian13.SYSTEM_MIB), 0.0
    reasons: list[str] = []
    folders: list[str] = []
    for cluster in host.part("postgresql").get("clusters") or ():
        settings: Mapping[str, Any] = cluster.get("settings") or {}
        buffers, work = (_postgres_mib(settings.get(name), default) for name, default in (("shared_buffers", 128.0), ("work_mem", 4.0)))
        connections = _count(settings.get("max_connections"), 100)
        size = sum(float(row.get("size_mib") or 0) for row in cluster.get("databases") or ())
        bare += buffers * 1.1 + 64 + connections * (5 + work / 2)
        data += size
        told = f"port {cluster.get('port')}: shared buffers {buffers:g} MiB, {connections} connections, databases of {size:g} MiB"
        reasons.append(told)
        folders.append(str(settings.get("data_directory") or "/var/lib/postgresql"))
    return Need(max(bare, _all(host, used)), data * 2, tuple(reasons), _held(host, folders)[2])


def _memcached(host: LegacyHost, used: float | None = None) -> Need:
    limit = _count(host.part("memcached").get("limit_mib"), 64)  # memcached's own default
    return Need(max(debian13.SYSTEM_MIB + limit * 1.1, _all(host, used)), 0, (f"limit of {limit} MiB",))


def _redis(host: LegacyHost, used: float | None = None) -> Need:
    redis = host.part("redis")
    kept = float(redis.get("used_memory_mib") or 0)
    limit = _count((redis.get("config") or {}).get("maxmemory"), 0) / MIB
    data = max(kept * 2, limit)  # a snapshot's fork may copy every page
    reason = f"data of {kept:g} MiB, " + (f"limit {limit:g} MiB" if limit else "no limit")
    return Need(max(debian13.SYSTEM_MIB + data, _all(host, used)), data, (reason,))


def _worker(host: LegacyHost, used: float | None = None) -> Need:  # noqa: ARG001 - what the whole host uses is not the jobs'
    """Jobs run beside the old web server; alone they need less than all of it."""
    disk, where, mounts = _held(host, trees.of(host))
    return Need(debian13.SYSTEM_MIB + 64, disk, ("cron jobs run one at a time", *where), mounts, whole=False)


def _all(host: LegacyHost, used: float | None) -> float:
    return _used(host) if used is None else used


def _count(value: object, default: int) -> int:
    """A number that a program told as text; the program's own default where it is none."""
    return int(str(value)) if re.fullmatch(r"\d{1,18}", str(value), re.ASCII) else default


UNITS = {"B": 1 / MIB, "kB": 1 / 1024, "8kB": 8 / 1024, "MB": 1.0, "GB": 1024.0, "TB": 1024.0**2}


def _postgres_mib(value: object, default: float) -> float:
    """MiB of a size as SHOW tells it (128MB), as the survey does (16384 x 8kB), or of a plain number, which counts blocks of 8 kB."""
    match = re.fullmatch(r"(\d{1,15})(?: x )?(8kB|B|kB|MB|GB|TB)?", str(value).strip(), re.ASCII)
    return int(match[1]) * UNITS[match[2] or "8kB"] if match else default


class Rule(Protocol):
    def __call__(self, host: LegacyHost, used: float | None = None) -> Need: ...


NEEDS: dict[str, Rule] = {
    "edge": _edge, "web_php": _web, "mariadb": _mariadb, "redis": _redis, "cron_worker": _worker, "postgresql": _postgresql,
    "memcached": _memcached,
}  # fmt: skip
