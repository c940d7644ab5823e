# SPDX-License-Identifier: GPL-3.0-or-later
"""Time zones as they were years ago."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...model import Draft, Finding
from ..detector import detector


@detector(
    "tzdata-age", "Rules of time zones that are years old",
    severity="warning where the host lives in a zone with summer time or other rules, else info",
    compares="the release of the old host's tzdata with Debian 13's",
    remedy="Look for stored future times (appointments, jobs): the guest computes them by the newer rules.",
    reference="NEWS of the tz database: zones that changed their rules, year by year",
    surprise=(15,), needs=("clock", "os"),
)  # fmt: skip
def tzdata_age(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        release = str(host.part("clock").get("tz_version") or "")
        if release and release < debian13.TZDATA_OLD:
            yield Finding(
                host=host.name,
                severity="info" if host.time_zone == debian13.TIME_ZONE else "warning",
                old=f"tzdata {release}, zone {host.time_zone}",
                new=f"tzdata {debian13.TZDATA} or newer: times in zones that changed since are computed otherwise",
                remedy="Look for stored future local times; update tzdata on the old host, and see whether anything changes.",
            )


DETECTOR = tzdata_age
