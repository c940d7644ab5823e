# SPDX-License-Identifier: GPL-3.0-or-later
"""Another default collation."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...model import Draft, Finding
from ..detector import detector
from ._shared import of_kind, variables


@detector(
    "collation",
    "Another default collation",
    severity="warning",
    compares="the server's default character set and collation with the guest's",
    remedy="the guest gets the old ones",
    reference="mariadb.com: character sets; 11.6 changed the default to uca1400",
    surprise=(3,),
    needs=("mariadb",),
)
def collation(draft: Draft) -> Iterator[Finding]:
    for service, host in of_kind(draft, "mariadb"):
        old = variables(host).get("collation_server")
        if old and old != debian13.MARIADB["collation_server"]:
            yield Finding(
                host=host.name,
                severity="warning",
                service=service.id,
                old=f"{variables(host).get('character_set_server')}, {old}",
                new=f"{debian13.MARIADB['collation_server']}: new tables sort differently, joins with old ones fail (1267)",
                remedy="MariaDB on the guest gets the old character set and collation.",
                applied="collation_server" in draft.settings_of(service.id).get("mariadb_settings", {}),
            )


DETECTOR = collation
