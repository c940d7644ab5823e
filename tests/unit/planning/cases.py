# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of detectors share: a quiet estate of an edge, a web server and a database, and ways to disturb it.

A topic's tests have ``CASES``, a list of (id of the concern, change to the quiet estate that causes it, severity, whether the plan cures it),
and ``SILENT``, a list of (id, change that looks like it and is harmless).
"""

from __future__ import annotations

from typing import Any

from .estates import bare, cluster, haproxy, mariadb, plan, web

NO_DROPS: dict[str, Any] = {"dropped_services": []}
QUIET = {"character_set_server": "utf8mb4", "collation_server": "utf8mb4_uca1400_ai_ci", "sql_mode": "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,"
         "NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION", "port": "3306"}  # fmt: skip


def quiet() -> dict[str, dict[str, Any]]:
    """An estate without any surprise: Debian 13's own values everywhere."""
    page = web("web1")
    page["php"]["version"] = "8.4"
    facts = {"version": "11.8.2", "variables": QUIET}
    return {
        "edge1": bare("edge1", 11, addresses=["10.77.0.11/24", "10.77.0.10/24"], **haproxy(("web1", 12))),
        "web1": bare("web1", 12, **page),
        "db1": bare("db1", 13, **mariadb(**facts)),
    }  # fmt: skip


def assessed(surveys: dict[str, dict[str, Any]], **changes: Any) -> dict[str, Any]:
    return plan(surveys, cluster(), **{**NO_DROPS, **changes})


def section(host: str, name: str, value: Any) -> Any:
    def change(surveys: dict[str, dict[str, Any]]) -> None:
        surveys[host][name] = value

    return change


def inside(host: str, *path: Any, value: Any) -> Any:
    def change(surveys: dict[str, dict[str, Any]]) -> None:
        place: Any = surveys[host]
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


def added(name: str, number: int, **sections: Any) -> Any:
    def change(surveys: dict[str, dict[str, Any]]) -> None:
        surveys[name] = bare(name, number, **sections)

    return change
