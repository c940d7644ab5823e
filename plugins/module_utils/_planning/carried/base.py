# SPDX-License-Identifier: GPL-3.0-or-later
"""Role base: the clock, users with their numeric ids, and kernel parameters."""

from __future__ import annotations

from collections.abc import Iterable

from .. import debian13, debian13_kernel, trees
from ..model import LegacyHost, Row


def time_zone(zone: str) -> Row:
    """Nothing where the guest's own zone is meant."""
    return {} if zone == debian13.TIME_ZONE else {"base_time_zone": zone}


def users(host: LegacyHost, names: Iterable[str], paths: Iterable[str] = ()) -> Row:
    """Named users, and those who live below moved paths. Ids below 100 mean the same user on every Debian."""
    known = host.users()
    moved = list(paths)
    wanted = {name for name in names if name in known} | {
        name for name, row in known.items() if any(trees.inside(str(row["home"]), path) for path in moved)
    }
    rows = [known[name] for name in sorted(wanted) if int(known[name]["uid"]) >= debian13.STATIC_IDS]
    if not rows:
        return {}
    return {
        "base_users": [
            {"name": row["name"], "uid": int(row["uid"]), "gid": int(row["gid"]), "group": row.get("group") or row["name"], "home": row["home"],
             "shell": row["shell"]}
            for row in rows
        ]
    }  # fmt: skip


def sysctl(host: LegacyHost) -> Row:
    """Kernel parameters that people set in files, with the values that run: those that Debian 13 knows, has otherwise, and that may be carried."""
    running = host.part("kernel").get("sysctl") or {}
    wanted = {}
    for row in host.part("kernel").get("set_by") or ():
        name = str(row["name"])
        value = str(running.get(name, row["value"]))
        if debian13_kernel.CARRIED.fullmatch(name) and debian13_kernel.differs(name, value):
            wanted[name] = value
    return {"base_sysctl": dict(sorted(wanted.items()))} if wanted else {}
