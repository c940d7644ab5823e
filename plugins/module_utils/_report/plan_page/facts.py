# SPDX-License-Identifier: GPL-3.0-or-later
"""What several parts of the page ask of a plan. Fields that an older plan lacks are unknown here, never zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Row = Mapping[str, Any]

WEIGHT = {"critical": 0, "warning": 1, "info": 2}
STATES = {"open": "open", "waived": "waived", "applied": "cured by the plan"}

# Families of services. A picture has room for ten colours; each service's own kind is always written beside its colour.
FAMILIES = {
    "edge": ("edge", "haproxy", "keepalived"),
    "web": ("http", "nginx", "apache", "php", "nodejs", "web"),
    "files": ("files", "nfs", "samba", "ftp"),
    "database": ("mariadb", "mysql", "postgresql", "mongodb", "elasticsearch"),
    "cache": ("redis", "memcached", "valkey", "varnish"),
    "queue": ("rabbitmq", "beanstalkd", "kafka"),
    "jobs": ("cron", "worker", "timer", "at"),
    "mail": ("mail", "postfix", "exim", "dovecot"),
    "containers": ("docker", "podman", "lxc", "containers", "container"),
}
_FAMILY = {kind: family for family, kinds in FAMILIES.items() for kind in kinds}


def family(kind: str) -> str:
    return _FAMILY.get(kind, "other")


def standing(row: Row) -> str:
    """``applied``, ``waived`` or ``open``."""
    return "applied" if row["applied"] else "waived" if row["waived"] else "open"


def gravity(row: Row) -> tuple[bool, int]:
    """Open ones first, the gravest of them at the top."""
    return (standing(row) != "open", WEIGHT.get(row["severity"], len(WEIGHT)))


@dataclass(frozen=True)
class Facts:
    """A plan with its ways through it. ``surveys`` are by host, ``loads`` too."""

    plan: Row
    surveys: Mapping[str, Row]

    @cached_property
    def services(self) -> dict[str, Row]:
        return {str(row["id"]): row for row in self.plan["services"]}

    @cached_property
    def moves(self) -> dict[str, Row]:
        """Moves by their id."""
        return {str(row["id"]): row for row in self.plan["moves"]}

    @cached_property
    def wave(self) -> dict[str, int]:
        """Waves by service."""
        return {str(row["service"]): int(row["wave"]) for row in self.plan["moves"]}

    @cached_property
    def guests(self) -> dict[str, Row]:
        return {str(row["name"]): row for row in self.plan["guests"]}

    @cached_property
    def on_host(self) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {str(name): [] for name in self.plan["legacy"]}
        for row in self.plan["services"]:
            found.setdefault(str(row["host"]), []).append(row)
        return found

    @cached_property
    def freed(self) -> dict[str, int]:
        """The wave after which nothing is left on a host. A host that keeps a service, or that nothing leaves, is not in it."""
        return {
            host: max(self.wave[str(row["id"])] for row in rows)
            for host, rows in self.on_host.items()
            if rows and all(str(row["id"]) in self.wave for row in rows)
        }

    @cached_property
    def arrives(self) -> dict[str, int]:
        """The wave in which a guest's first service comes."""
        found: dict[str, int] = {}
        for row in self.plan["moves"]:
            found[str(row["to"])] = min(int(row["wave"]), found.get(str(row["to"]), int(row["wave"])))
        return found

    @cached_property
    def grave(self) -> dict[str, str]:
        """The gravest open concern's severity by host."""
        found: dict[str, str] = {}
        for row in self.plan["concerns"]:
            if standing(row) == "open":
                host, severity = str(row["host"]), str(row["severity"])
                if host not in found or WEIGHT.get(severity, 9) < WEIGHT.get(found[host], 9):
                    found[host] = severity
        return found

    @cached_property
    def rings(self) -> list[list[str]]:
        """Cycles of services that need each other."""
        return [[str(name) for name in ring if str(name) in self.services] for ring in self.plan.get("cycles") or ()]

    @cached_property
    def external(self) -> Sequence[Row]:
        return self.plan.get("external") or ()

    def role_of(self, host: str) -> str:
        """The kind that a host is known by: that of its first service which is neither files nor a cron table."""
        kinds = [str(row["kind"]) for row in self.on_host.get(host, ())]
        return next((kind for kind in kinds if kind not in {"files", "cron"}), kinds[0] if kinds else "other")
