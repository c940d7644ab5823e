# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that another supervisor than the init system keeps running."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector
from ._shared import dropped, leaving


@detector(
    "supervised-program",
    "A program that supervisord, runit or daemontools keeps running",
    severity="critical where it starts by itself",
    compares="programs of supervisors with the services that a mover knows",
    remedy="give it a unit on its guest, and declare it dropped here",
    reference="supervisord: [program:x]; runsvdir(8); svscan",
    surprise=(34,),
    needs=("jobs",),
)
def supervised_program(draft: Draft) -> Iterator[Finding]:
    for host in leaving(draft):
        for row in host.part("jobs").get("supervised") or ():
            if row["autostart"]:
                drop = dropped(draft, host, str(row["name"]))
                yield Finding(
                    host=host.name,
                    severity="critical",
                    service=drop.id if drop else "",
                    title=f"{row['manager']} keeps {row['name']} running",
                    old=f"{row['file']}: {row['command'] or row['name']}" + (f" as {row['user']}" if row["user"] else ""),
                    new=f"dropped, approved by {drop.by}: {drop.reason}" if drop else "no guest would run it",
                    remedy=f"Give it a unit on the guest, then declare {row['name']}@{host.name} in plan_dropped_services.",
                    applied=drop is not None,
                )


DETECTOR = supervised_program
