# SPDX-License-Identifier: GPL-3.0-or-later
"""A pool whose user or group the guest would not have."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...model import Draft, Finding
from ..detector import detector


@detector(
    "pool-owner",
    "A pool whose user or group the guest would not have",
    severity="critical",
    compares="user and group of each pool with the accounts that the guest gets",
    remedy="make it a local user with this primary group on the old host",
    reference="php.net: FPM configuration, user and group",
    surprise=(11, 31),
    needs=("php", "users"),
)
def pool_owner(draft: Draft) -> Iterator[Finding]:
    for service in draft.services:
        if service.kind != "http":
            continue
        host = draft.hosts[service.host]
        carried = draft.settings_of(service.id).get("base_users", ())
        static = {str(row["name"]) for row in host.rows("users") if int(row["uid"]) < debian13.STATIC_IDS}
        users, groups = {row["name"] for row in carried} | static, {row["group"] for row in carried} | static
        for pool in host.part("php").get("pools") or ():
            lacks = [f"user {pool['user']}"] * (pool["user"] not in users) + [f"group {pool['group']}"] * (pool["group"] not in groups)
            if lacks:
                yield Finding(
                    host=host.name,
                    severity="critical",
                    service=service.id,
                    title=f"Pool {pool['name']} runs as somebody that the guest would not have",
                    old=f"{' and '.join(lacks)}, not from passwd or not anybody's primary group",
                    new="PHP-FPM refuses to start with it",
                    remedy="Make it a local user with this primary group on the old host, and survey again.",
                )


DETECTOR = pool_owner
