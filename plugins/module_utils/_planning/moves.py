# SPDX-License-Identifier: GPL-3.0-or-later
"""The moves: for each service its mover's parameters, its wave, and whether the way back loses nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from . import efforts, trees
from .carried import edge
from .efforts import rollback, version
from .model import BY_HAND, LegacyHost, Move, Row, Service
from .naming import Seat
from .rewriting import NewAddresses, rules
from .waves import Wave, section_of

__all__ = ["build", "rollback", "version"]


def build(
    services: Sequence[Service], hosts: Mapping[str, LegacyHost], seats: Sequence[Seat], ids: Mapping[str, str], waves: Mapping[str, Wave],
    measured: Mapping[str, efforts.Reckoned], new: NewAddresses, public_address: str,
) -> list[Move]:  # fmt: skip
    """All moves, in the order of their waves and ids."""
    guest_of = {service: seat.name for seat in seats for service in seat.services}
    fronts = {
        (backend.host, backend.port): backend
        for service in services
        if service.kind == "edge"
        for backend in edge.backends(hosts[service.host], hosts)
    }
    found = []
    for service in services:
        effort, reasons = measured[service.id]
        parameters = _parameters(service, hosts[service.host], new, fronts, public_address, effort.volume_mib)
        name, wave = ids[service.id], waves[service.id].number
        section = section_of(service, name)
        found.append(Move(name, service, guest_of[service.id], wave, section, efforts.way_back(service), effort, parameters, reasons))
    return sorted(found, key=lambda move: (move.wave, move.section, move.id))


def _parameters(
    service: Service, host: LegacyHost, new: NewAddresses, fronts: Mapping[tuple[str | None, int], edge.Backend], public_address: str,
    volume: int | None,
) -> Row:  # fmt: skip
    if service.kind in BY_HAND:
        return {"port": service.port}
    if service.kind == "edge":
        return {"public_address": public_address, "port": service.port}
    if service.kind == "mariadb":
        names = [str(row["name"]) for row in efforts.databases(host)]
        return {"port": service.port, "databases": names, "expected_mib": volume}
    if service.kind == "redis":
        return {"port": service.port}
    if service.kind == "files":
        paths = trees.of(host)
        return {"paths": paths, "rewrite": rules(host, paths, new)}
    if service.kind == "http":
        front = fronts.get((service.host, service.port or 80))
        return {
            "port": service.port, "backend": front.name if front else None, "server": front.server if front else None, "probes": probes(host),
        }  # fmt: skip
    return _cron(host, new)


def probes(host: LegacyHost) -> list[Row]:
    """One request for each vhost with a name, the default vhost first."""
    vhosts = sorted(host.part("nginx").get("vhosts") or (), key=lambda row: (not row.get("default"), str(row["name"])))
    named = [[str(name) for name in vhost.get("server_names") or () if re.fullmatch(r"[\w.-]+", str(name)) and name != "_"] for vhost in vhosts]
    return [{"host": names[0], "path": "/"} for names in named if names]


def _cron(host: LegacyHost, new: NewAddresses) -> Row:
    jobs = [row for row in host.rows("cron") if row.get("spool")]
    users = sorted({str(row["user"]) for row in jobs})
    paths = trees.outermost(path for row in jobs for path in trees.code_paths(host, str(row.get("command") or "")))
    tables = [{"user": user, "lines": crontab([row for row in jobs if row["user"] == user])} for user in users]
    return {"tables": tables, "paths": paths, "rewrite": rules(host, paths, new)}


def crontab(jobs: Sequence[Row]) -> list[str]:
    """A crontab's lines: each job, and before it the variables that hold from there on."""
    lines: list[str] = []
    current: dict[str, str] = {}
    for row in jobs:
        wanted = {str(name): str(value) for name, value in sorted((row.get("environment") or {}).items())}
        lines += [f"{name}={value}" for name, value in wanted.items() if current.get(name) != value]
        current |= wanted
        lines.append(str(row["line"]))
    return lines
