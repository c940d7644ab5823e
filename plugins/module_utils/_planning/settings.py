# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that a guest carries over, by guest: variables of the roles, and nothing that they do not accept."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from . import debian13, trees
from .carried import base, edge, mariadb, php, redis, units
from .model import LegacyHost, Row
from .naming import Seat
from .rewriting import NewAddresses

MARIADB_UNIT = re.compile(r"mariadb|mysql|mysqld")


@dataclass(frozen=True)
class World:
    """What the settings of one guest may depend on."""

    hosts: Mapping[str, LegacyHost]
    new: NewAddresses
    public_address: str


def of_guests(seats: Sequence[Seat], world: World) -> dict[str, Row]:
    return {seat.name: _of_guest(seat, world.hosts[seat.host], world) for seat in seats}


def _of_guest(seat: Seat, host: LegacyHost, world: World) -> Row:
    carried = BY_ROLE.get(seat.role, _plain)(host, world) | base.sysctl(host) | base.names(host, world.new)
    carried |= units.units(host, seat.role, str(carried.get("base_time_zone") or debian13.TIME_ZONE))
    return dict(sorted(carried.items()))


def _plain(host: LegacyHost, world: World) -> Row:  # noqa: ARG001 - every role is asked alike
    return base.time_zone(host.time_zone)


def _edge(host: LegacyHost, world: World) -> Row:
    return base.time_zone(host.time_zone) | edge.settings(host, world.hosts, world.public_address)


def _web(host: LegacyHost, world: World) -> Row:
    names = [str(pool[part]) for pool in host.part("php").get("pools") or () for part in ("user",)]
    return base.time_zone(host.time_zone) | base.users(host, names, trees.of(host)) | php.web(host, world.new)


def _mariadb(host: LegacyHost, world: World) -> Row:  # noqa: ARG001 - every role is asked alike
    return base.time_zone(mariadb.time_zone(host)) | mariadb.settings(host, nofile(host, MARIADB_UNIT))


def _redis(host: LegacyHost, world: World) -> Row:  # noqa: ARG001 - every role is asked alike
    return base.time_zone(host.time_zone) | redis.settings(host)


def _worker(host: LegacyHost, world: World) -> Row:  # noqa: ARG001 - every role is asked alike
    jobs = [row for row in host.rows("cron") if row.get("spool")]
    users = sorted({str(row["user"]) for row in jobs})
    paths = [path for row in jobs for path in trees.code_paths(host, str(row.get("command") or ""))]
    return base.time_zone(host.time_zone) | base.users(host, users, paths) | php.worker(host, users)


BY_ROLE: dict[str, Callable[[LegacyHost, World], Row]] = {
    "edge": _edge, "web_php": _web, "mariadb": _mariadb, "redis": _redis, "cron_worker": _worker,
}  # fmt: skip


def nofile(host: LegacyHost, unit: re.Pattern[str]) -> int | None:
    """How many files a service may open: what its unit grants, where the survey saw that, else what its process was left with."""
    rows = [row for row in host.rows("services") if unit.fullmatch(str(row["name"]))]
    limits = [int(limit) for row in rows if (limit := row.get("nofile_unit") or row.get("nofile"))]
    return max(limits, default=None)
