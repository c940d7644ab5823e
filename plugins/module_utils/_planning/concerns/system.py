# SPDX-License-Identifier: GPL-3.0-or-later
"""The system below the services: clock, users, limits, machine."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .. import debian13
from ..carried.mariadb import time_zone as database_zone
from ..model import Draft, Finding
from ..services import kind_of
from ..settings import MARIADB_UNIT, nofile
from .detector import detector

LONG_UPTIME_S = 400 * 86400


@detector("time-zone", "Another time zone")
def time_zone(draft: Draft) -> Iterator[Finding]:
    for guest in draft.guests:
        host = draft.hosts[guest.host]
        zone = database_zone(host) if guest.role == "mariadb" else host.time_zone
        if zone != debian13.TIME_ZONE:
            yield Finding(
                host=host.name,
                severity="critical",
                service=guest.services[0],
                title=f"{guest.name} would live in another time zone",
                old=f"{zone} on {host.name}",
                new=f"{debian13.TIME_ZONE}: NOW(), date() and cron would jump",
                remedy="The guest gets the old zone.",
                applied=draft.settings[guest.name].get("base_time_zone") == zone,
            )


@detector("uid-mismatch", "A user whose numeric ids would differ")
def uid_mismatch(draft: Draft) -> Iterator[Finding]:
    for guest in draft.guests:
        for position, user in enumerate(draft.settings[guest.name].get("base_users", ())):
            given = debian13.FIRST_USER_ID + position
            if (user["uid"], user["gid"]) != (given, given):
                yield Finding(
                    host=guest.host,
                    severity="critical",
                    service=guest.services[0],
                    title=f"{user['name']} would get other ids on {guest.name}",
                    old=f"uid {user['uid']}, gid {user['gid']} ({user['group']})",
                    new=f"adduser gives uid {given}, gid {given}: files would belong to a stranger",
                    remedy="The guest's user gets the old ids before the files come.",
                    applied=True,
                )


@detector("nofile-limit", "More open files than the guest would allow")
def nofile_limit(draft: Draft) -> Iterator[Finding]:
    for service in draft.services:
        host = draft.hosts[service.host]
        if service.kind == "mariadb":
            old, new = nofile(host, MARIADB_UNIT), debian13.NOFILE["mariadb"]
            carried = draft.settings_of(service.id).get("mariadb_nofile")
        else:
            units = "|".join(re.escape(str(row["name"])) for row in host.rows("services") if kind_of("", str(row["name"])) == service.kind)
            old, new = nofile(host, re.compile(units)) if units else None, debian13.NOFILE.get(service.kind, debian13.NOFILE_OTHERS)
            carried = None
        if old and old > new:
            yield Finding(
                host=host.name,
                severity="warning",
                service=service.id,
                old=f"LimitNOFILE {old}",
                new=f"LimitNOFILE {new}",
                remedy="The guest's unit gets the old limit." if carried == old else "Give the unit on the guest a drop-in with the old limit.",
                applied=carried == old,
            )


@detector("architecture", "Another processor architecture")
def architecture(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        found = str(host.part("os").get("architecture") or "x86_64")
        if found not in {"x86_64", "amd64"}:
            yield Finding(
                host=host.name,
                severity="critical",
                old=found,
                new="x86_64",
                remedy="See that nothing on the host is compiled for the old processor.",
            )


@detector("long-uptime", "A reboot that nobody has tried for long")
def long_uptime(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        days = int(host.part("measured").get("uptime_s") or 0) // 86400
        if days * 86400 > LONG_UPTIME_S:
            yield Finding(
                host=host.name,
                severity="info",
                old=f"up for {days // 100 * 100} days and more",
                new="a rollback relies on a server that may not come up again",
                remedy="Do not reboot it before the moves are committed.",
            )


@detector("power-unknown", "Nobody said what the host draws")
def power_unknown(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        if draft.unknown_power(host.name):
            yield Finding(
                host=host.name,
                severity="info",
                old="no watts or rack units in legacy_facts",
                new="savings are unknown, not zero",
                remedy="Measure it, or take the values from the rating plate.",
            )


DETECTORS = (time_zone, uid_mismatch, nofile_limit, architecture, long_uptime, power_unknown)
