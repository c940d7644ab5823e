# SPDX-License-Identifier: GPL-3.0-or-later
"""A reboot that nobody has tried for long."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector

LONG_UPTIME_S = 400 * 86400


@detector(
    "long-uptime", "A reboot that nobody has tried for long",
    severity="info",
    compares="/proc/uptime of the old host with a rollback that needs it",
    remedy="Do not reboot it before the moves are committed.",
    reference="incidents: disks, boot loaders and firmware fail at the first reboot in years",
    surprise=(48,), needs=("measured",),
)  # fmt: skip
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


DETECTOR = long_uptime
