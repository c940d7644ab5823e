# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs that wait for their one time."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import leaving


@detector(
    "at-job",
    "Jobs of at that wait for their one time",
    severity="warning",
    compares="the spool of at with what a mover takes along: nothing",
    remedy="let them run before the cutover, or enter them anew on the guest",
    reference="at(1), atq(1)",
    surprise=(34,),
    needs=("jobs",),
)
def at_job(draft: Draft) -> Iterator[Finding]:
    for host in leaving(draft):
        if rows := host.part("jobs").get("at") or ():
            yield Finding(
                host=host.name,
                severity="warning",
                old=listed([f"job {row['job']} of {row['user']}, due at {row['due_s']} s since 1970: {row['command']}" for row in rows], 4),
                new="no guest would run them",
                remedy="Let them run before the cutover, or enter them anew on the guest (at -c shows one whole).",
            )


DETECTOR = at_job
