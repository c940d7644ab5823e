# SPDX-License-Identifier: GPL-3.0-or-later
"""Role redis: settings of the old cache that Valkey 8.1 would not have by itself."""

from __future__ import annotations

from collections.abc import Mapping

from .. import debian13
from ..model import LegacyHost, Row


def carried(host: LegacyHost) -> dict[str, str]:
    """Settings under their new names. Replication, persistence's file names and the like belong to the guest."""
    old: Mapping[str, object] = host.part("redis").get("config") or {}
    found = {}
    for raw, value in sorted(old.items()):
        name = debian13.REDIS_RENAMED.get(raw, raw)
        if name in debian13.REDIS and str(value).strip() != debian13.REDIS[name]:
            found[name] = str(value).strip()
    return found


def settings(host: LegacyHost) -> Row:
    found: Row = {}
    limit = str((host.part("redis").get("config") or {}).get("maxmemory") or "0")
    if limit != "0":
        found["redis_maxmemory"] = limit
    if values := carried(host):
        found["redis_settings"] = values
    return found
