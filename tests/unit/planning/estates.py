# SPDX-License-Identifier: GPL-3.0-or-later
"""Estates for tests: the lab's own as it was surveyed, and small ones that a test builds."""

from __future__ import annotations

import copy
import datetime
import json
from pathlib import Path
from typing import Any

from ansible_collections.lotse.estate.plugins.module_utils._planning import plan as planning
from ansible_collections.lotse.estate.plugins.module_utils._planning import policy as policies
from ansible_collections.lotse.estate.plugins.module_utils._survey.parts import PARTS

FIXTURES = Path(__file__).parent / "fixtures"
TODAY = datetime.date(2026, 11, 24)
GIB = 1024**3
Row = dict[str, Any]

LAB: Row = {
    "environment": "lab",
    "address_range": {"first": "10.77.0.101", "last": "10.77.0.199", "prefix": 24, "gateway": "10.77.0.1"},
    "guest_defaults": {"template": "debian-13", "bridge": "vmbr0", "storage": "shared", "pool": "community"},
    "public_address": "10.77.0.10/24",
    "legacy_facts": {
        "edge1": {"watts": 180, "rack_units": 1}, "web1": {"watts": 320, "rack_units": 2}, "db1": {"watts": 350, "rack_units": 2},
        "cache1": {"watts": 210, "rack_units": 1},
    },
    "node_facts": {"watts_per_core": 6, "watts_per_gib": 0.4, "rack_units": 0},
    "dropped_services": [{"service": "notifyd@web1", "reason": "nobody reads its mails", "approver": "operations lead"}],
}  # fmt: skip


def nothing() -> Row:
    """The parts of a survey as a host has them that has no such thing."""
    return {"literal_names": []} | {part.name: copy.deepcopy(part.empty) for part in PARTS}


def lab_surveys() -> dict[str, Row]:
    return {path.stem: nothing() | json.loads(path.read_text(encoding="utf-8")) for path in sorted((FIXTURES / "survey").glob("*.json"))}


def lab_cluster() -> Row:
    loaded: Row = json.loads((FIXTURES / "cluster.json").read_text(encoding="utf-8"))
    return loaded


def policy(**changes: Any) -> policies.Policy:
    return policies.parse({**copy.deepcopy(LAB), **changes}, TODAY)


def plan(surveys: dict[str, Row] | None = None, cluster: Row | None = None, previous: Row | None = None, **changes: Any) -> Row:
    """The lab's plan, with whatever a test wants to be different."""
    given = surveys or lab_surveys()
    loads = {name: survey["load"] for name, survey in given.items() if "load" in survey}
    return planning.plan([without_load(survey) for survey in given.values()], cluster or lab_cluster(), policy(**changes), previous, loads)


def without_load(survey: Row) -> Row:
    """A survey as it is in its file: a test may put the load over time beside its parts, under ``load``."""
    return {name: part for name, part in survey.items() if name != "load"}


def load_over_time(host: str, *, confidence: str = "high", month_end: bool = True, **changes: Any) -> Row:
    """A host's load file (lotse/load/1): a month of samples, two cores and 300 MiB at most."""
    rest = dict.fromkeys(("disk_read_mib_s", "disk_write_mib_s", "disk_iops", "network_mib_s"))
    figures = {"cpu_cores": {"p50": 0.5, "p95": 1.0, "p99": 1.5, "max": 2.0}, "memory_mib": {"p50": 100, "p95": 200, "p99": 250, "max": 300}}
    return {
        "schema": "lotse/load/1", "host": host, "confidence": confidence, "reasons": [], "sources": {}, "disks": [], "surveys": 0, "connections": [],
        "coverage": {"days": 31, "samples": 4464, "first": "2026-10-20T00:00:00Z", "last": "2026-11-20T00:00:00Z", "month_end": month_end,
                     "week": True},
        **{name: value for name, value in changes.items() if name != "measures"},
        "measures": {**rest, **figures, **changes.get("measures", {})},
    }  # fmt: skip


def concerns(found: Row, name: str) -> list[Row]:
    return [row for row in found["concerns"] if row["id"] == name]


