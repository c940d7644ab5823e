# SPDX-License-Identifier: GPL-3.0-or-later
"""Timers of systemd that no package brings."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector
from ._shared import CRONTABS_ONLY, LINE_OR_HAND, leaving, left_behind


@detector(
    "timer-outside-package",
    "A timer of systemd that no package brings",
    severity="critical where it is active or enabled, or a user's own; else no concern",
    compares="timers with the packages that own them, with what a mover takes: crontabs only",
    remedy="make a crontab line of it, or bring unit and timer to the guest by hand and declare it dropped",
    reference="systemd.timer(5), systemctl(1) list-timers",
    surprise=(34,),
    needs=("jobs",),
)
def timer_outside_package(draft: Draft) -> Iterator[Finding]:
    for host in leaving(draft):
        jobs = host.part("jobs")
        rows = [row for row in jobs.get("timers") or () if row["file"] and not row["package"] and not str(row["file"]).startswith("/run/")]
        found = {
            str(row["name"]): f"{row['file']} starts {row['program'] or row['unit']} as {row['user']}, "
            f"{row['schedule'] or 'schedule unknown'}, last {row['last'] or 'never'}"
            for row in rows if row["active"] or row["enabled"] == "enabled"
        }  # fmt: skip
        found |= {str(row["file"]): f"{row['file']}, a timer of {row['user'] or 'all users'}" for row in jobs.get("user_timers") or ()}
        for name, old in sorted(found.items()):
            title = f"{name.rsplit('/', 1)[-1]} belongs to no package"
            yield left_behind(draft, host, name, title=title, old=old, new=CRONTABS_ONLY, first=LINE_OR_HAND)


DETECTOR = timer_outside_package
