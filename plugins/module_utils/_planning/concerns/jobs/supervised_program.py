# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that another supervisor than the init system keeps running."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector
from ._shared import leaving, left_behind


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
                old = f"{row['file']}: {row['command'] or row['name']}" + (f" as {row['user']}" if row["user"] else "")
                yield left_behind(
                    draft, host, str(row["name"]), title=f"{row['manager']} keeps {row['name']} running", old=old,
                    new="no guest would run it", first="Give it a unit on the guest, then",
                )  # fmt: skip


DETECTOR = supervised_program