def bare(name: str, number: int, **sections: Any) -> Row:
    """A legacy host with nothing on it but what a test adds."""
    return {
        "schema": "lotse/survey/2", "host": name, "address": f"10.77.0.{number}", "not_assessed": [],
        "os": {"id": "debian", "version": "11", "time_zone": "Etc/UTC", "architecture": "x86_64"},
        "hardware": {"cpus": 4, "memory_mib": 8192}, "mounts": [], "addresses": [f"10.77.0.{number}/24"], "users": [], "services": [],
        "listening": [], "connections": [], "unpackaged": [], "nginx": None, "php": None, "mariadb": None, "redis": None, "haproxy": None,
        "cron": [], "literal_addresses": [], "measured": {"load": [0.1, 0.1, 0.1], "memory_used_mib": 100, "uptime_s": 1000}, **nothing(), **sections,
    }  # fmt: skip


def mariadb(**changes: Any) -> Row:
    return {
        "mariadb": {
            "version": "10.5.23", "variables": {"port": "3306", "sql_mode": "NO_ENGINE_SUBSTITUTION"},
            "databases": [{"name": "app", "size_mib": 10, "tables": 3}], "without_primary_key": [], "engines": {"InnoDB": 3},
            "privileged_accounts": ["root@localhost"], **changes,
        }
    }  # fmt: skip


def redis(**changes: Any) -> Row:
    return {"redis": {"version": "6.0.16", "config": {"port": "6379"}, "keys": {}, "used_memory_mib": 3, **changes}}


def web(name: str) -> Row:
    return {
        "nginx": {
            "version": "1.18.0",
            "vhosts": [{"name": "www", "server_names": [f"{name}.example"], "listen": ["80"], "default": True, "root": f"/srv/{name}/www",
                        "fastcgi_pass": "unix:/run/php/www.sock", "fallback": None, "client_max_body_size": None}],
        },
        "php": {
            "version": "7.4", "extensions": ["core"], "ini": {}, "cli_ini": {},
            "pools": [{"name": "www", "user": "app", "group": "app", "listen": "/run/php/www.sock", "file": "/etc/php/7.4/fpm/pool.d/www.conf",
                       "pm": {"pm": "dynamic", "pm.max_children": "8"}, "ini": {"session.save_handler": "redis"}}],
        },
        "users": [{"name": "app", "uid": 1000, "gid": 1000, "group": "app", "home": f"/srv/{name}", "shell": "/bin/sh"}],
    }  # fmt: skip


def haproxy(*backends: tuple[str, int]) -> Row:
    """An edge with one backend for each ``(web host, number of its address)``; the first is the default."""
    return {
        "haproxy": {
            "version": "2.2.9",
            "frontends": [{"name": "fe", "binds": ["*:80"], "default_backend": f"be_{backends[0][0]}"}],
            "backends": [
                {"name": f"be_{name}", "servers": [{"name": name, "address": f"10.77.0.{number}", "port": 80}]} for name, number in backends
            ],
        }
    }


def job(user: str, command: str) -> Row:
    line = f"* * * * * {command}"
    return {"user": user, "source": f"/var/spool/cron/crontabs/{user}", "spool": True, "schedule": "* * * * *", "command": command, "line": line}


def cluster(nodes: int = 4, memory_gib: int = 16, cores: int = 8) -> Row:
    names = [f"pve{number}" for number in range(1, nodes + 1)]
    storage = {"name": "shared", "type": "nfs", "shared": True, "content": ["images"], "total_bytes": 512 * GIB, "used_bytes": 0, "available": True}
    return {
        "version": "9.0",
        "nodes": [
            {"name": name, "online": True, "cores": cores, "memory_bytes": memory_gib * GIB, "memory_used_bytes": 0, "bridges": ["vmbr0"],
             "storages": [dict(storage)]}
            for name in names
        ],
        "templates": [{"name": "debian-13", "vmid": 9000, "node": names[0]}] if names else [],
        "guests": [],
    }  # fmt: skip
