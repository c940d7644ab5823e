# SPDX-License-Identifier: GPL-3.0-or-later
"""What the old units gave their processes, for the drop-ins of the guest's units: umask, limits, a time zone of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .. import debian13
from ..model import LegacyHost, Row

# The guest's unit, the kind of service, and the names that its unit had on old hosts.
UNITS: dict[str, tuple[tuple[str, str, re.Pattern[str]], ...]] = {
    "edge": (("haproxy.service", "edge", re.compile(r"haproxy(@.*)?\.service")),),
    "web_php": (
        ("nginx.service", "http", re.compile(r"nginx\.service")),
        (f"php{debian13.VERSIONS['php']}-fpm.service", "http", re.compile(r"php[\d.]*-?fpm.*\.service")),
    ),
    "mariadb": (("mariadb.service", "mariadb", re.compile(r"(mariadb|mysqld?)(@.*)?\.service")),),
    "redis": (("valkey-server.service", "redis", re.compile(r"(redis|valkey)(-server)?(@.*)?\.service")),),
    "cron_worker": (("cron.service", "cron", re.compile(r"crond?\.service")),),
}


def units(host: LegacyHost, role: str, zone: str) -> Row:
    """Settings of [Service] by unit; only where all processes of the old unit agree, and the guest would have something else."""
    found = {}
    for unit, kind, pattern in UNITS.get(role, ()):
        rows = [row for row in host.rows("limits") if pattern.fullmatch(str(row.get("unit") or "")) and programs(kind, row)]
        wanted = dict(_environment(rows, zone)) | dict(_mask(rows, kind)) | dict(_limits(rows, host))
        if wanted:
            found[unit] = dict(sorted(wanted.items()))
    return {"base_units": found} if found else {}


def programs(kind: str, row: Row) -> bool:
    """Jobs that cron runs at this moment are not cron."""
    return kind != "cron" or str(row.get("process")) in {"cron", "crond"}


def same_zone(one: str, other: str) -> bool:
    return one == other or {one, other} <= {"UTC", "UTC0", "Etc/UTC", "GMT", "Etc/GMT"}


def nproc(host: LegacyHost) -> int | None:
    """The limit of processes that the old kernel gives where nobody says anything: half of threads-max (kernel/fork.c)."""
    threads = str((host.part("kernel").get("sysctl") or {}).get("kernel.threads-max") or "")
    return int(threads[:18]) // 2 if threads.isdecimal() else None


def raised(row: Row, usual: int | None) -> dict[str, str]:
    """Limits of a process that its unit must have set, as systemd writes them. HAProxy forbids itself more processes: 0 is no unit's."""
    limits = row.get("limits") or {}
    found = {}
    processes = (limits.get("nproc") or {}).get("soft")
    if usual and processes and (processes == "unlimited" or abs(int(processes) - usual) > usual // 20):
        found["LimitNPROC"] = "infinity" if processes == "unlimited" else str(processes)
    if (limits.get("memlock") or {}).get("soft") == "unlimited":
        found["LimitMEMLOCK"] = "infinity"
    return found


def _environment(rows: Sequence[Row], zone: str) -> Iterable[tuple[str, str]]:
    zones = {str(row["environment"].get("TZ") or "") for row in rows}
    if len(zones) == 1 and (own := zones.pop().lstrip(":")) and not same_zone(own, zone):
        yield "Environment", f"TZ={own}"


def _mask(rows: Sequence[Row], kind: str) -> Iterable[tuple[str, str]]:
    masks = {str(row["umask"]) for row in rows if row.get("umask")}
    if len(masks) == 1 and not masks & ({debian13.UMASK.get(kind, debian13.UMASK_OTHERS)} | debian13.UMASK_USUAL.get(kind, frozenset())):
        yield "UMask", masks.pop()


def _limits(rows: Sequence[Row], host: LegacyHost) -> Iterable[tuple[str, str]]:
    usual = nproc(host)
    sets = [raised(row, usual) for row in rows]
    if sets and all(one == sets[0] for one in sets):
        yield from sets[0].items()
