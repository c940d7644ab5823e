# SPDX-License-Identifier: GPL-3.0-or-later
"""Files belong to somebody whom the guest does not know."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import censuses


@detector(
    "file-owner",
    "Files belong to somebody whom the guest does not know",
    severity="critical where the owner has an account on the old host, warning for a number without one",
    compares="a census of owners with the accounts that the plan gives the guest",
    remedy="the plan gives the guest the owners' accounts with their old numbers; chown what belongs to nobody",
    reference="rsync(1): --numeric-ids; adduser.conf(5): FIRST_SYSTEM_UID",
    surprise=(31,),
    needs=("files", "users"),
)
def file_owner(draft: Draft) -> Iterator[Finding]:
    for host, row, moves in censuses(draft):
        for move in moves:
            known = {int(user["uid"]) for user in draft.settings[move.guest].get("base_users") or ()}
            strange = [owner for owner in row["owners"] if int(owner["id"]) >= debian13.STATIC_IDS and int(owner["id"]) not in known]
            named, nameless = [owner for owner in strange if owner["name"]], [owner for owner in strange if not owner["name"]]
            if named:
                yield Finding(
                    host=host.name, severity="critical", service=move.service.id, title=f"{row['path']} has owners that {move.guest} lacks",
                    old=listed([f"{owner['name']} ({owner['id']}) owns {owner['entries']}" for owner in named]),
                    new=f"{move.guest} would give these numbers to somebody else, or to nobody; the mover refuses",
                    remedy="Add them to base_users of the guest with their old ids.",
                )  # fmt: skip
            if nameless:
                yield Finding(
                    host=host.name, severity="warning", service=move.service.id, title=f"{row['path']} has owners without an account",
                    old=listed([f"{owner['id']} owns {owner['entries']}" for owner in nameless]),
                    new=f"the numbers stay the same; the next account that is made on {move.guest} may get one of them",
                    remedy="Find whose they were; chown them before the move.",
                )  # fmt: skip


DETECTOR = file_owner
