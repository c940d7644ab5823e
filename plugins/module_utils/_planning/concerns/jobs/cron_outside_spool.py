# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs that people put beside the crontabs."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ...services import jobs_of
from ..detector import detector, listed


@detector(
    "cron-outside-spool",
    "Jobs that people put beside the crontabs",
    severity="critical",
    compares="jobs in /etc/crontab and /etc/cron.d that no package brings with what the cron mover takes",
    remedy="move them into their user's crontab, or declare the file dropped",
    reference="cron(8)",
    surprise=(34,),
    needs=("cron",),
)
def cron_outside_spool(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        dropped = {entry.id for entry in draft.dropped}
        by_source: dict[str, list[str]] = {}
        for row in jobs_of(host):
            if not row.get("spool"):
                by_source.setdefault(str(row["source"]), []).append(str(row["line"]))
        for source, lines in sorted(by_source.items()):
            name = source.rsplit("/", 1)[-1]
            declared = f"{name}@{host.name}" in dropped
            yield Finding(
                host=host.name,
                severity="critical",
                title=f"{source} has jobs of its own",
                old=listed(lines),
                new="dropped" if declared else "the cron mover takes users' crontabs only: no guest would run it",
                remedy=f"Move the jobs into the crontab of their user, or declare {name}@{host.name} in plan_dropped_services.",
                applied=declared,
            )


DETECTOR = cron_outside_spool
