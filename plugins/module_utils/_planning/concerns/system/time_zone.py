# SPDX-License-Identifier: GPL-3.0-or-later
"""Another time zone: NOW(), date() and cron would jump."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...carried.mariadb import time_zone as database_zone
from ...model import Draft, Finding
from ..detector import detector


@detector(
    "time-zone", "Another time zone",
    severity="critical",
    compares="the host's zone, for a database its own one, with the zone that the guest is given",
    remedy="The guest gets the old zone (base_time_zone).",
    reference="timedatectl(1); MariaDB manual, Time Zones",
    surprise=(15,), needs=("os", "mariadb"),
)  # fmt: skip
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


DETECTOR = time_zone
