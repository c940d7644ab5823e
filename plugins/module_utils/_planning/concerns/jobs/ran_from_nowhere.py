# SPDX-License-Identifier: GPL-3.0-or-later
"""Cron ran what no table has."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import leaving

# What packages' own tables run.
PACKAGED = re.compile(r"run-parts|debian-sa1|anacron|sessionclean|certbot|popularity-contest|e2scrub|mdadm|logrotate|command -v|test -x|\[ -x")


@detector(
    "ran-from-nowhere",
    "Cron ran what no table has now",
    severity="warning",
    compares="the commands that cron logged in the last days with the tables that were read",
    remedy="find the table: it was changed, lies in another spool, or somebody puts it there for a while",
    reference="cron(8): CMD lines of its log",
    surprise=(34,),
    needs=("jobs", "cron"),
)
def ran_from_nowhere(draft: Draft) -> Iterator[Finding]:
    for host in leaving(draft):
        if "cron" not in host.survey:
            continue
        known = {(str(row["user"]), _bare(str(row["command"]))) for row in host.rows("cron")}
        odd = [
            f"{row['user']}: {row['command']} ({row['count']} times, last {row['last']})" for row in host.part("jobs").get("ran") or ()
            if (str(row["user"]), _bare(str(row["command"]))) not in known and not PACKAGED.search(str(row["command"]))
        ]  # fmt: skip
        if odd:
            yield Finding(
                host=host.name,
                severity="warning",
                old=listed(odd, 4),
                new="no table has them, so nothing moves them",
                remedy="Find where they come from: a table that was changed since, another spool, or a job that writes crontabs.",
            )


def _bare(command: str) -> str:
    """A log cuts long lines, and cron ends a command at a percent sign."""
    return " ".join(command.split("%")[0].split())[:300]


DETECTOR = ran_from_nowhere
