# SPDX-License-Identifier: GPL-3.0-or-later
"""The database runs events by itself."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector
from ._shared import of_kind, variables


@detector(
    "scheduled-events",
    "The database runs events by itself",
    severity="warning",
    compares="event_scheduler with what replication does to events",
    remedy="enable the events on the guest after the commit",
    reference="mariadb.com: events and replication, SLAVESIDE_DISABLED",
    surprise=(10,),
    needs=("mariadb",),
)
def scheduled_events(draft: Draft) -> Iterator[Finding]:
    for service, host in of_kind(draft, "mariadb"):
        if variables(host).get("event_scheduler", "OFF").upper() in {"ON", "1"}:
            yield Finding(
                host=host.name,
                severity="warning",
                service=service.id,
                old="event_scheduler = ON",
                new="replicated events arrive as SLAVESIDE_DISABLED and would not run",
                remedy="After the commit: ALTER EVENT … ENABLE on the guest for each that shall run.",
            )


DETECTOR = scheduled_events
