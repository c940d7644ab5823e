# SPDX-License-Identifier: GPL-3.0-or-later
"""A user whose numeric ids would differ."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...model import Draft, Finding
from ..detector import detector


@detector(
    "uid-mismatch", "A user whose numeric ids would differ",
    severity="critical",
    compares="/etc/passwd of the old host with the id that adduser would give on the guest",
    remedy="The guest's user gets the old ids before the files come (base_users).",
    reference="adduser.conf(5), FIRST_UID; incident: a site's uploads that belonged to the database after the move",
    surprise=(31,), needs=("users",),
)  # fmt: skip
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


DETECTOR = uid_mismatch
