# SPDX-License-Identifier: GPL-3.0-or-later
"""Redis and Valkey: INFO and CONFIG GET."""

from __future__ import annotations

import re
from typing import Any

from .wire import Section, UnseenError, number

# Counters since the server's start, and microseconds of its last fork.
STATISTICS = ("keyspace_hits", "keyspace_misses", "evicted_keys", "expired_keys", "latest_fork_usec", "uptime_in_seconds", "total_commands_processed")


def survey(section: Section) -> dict[str, Any] | None:
    """Version, configuration without secrets, keys of each database, memory in MiB (rounded up); None without a server."""
    if section.absent:
        return None
    if "info" not in section.blocks:
        raise UnseenError(section.unseen[0] if section.unseen else "the server did not answer")
    info = {}
    for line in section.lines("info"):
        name, sign, value = line.partition(":")
        if sign and not line.startswith("#"):
            info[name.strip()] = value.strip()
    keys = {}
    for name, value in info.items():
        match = re.match(r"keys=(\d{1,18}),", value, re.ASCII)
        if match and re.fullmatch(r"db\d{1,6}", name, re.ASCII):
            keys[name] = int(match[1])
    answer: dict[str, Any] = {
        "version": info.get("valkey_version") or info.get("redis_version", ""),
        "keys": keys,
        "used_memory_mib": -(-(number(info.get("used_memory", "")) or 0) // 1048576),
        "role": info.get("role", ""),
        "password_set": "password" in section.marks,
        "replicas": number(info.get("connected_slaves", "")) or 0,
        "primary": f"{info['master_host']}:{info.get('master_port', '6379')}" if info.get("master_host") else None,
        "statistics": {name: count for name in STATISTICS if (count := number(info.get(name, ""))) is not None},
        "modules": sorted(set(re.findall(r"^module:name=([\w.-]{1,60})", "\n".join(section.lines("info")), re.MULTILINE))),
    }
    if "config" in section.blocks:
        pairs = (line.split("\t", 1) for line in section.blocks["config"])
        answer["config"] = {pair[0]: pair[1] for pair in pairs if len(pair) == 2 and pair[0]}
    return answer
