# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true of two caches before one takes over from the other. The facts are read over the wire, the judgement is pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..._domain.errors import LotseError
from .wire import Cache

READS_OWN_DUMPS = (7, 4)
"""From this version on Redis writes dumps that Valkey 8 does not read."""
SETTINGS = ("databases", "maxmemory", "min-replicas-to-write", "min-replicas-max-lag", "client-output-buffer-limit", "replica-read-only", "save")


@dataclass(frozen=True)
class Facts:
    """One server as it is: INFO as one map, some settings, names of loaded modules, the password that it asks for."""

    host: str
    info: Mapping[str, str]
    settings: Mapping[str, str]
    modules: Sequence[str] = ()
    password: str | None = None

    @property
    def valkey(self) -> bool:
        return bool(self.info.get("valkey_version"))

    @property
    def version(self) -> tuple[int, int]:
        found = re.match(r"(\d+)\.(\d+)", self.info.get("valkey_version") or self.info.get("redis_version", ""))
        return (int(found[1]), int(found[2])) if found else (0, 0)

    @property
    def config_file(self) -> str:
        return self.info.get("config_file", "")

    @property
    def is_master(self) -> bool:
        return self.info.get("role") == "master"

    @property
    def replicas(self) -> list[str]:
        """Addresses of the servers that follow this one."""
        lines = [value for name, value in self.info.items() if re.fullmatch(r"slave\d+", name)]
        return [dict(pair.split("=", 1) for pair in line.split(","))["ip"] for line in lines]


async def look(cache: Cache) -> Facts:
    """Reads the facts of a server."""
    info: dict[str, str] = {}
    for section in ("server", "replication", "memory", "persistence", "cluster"):
        info |= await cache.info(section)
    modules = [str(row[1].decode()) for row in await cache.call("MODULE", "LIST")]
    return Facts(cache.host, info, {name: await cache.setting(name) for name in SETTINGS}, modules, cache.password)


Wrong = tuple[str, str, str]  # host, what, remedy


def refuse(source: Facts, target: Facts, target_address: str, *, back: bool) -> None:
    """Raises LotseError when the source cannot hand over to the target, the only server that may follow it."""
    wrong = [*_source(source, target_address), *_pair(source, target), *(_way_back(source) if back else _first_way(source, target))]
    if wrong:
        host = wrong[0][0]
        ours = [row for row in wrong if row[0] == host]
        raise LotseError("; ".join(row[1] for row in ours), f"Redis on {host}", "; ".join(dict.fromkeys(row[2] for row in ours)))


def _source(source: Facts, target_address: str) -> list[Wrong]:
    wrong = []
    if not source.is_master:
        wrong.append((f"it follows {source.info.get('master_host')}, so it is not the side that serves", "move the primary instead"))
    if source.info.get("cluster_enabled") == "1":
        wrong.append(("it is part of a cluster", "move a cluster by its own resharding"))
    if source.modules:
        wrong.append((f"it has modules: {', '.join(source.modules)}", "their data cannot be taken along; remove them"))
    if source.settings["min-replicas-to-write"] != "0":
        wrong.append((f"min-replicas-to-write is {source.settings['min-replicas-to-write']}", "set it to 0: the fence uses it"))
    if source.settings["min-replicas-max-lag"] == "0":
        wrong.append(("min-replicas-max-lag is 0, so nothing could stop writes", "CONFIG SET min-replicas-max-lag 10"))
    if others := [address for address in source.replicas if address != target_address]:
        wrong.append((f"other servers follow it: {', '.join(others)}", "detach them: they would keep following the fenced side"))
    return [(source.host, what, remedy) for what, remedy in wrong]


def _pair(source: Facts, target: Facts) -> list[Wrong]:
    wrong = []
    if int(target.settings["databases"]) < int(source.settings["databases"]):
        wrong.append((f"it has {target.settings['databases']} databases, the source {source.settings['databases']}", "carry the setting databases"))
    limit, used = int(target.settings["maxmemory"]), int(source.info.get("used_memory_dataset", source.info["used_memory"]))
    if limit and used * 1.1 > limit:
        wrong.append((f"its maxmemory ({limit}) is too small for {used} bytes", "carry the setting maxmemory"))
    if source.password != target.password:
        what = "it does not ask for the password that the source asks for"
        wrong.append((what, "give the guest the same requirepass (redis_settings, from a vault)"))
    return [(target.host, what, remedy) for what, remedy in wrong]


def _first_way(source: Facts, target: Facts) -> list[Wrong]:
    wrong: list[Wrong] = []
    if not source.valkey and (source.version >= READS_OWN_DUMPS or (not target.valkey and source.version > target.version)):
        wrong.append((target.host, f"it cannot read the data of Redis {source.info.get('redis_version')}", "choose a newer server for the guest"))
    return wrong


def _way_back(source: Facts) -> list[Wrong]:
    if not source.valkey and source.version < (7, 0):
        what = f"Redis {source.info.get('redis_version')} does not tell when a key expires"
        return [(source.host, what, "the way back needs 7.0 or newer there")]
    return []
