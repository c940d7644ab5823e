# SPDX-License-Identifier: GPL-3.0-or-later
"""More open files than the guest would allow."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ... import debian13
from ...model import Draft, Finding
from ...services import kind_of
from ...settings import MARIADB_UNIT, nofile
from ..detector import detector


@detector(
    "nofile-limit", "More open files than the guest would allow",
    severity="warning",
    compares="LimitNOFILE of the old unit, or the running process' limit, with the unit on Debian 13",
    remedy="The guest's unit gets the old limit; MariaDB's is carried (mariadb_nofile).",
    reference="systemd.exec(5), LimitNOFILE=: systemd does not read /etc/security/limits.conf",
    surprise=(17,), needs=("services",),
)  # fmt: skip
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


DETECTOR = nofile_limit
