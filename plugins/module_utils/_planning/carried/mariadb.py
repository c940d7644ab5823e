# SPDX-License-Identifier: GPL-3.0-or-later
"""Role mariadb: server variables whose old value is not what MariaDB 11.8 would take."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .. import debian13
from ..model import LegacyHost, Row

REDACTED = "[redacted]"
ALWAYS = ("character_set_server", "collation_server")  # together, or the role would complete one by its own


def modes(text: str) -> list[str]:
    """The SQL modes that MariaDB 11.8 knows, in the order given."""
    return [mode for mode in (part.strip().upper() for part in text.split(",")) if mode in debian13.SQL_MODES]


def meaning(name: str, value: str) -> object:
    if name == "sql_mode":
        return frozenset(modes(value))
    lowered = value.strip().lower()
    if lowered in {"on", "1", "true"}:
        return True
    if lowered in {"off", "0", "false"}:
        return False
    return float(lowered) if re.fullmatch(r"-?\d+(\.\d+)?", lowered) else lowered


def carried(host: LegacyHost) -> dict[str, str]:
    """Variables of the old server under their new names, with the values to carry."""
    old: Mapping[str, object] = host.part("mariadb").get("variables") or {}
    found = {}
    for raw, text in sorted(old.items()):
        name, value = debian13.MARIADB_RENAMED.get(raw, raw), str(text)
        if name not in debian13.MARIADB or value == REDACTED:
            continue
        if name in ALWAYS or meaning(name, value) != meaning(name, debian13.MARIADB[name]):
            found[name] = ",".join(modes(value)) if name == "sql_mode" else value
    return found


def time_zone(host: LegacyHost) -> str:
    """The zone that NOW() speaks: the server's own where it has one, else the host's."""
    own = str((host.part("mariadb").get("variables") or {}).get("time_zone") or "SYSTEM")
    if own.upper() == "SYSTEM":
        return host.time_zone
    if own in {"+00:00", "-00:00", "UTC"}:
        return debian13.TIME_ZONE
    if match := re.fullmatch(r"([+-])0?(\d{1,2}):00", own):  # the tz database names the offsets the other way round
        return f"Etc/GMT{'-' if match[1] == '+' else '+'}{match[2]}"
    return own if "/" in own else host.time_zone


def settings(host: LegacyHost, nofile: int | None) -> Row:
    found: Row = {}
    if values := carried(host):
        found["mariadb_settings"] = {name: int(value) if value.isdigit() else value for name, value in values.items()}
    if nofile and nofile > debian13.NOFILE["mariadb"]:
        found["mariadb_nofile"] = nofile
    return found
