# SPDX-License-Identifier: GPL-3.0-or-later
"""Files in cron.daily and its like that no package brings, and lines of anacron."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector
from ._shared import CRONTABS_ONLY, LINE_OR_HAND, leaving, left_behind


@detector(
    "periodic-job",
    "A job in cron.daily or its like that no package brings",
    severity="critical",
    compares="files of cron.hourly to cron.monthly, and anacron's table, with the packages that own them",
    remedy="make a crontab line of it, or move it by hand and declare it dropped",
    reference="run-parts(8), anacrontab(5)",
    surprise=(34,),
    needs=("jobs",),
)
def periodic_job(draft: Draft) -> Iterator[Finding]:
    for host in leaving(draft):
        jobs = host.part("jobs")
        found = {str(row["file"]): f"runs {row['schedule']}" for row in jobs.get("periodic") or () if row["executable"]}
        found |= {str(row["name"]): f"/etc/anacrontab:{row['line']}: {row['command']}" for row in jobs.get("anacron") or ()}
        for name, old in sorted(found.items()):
            yield left_behind(draft, host, name, title=f"{name} belongs to no package", old=old, new=CRONTABS_ONLY, first=LINE_OR_HAND)


DETECTOR = periodic_job
