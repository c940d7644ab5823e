# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a guest has its settings: what is carried over, and what Debian 13 would have had instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from . import debian13
from .model import CARRY, Row

TABLES: dict[str, Mapping[str, str]] = {
    "mariadb_settings": debian13.MARIADB, "redis_settings": debian13.REDIS, "web_php_ini": debian13.PHP_INI, "cron_worker_php_ini": debian13.PHP_CLI,
}  # fmt: skip
REST = "everything else"


def of(settings: Row, host: str, choice: str) -> dict[str, str]:
    """By setting, ``mariadb_settings.sql_mode`` or ``web_php_pools[www].memory_limit``; the last one speaks for all that is not named."""
    carried = [name for name in settings if name not in TABLES and name != "web_php_pools"]
    found = dict(_compared(settings))
    if carried:
        found[", ".join(carried)] = f"as on {host}"
    default = "the old version's default" if choice == CARRY else "Debian 13's default: the old value equals it, or the new version does not know it"
    return {**found, REST: default}


def _compared(settings: Row) -> Iterator[tuple[str, str]]:
    for name, table in TABLES.items():
        for key, value in (settings.get(name) or {}).items():
            yield f"{name}.{key}", _told(value, table.get(key))
    for pool in settings.get("web_php_pools") or ():
        for key, value in (pool.get("ini") or {}).items():
            yield f"web_php_pools[{pool['name']}].{key}", _told(value, debian13.PHP_INI.get(key))


def _told(value: Any, default: str | None) -> str:
    if default is None:
        return "carried over"
    return "carried over, though Debian 13 has the same" if str(value) == default else f"carried over; Debian 13 has {default or 'nothing'}"
